"""Learned rows: when they are fitted, on what, how often, and how they stop."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Space
from optimizer.domain.study_request import Costs
from optimizer.engine.evaluator import Evaluator
from optimizer.indicators.conditions import Conditions
from optimizer.learned.rows import REMEMBERED, LearnedRow, Schedule, Training, TrainingStopped, Watch
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of
from tests.optimizer.learned.regime_worlds import bars_of as bars_from


def walk_bars(n_bars: int) -> Bars:
    return bars_from(np.random.default_rng(3).normal(0.0, 0.01, n_bars))


@dataclass(frozen=True)
class _Walk:
    row: FloatArray


def _learned(calls: list[tuple[int, float]]) -> LearnedRow[_Walk]:
    def fit(bars: Bars, costs: Costs, watch: Watch, period: int) -> _Walk:
        for _ in range(3):
            watch.next_fit()
        calls.append((period, costs.commission_bps))
        return _Walk(np.full(len(bars), float(period)))

    return LearnedRow(key="counted", version=1, parameters=("period",), fit=fit, seconds=lambda n: n * 1e-3)


def _strategy(learned: LearnedRow[_Walk]) -> Strategy:
    def row(conditions: Conditions, period: int) -> FloatArray:
        return learned.of(conditions, period).row

    def rule(conditions: Conditions, params: Columns) -> Side:
        return Side(
            enter=conditions.above(row, params["period"], level=params["level"]),
            exit=conditions.below(row, params["period"], level=params["level"]),
        )

    space = Space((bars_of("period", 1, 3, 2), bars_of("level", 1, 3, 2)))
    return Strategy(key="counted", space=space, warm_up=lambda _: 0, long=rule, short=None, learned=learned)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    REMEMBERED.forget()


def _training(told: list[tuple[int, int]], *, stops_at: int = 99) -> Training:
    return Training(n_rows=3, tell=lambda *row: told.append(row), is_stopped=lambda: len(told) >= stops_at)


def test_a_row_is_fitted_once_for_each_value_that_it_depends_on() -> None:
    calls: list[tuple[int, float]] = []
    strategy, bars = _strategy(_learned(calls)), walk_bars(100)
    evaluator = Evaluator(strategy, bars, costs=Costs())
    told: list[tuple[int, int]] = []
    evaluator.train(strategy.space, _training(told))
    assert [period for period, _ in calls] == [1, 2, 3]
    assert told == [(1, 3)] * 3 + [(2, 3)] * 3 + [(3, 3)] * 3
    evaluator.scores(list(strategy.space.param_sets()), start=0, stop=100)
    assert len(calls) == 3
    assert evaluator.learned({"period": 2, "level": 1}).row[0] == 2.0


def test_the_next_evaluator_of_the_same_bars_finds_the_row_fitted() -> None:
    calls: list[tuple[int, float]] = []
    strategy, bars = _strategy(_learned(calls)), walk_bars(100)
    for _ in range(2):
        Evaluator(strategy, replace(bars), costs=Costs()).train(strategy.space, _training([]))
    assert len(calls) == 3


def test_other_bars_and_other_costs_are_fitted_anew() -> None:
    calls: list[tuple[int, float]] = []
    strategy, bars = _strategy(_learned(calls)), walk_bars(100)
    for each, costs in ((bars, Costs()), (bars.cut(0, 99), Costs()), (bars, Costs(commission_bps=1))):
        Evaluator(strategy, each, costs=costs).learned({"period": 2, "level": 1})
    assert calls == [(2, 10.0), (2, 10.0), (2, 1.0)]


def test_training_stops_between_two_fits_and_leaves_nothing_half_done() -> None:
    calls: list[tuple[int, float]] = []
    strategy, bars = _strategy(_learned(calls)), walk_bars(100)
    evaluator = Evaluator(strategy, bars, costs=Costs())
    with pytest.raises(TrainingStopped):
        evaluator.train(strategy.space, _training([], stops_at=5))
    assert [period for period, _ in calls] == [1]
    evaluator.train(strategy.space, _training([]))
    assert [period for period, _ in calls] == [1, 2, 3]


def test_memory_keeps_the_newest_rows_within_its_limit() -> None:
    calls: list[tuple[int, float]] = []
    learned, bars = _learned(calls), walk_bars(100)
    most = REMEMBERED.most_bars
    REMEMBERED.most_bars = 250
    try:
        for period in (1, 2, 3, 2, 1):
            learned.over(bars, Costs(), period)
    finally:
        REMEMBERED.most_bars = most
    assert [period for period, _ in calls] == [1, 2, 3, 1]


@given(
    first=st.integers(1, 300),
    every=st.integers(1, 90),
    memory=st.integers(1, 400),
    reach=st.integers(1, 30),
    embargo=st.integers(0, 30),
    n_bars=st.integers(1, 900),
)
def test_no_fit_knows_a_row_that_it_serves_and_every_row_is_served_once(
    first: int, every: int, memory: int, reach: int, embargo: int, n_bars: int
) -> None:
    schedule = Schedule(first=first, every=every, memory=memory)
    stretches = list(schedule.stretches(n_bars))
    assert [row for start, stop in stretches for row in range(start, stop)] == list(range(first, n_bars))
    assert stretches[:-1] == list(schedule.stretches(n_bars + every))[: max(len(stretches) - 1, 0)]
    for start, _ in stretches:
        rows = range(n_bars)[schedule.training(start, reach=reach, embargo=embargo)]
        assert len(rows) <= memory
        assert all(row + reach + embargo <= start for row in rows)
        assert not rows or rows[-1] == start - reach - embargo
