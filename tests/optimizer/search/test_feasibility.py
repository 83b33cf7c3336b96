"""Feasible means the same everywhere: a trial that could win."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import product
from typing import Any

import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.ranking import best_record, ranked
from optimizer.domain.study_request import Cap, Narrowed, SamplerKind, StudySpec
from optimizer.domain.study_results import TrialRecord, TrialState
from optimizer.engine.evaluator import Evaluator
from optimizer.search.loop import search
from optimizer.search.scoring import SetScorer, reason, violations
from optimizer.storage.trial_documents import FEASIBLE, trial_document
from optimizer.strategies.registry import find_strategy, space_of
from optimizer.studies.study_runs import kept_trials
from reports.charts import gallery
from reports.json_document import json_document
from reports.tables import report_tables
from tests.reports import facts

SEED = 5
GRID = tuple(Narrowed(name=name, low=low, high=high) for name, low, high in (("oversold", 25, 35), ("period", 10, 14)))


def wavering(n: int = 700) -> Bars:
    """Bars on which some sets never lose a trade, so that they have no profit factor."""
    rng = np.random.default_rng(SEED)
    close = 100 * np.exp(np.cumsum(rng.normal(0.0005, 0.012, n)))
    time = (np.datetime64("2010-01-01") + np.arange(n)).astype("datetime64[ns]")
    return Bars(symbol="UP", time=time, open=close, high=close, low=close, close=close, volume=close)


def trials_of(spec: StudySpec) -> list[TrialRecord]:
    """Every trial of a study."""
    evaluator, space = Evaluator(find_strategy(spec.strategy_name), wavering(), costs=spec.costs), space_of(spec)
    return list(search(spec, space, evaluator, start=50, stop=700, n_trials=200, seed=7))


@pytest.fixture(scope="module")
def two_goals() -> list[TrialRecord]:
    """Trials of a study with two goals, some of which have a Sharpe ratio and no profit factor."""
    goals = ("sharpe", "profitfactor")
    return trials_of(
        StudySpec(symbol="UP", strategy_name="rsi", goals=goals, narrowed=GRID, sampler=SamplerKind.GRID, min_trades=1)
    )


def half_failed(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Trials whose second goal has no value, though the first one has."""
    return [trial for trial in trials if trial.state is TrialState.FAIL and trial.value is not None]


def test_a_trial_without_a_second_goal_is_not_feasible(two_goals: list[TrialRecord]) -> None:
    assert half_failed(two_goals)
    assert not any(trial.is_feasible for trial in half_failed(two_goals))
    assert any(trial.is_feasible for trial in two_goals)


def test_a_failed_trial_is_neither_best_nor_kept(two_goals: list[TrialRecord]) -> None:
    chosen = [*ranked(two_goals), *kept_trials(two_goals), best_record(two_goals)]

    assert all(trial is not None and trial.is_feasible for trial in chosen)
    assert kept_trials(two_goals)[0] == best_record(two_goals) == ranked(two_goals)[0]


def test_a_failed_trial_is_neither_drawn_nor_exported_as_feasible(two_goals: list[TrialRecord]) -> None:
    exported = json_document(facts.finished("promising"), two_goals)["trials"]

    assert [trial["is_feasible"] for trial in exported] == [trial.is_feasible for trial in two_goals]
    assert len(gallery.feasible_values(two_goals)) == sum(trial.is_feasible for trial in two_goals)


def test_a_failed_trial_follows_the_feasible_ones_in_the_report(two_goals: list[TrialRecord]) -> None:
    shown = [trial.is_feasible for trial in report_tables.best_first(two_goals)]

    assert shown == sorted(shown, reverse=True)


@pytest.mark.parametrize(("value", "violation", "state"), list(product((None, 0.5), (0.0, 1.0), TrialState)))
def test_the_query_finds_what_the_property_says(value: float | None, violation: float, state: TrialState) -> None:
    trial = TrialRecord(number=0, params={}, value=value, violation=violation, state=state)
    document = trial_document("opt-1", trial, datetime(2026, 1, 1, tzinfo=UTC))

    assert all(_holds(document[name], test) for name, test in FEASIBLE.items()) == trial.is_feasible


def _holds(value: Any, test: Any) -> bool:
    match test:
        case {"$ne": other}:
            return bool(value != other)
        case {"$lte": bound}:
            return bool(value <= bound)
        case _:
            return bool(value == test)


def test_the_search_and_the_batch_break_the_same_constraints() -> None:
    caps = (Cap(goal="maxdd", is_upper=True, bound=0.15), Cap(goal="profitfactor", is_upper=False, bound=1.5))
    spec = StudySpec(symbol="UP", strategy_name="rsi", narrowed=GRID, caps=caps, sampler=SamplerKind.GRID)
    trials, space = trials_of(spec), space_of(spec)
    evaluator = Evaluator(find_strategy("rsi"), wavering(), costs=spec.costs)
    scorer = SetScorer(spec=spec, space=space, evaluator=evaluator, start=50, stop=700)
    scores = scorer.scores([trial.params for trial in trials])

    assert violations(spec, scores).tolist() == [trial.violation for trial in trials]
    assert [reason(spec, scores, row) for row in range(len(trials))] == [
        "" if trial.state is TrialState.FAIL else trial.reason for trial in trials
    ]
    assert {trial.reason for trial in trials} >= {"maxdd < 0.15", "profitfactor > 1.5", "2 trades"}


def test_old_trials_load_with_their_state() -> None:
    assert TrialRecord.model_validate({"number": 0, "params": {}, "value": 1.0, "state": "complete"}).is_feasible
    assert TrialRecord.model_validate({"number": 0, "params": {}, "value": 1.0, "state": "fail"}).state == "fail"
