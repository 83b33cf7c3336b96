"""What kind of market each bar was in: bullish, bearish, volatile or sideways, as it could be known at that bar.

A hidden Markov model whose states are *anchored*: each has a prior in units of the symbol's own scale, and its mean
stays on its side of it, so that a label never changes its meaning from one fit to the next. Parameters are fitted
every quarter on at most ten years before; between two fits only the forward filter runs. So no value depends on a
later bar. Smoothed probabilities, which see the future, never leave `filtering`.

A label *describes*: on real shares the model's density of tomorrow's return is about as good as that of a plain
moving volatility (`Regimes.gain`), so that a label foretells no more than that does.
"""

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray, TimeArray
from optimizer.domain.measured import Measure
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.results.regime_results import Regime, TooFewForRegimes
from optimizer.learned.filtering import FREEDOM, VARIANCE, forward, improve

__all__ = [
    "ORDER",
    "Regimes",
    "log_returns",
    "regimes_of",
    "remembered",
    "stability",
    "warm",
]

ORDER = tuple(Regime)
#: What each state is expected to be: annual Sharpe ratio, and volatility over the symbol's scale.
_SHARPE = np.array([1.75, -1.5, 0.0, 0.0])
_VOLATILITY = np.array([0.75, 1.35, 2.0, 0.5])
#: Means stay beyond this share of their prior, or within so small a Sharpe ratio of nothing.
_LEAST_SHARE, _STILL = 0.5, 0.5
#: Expected stay in a state, years between two fits, years they look back, and years before the first.
_STAY, _REFIT, _MEMORY, _LEAST = 0.5, 0.25, 10.0, 1.0
#: Years that the filter runs before the first of the rows that a fit labels.
_RUN_UP = 3.0
#: Bars before the first fit where a year has fewer: of weeks and months.
_LEAST_BARS = 60
_YEAR = np.timedelta64(31_557_600, "s")
#: Observations that the priors of means, scales and transitions count as.
_PSEUDO = np.array([60.0, 16.0, 2000.0])
#: Steps of a fit that begins at the anchors, and of one that begins with the parameters of the one before.
_FIRST_STEPS, _STEPS = 8, 4
#: The scale is the median absolute deviation times one of these. Its own prior leans to calm: with a symmetric one a
#: walk of constant volatility, where the scale cannot be told, is called volatile half of the time.
_MULTIPLES = np.geomspace(0.5, 2.0, 9)
_LEAN, _LEAN_SPREAD = 1.35, 0.12
#: A deviation of a normal over its median absolute deviation.
_NORMAL_MAD = 1.4826022185056018
#: The filter takes its fitted parameters for true ones and is too sure of itself. This power of its probabilities was
#: set once, on made-up worlds: those told as 0.8 to 0.9 are then right as often as they say.
_TEMPER = 1.0 / 1.15
#: A label changes when another state leads it by this, in the filter's own probabilities.
_LEAD = 0.2
#: So many equal closes in a row are a halt, and a gap of more days is a new beginning: ten sessions, or ten bars.
_HALT, _GAP, _GAP_DAYS = 20, 15, {"1w": 75, "1mo": 320}
#: Decay of the moving volatility that the density is set against (RiskMetrics, 1996).
_DECAY = 0.94

