"""Bars beside a study's own: the yield that its cash earns, and the symbols that it is compared with."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from optimizer.domain.bars import Bars
from optimizer.domain.study_request import StudySpec
from optimizer.errors import NotCovered
from optimizer.validation.window import WindowRows, day_of

if TYPE_CHECKING:
    from optimizer.market.feed import Market  # with every source, of which a worker needs none

#: Days that another series may end before the window does: a holiday of its own exchange.
_MAY_LACK = np.timedelta64(7, "D")


def load_companions(market: "Market", spec: StudySpec, rows: WindowRows, bars: Bars, now: datetime) -> tuple[Bars, ...]:
    """Load the bars of the other symbols that a request names, each up to the end of its window.

    Raises NotCovered where they begin or end within the window, or what the market raises.
    """
    return tuple(_companion(market, spec, symbol, rows, bars, now) for symbol in spec.companions)


def by_symbol(spec: StudySpec, companions: Sequence[Bars]) -> dict[str, Bars]:
    """Companions by the symbols that a request names."""
    return dict(zip(spec.companions, companions, strict=True))


def _companion(market: "Market", spec: StudySpec, symbol: str, rows: WindowRows, bars: Bars, now: datetime) -> Bars:
    end = day_of(bars, rows.stop - 1)
    found, _ = market.checked_bars(symbol, timeframe=spec.timeframe, end=end, now=now)
    first, last = bars.time[max(rows.start - 1, 0)], bars.time[rows.stop - 1]
    if found.time[0] > first or found.time[-1] < last - _MAY_LACK:
        raise NotCovered(
            symbol=symbol,
            first=f"{day_of(found, 0)}",
            last=f"{day_of(found, len(found) - 1)}",
            start=f"{day_of(bars, rows.start)}",
            end=f"{end}",
        )
    return found
