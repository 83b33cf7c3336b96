"""Walks: nothing knows the future, noise tells the base rate, planted reversals are found, bits are always the same."""

import cProfile
import os
import pstats
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.results.learned_results import Label, Quality, SignalQuality
from optimizer.domain.study_request import Costs
from optimizer.learned.ml.calibrate import slope_of
from optimizer.learned.ml.labels import gain_labels, reach_of
from optimizer.learned.ml.logistic import fit_logistic
from optimizer.learned.ml.model import N_TREES, SETTINGS
from optimizer.learned.ml.quality import quality_of
from optimizer.learned.ml.scale_free import OF_VOLUME, feature_table
from optimizer.learned.ml.walk import LEAST_ROWS, SCHEDULE, Walk, purge_of, walk, walk_with
from tests.optimizer.learned.ml.signal_worlds import FREE, early_auc, noise, reversal, walked


@cache
def found() -> Walk:
    """A walk through a planted market of which everything is asked."""
    return walked(reversal(1), 2)


def test_bars_that_are_cut_off_or_poisoned_change_no_earlier_probability() -> None:
    bars = reversal(1, 760)
    whole = walk(bars, FREE, horizon=5)
    for stop in np.linspace(505, 759, 40).astype(int).tolist():
        cut = walk(bars.cut(0, stop), FREE, horizon=5)
        assert np.array_equal(cut.row, whole.row[:stop], equal_nan=True)
    row = 700
    later = np.where(np.arange(len(bars)) > row, 3.0, 1.0)
    prices = {name: getattr(bars, name) * later for name in ("open", "high", "low", "close", "volume")}
    poisoned = walk(replace(bars, **prices), FREE, horizon=5)
    assert np.array_equal(poisoned.row[: row + 1], whole.row[: row + 1], equal_nan=True)


@given(horizon=st.sampled_from([2, 5, 10]), n_fits=st.integers(2, 40))
def test_no_outcome_that_is_trained_on_reaches_into_what_is_told_or_its_embargo(horizon: int, n_fits: int) -> None:
    """Splits as scikit-learn makes them, with a gap of the reach and the embargo."""
    n = SCHEDULE.first + n_fits * SCHEDULE.every
    splitter = TimeSeriesSplit(
        n_splits=n_fits, max_train_size=SCHEDULE.memory, test_size=SCHEDULE.every, gap=2 * horizon
    )
    stretches = list(SCHEDULE.stretches(n))
    assert len(stretches) == n_fits
    for (first, last), (train, told) in zip(stretches, splitter.split(np.zeros((n, 1))), strict=True):
        rows = SCHEDULE.training(first, reach=purge_of(horizon), embargo=0)
        assert (rows.start, rows.stop - 1, first, last - 1) == (train[0], train[-1], told[0], told[-1])
        assert rows.stop - 1 + reach_of(horizon) + horizon <= first


def test_outcomes_of_the_purged_rows_change_no_model_and_the_last_one_before_them_does() -> None:
    bars, horizon, first = reversal(1, 600), 5, SCHEDULE.first
    features, outcomes = feature_table(bars), gain_labels(bars, 5, FREE)
    told = walk_with(features, outcomes, horizon).offsets[first : first + SCHEDULE.every]

    def with_others(rows: slice) -> FloatArray:
        changed = outcomes.copy()
        changed[rows] = 1.0 - changed[rows]
        return walk_with(features, changed, horizon).offsets[first : first + SCHEDULE.every]

    purged = slice(first - purge_of(horizon) + 1, first + 1)
    assert np.array_equal(with_others(purged), told)
    assert not np.array_equal(with_others(slice(purged.start - 40, purged.start)), told)


def test_the_first_probability_is_that_of_the_first_fit_and_few_calls_tell_the_base_rate() -> None:
    walk = found()
    assert np.isnan(walk.row[: SCHEDULE.first]).all()
    assert not np.isnan(walk.row[SCHEDULE.first :]).any()
    early = slice(SCHEDULE.first, SCHEDULE.first + SCHEDULE.every)
    assert walk.row[early] == pytest.approx(walk.base[early])


def test_noise_is_told_as_the_base_rate_and_a_planted_reversal_is_found() -> None:
    nothing, something = quality_of(walked(noise(1), 5)), quality_of(found())
    assert nothing is not None
    assert something is not None
    assert abs(nothing.skill or 0.0) <= 0.002
    assert nothing.p is not None
    assert nothing.p > 0.05
    assert (something.auc or 0.0) >= 0.57
    assert (something.skill or 0.0) >= 0.008
    assert something.p == pytest.approx(0.005)
    weighted = [(bin.n, abs(bin.predicted - bin.realised)) for bin in something.bins]
    assert np.average([miss for _, miss in weighted], weights=[n for n, _ in weighted]) < 0.06


@pytest.mark.slow
def test_a_walk_that_knows_outcomes_too_early_is_caught_on_noise() -> None:
    def on_noise(purge: int | None) -> float:
        return float(np.mean([early_auc(walked(noise(seed), 5, purge=purge)) for seed in range(3)]))

    assert on_noise(None) < 0.6
    assert on_noise(0) > 0.6


