"""Equal-weight portfolio of one parameter set's backtests on several symbols, and medians over them.

The portfolio invests the same share of its money in each symbol's account and is rebalanced at every close, without
costs: its return of a bar is the mean of the symbols' returns of that bar. So it is one series of returns like any
other, and every statistic of luck, intervals and verdicts has its usual meaning for it. It keeps the correlation
between the symbols, which medians of separate statistics would lose.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.domain import metrics
from optimizer.domain.bars import FloatArray
from optimizer.domain.study_results import Measures
from optimizer.engine.backtest import Backtest
from optimizer.engine.trade_log import ENTRY


@dataclass(kw_only=True, eq=False)
class Portfolio(Backtest):
    """Backtests of several symbols as one. Trades are those of all parts in the order of their entries."""

    parts: tuple[Backtest, ...]

    @classmethod
    def of(cls, parts: Sequence[Backtest], *, benchmark: FloatArray | None = None) -> "Portfolio":
        """Combine backtests over the same bars with equal weights; `benchmark` are returns to compare with."""
        first = parts[0]
        earned = 0.0 if first.interest is None else first.interest
        ledger = np.concatenate([part.ledger for part in parts], axis=1)
        return cls(
            start=first.start,
            stop=first.stop,
            equity=np.asarray(np.cumprod(1.0 + _mean([part.returns for part in parts]) + earned), dtype=np.float64),
            position=_mean([part.position for part in parts]),
            ledger=np.ascontiguousarray(ledger[:, np.argsort(ledger[ENTRY], kind="stable")]),
            costs=first.costs,
            periods_per_year=first.periods_per_year,
            benchmark=benchmark,
            account=first.account,
            interest=first.interest,
            parts=tuple(parts),
        )

    @cached_property
    def returns(self) -> FloatArray:
        """Mean of the parts' returns beyond cash at each bar."""
        return _mean([part.returns for part in self.parts])

    def objective(self, measure: str) -> float | None:
        """Median of a measure over the parts, the value that a search of a shared set optimizes."""
        return median([part.objective(measure) for part in self.parts])

    @property
    def medians(self) -> Measures:
        """Median of every measure over the parts; counts are rounded down."""
        return median_measures([part.measures for part in self.parts])

    def _sums_of_fills(self, found: Sequence[float]) -> tuple[float, float, float]:
        """(exposure, value and costs of all fills over the portfolio's equity).

        The exposure is the mean of the parts': the share of all closes of all symbols with an open position. A fill is
        over the equity of its part, and that over the portfolio's is so much less as there are parts.
        """
        values, costs = zip(*(part._traded() for part in self.parts), strict=True)
        n_parts, exposures = len(self.parts), [metrics.exposure(part.position) for part in self.parts]
        traded, paid = np.concatenate(values) / n_parts, np.concatenate(costs) / n_parts
        return float(np.mean(exposures)), float(traded.sum()), float(paid.sum())


def median(values: Sequence[float | None]) -> float | None:
    """Median of a measure over symbols, a missing one counting as the worst; None when the median is missing."""
    worst = np.array([-math.inf if value is None or math.isnan(value) else value for value in values])
    found = float(np.median(worst))
    return found if math.isfinite(found) else None


def median_measures(many: Sequence[Measures]) -> Measures:
    """Median of every measure; counts are rounded down."""
    found = {name: median([getattr(measures, name) for measures in many]) for name in Measures.model_fields}
    counts = {name: math.floor(value) for name in _COUNTS if (value := found[name]) is not None}
    return Measures.model_validate(found | counts)


_COUNTS = tuple(name for name, field in Measures.model_fields.items() if field.annotation in (int, int | None))


def _mean(rows: Sequence[FloatArray]) -> FloatArray:
    return np.asarray(np.mean(np.stack(rows), axis=0), dtype=np.float64)
