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
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.exchange_of_symbol import is_currency
from optimizer.domain.study_request import Cap
from optimizer.domain.study_results import Measures
from optimizer.errors import UnknownGoal

NAN = float("nan")
SESSIONS_PER_YEAR, WEEKDAYS_PER_YEAR, DAYS_PER_YEAR = 252, 260, 365
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
    """Number of bars per year: of daily ones 252, 260 (currencies) or 365 (weekends), else counted from their times."""
    if bars.timeframe == "1d" or len(bars) < 2:
        if bars.n_at_weekends > _NEVER_CLOSED * len(bars):
            return float(DAYS_PER_YEAR)
        return float(WEEKDAYS_PER_YEAR if bars.counts_weekdays and is_currency(bars.symbol) else SESSIONS_PER_YEAR)
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
# functions of the same name, which handle axes and types, and what several measures share is computed once. `dot` is
# the product of `@` in half of its time.


class Sample:
    """Values with what several measures of them share.

    The compiled one of `optimizer.engine.backtest` finds the same in less time, to the last bit.
    """

    __slots__ = ("centred", "deviation", "mean", "sum_of_squares", "values")

    def __init__(self, values: FloatArray, centre: tuple[float, FloatArray] | None = None) -> None:
        """Take values, and their mean with their distances from it where those are known."""
        self.values, n = values, len(values)
        self.mean, self.centred = self._centre() if centre is None else centre
        self.sum_of_squares = float(self.centred.dot(self.centred))
        #: Sample standard deviation; 0 where the values vary by rounding only.
        self.deviation = 0.0
        if n > 1 and (variance := self.sum_of_squares / (n - 1)) > _NO_VARIANCE * self.mean**2:
            self.deviation = math.sqrt(variance)

    def __len__(self) -> int:
        return len(self.values)

    def _centre(self) -> tuple[float, FloatArray]:
        """Return the mean, and the values' distances from it."""
        mean = _mean(self.values)
        return mean, self.values - mean

    def moments(self) -> tuple[float, float, float]:
        """Return the means of the second, third and fourth powers of the distances from the mean."""
        squares = self.centred * self.centred
        return _mean(squares), _mean(squares * self.centred), _mean(squares * squares)

    def losses(self) -> FloatArray:
        """Return the values up to zero, and zero for those above."""
        return np.minimum(self.values, 0.0)

    def tail(self) -> tuple[float, float]:
        """Return the value at risk, and the mean of the values at or below it."""
        level = value_at_risk(self.values)
        return level, _mean(self.values[self.values <= level])


def _sample(values: "FloatArray | Sample") -> Sample:
    return values if isinstance(values, Sample) else Sample(values)


def _mean(values: FloatArray) -> float:
    return float(values.sum()) / len(values) if len(values) else NAN


def annual_volatility(returns: FloatArray | Sample, periods_per_year: float) -> float:
    """Sample standard deviation of the returns, annualized by the root of time."""
    return _sample(returns).deviation * math.sqrt(periods_per_year)


def sharpe_ratio(returns: FloatArray | Sample, periods_per_year: float, risk_free: float = 0.0) -> float:
    """Mean excess return over its sample standard deviation, annualized (Sharpe 1994)."""
    sample = _sample(returns)
    return (sample.mean - risk_free) / sample.deviation * math.sqrt(periods_per_year) if sample.deviation else NAN


def sortino_ratio(returns: FloatArray | Sample, periods_per_year: float, risk_free: float = 0.0) -> float:
    """Mean excess return over the root mean square of negative returns, annualized (Sortino & Price 1994)."""
    sample = _sample(returns)
    losses = sample.losses()
    downside = math.sqrt(float(losses.dot(losses)) / len(sample))
    return (sample.mean - risk_free) / downside * math.sqrt(periods_per_year) if downside else NAN


