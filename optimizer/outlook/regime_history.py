"""Regimes of a symbol over time with its price, and what followed each label."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from optimizer.domain.bars import Bars
from optimizer.domain.measured import Measure
from optimizer.domain.results.regime_results import Regime
from optimizer.learned.regimes import ORDER, Regimes, regimes_of, stability

#: Bars after a label over which volatility is measured.
AHEAD = 21
#: Most points of the price; more cannot be seen.
_MOST_POINTS = 900


@dataclass(frozen=True, kw_only=True)
class RegimeStretch:
    """Bars in a row with one label. Rows are those of the bars, the last one excluded."""

    regime: Regime | None  # None where there is no label
    first: int
    last: int
    start: date
    end: date
    total_return: float  # from close to close, a fraction

    @property
    def n_bars(self) -> int:
        """Its bars."""
        return self.last - self.first


@dataclass(frozen=True, kw_only=True)
class AfterLabel:
    """What was seen of one label."""

    regime: Regime
    share: float  # of the labelled bars
    n_bars: int
    volatility_after: Measure  # annual, of the 21 bars after each of its bars


@dataclass(frozen=True, kw_only=True)
class RegimeHistory:
    """Labels of all bars, each as it could be known at its bar."""

    symbol: str
    timeframe: str
    source: str
    n_bars: int
    stretches: Sequence[RegimeStretch]  # in order, without a hole between them
    after: Sequence[AfterLabel]  # those that occur
    stability: Measure  # share of labels that the model of a quarter later gives as well
    points: Sequence[tuple[int, float]]  # row and close, thinned
    years: Sequence[tuple[int, int]]  # row of the first bar of each year, and the year


def regime_history(bars: Bars) -> RegimeHistory:
    """Return the regimes of adjusted bars. Raises TooFewForRegimes."""
    found = regimes_of(bars)
    days = bars.time.astype("datetime64[D]")
    rows = np.unique(np.linspace(0, len(bars) - 1, min(len(bars), _MOST_POINTS)).round().astype(np.intp))
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    begins = np.flatnonzero(np.diff(years)) + 1
    return RegimeHistory(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        source=bars.source,
        n_bars=len(bars),
        stretches=_stretches(found, bars),
        after=_after(found),
        stability=stability(found),
        points=[(int(row), float(bars.close[row])) for row in rows],
        years=[(int(row), int(years[row])) for row in begins],
    )


def _stretches(found: Regimes, bars: Bars) -> list[RegimeStretch]:
    edges = [0, *(np.flatnonzero(np.diff(found.labels)) + 1).tolist(), len(bars)]
    days = bars.time.astype("datetime64[D]")
    return [
        RegimeStretch(
            regime=found.label_at(first),
            first=first,
            last=last,
            start=days[first].item(),
            end=days[last - 1].item(),
            total_return=float(bars.close[last - 1] / bars.close[max(first - 1, 0)] - 1.0),
        )
        for first, last in pairwise(edges)
    ]


def _after(found: Regimes) -> list[AfterLabel]:
    squares = np.nan_to_num(found.log_returns) ** 2
    sums = np.concatenate([[0.0], np.cumsum(squares)])
    labelled = int((found.labels >= 0).sum())
    rows = []
    for place, regime in enumerate(ORDER):
        of_it = np.flatnonzero(found.labels == place)
        whole = of_it[of_it + AHEAD < len(found)]
        ahead = (sums[whole + AHEAD + 1] - sums[whole + 1]) / AHEAD
        volatility = math.sqrt(float(ahead.mean()) * found.per_year) if len(whole) else None
        if len(of_it):
            rows.append(
                AfterLabel(regime=regime, share=len(of_it) / labelled, n_bars=len(of_it), volatility_after=volatility)
            )
    return rows
