"""Where bars come from: one file a source, each a Provider."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from optimizer.market.raw_bars import RawBars


class Provider(Protocol):
    """One source of bars.

    `fetch` delivers the bars of days start to end (both included; None: as far as the source goes) as traded, in
    time order. It raises UnknownSymbol for a symbol the source does not have, ProviderDown or MissingExtra
    when the source cannot be had, and returns an empty History when there is nothing in the window.
    """

    @property
    def name(self) -> str:
        """The word for this source in commands."""

    @property
    def is_live(self) -> bool:
        """Whether new bars appear as time passes."""

    @property
    def symbols(self) -> Sequence[str]:
        """The symbols it has, when it can list them; empty for a source that knows thousands."""

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars: ...
