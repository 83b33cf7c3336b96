"""Table by regime: what the winner, and buy and hold, did on the bars of each kind of market.

A bar belongs to the regime known at the close before it: what decides is known before what is counted.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.results.regime_results import (
    LEAST_ANNUAL_BARS,
    LEAST_INTERVAL_BARS,
    RegimeReport,
    RegimeRow,
    RegimeSide,
)
from optimizer.engine.backtest import Backtest, Trade
from optimizer.engine.multi_symbol import AnyEvaluator, SharedEvaluator
from optimizer.learned.regime_rows import Labels, labels_of
from optimizer.learned.regimes import ORDER
from optimizer.validation.assessment import Assessment, SetBacktests
from optimizer.validation.statistics.sharpe import moments, sharpe_error

#: Most bars of a table for a search that did not ask for labels: the model takes a second for 50,000.
MOST_BARS = 30_000
#: 95 % quantile of the normal distribution.
_NORMAL_QUANTILE = 1.6448536269514722

Rows = NDArray[np.bool_]


def regime_report(found: Assessment) -> RegimeReport | None:
    """Table of a study; None where nothing won or no bar has a label.

    Of very many bars there is none either, unless a word of the request needs the labels anyway.
    """
    evaluator, rows = found.evaluator, found.rows
    if not found.ranked or (len(evaluator.bars) > MOST_BARS and not found.spec.reads_regimes):
        return None
    known = _known_before(_labels(evaluator), rows.start, rows.stop)
    if not np.any(known >= 0):
        return None
    n_searched = rows.holdout_start - rows.start
    of_winner, of_hold = _Series(found.winner_backtests), _Series(found.buy_and_hold_backtests)
    kinds = [*range(len(ORDER)), *([-1] if np.any(known < 0) else [])]
    return RegimeReport(rows=tuple(_row(kind, known, n_searched, of_winner, of_hold) for kind in kinds))


def _labels(evaluator: AnyEvaluator) -> Labels:
    """Labels of the symbol, or of equal parts of several, each worth 1 at the first bar."""
    if not isinstance(evaluator, SharedEvaluator):
        return labels_of(evaluator.bars)
    return labels_of(_basket([part.bars for part in evaluator.parts]))


def _basket(many: list[Bars]) -> Bars:
    close = np.asarray(np.mean([bars.close / bars.close[0] for bars in many], axis=0), dtype=np.float64)
    return replace(many[0], symbol=",".join(b.symbol for b in many), open=close, high=close, low=close, close=close)


def _known_before(labels: Labels, start: int, stop: int) -> Labels:
    """Label at the close before each of the rows [start, stop); −1 for the first bar of all."""
    before = np.concatenate([np.full(1, -1, dtype=np.int8), labels[:-1]])
    return before[start:stop]


class _Series:
    """Returns and trades of a set over the whole window; the held-out part starts flat."""

    def __init__(self, backtests: SetBacktests) -> None:
        parts = [part for part in (backtests.in_sample, backtests.out_of_sample) if part is not None]
        self.per_year = parts[0].periods_per_year
        self.start = parts[0].start
        self.returns = np.concatenate([part.returns for part in parts])
        self.log_returns = np.concatenate([_log_returns(part) for part in parts])
        self.trades: list[Trade] = [trade for part in parts for trade in part.trades]

    def side(self, rows: Rows) -> RegimeSide:
        """Measures over some rows."""
        n_bars, total = int(rows.sum()), float(self.log_returns[rows].sum())
        if n_bars < LEAST_ANNUAL_BARS:
            return RegimeSide(log_return=total)
        sharpe, low, high = _sharpe(self.returns[rows], self.per_year)
        return RegimeSide(
            log_return=total,
            annual_return=math.expm1(total / n_bars * self.per_year),
            sharpe_ratio=sharpe,
            low=low,
            high=high,
        )


def _log_returns(part: Backtest) -> FloatArray:
    """Log return of each bar, (n_bars,); −∞ where the account is lost."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.diff(np.log(part.equity), prepend=0.0), dtype=np.float64)


def _sharpe(returns: FloatArray, per_year: float) -> tuple[float | None, float | None, float | None]:
    """Annual Sharpe ratio with its interval: by its standard error, since the bars do not follow each other."""
    found, root = moments(returns), math.sqrt(per_year)
    if math.isnan(found.sharpe):
        return None, None, None
    if found.n_bars < LEAST_INTERVAL_BARS:
        return found.sharpe * root, None, None
    reach = _NORMAL_QUANTILE * sharpe_error(found)
    return found.sharpe * root, (found.sharpe - reach) * root, (found.sharpe + reach) * root


def _row(kind: int, known: Labels, n_searched: int, winner: _Series, hold: _Series) -> RegimeRow:
    rows = known == kind
    opened = [trade for trade in winner.trades if rows[trade.entry_bar - winner.start]]
    closed = [trade for trade in opened if trade.is_closed]
    return RegimeRow(
        regime=str(ORDER[kind]) if kind >= 0 else None,
        n_bars=int(rows.sum()),
        n_held_out=int(rows[n_searched:].sum()),
        share=float(rows.mean()),
        winner=winner.side(rows),
        buy_and_hold=hold.side(rows),
        n_trades=len(opened),
        win_rate=sum(trade.pnl > 0 for trade in closed) / len(closed) if closed else None,
    )
