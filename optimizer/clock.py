"""Clock: the parameter of every function that needs the time."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present time; the clock in use unless a test passes another."""
    return datetime.now(UTC)
