"""Measures of a backtest: one function per measure, from arrays to a number.

`returns` are simple per-bar fractions, `equity` is the account at each close (1.0 before the first
bar), `trades` are the returns or the profits of closed trades. A measure that does not exist — the
Sharpe ratio of a flat equity, a win rate without trades — is NaN, never 0 and never infinity.
Annualized measures take `periods_per_year`; the risk-free rate is per bar and 0 unless given.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import Cap
from optimizer.domain.study_results import Measures
from optimizer.errors import UnknownGoal

NAN = float("nan")
SESSIONS_PER_YEAR, DAYS_PER_YEAR = 252, 365
#: Daily bars of which more than this share is on weekends are of a market that never closes, where it is two in seven.
_NEVER_CLOSED = 0.25
_YEAR = np.timedelta64(31_557_600, "s")  # 365.25 days
_WEEK = np.timedelta64(604_800, "s")
#: Returns whose variance is a smaller part of their squared mean than this do not vary.
_NO_VARIANCE = 1e-14

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True, kw_only=True)
class Goal:
    """Goal of a study: a measure and its direction."""

    key: str
    measure: str  # a field of Measures and a column of Scores
    title: str
    direction: Direction = "maximize"
    weighs: str = ""  # key of the goal of the plain measure, where sets are ranked by more than that

    @property
    def plain(self) -> str:
        """Key of the goal that the measure is the value of."""
        return self.weighs or self.key

    @property
    def column(self) -> str:
        """Column of Scores that sets are ranked by."""
        return self.key if self.weighs else self.measure


def _goals(*goals: Goal) -> Mapping[str, Goal]:
    return MappingProxyType({goal.key: goal for goal in goals})


#: Every goal by its word in commands. A drawdown is ≤ 0, so the shallowest is the greatest.
GOALS: Mapping[str, Goal] = _goals(
    Goal(key="sharpe", measure="sharpe_ratio", title="Sharpe ratio"),
    Goal(key="sortino", measure="sortino_ratio", title="Sortino ratio"),
    Goal(key="calmar", measure="calmar_ratio", title="Calmar ratio"),
    Goal(key="return", measure="total_return", title="total return"),
    Goal(key="cagr", measure="cagr", title="annual growth"),
    Goal(key="maxdd", measure="max_drawdown", title="maximum drawdown"),
    Goal(key="winrate", measure="win_rate", title="win rate"),
    Goal(key="profitfactor", measure="profit_factor", title="profit factor"),
    Goal(key="sqn", measure="sqn", title="system quality number"),
    Goal(key="sharpe_ml", measure="sharpe_ratio", title="Sharpe ratio weighed by ML confidence", weighs="sharpe"),
)

#: The measures that a cap may bound, by the cap's word in commands.
CAPS: Mapping[str, str] = MappingProxyType(
    {
        **{key: goal.measure for key, goal in GOALS.items() if not goal.weighs},
        "trades": "n_trades",
        "exposure": "exposure",
        "volatility": "annual_volatility",
        "expectancy": "expectancy",
    }
)

#: Measures that are fractions in the code and percentages for people.
FRACTIONS = frozenset(
    {"total_return", "cagr", "annual_volatility", "max_drawdown", "win_rate", "exposure", "expectancy"}
)


def find_goal(word: str) -> Goal:
    """Goal called `word`. Raises UnknownGoal with the nearest word."""
    if word.lower() not in GOALS:
        raise UnknownGoal.of(word, GOALS)
    return GOALS[word.lower()]


def find_cap(word: str) -> str:
    """Key of the cap called `word`. Raises UnknownGoal with the nearest word."""
    if word.lower() not in CAPS:
        raise UnknownGoal.of(word, CAPS)
    return word.lower()


class Columns(Protocol):
    """Scores of several sets, per measure an array (n_sets,)."""

    def column(self, name: str) -> FloatArray:
        """Values of one measure."""


def cap_violations(cap: Cap, scores: Columns) -> FloatArray:
    """(n_sets,) by how much each set breaks a cap: 0 where it is kept, infinity where there is no measure.

    `maxdd<20` bounds the depth of the drawdown, 0.2 here. A bound is strict: a value at the
    bound itself breaks it by the smallest positive number.
    """
    measure = scores.column(CAPS[cap.goal])
    value = -measure if cap.goal == "maxdd" else measure
    excess = value - cap.bound if cap.is_upper else cap.bound - value
    broken = np.where(excess >= 0, np.maximum(excess, math.ulp(0.0)), 0.0)
    return np.where(np.isnan(value), math.inf, broken)


def periods_per_year(bars: Bars) -> float:
    """Number of bars per year: 252 for daily bars, 365 with weekends, counted from the bars' times otherwise."""
    if bars.timeframe == "1d" or len(bars) < 2:
        weekends = 1.0 - np.is_busday(bars.time.astype("datetime64[D]")).mean()
        return float(DAYS_PER_YEAR if weekends > _NEVER_CLOSED else SESSIONS_PER_YEAR)
    years = (bars.time[-1] - bars.time[0]) / _YEAR
    return float((len(bars) - 1) / years)


