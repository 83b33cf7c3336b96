"""Walk through a symbol's bars: each probability comes from a model that was fitted before its bar.

Refits are at absolute rows, so that bars that are cut or added at the end change no earlier probability.
A fit trains on rows whose outcome is known at its close, less an embargo of another horizon, since features of
neighbours are alike. How far the model is trusted is learned from its own earlier calls (`calibrate`).
"""

from dataclasses import dataclass

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.results.learned_results import Label
from optimizer.domain.study_request import Costs
from optimizer.learned.ml.calibrate import log_odds, sigmoid, slope_of
from optimizer.learned.ml.labels import labels_of, reach_of
from optimizer.learned.ml.logistic import Logistic, fit_logistic
from optimizer.learned.ml.model import Model, fit_trees
from optimizer.learned.ml.scale_free import FeatureTable, feature_table
from optimizer.learned.rows import UNWATCHED, Schedule, Watch

#: Raised whenever equal bars get other probabilities than before.
VERSION = 1
#: The first fit, bars between two fits, and rows that one looks back.
SCHEDULE = Schedule(first=504, every=63, memory=1_260)
#: Rows of training below which a fit tells the base rate.
LEAST_ROWS = 126


def purge_of(horizon: int) -> int:
    """Rows before the close of a fit that it does not train on: of unknown outcomes, and an embargo as long."""
    return reach_of(horizon) + horizon


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """Probabilities of a symbol's bars, and everything that they came from."""

    horizon: int
    row: FloatArray  # (n_bars,) calibrated probability; NaN before the first fit
    base: FloatArray  # (n_bars,) base rate at the fit that served the bar, NaN before
    offsets: FloatArray  # (n_bars,) log-odds of the trees less those of the base rate; 0 where they said nothing
    told: FloatArray  # (n_bars,) 1 where the trees said something, else 0
    logistic: FloatArray  # (n_bars,) calibrated probability of the regression; NaN before the first fit
    outcomes: FloatArray  # (n_bars,) 0 or 1; NaN where not known
    slopes: FloatArray  # (n_fits,) of each calibration
    features: FeatureTable
    n_train: int  # rows of the last fit
    last_fit: int | None  # row at whose close it was made
    last: Model | None  # of the last fit; None where a training window had outcomes of one kind only
    is_one_sided: bool  # a training window had outcomes of one kind only, and the base rate was told

    def top_weights(self, n: int = 5) -> list[tuple[str, float]]:
        """Features with the greatest mean part in the last model's log-odds, whatever its sign."""
        if self.last is None or self.last_fit is None:
            return []
        rows = self.features.values[max(self.last_fit - SCHEDULE.memory, 0) : self.last_fit + 1]
        rows = rows[~np.isnan(rows).any(axis=1)]
        return _greatest(self.features.names, np.abs(self.last.contributions(rows))[:, :-1].mean(axis=0), n)

    def contributions_at(self, row: int, n: int = 5) -> list[tuple[str, float]]:
        """Features with the greatest part in the log-odds of a bar, signed; empty where the trees said nothing."""
        if self.last is None or not self.told[row]:
            return []
        return _greatest(self.features.names, self.last.contributions(self.features.values[row][None])[0, :-1], n)


def _greatest(names: tuple[str, ...], parts: FloatArray, n: int) -> list[tuple[str, float]]:
    order = np.argsort(-np.abs(parts), kind="stable")[:n]
    return [(names[column], float(parts[column])) for column in order if parts[column] != 0.0]


def walk(bars: Bars, costs: Costs, watch: Watch = UNWATCHED, horizon: int = 5, label: Label = Label.GAIN) -> Walk:
    """Walk through bars with the outcomes of a label. Raises TrainingStopped, or what LightGBM does."""
    return walk_with(feature_table(bars), labels_of(label, bars, horizon, costs), horizon, watch=watch)


