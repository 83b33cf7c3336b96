"""Gradient boosted trees by LightGBM, which nothing else imports: small, few, and in one thread.

Two threads on two busy cores took 37 times as long as one. The settings are no parameters: to try them would be tries.
"""

import ctypes
import hashlib
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.lazy import LazyModule

if TYPE_CHECKING:
    import lightgbm
else:
    lightgbm = LazyModule("lightgbm")

N_TREES = 100
#: No setting depends on the machine, so that its number of cores changes no bit.
SETTINGS = MappingProxyType(
    {
        "objective": "binary",
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
        "seed": 7,
        "num_leaves": 7,
        "learning_rate": 0.03,
        "min_data_in_leaf": 40,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 10.0,
        "max_bin": 63,
        "verbose": -1,
    }
)
#: The runtime of OpenMP that LightGBM's wheels for Linux expect of the system.
_OPENMP = "libgomp.so.1"


@dataclass(frozen=True, eq=False)
class Model:
    """Fitted trees."""

    booster: "lightgbm.Booster"

    def margins(self, rows: FloatArray) -> FloatArray:
        """Log-odds of rows, (n_rows,)."""
        found = self.booster.predict(rows, raw_score=True, num_threads=1)
        return np.asarray(found, dtype=np.float64)

    def contributions(self, rows: FloatArray) -> FloatArray:
        """Part of each feature in the log-odds, the constant last, (n_rows, n_features + 1): they add up to it."""
        found = self.booster.predict(rows, pred_contrib=True, num_threads=1)
        return np.asarray(found, dtype=np.float64)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the trees as text."""
        return hashlib.sha256(self.booster.model_to_string().encode()).hexdigest()


def fit_trees(rows: FloatArray, outcomes: FloatArray, weight: float) -> Model:
    """Fit trees on rows without NaN and their outcomes of 0 and 1, both of which occur."""
    settings = dict(SETTINGS)
    weights = np.full(len(rows), weight)
    data = lightgbm.Dataset(np.ascontiguousarray(rows), outcomes, weight=weights, params=settings)
    # As `lightgbm.train` does, without its callbacks and its copy of the model.
    booster = lightgbm.Booster(settings, data)
    for _ in range(N_TREES):
        booster.update()
    return Model(booster)


def missing() -> str:
    """Name what LightGBM lacks: the package itself, or the system's OpenMP runtime; empty where nothing is missing.

    LightGBM is not loaded for that.
    """
    try:
        if find_spec("lightgbm") is None:
            return "lightgbm"
    except ImportError:
        return "lightgbm"
    try:
        if sys.platform.startswith("linux"):
            ctypes.CDLL(_OPENMP)
    except OSError:
        return "libgomp1"
    return ""