def drawdown(equity: FloatArray) -> FloatArray:
    """Fall from the running peak at each close, as fractions ≤ 0; the peak starts at 1.0."""
    peak = np.maximum(np.maximum.accumulate(equity), 1.0)
    return np.asarray(equity / peak - 1.0, dtype=np.float64)


def max_drawdown(equity: FloatArray) -> float:
    """Deepest fall from a running peak, as a fraction at or below zero."""
    return _deepest(drawdown(equity))


def _deepest(falls: FloatArray) -> float:
    return float(min(falls.min(), 0.0))


def max_drawdown_bars(equity: FloatArray) -> int:
    """Bars of the longest stretch below an earlier peak."""
    return longest_run(drawdown(equity) < 0.0)


def calmar_ratio(equity: FloatArray, periods_per_year: float) -> float:
    """Annual growth over the depth of the deepest drawdown (Young 1991), here over the whole window."""
    return _calmar(cagr(equity, periods_per_year), max_drawdown(equity))


def _calmar(growth: float, deepest: float) -> float:
    return growth / -deepest if deepest < 0.0 else NAN


def win_rate(profits: FloatArray) -> float:
    """Share of closed trades with a profit after costs."""
    return np.count_nonzero(profits > 0.0) / len(profits) if len(profits) else NAN


def profit_factor(profits: FloatArray) -> float:
    """Gross profit over gross loss of closed trades; NaN without a loss."""
    lost = -float(profits[profits <= 0.0].sum())
    return float(profits[profits > 0.0].sum()) / lost if lost > 0.0 else NAN


def expectancy(trade_returns: FloatArray) -> float:
    """Mean return of closed trades on the money invested, as a fraction."""
    return _mean(trade_returns)


def sqn(profits: FloatArray | Sample) -> float:
    """System quality number (Tharp 2008): root of the count times mean over deviation of the profits."""
    sample = _sample(profits)
    return math.sqrt(len(sample)) * sample.mean / sample.deviation if sample.deviation else NAN


def exposure(position: FloatArray) -> float:
    """Share of closes with an open position."""
    return np.count_nonzero(position) / len(position)


def turnover(traded: FloatArray, n_bars: int, periods_per_year: float) -> float:
    """Traded value per year over equity; `traded` is each fill's value over the equity at the fill."""
    return a_year(float(traded.sum()), n_bars, periods_per_year)


def a_year(total: float, n_bars: int, periods_per_year: float) -> float:
    """Share of a total over so many bars that belongs to a year."""
    return total / n_bars * periods_per_year


def beta(returns: FloatArray | Sample, benchmark: FloatArray | Sample) -> float:
    """Slope of the returns on the benchmark's returns (sample covariance over sample variance)."""
    sample, market = _sample(returns), _sample(benchmark)
    return float(sample.centred.dot(market.centred)) / market.sum_of_squares if market.deviation else NAN


def alpha(returns: FloatArray | Sample, benchmark: FloatArray | Sample, periods_per_year: float) -> float:
    """Mean annual return that the benchmark does not explain (Jensen 1968), not compounded."""
    return _alpha(beta(returns, benchmark), _sample(returns), _sample(benchmark), periods_per_year)


def _alpha(slope: float, sample: Sample, market: Sample, periods_per_year: float) -> float:
    return (sample.mean - slope * market.mean) * periods_per_year


def correlation(returns: FloatArray | Sample, benchmark: FloatArray | Sample) -> float:
    """Pearson correlation of the returns with the benchmark's."""
    return _correlation(beta(returns, benchmark), _sample(returns), _sample(benchmark))


def _correlation(slope: float, sample: Sample, market: Sample) -> float:
    ours, theirs = sample.deviation, market.deviation
    return min(max(slope * theirs / ours, -1.0), 1.0) if ours and theirs else NAN


def skew(returns: FloatArray | Sample) -> float:
    """Third standardized moment of the sample, without bias correction."""
    return _shape(_sample(returns))[0]