def periods_per_year_so_far(bars: Bars) -> FloatArray:
    """Number of bars per year as it was known at each bar, (n_bars,): no later bar changes it.

    Daily bars have the same number throughout. Faster ones are counted in whole weeks since the first bar, because a
    part of a week has too few nights and weekends, or too many; in the first week as far as there are bars.
    """
    if bars.timeframe == "1d":
        return np.full(len(bars), periods_per_year(bars))
    age = bars.time - bars.time[0]
    n_weeks = age // _WEEK
    in_weeks = np.searchsorted(bars.time, bars.time[0] + n_weeks * _WEEK) / np.maximum(n_weeks, 1) * (_YEAR / _WEEK)
    at_first = np.arange(len(bars)) / (np.maximum(age, np.timedelta64(1, "s")) / _YEAR)
    return np.asarray(np.where(n_weeks > 0, in_weeks, at_first), dtype=np.float64)


def total_return(equity: FloatArray) -> float:
    """Growth over the whole window, as a fraction."""
    return float(equity[-1] - 1.0)


def cagr(equity: FloatArray, periods_per_year: float) -> float:
    """Compound annual growth, as a fraction; a year is `periods_per_year` bars, the first one counted."""
    return float(max(equity[-1], 0.0) ** (periods_per_year / len(equity)) - 1.0)


# A verdict needs the measures of some twenty sets: plain sums and products take a third of the time of numpy's
# functions of the same name, which handle axes and types.


def _mean(values: FloatArray) -> float:
    return float(values.sum()) / len(values) if len(values) else NAN


def _deviation(values: FloatArray) -> float:
    """Sample standard deviation; 0 where the values vary by rounding only."""
    if len(values) < 2:
        return 0.0
    mean = _mean(values)
    centred = values - mean
    variance = float(centred @ centred) / (len(values) - 1)
    return math.sqrt(variance) if variance > _NO_VARIANCE * mean**2 else 0.0


def annual_volatility(returns: FloatArray, periods_per_year: float) -> float:
    """Sample standard deviation of the returns, annualized by the root of time."""
    return _deviation(returns) * math.sqrt(periods_per_year)


def sharpe_ratio(returns: FloatArray, periods_per_year: float, risk_free: float = 0.0) -> float:
    """Mean excess return over its sample standard deviation, annualized (Sharpe 1994)."""
    deviation = _deviation(returns)
    return (_mean(returns) - risk_free) / deviation * math.sqrt(periods_per_year) if deviation else NAN


def sortino_ratio(returns: FloatArray, periods_per_year: float, risk_free: float = 0.0) -> float:
    """Mean excess return over the root mean square of negative returns, annualized (Sortino & Price 1994)."""
    losses = np.minimum(returns, 0.0)
    downside = math.sqrt(float(losses @ losses) / len(returns))
    return (_mean(returns) - risk_free) / downside * math.sqrt(periods_per_year) if downside else NAN


def drawdown(equity: FloatArray) -> FloatArray:
    """Fall from the running peak at each close, as fractions ≤ 0; the peak starts at 1.0."""
    peak = np.maximum(np.maximum.accumulate(equity), 1.0)
    return np.asarray(equity / peak - 1.0, dtype=np.float64)


def max_drawdown(equity: FloatArray) -> float:
    """Deepest fall from a running peak, as a fraction at or below zero."""
    return float(min(drawdown(equity).min(), 0.0))


def max_drawdown_bars(equity: FloatArray) -> int:
    """Bars of the longest stretch below an earlier peak."""
    return longest_run(drawdown(equity) < 0.0)


def calmar_ratio(equity: FloatArray, periods_per_year: float) -> float:
    """Annual growth over the depth of the deepest drawdown (Young 1991), here over the whole window."""
    deepest = max_drawdown(equity)
    return cagr(equity, periods_per_year) / -deepest if deepest < 0.0 else NAN


def win_rate(profits: FloatArray) -> float:
    """Share of closed trades with a profit after costs."""
    return float(np.mean(profits > 0.0)) if len(profits) else NAN


def profit_factor(profits: FloatArray) -> float:
    """Gross profit over gross loss of closed trades; NaN without a loss."""
    lost = -float(profits[profits <= 0.0].sum())
    return float(profits[profits > 0.0].sum()) / lost if lost > 0.0 else NAN