def test_barriers_tell_nothing_of_noise_and_find_a_planted_reversal() -> None:
    def quality(bars: Bars) -> SignalQuality:
        found = quality_of(walk(bars, FREE, horizon=2, label=Label.BARRIER))
        assert found is not None
        return found

    nothing, something = quality(noise(1)), quality(reversal(1))
    assert nothing.word is Quality.NO_BETTER
    assert abs(nothing.skill or 0.0) <= 0.002
    assert something.word is Quality.INFORMATIVE
    assert (something.auc or 0.0) >= 0.57


def test_contributions_add_up_to_the_margin() -> None:
    walk, rows = found(), slice(2_300, 2_520)
    assert walk.last is not None
    table = walk.features.values[rows]
    assert walk.last.contributions(table).sum(axis=1) == pytest.approx(walk.last.margins(table), abs=1e-6)
    told = walk.contributions_at(2_519)
    assert [abs(weight) for _, weight in told] == sorted((abs(weight) for _, weight in told), reverse=True)


_DIGEST = """
import hashlib
from tests.optimizer.learned.ml.signal_worlds import reversal, walked
print(hashlib.sha256(walked(reversal(1, 760), 5).row.tobytes()).hexdigest())
"""


def test_any_number_of_cores_gives_the_same_bits() -> None:
    def digest(cores: set[int], threads: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", _DIGEST],
            env=os.environ | {"OMP_NUM_THREADS": threads},
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    every = os.sched_getaffinity(0)
    assert digest({min(every)}, "1") == digest(every, "16")


def test_training_takes_one_thread() -> None:
    assert SETTINGS["num_threads"] == 1
    assert SETTINGS["deterministic"] is True
    before = len(os.listdir("/proc/self/task"))
    most = 0
    done = threading.Event()

    def count() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, len(os.listdir("/proc/self/task")))

    counter = threading.Thread(target=count)
    counter.start()
    walked(noise(0, 700), 5)
    done.set()
    counter.join()
    assert most <= before + 1  # the counter itself


def test_a_fit_takes_one_table_one_forest_and_one_answer() -> None:
    """Nearly all of a walk's time is LightGBM's, so that its calls are counted where a clock would not be certain."""
    bars = noise(0, 760)
    profile = cProfile.Profile()
    profile.runcall(walked, bars, 5)
    n_calls = {place: found[0] for place, found in pstats.Stats(profile).stats.items()}  # type: ignore[attr-defined]

    def calls(function: Callable[..., object]) -> int:
        code = function.__code__
        return int(n_calls[code.co_filename, code.co_firstlineno, code.co_name])

    n_fits = len(list(SCHEDULE.stretches(len(bars))))
    once = (lightgbm.Dataset.__init__, lightgbm.Booster.__init__, lightgbm.Booster.predict, fit_logistic)
    assert [calls(function) for function in once] == [n_fits] * len(once)
    assert calls(lightgbm.Booster.update) == N_TREES * n_fits
    assert calls(slope_of) == 2 * n_fits  # of the trees and of their twin


def _flat(n_bars: int) -> Bars:
    level = np.full(n_bars, 100.0)
    return replace(noise(0, n_bars), open=level, high=level, low=level, close=level)


def test_a_price_that_stands_still_has_no_outcome_and_tells_nothing() -> None:
    bars = _flat(800)
    assert np.isnan(gain_labels(bars, 5, Costs())).all()
    still = walk(bars, Costs(), horizon=5)
    assert still.row[SCHEDULE.first :] == pytest.approx(0.5)
    assert quality_of(still) is None


def test_outcomes_of_one_kind_tell_the_base_rate() -> None:
    rising = noise(0, 800)
    up = 100.0 * 1.01 ** np.arange(800)
    told = walk(replace(rising, open=up, high=up * 1.001, low=up * 0.999, close=up), FREE, horizon=2)
    assert told.is_one_sided
    assert told.last is None
    assert told.row[-1] > 0.99


def test_bars_without_volume_are_learned_from_prices_alone() -> None:
    bars = reversal(1, 700)
    mute = replace(bars, volume=np.zeros(700))
    table = feature_table(mute)
    assert table.dropped == OF_VOLUME
    assert table.is_known[50:].all()
    assert walk(mute, FREE, horizon=5).n_train >= LEAST_ROWS


def test_a_halted_stretch_is_not_learned_from_and_everything_after_it_is_told() -> None:
    bars, halted = reversal(1, 800), slice(300, 420)
    prices = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for name in ("open", "high", "low", "close"):
        prices[name][halted] = bars.close[halted.start - 1]
    prices["volume"][halted] = 0.0
    stood = replace(bars, **prices)
    outcomes = gain_labels(stood, 5, Costs())
    assert np.isnan(outcomes[halted.start : halted.stop - 7]).all()
    told, free = walk(stood, FREE, horizon=5), walk(bars, FREE, horizon=5)
    assert np.isfinite(told.row[SCHEDULE.first :]).all()
    assert np.isfinite(told.features.values[halted.stop :]).all()
    assert free.n_train - told.n_train >= halted.stop - halted.start - 10
    assert told.told[SCHEDULE.first :].all()


def test_bars_too_few_for_a_fit_have_no_probability() -> None:
    assert np.isnan(walk(noise(0, 300), FREE, horizon=5).row).all()
    assert np.isnan(walk(noise(0, 3), FREE, horizon=10).row).all()
