"""What is told of a symbol's regime at one bar: label, probabilities, and whether such labels foretell anything."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.measured import Measure
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.results.regime_results import DidNotTrade, Regime
from optimizer.errors import Phrase, UserError
from optimizer.learned.regimes import ORDER, Regimes, log_returns, regimes_of
from optimizer.validation.statistics.bootstrap import interval, resampled

#: Years over which volatility is measured, and over which the high and the changes are looked for.
_QUARTER, _YEAR = 0.25, 1.0
#: Bars over which returns and volatility are measured beside a label.
_SPANS = (21, 63, 126)
#: Resamples of the mean gain, and the seed of their draws: the same bars are told the same.
_N_RESAMPLES, _SEED = 300, 7


@dataclass(frozen=True, kw_only=True)
class RegimeFacts:
    """Regime of a symbol at its last bar, as known at its close. Shares are fractions."""

    symbol: str
    timeframe: str
    source: str
    as_of: datetime  # of the last bar, UTC
    regime: Regime
    probabilities: dict[Regime, float]
    since: date
    n_bars_since: int
    previous: Regime | None  # the label before this one; None where it is the first
    resumed: date | None  # first bar after the last long gap of the last year, from which the filter began anew
    n_bars: int  # it rests on
    n_changes: int  # in the last year
    volatility: float | None  # annual, of the last quarter
    below_high: float  # ≤ 0, from the highest close of the last year
    gain: Measure  # mean log density a bar over that of a moving volatility; None of less than a quarter of labels
    gain_interval: tuple[float, float] | None  # 90 %
    metrics: Mapping[str, Measure]  # beside it: of the last 21, 63 and 126 bars, and of the four states
    data_hash: str
    doubts: tuple[Phrase | UserError, ...] = ()  # what is wrong with the bars that these figures rest on

    @property
    def confidence(self) -> float:
        """Probability of the label."""
        return self.probabilities[self.regime]

    @property
    def others(self) -> list[tuple[Regime, float]]:
        """The other states with their probabilities, the likeliest first."""
        rest = [(one, share) for one, share in self.probabilities.items() if one is not self.regime]
        return sorted(rest, key=lambda pair: -pair[1])

    @property
    def foretells(self) -> bool:
        """True if the labels said more of the next return than a moving volatility did, beyond chance."""
        return self.gain_interval is not None and self.gain_interval[0] > 0.0


def regime_facts(bars: Bars) -> RegimeFacts:
    """Return the regime at the last of these adjusted bars. Raises TooFewForRegimes or DidNotTrade."""
    found, last = regimes_of(bars), len(bars) - 1
    regime = found.label_at(last)
    if regime is None:
        raise DidNotTrade(symbol=bars.symbol, day=str(bars.time[-1])[:10])
    begun, year = found.since(last), round(_YEAR * found.per_year)
    gain = found.gain[np.isfinite(found.gain)]
    is_long = len(gain) >= round(_QUARTER * found.per_year)
    return RegimeFacts(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        source=bars.source,
        as_of=bars.time[-1].astype("datetime64[us]").item().replace(tzinfo=UTC),
        regime=regime,
        probabilities={one: float(found.probabilities[last, place]) for place, one in enumerate(ORDER)},
        since=bars.time[begun].astype("datetime64[D]").item(),
        n_bars_since=last - begun + 1,
        previous=found.label_at(begun - 1),
        resumed=_resumed(found, bars, last - year),
        n_bars=len(bars),
        n_changes=_n_changes(found, last - year),
        volatility=_volatility(bars),
        below_high=float(bars.close[-1] / bars.close[-year:].max() - 1.0),
        gain=float(gain.mean()) if is_long else None,
        gain_interval=_gain_interval(gain) if is_long else None,
        metrics=_metrics(found),
        data_hash=bars.data_hash,
    )


def _n_changes(found: Regimes, first: int) -> int:
    return int((found.begins[1:] > first).sum())


def _resumed(found: Regimes, bars: Bars, first: int) -> date | None:
    """Return the day on which the filter last began anew, if that is after a row."""
    if not len(found.cuts) or found.cuts[-1] <= first:
        return None
    day: date = bars.time[found.cuts[-1]].astype("datetime64[D]").item()
    return day


def _metrics(found: Regimes) -> dict[str, Measure]:
    """Return and annual volatility of the last bars, and Sharpe ratio, volatility and expected stay of each state."""
    told: dict[str, Measure] = {}
    for n in _SPANS:
        known = found.log_returns[-n:]
        known = known[np.isfinite(known)]
        told[f"return_{n}"] = float(np.expm1(known.sum()))
        told[f"volatility_{n}"] = float(known.std(ddof=1)) * math.sqrt(found.per_year) if len(known) > 1 else None
    for place, regime in enumerate(ORDER):
        told[f"sharpe_{regime}"] = float(found.sharpe[-1, place])
        told[f"volatility_{regime}"] = float(found.volatility[-1, place])
        told[f"stay_{regime}"] = float(found.stays[-1, place])
    return told


def _volatility(bars: Bars) -> float | None:
    per_year = periods_per_year(bars)
    returns = log_returns(bars)[-round(_QUARTER * per_year) :]
    known = returns[np.isfinite(returns)]
    return float(known.std(ddof=1)) * math.sqrt(per_year) if len(known) > 1 else None


def _gain_interval(gain: FloatArray) -> tuple[float, float]:
    means = resampled(gain, lambda values: values.mean(), seed=_SEED, n_resamples=_N_RESAMPLES)
    return interval(means)