Labels = NDArray[np.int8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Regimes:
    """Regimes of a symbol's bars, each as known at its close."""

    time: TimeArray  # (n_bars,)
    probabilities: FloatArray  # (n_bars, 4) in the order of `ORDER`; NaN where there is no label
    labels: Labels  # (n_bars,) place in `ORDER`, −1 where there is none
    log_density: FloatArray  # (n_bars,) of each log return as it was expected the bar before; NaN without
    log_returns: FloatArray  # (n_bars,), NaN at the first bar and in a halt
    sharpe: FloatArray  # (n_fits, 4) annual, of each state
    volatility: FloatArray  # (n_fits, 4) annual
    stays: FloatArray  # (n_fits, 4) expected bars in each state
    fits: NDArray[np.intp]  # (n_fits,) first row of each fit's labels
    cuts: NDArray[np.intp]  # rows at which the filter began anew, after a gap
    models: "tuple[_Model, ...]"  # (n_fits,)
    per_year: float

    def __len__(self) -> int:
        return len(self.labels)

    def label_at(self, row: int) -> Regime | None:
        """Label of a bar, None where there is none."""
        return ORDER[self.labels[row]] if self.labels[row] >= 0 else None

    @cached_property
    def begins(self) -> NDArray[np.intp]:
        """Rows at which the label is another than at the bar before, among them the first label."""
        changed = np.flatnonzero(np.diff(self.labels, prepend=np.int8(-1)) != 0)
        return changed[self.labels[changed] >= 0]

    def since(self, row: int) -> int:
        """Row at which the label of a bar began."""
        return int(self.begins[np.searchsorted(self.begins, row, side="right") - 1])

    @cached_property
    def gain(self) -> FloatArray:
        """Log density of each return over that of a moving volatility's Student-t, (n_bars,); NaN without a label.

        Where its mean is not above 0 the labels describe what the volatility shows, and foretell no more.
        """
        return self.log_density - _moving_log_density(self.log_returns)


#: Series whose regimes are remembered, by the hash of their bars: studies of one symbol follow each other.
_MOST_REMEMBERED = 8
_REMEMBERED: OrderedDict[str, Regimes] = OrderedDict()
_ONE_AT_A_TIME = threading.Lock()


def remembered(bars: Bars) -> Regimes:
    """Regimes of adjusted bars, computed once for several that ask, also at the same time; raises as `regimes_of`."""
    with _ONE_AT_A_TIME:
        found = _REMEMBERED.pop(bars.data_hash, None)
        found = regimes_of(bars) if found is None else found
        _REMEMBERED[bars.data_hash] = found
        if len(_REMEMBERED) > _MOST_REMEMBERED:
            _REMEMBERED.popitem(last=False)
    return found


def regimes_of(bars: Bars) -> Regimes:
    """Regimes of adjusted bars. Raises TooFewForRegimes for no more than a year of them."""
    per_year = _per_year(bars)
    least = max(round(_LEAST * per_year), _LEAST_BARS)
    if len(bars) <= least:
        raise TooFewForRegimes(symbol=bars.symbol, have=len(bars), need=least + 1)
    returns, is_cut = log_returns(bars), _cuts(bars)
    fits = np.arange(least, len(bars), max(round(_REFIT * per_year), 1))
    found = _Fitted(returns, is_cut, per_year)
    probabilities = np.full((len(bars), len(ORDER)), np.nan)
    log_density = np.full(len(bars), np.nan)
    models = []
    for number, first in enumerate(fits):
        last = int(fits[number + 1]) if number + 1 < len(fits) else len(bars)
        model = found.fit(int(first), number)
        models.append(model)
        found.label(model, int(first), last, probabilities, log_density)
    probabilities[np.isnan(returns)] = np.nan
    is_still = _is_halted(bars.close)
    probabilities[is_still] = np.nan
    return Regimes(
        time=bars.time,
        probabilities=_tempered(probabilities),
        labels=_steady(probabilities),
        log_density=np.where(is_still, np.nan, log_density),
        log_returns=returns,
        sharpe=np.array([model.means / model.deviations * math.sqrt(per_year) for model in models]),
        volatility=np.array([model.deviations * math.sqrt(per_year) for model in models]),
        stays=np.array([1.0 / (1.0 - np.diag(model.transitions)) for model in models]),
        fits=fits,
        cuts=np.flatnonzero(is_cut).astype(np.intp),
        models=tuple(models),
        per_year=per_year,
    )


def stability(found: Regimes) -> Measure:
    """Return the share of labels that the model of the next fit, which knew what followed, gives as well.

    None where there is one fit alone. It is hindsight, and no label uses it.
    """
    is_cut = np.zeros(len(found))
    is_cut[found.cuts] = 1.0
    later, unused = np.full(found.probabilities.shape, np.nan), np.empty(len(found))
    fitted = _Fitted(found.log_returns, is_cut, found.per_year)
    for model, (first, last) in zip(found.models[1:], pairwise(found.fits.tolist()), strict=True):
        fitted.label(model, first, last, later, unused)
    later[found.labels < 0] = np.nan
    labels = _steady(later)
    return float(np.mean(labels[labels >= 0] == found.labels[labels >= 0])) if (labels >= 0).any() else None


def _per_year(bars: Bars) -> float:
    """Bars per year as the first year has them, so that no later bar changes it."""
    first = int(np.searchsorted(bars.time, bars.time[0] + _YEAR))
    return periods_per_year(bars.cut(0, max(first, 2)))


def log_returns(bars: Bars) -> FloatArray:
    """Log returns from close to close, (n_bars,); NaN at the first bar and within a halt."""
    returns = np.full(len(bars), np.nan)
    returns[1:] = np.diff(np.log(bars.close))
    returns[_is_halted(bars.close)] = np.nan
    return returns


def _is_halted(close: FloatArray) -> NDArray[np.bool_]:
    """Bars at which the close has been the same for many bars, itself included."""
    moved = np.flatnonzero(np.diff(close, prepend=np.nan) != 0.0)
    since = moved[np.searchsorted(moved, np.arange(len(close)), side="right") - 1]
    return np.arange(len(close)) - since >= _HALT - 1


def _cuts(bars: Bars) -> FloatArray:
    """1 at each bar after a long gap, else 0."""
    longest = np.timedelta64(_GAP_DAYS.get(bars.timeframe, _GAP), "D")
    return np.concatenate([[0.0], (np.diff(bars.time) > longest).astype(np.float64)])


@dataclass(kw_only=True, eq=False)
class _Model:
    """Parameters of the four states, per bar."""

    means: FloatArray
    scales: FloatArray  # of Student's t
    transitions: FloatArray

    @property
    def deviations(self) -> FloatArray:
        return self.scales * math.sqrt(VARIANCE)

    def copy(self) -> "_Model":
        return _Model(means=self.means.copy(), scales=self.scales.copy(), transitions=self.transitions.copy())


class _Fitted:
    """Fits over one return series, each on what was before it."""

    def __init__(self, returns: FloatArray, is_cut: FloatArray, per_year: float) -> None:
        self._returns = returns
        self._is_cut = is_cut
        self._per_year = per_year
        self._start = np.full(len(ORDER), 1.0 / len(ORDER))  # which the symmetric transitions keep
        self._scale = math.nan
        self._model: _Model | None = None

    def fit(self, first: int, number: int) -> _Model:
        """Model of the rows before `first`.

        Once a year the scale is chosen, and the fit begins at the anchors: where each fit began with the one before,
        states wandered off over the years, and the calm of today was called sideways because yesterday was wild.
        """
        begin = max(first - round(_MEMORY * self._per_year), 0)
        is_anew = self._model is None or number % round(1.0 / _REFIT) == 0
        if is_anew:
            self._scale = self._likeliest_scale(begin, first)
        prior = self._prior(self._scale)
        low, high = _bounds(prior)
        model = (prior if is_anew or self._model is None else self._model).copy()
        model.means = np.clip(model.means, low, high)
        for _ in range(_FIRST_STEPS if is_anew else _STEPS):
            improve(
                self._returns,
                self._is_cut,
                model.means,
                model.scales,
                model.transitions,
                self._start,
                begin,
                first,
                prior.means,
                prior.scales,
                prior.transitions,
                low,
                high,
                _PSEUDO,
            )
        self._model = model
        return model

    def label(self, model: _Model, first: int, last: int, probabilities: FloatArray, log_density: FloatArray) -> None:
        """Filter from some years before on, of which nothing is left at `first`, and keep the rows [first, last)."""
        begin = max(first - round(_RUN_UP * self._per_year), 0)
        out = np.empty((last - begin, len(ORDER)))
        self._forward(model, begin, last, out)
        probabilities[first:last] = out[first - begin :]
        ahead = out[first - begin - 1 : -1] @ model.transitions
        ahead[self._is_cut[first:last] != 0.0] = self._start
        log_density[first:last] = _log_mixture(self._returns[first:last], ahead, model)

    def _forward(self, model: _Model, first: int, last: int, out: FloatArray) -> float:
        return forward(
            self._returns,
            self._is_cut,
            model.means,
            model.scales,
            model.transitions,
            self._start,
            first,
            last,
            out,
        )

    def _prior(self, scale: float) -> _Model:
        """Anchors for a deviation per bar."""
        deviations, n = _VOLATILITY * scale, len(ORDER)
        leave = 1.0 / (_STAY * self._per_year)
        transitions = np.full((n, n), leave / (n - 1))
        np.fill_diagonal(transitions, 1.0 - leave)
        means = _SHARPE * deviations / math.sqrt(self._per_year)
        return _Model(means=means, scales=deviations / math.sqrt(VARIANCE), transitions=transitions)

    def _likeliest_scale(self, first: int, last: int) -> float:
        """Deviation per bar under which the anchors explain the rows best, beside its own prior."""
        known = self._returns[first:last]
        known = known[~np.isnan(known)]
        if not len(known):
            return self._scale if not math.isnan(self._scale) else 1.0
        typical = _NORMAL_MAD * float(np.median(np.abs(known - np.median(known))))
        typical = typical or float(np.std(known)) or 1.0
        out = np.empty((last - first, len(ORDER)))
        likelihoods = [
            self._forward(self._prior(typical * multiple), first, last, out)
            - 0.5 * (math.log(multiple / _LEAN) / _LEAN_SPREAD) ** 2
            for multiple in _MULTIPLES.tolist()
        ]
        return typical * float(_MULTIPLES[int(np.argmax(likelihoods))])


def _bounds(prior: _Model) -> tuple[FloatArray, FloatArray]:
    """Least and greatest mean of each state: bullish and bearish on their side, the others about nothing."""
    still = _STILL * np.abs(prior.means[0] / _SHARPE[0] * (prior.deviations / prior.deviations[0]))
    half = _LEAST_SHARE * prior.means
    low = np.where(_SHARPE > 0, half, np.where(_SHARPE < 0, -np.inf, -still))
    high = np.where(_SHARPE > 0, np.inf, np.where(_SHARPE < 0, half, still))
    return low, high


def _log_mixture(returns: FloatArray, weights: FloatArray, model: _Model) -> FloatArray:
    """Log density of returns under the mixture of the states, (n,)."""
    z = (returns[:, None] - model.means) / model.scales
    density = _T_CONSTANT / model.scales * (1.0 + z * z / FREEDOM) ** -3.0
    return np.asarray(np.log((weights * density).sum(axis=1)), dtype=np.float64)


_T_CONSTANT = 8.0 / (3.0 * math.sqrt(5.0) * math.pi)


def _moving_log_density(returns: FloatArray) -> FloatArray:
    """Log density of each return under a Student-t around 0 with the moving volatility of the bars before, (n,)."""
    variance, densities = math.nan, np.full(len(returns), np.nan)
    for t, x in enumerate(returns.tolist()):
        if math.isnan(x):
            continue
        if variance > 0.0:
            scale = math.sqrt(variance / VARIANCE)
            densities[t] = math.log(_T_CONSTANT / scale) - 3.0 * math.log1p((x / scale) ** 2 / FREEDOM)
        variance = x * x if math.isnan(variance) else _DECAY * variance + (1.0 - _DECAY) * x * x
    return densities


def _tempered(probabilities: FloatArray) -> FloatArray:
    """Probabilities as they are told, nearer to each other than the filter's; their order is the same."""
    raised = probabilities**_TEMPER
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)


def _steady(probabilities: FloatArray) -> Labels:
    """Label of each bar: the likeliest state, changed only when it leads the present one."""
    labels = np.full(len(probabilities), -1, dtype=np.int8)
    best = np.argmax(np.nan_to_num(probabilities, nan=-1.0), axis=1)
    known, now = np.flatnonzero(~np.isnan(probabilities[:, 0])), -1
    for t, row, likeliest in zip(known.tolist(), probabilities[known].tolist(), best[known].tolist(), strict=True):
        if now < 0 or row[likeliest] > row[now] + _LEAD:
            now = likeliest
        labels[t] = now
    return labels


def warm() -> None:
    """Load or compile every compiled function of the model, so that no study waits for it."""
    close = np.exp(np.cumsum(np.random.default_rng(7).normal(0.0, 0.01, 400)))
    time = np.arange(400).astype("datetime64[D]").astype("datetime64[ns]")
    regimes_of(Bars(symbol="WARM", time=time, open=close, high=close, low=close, close=close, volume=close))