def expectancy(trade_returns: FloatArray) -> float:
    """Mean return of closed trades on the money invested, as a fraction."""
    return float(np.mean(trade_returns)) if len(trade_returns) else NAN


def sqn(profits: FloatArray) -> float:
    """System quality number (Tharp 2008): root of the count times mean over deviation of the profits."""
    deviation = _deviation(profits)
    return math.sqrt(len(profits)) * float(np.mean(profits)) / deviation if deviation else NAN


def exposure(position: FloatArray) -> float:
    """Share of closes with an open position."""
    return float(np.mean(position != 0.0))


def turnover(traded: FloatArray, n_bars: int, periods_per_year: float) -> float:
    """Traded value per year over equity; `traded` is each fill's value over the equity at the fill."""
    return float(traded.sum()) / n_bars * periods_per_year


def beta(returns: FloatArray, benchmark: FloatArray) -> float:
    """Slope of the returns on the benchmark's returns (sample covariance over sample variance)."""
    if not _deviation(benchmark):
        return NAN
    centred = benchmark - _mean(benchmark)
    return float((returns - _mean(returns)) @ centred) / float(centred @ centred)


def alpha(returns: FloatArray, benchmark: FloatArray, periods_per_year: float) -> float:
    """Mean annual return that the benchmark does not explain (Jensen 1968), not compounded."""
    slope = beta(returns, benchmark)
    return (_mean(returns) - slope * _mean(benchmark)) * periods_per_year


def correlation(returns: FloatArray, benchmark: FloatArray) -> float:
    """Pearson correlation of the returns with the benchmark's."""
    ours, theirs = _deviation(returns), _deviation(benchmark)
    return min(max(beta(returns, benchmark) * theirs / ours, -1.0), 1.0) if ours and theirs else NAN


def _standard_moment(returns: FloatArray, power: Literal[3, 4]) -> float:
    if not _deviation(returns):
        return NAN
    centred = returns - _mean(returns)
    squares = centred * centred
    return _mean(squares * (squares if power == 4 else centred)) / math.pow(_mean(squares), power / 2)


def skew(returns: FloatArray) -> float:
    """Third standardized moment of the sample, without bias correction."""
    return _standard_moment(returns, 3)


def kurtosis(returns: FloatArray) -> float:
    """Fourth standardized moment of the sample, not in excess: a normal has 3."""
    return _standard_moment(returns, 4)


def value_at_risk(returns: FloatArray, level: float = 0.95) -> float:
    """Return at the 5 % quantile of bars, as a fraction (historical, interpolated)."""
    if not len(returns):
        return NAN
    at, share = divmod((len(returns) - 1) * (1.0 - level), 1.0)
    low, high = int(at), min(int(at) + 1, len(returns) - 1)
    ranked = np.partition(returns, (low, high))
    return float(ranked[low] + (ranked[high] - ranked[low]) * share)


def expected_shortfall(returns: FloatArray, level: float = 0.95) -> float:
    """Mean of the returns at or below the value at risk (Acerbi & Tasche 2002)."""
    if not len(returns):
        return NAN
    return _mean(returns[returns <= value_at_risk(returns, level)])


def longest_run(holds: NDArray[np.bool_]) -> int:
    """Length of the longest run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], holds, [False]))))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def measures_of_returns(
    returns: FloatArray,
    *,
    periods_per_year: float,
    benchmark: FloatArray | None = None,
    interest: FloatArray | None = None,
) -> Measures:
    """Measures of per-bar returns beyond those of cash, `interest`; those of trades stay empty."""
    equity = np.asarray(np.cumprod(1.0 + returns + (0.0 if interest is None else interest)), dtype=np.float64)
    against: dict[str, Any] = {}
    if benchmark is not None:
        against = {
            "alpha": alpha(returns, benchmark, periods_per_year),
            "beta": beta(returns, benchmark),
            "correlation": correlation(returns, benchmark),
        }
    return Measures(
        **against,
        total_return=total_return(equity),
        cagr=cagr(equity, periods_per_year),
        annual_volatility=annual_volatility(returns, periods_per_year),
        sharpe_ratio=sharpe_ratio(returns, periods_per_year),
        sortino_ratio=sortino_ratio(returns, periods_per_year),
        calmar_ratio=calmar_ratio(equity, periods_per_year),
        max_drawdown=max_drawdown(equity),
        max_drawdown_bars=max_drawdown_bars(equity),
        skew=skew(returns),
        kurtosis=kurtosis(returns),
        value_at_risk=value_at_risk(returns),
        expected_shortfall=expected_shortfall(returns),
    )
