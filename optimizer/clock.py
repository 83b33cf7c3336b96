"""The clock, a parameter of everything that asks what time it is."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock that everything uses unless a test brings its own."""
    return datetime.now(UTC)