def kurtosis(returns: FloatArray | Sample) -> float:
    """Fourth standardized moment of the sample, not in excess: a normal has 3."""
    return _shape(_sample(returns))[1]


def _shape(sample: Sample) -> tuple[float, float]:
    """Third and fourth standardized moments."""
    if not sample.deviation:
        return NAN, NAN
    variance, third, fourth = sample.moments()
    return third / math.pow(variance, 1.5), fourth / math.pow(variance, 2.0)


def value_at_risk(returns: FloatArray, level: float = 0.95) -> float:
    """Return at the 5 % quantile of bars, as a fraction (historical, interpolated)."""
    if not len(returns):
        return NAN
    at, share = divmod((len(returns) - 1) * (1.0 - level), 1.0)
    low, high = int(at), min(int(at) + 1, len(returns) - 1)
    # With one rank numpy takes a fifth of the time that it takes with two; the rank before is the highest below it.
    ranked = returns.copy()
    ranked.partition(high)
    above = float(ranked[high])
    below = float(ranked[:high].max()) if low < high else above
    return below + (above - below) * share


def expected_shortfall(returns: FloatArray, level: float = 0.95) -> float:
    """Mean of the returns at or below the value at risk (Acerbi & Tasche 2002)."""
    return _mean(returns[returns <= value_at_risk(returns, level)])


def longest_run(holds: NDArray[np.bool_]) -> int:
    """Length of the longest run of true values."""
    ends = np.flatnonzero(~holds)
    if not len(ends):
        return len(holds)
    between = (ends[1:] - ends[:-1]).max(initial=1) - 1
    return int(max(ends[0], between, len(holds) - 1 - ends[-1]))


def measures_of_returns(
    returns: FloatArray,
    *,
    periods_per_year: float,
    benchmark: FloatArray | None = None,
    interest: FloatArray | None = None,
) -> Measures:
    """Measures of per-bar returns beyond those of cash, `interest`; those of trades stay empty."""
    equity = np.asarray(np.cumprod(1.0 + returns + (0.0 if interest is None else interest)), dtype=np.float64)
    return Measures.model_validate(
        by_returns(returns, periods_per_year, benchmark) | by_equity(equity, periods_per_year)
    )


def by_returns(
    returns: FloatArray | Sample, periods_per_year: float, benchmark: FloatArray | Sample | None
) -> dict[str, float]:
    """Measures of per-bar returns by name, with those against a benchmark's returns if there is one."""
    sample = _sample(returns)
    at_risk, shortfall = sample.tail()
    third, fourth = _shape(sample)
    found = {
        "annual_volatility": annual_volatility(sample, periods_per_year),
        "sharpe_ratio": sharpe_ratio(sample, periods_per_year),
        "sortino_ratio": sortino_ratio(sample, periods_per_year),
        "skew": third,
        "kurtosis": fourth,
        "value_at_risk": at_risk,
        "expected_shortfall": shortfall,
    }
    if benchmark is not None:
        market = _sample(benchmark)
        found["beta"] = slope = beta(sample, market)
        found["alpha"] = _alpha(slope, sample, market, periods_per_year)
        found["correlation"] = _correlation(slope, sample, market)
    return found


def by_equity(equity: FloatArray, periods_per_year: float) -> dict[str, float]:
    """Measures of an equity curve by name: growth, and falls from a peak."""
    falls = drawdown(equity)
    return growth_and_falls(equity, periods_per_year, _deepest(falls), longest_run(falls < 0.0))


def growth_and_falls(equity: FloatArray, periods_per_year: float, deepest: float, longest: int) -> dict[str, float]:
    """As `by_equity`, where the deepest fall and the bars of the longest are known."""
    growth = cagr(equity, periods_per_year)
    return {
        "total_return": total_return(equity),
        "cagr": growth,
        "calmar_ratio": _calmar(growth, deepest),
        "max_drawdown": deepest,
        "max_drawdown_bars": longest,
    }