def walk_with(
    features: FeatureTable, outcomes: FloatArray, horizon: int, *, watch: Watch = UNWATCHED, purge: int | None = None
) -> Walk:
    """Walk with given features and outcomes; `purge` rows before each fit are left out, by default all that need be."""
    walker = _Walker(features, outcomes, horizon, purge_of(horizon) if purge is None else purge)
    for first, last in SCHEDULE.stretches(len(outcomes)):
        watch.next_fit()
        walker.fit(first, last)
    return walker.found()


class _Walker:
    """Arrays of a walk while it is under way."""

    def __init__(self, features: FeatureTable, outcomes: FloatArray, horizon: int, purge: int) -> None:
        self._features, self._outcomes, self._horizon, self._purge = features, outcomes, horizon, purge
        self._weight = 1.0 / horizon  # of an outcome that overlaps with its neighbours
        self._is_known, n = features.is_known, len(outcomes)
        self._row, self._base, self._logistic = (np.full(n, np.nan) for _ in range(3))
        self._offsets, self._other_offsets, self._told = np.zeros(n), np.zeros(n), np.zeros(n)
        self._slopes: list[float] = []
        self._n_train, self._is_one_sided = 0, False
        self._last_fit: int | None = None
        self._model: Model | None = None

    def fit(self, first: int, last: int) -> None:
        """Fit at the close of row `first`, and tell the rows up to `last`."""
        rows = SCHEDULE.training(first, reach=self._purge, embargo=0)
        usable = np.arange(rows.start, rows.stop)
        usable = usable[self._is_known[usable] & ~np.isnan(self._outcomes[usable])]
        outcomes = self._outcomes[usable]
        # Laplace's rule keeps the rate within (0, 1).
        base = (float(outcomes.sum()) + 1.0) / (len(outcomes) + 2.0)
        self._base[first:last] = base
        self._n_train, self._last_fit, self._model = len(usable), first, None
        if len(usable) >= LEAST_ROWS and 0.0 < float(outcomes.mean()) < 1.0:
            table = self._features.values[usable]
            self._model = fit_trees(table, outcomes, self._weight)
            self._tell(self._model, fit_logistic(table, outcomes, self._weight), first, last)
        else:
            self._is_one_sided |= len(usable) > 0
        self._calibrate(first, last)

    def _tell(self, trees: Model, regression: Logistic, first: int, last: int) -> None:
        rows = np.arange(first, last)[self._is_known[first:last]]
        base = log_odds(self._base[first])
        self._offsets[rows] = trees.margins(self._features.values[rows]) - base
        self._other_offsets[rows] = regression.margins(self._features.values[rows]) - base
        self._told[rows] = 1.0

    def _calibrate(self, first: int, last: int) -> None:
        """Turn the offsets of the rows into probabilities by what earlier ones were worth."""
        stop = max(first - reach_of(self._horizon) + 1, 0)  # outcomes known at this close
        known = np.flatnonzero((self._told[:stop] > 0.0) & ~np.isnan(self._outcomes[:stop]))
        base = np.log(self._base[known] / (1.0 - self._base[known]))
        here = log_odds(self._base[first])
        slope = slope_of(self._offsets[known], base, self._outcomes[known], self._weight)
        other = slope_of(self._other_offsets[known], base, self._outcomes[known], self._weight)
        self._slopes.append(slope)
        self._row[first:last] = sigmoid(here + slope * self._offsets[first:last])
        self._logistic[first:last] = sigmoid(here + other * self._other_offsets[first:last])

    def found(self) -> Walk:
        """Return the whole walk."""
        return Walk(
            horizon=self._horizon,
            row=self._row,
            base=self._base,
            offsets=self._offsets,
            told=self._told,
            logistic=self._logistic,
            outcomes=self._outcomes,
            slopes=np.array(self._slopes),
            features=self._features,
            n_train=self._n_train,
            last_fit=self._last_fit,
            last=self._model,
            is_one_sided=self._is_one_sided,
        )
