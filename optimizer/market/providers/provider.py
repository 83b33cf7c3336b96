"""Protocol of a source of bars."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from optimizer.market.raw_bars import RawBars


class Provider(Protocol):
    """One source of bars.

    `fetch` returns the bars of days start to end (both included; None: as far as the source has them) as traded, in
    time order; the bars are empty when there are none in the window. It raises UnknownSymbol for a symbol the source
    does not have, and ProviderDown or MissingExtra when the source is not available.
    """

    @property
    def name(self) -> str:
        """Name of this source in commands."""

    @property
    def is_live(self) -> bool:
        """True if new bars appear as time passes."""

    @property
    def symbols(self) -> Sequence[str]:
        """Symbols of the source if it can list them; empty for a source with thousands."""

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of days start to end, as described for the class."""


def requests_at_once(provider: Provider) -> int:
    """Number of requests that a source takes side by side: its `at_once`, or one, as code of others may need."""
    return int(getattr(provider, "at_once", 1))
