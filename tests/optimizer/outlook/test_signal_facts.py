"""Signals of bars: what is told of bad ones, and what is not computed twice."""

import time
from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain.bars import FloatArray
from optimizer.domain.results.learned_results import Label
from optimizer.learned.ml.scale_free import OF_VOLUME
from optimizer.learned.rows import REMEMBERED
from optimizer.outlook.signal_facts import TooFewForSignals, signal_facts
from tests.optimizer.learned.ml.signal_worlds import noise, reversal


def test_a_signal_that_is_asked_for_again_is_not_learned_again() -> None:
    bars, n_read = reversal(1, 900), 0
    REMEMBERED.forget()

    def columns() -> dict[str, FloatArray] | None:
        nonlocal n_read
        n_read += 1
        return None

    first = signal_facts(bars, 5, columns=columns)
    began = time.process_time()
    assert signal_facts(bars, 5, columns=columns) == first
    assert time.process_time() - began < 0.1
    assert n_read == 1
    signal_facts(bars, 5, Label.BARRIER, columns)
    assert n_read == 2


def test_parts_are_told_where_the_trees_are_trusted_alone() -> None:
    found, nothing = signal_facts(reversal(1), 2), signal_facts(noise(1, 1_000), 2)
    assert found.slope > 0.0
    assert [abs(part.weight) for part in found.parts] == sorted(
        (abs(part.weight) for part in found.parts), reverse=True
    )
    assert nothing.slope == 0.0
    assert nothing.parts == ()
    assert nothing.probability == pytest.approx(nothing.base_rate)


def test_bad_bars_are_told_of_and_lean_to_no_side() -> None:
    with pytest.raises(TooFewForSignals):
        signal_facts(noise(0, 504), 5)
    bars = noise(0, 700)
    mute = signal_facts(replace(bars, volume=np.zeros(700)), 5)
    assert mute.dropped == OF_VOLUME
    level = np.full(700, 100.0)
    still = signal_facts(replace(bars, open=level, high=level, low=level, close=level), 5, Label.BARRIER)
    assert (still.probability, still.quality, still.bucket, still.model_hash) == (0.5, None, None, "")
