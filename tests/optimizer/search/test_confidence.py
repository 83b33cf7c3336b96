"""`goal=sharpe_ml`: a set's confidence comes from its own entries, and moves its Sharpe ratio by a tenth at most."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudySummary, TrialRecord
from optimizer.engine.evaluator import Evaluator
from optimizer.engine.multi_symbol import evaluator_of
from optimizer.errors import GoalAlone
from optimizer.learned.ml.walk import SCHEDULE
from optimizer.learned.rows import REMEMBERED, Training, TrainingStopped
from optimizer.search.confidence import edges, train_goal, weighed
from optimizer.search.loop import search
from optimizer.strategies.learning.ml import SIGNAL
from optimizer.strategies.learning.weighing import WEIGHING
from optimizer.strategies.registry import space_of
from optimizer.studies.own_studies import bars_before
from optimizer.validation.summarize import summarize, window_rows
from optimizer.validation.window import WindowRows
from reports.narrative import chapters
from tests.optimizer.learned.ml.signal_worlds import reversal

#: A market that the model understands from the 1,100th bar on.
BARS = reversal(3, 1_800, pull=0.3)


def spec_of(**changed: object) -> StudySpec:
    plain = {"symbol": "WORLD", "strategy_name": "macd", "goals": ["sharpe_ml"], "n_trials": 20, "folds": 2}
    return StudySpec.model_validate(plain | changed)


def evaluator(spec: StudySpec, bars: Bars = BARS) -> Evaluator:
    found = evaluator_of(spec, [bars])
    assert isinstance(found, Evaluator)
    return found


def rows_of(spec: StudySpec, bars: Bars = BARS) -> WindowRows:
    return window_rows(spec, bars, bars_before(spec, evaluator(spec).strategy, space_of(spec), bars))


def trials_of(spec: StudySpec, bars: Bars = BARS, rows: WindowRows | None = None) -> list[TrialRecord]:
    rows = rows or rows_of(spec, bars)
    found = search(
        spec,
        space_of(spec),
        evaluator(spec, bars),
        start=rows.start,
        stop=rows.holdout_start,
        n_trials=spec.n_trials,
        seed=spec.seed,
    )
    return list(found)


def summary_of(spec: StudySpec) -> StudySummary:
    return summarize(spec, space_of(spec), evaluator(spec), trials_of(spec), window=rows_of(spec))


def plain_mean(found: Evaluator, params: Params, rows: FloatArray, start: int, stop: int) -> float:
    trades = found.backtest(params, start=start, stop=stop).trades
    values = [rows[0 if trade.side > 0 else 1, trade.entry_bar - 1] for trade in trades]
    return float(np.mean(values)) if values else 0.0


def test_the_value_is_the_sharpe_ratio_and_a_tenth_of_its_size_times_the_confidence() -> None:
    sharpe = np.array([2.0, 2.0, 2.0, -2.0, -2.0, 0.0, np.nan])
    confidence = np.array([0.5, 1.0, -1.0, 0.5, -1.0, 1.0, 1.0])

    assert weighed(sharpe, confidence).tolist() == pytest.approx([2.1, 2.2, 1.8, -1.9, -2.2, 0.0, np.nan], nan_ok=True)


@given(st.floats(-5, 5), st.floats(-1, 1), st.floats(-1, 1))
def test_more_confidence_never_lowers_a_value_and_moves_it_by_a_tenth_at_most(
    sharpe: float, one: float, other: float
) -> None:
    low, high = weighed(np.full(2, sharpe), np.array(sorted([one, other])))

    assert low <= high
    assert max(abs(low - sharpe), abs(high - sharpe)) <= 0.1 * abs(sharpe) * (1 + 1e-9) + 1e-12


def test_an_edge_is_how_far_a_probability_is_on_the_way_to_certainty() -> None:
    probability = np.array([0.6, 1.0, 0.3, 0.0, 0.4 + 5e-17, np.nan])
    base = np.array([0.4, 0.4, 0.4, 0.4, 0.4, np.nan])

    long, short = edges(probability, base)

    assert long.tolist() == pytest.approx([1 / 3, 1.0, -0.25, -1.0, 0.0, 0.0])
    assert long[4] == 0.0
    assert short.tolist() == pytest.approx((-long).tolist())


def _sets(spec: StudySpec) -> Iterator[Params]:
    rng = np.random.default_rng(5)
    for _ in range(30):
        drawn = {p.name: p.values[int(rng.integers(len(p.values)))] for p in space_of(spec).parameters}
        if space_of(spec).contains(drawn):
            yield drawn


@pytest.mark.parametrize("name", ["stochastic", "donchian", "macd"])
def test_the_mean_over_the_entries_is_that_of_the_trades_of_each_backtest(name: str) -> None:
    spec = spec_of(strategy_name=name, allow_short=True, overlays=["stop", "max_hold"], reenter="signal")
    found, sets = evaluator(spec), [*_sets(spec)]
    rows = np.random.default_rng(6).normal(size=(2, len(BARS)))

    means = found.entry_means(sets, rows, start=510, stop=1_400)

    assert means.tolist() == pytest.approx([plain_mean(found, params, rows, 510, 1_400) for params in sets], abs=1e-12)
    assert np.count_nonzero(means) > len(sets) / 4


def test_trials_are_ranked_by_the_weighed_value_and_keep_the_plain_sharpe_ratio() -> None:
    spec = spec_of()
    rows, trials, found = rows_of(spec), trials_of(spec), evaluator(spec)
    walk = SIGNAL.over(BARS, spec.costs, *WEIGHING)
    assert rows.start == SCHEDULE.first

    moved = 0
    for trial in (trial for trial in trials if trial.is_feasible):
        mean = plain_mean(found, dict(trial.params), edges(walk.row, walk.base), rows.start, rows.holdout_start)
        assert trial.sharpe_ratio is not None
        assert trial.value == pytest.approx(trial.sharpe_ratio + 0.1 * abs(trial.sharpe_ratio) * mean, abs=1e-12)
        moved += trial.value != trial.sharpe_ratio
    assert moved > 5


def test_other_prices_after_the_searched_bars_change_no_trial() -> None:
    spec = spec_of()
    rows = rows_of(spec)
    factor = np.exp(np.random.default_rng(9).normal(0.0, 0.05, len(BARS)).cumsum())
    factor[: rows.holdout_start] = 1.0
    other = replace(BARS, **{name: getattr(BARS, name) * factor for name in ("open", "high", "low", "close")})

    def stripped(trials: list[TrialRecord]) -> list[dict[str, object]]:
        return [trial.model_dump(exclude={"started_at", "duration"}) for trial in trials]

    assert stripped(trials_of(spec, other, rows)) == stripped(trials_of(spec, BARS, rows))


def test_what_judges_a_result_is_plain() -> None:
    spec = spec_of(strategy_name="momentum")
    summary, plain = summary_of(spec), summary_of(spec)
    winner = summary.winner
    assert winner.value is not None
    assert winner.in_sample.sharpe_ratio is not None
    assert winner.value != pytest.approx(winner.in_sample.sharpe_ratio, rel=1e-6)
    assert summary.model_dump_json() == plain.model_dump_json()

    assert summary.walk_forward is not None
    found = evaluator(spec)
    for fold in summary.walk_forward.folds:
        start, stop = (BARS.row_at(day) for day in (fold.train_start, fold.train_end))
        told = found.backtest(dict(fold.params), start=start, stop=stop + 1).measures.sharpe_ratio
        assert fold.in_sample == pytest.approx(told, rel=1e-9)
    inside = [pair[0] for pair in summary.scatter]
    assert any(x == pytest.approx(winner.in_sample.sharpe_ratio, rel=1e-9) for x in inside)
    assert "weighed" in {each.key for chapter in chapters(summary, spec) for each in chapter.findings}


@pytest.mark.parametrize("changed", [{"goals": ["sharpe", "sharpe_ml"]}, {"partners": ["OTHER"]}])
def test_it_is_searched_alone(changed: dict[str, object]) -> None:
    with pytest.raises(GoalAlone):
        space_of(spec_of(**changed))


def test_training_stops_between_two_fits_and_is_none_of_other_goals() -> None:
    REMEMBERED.forget()
    told: list[tuple[int, int]] = []
    training = Training(
        n_rows=1, tell=lambda row, n_rows: told.append((row, n_rows)), is_stopped=lambda: len(told) >= 3
    )

    train_goal(spec_of(goals=["sharpe"]), evaluator(spec_of()), training)
    assert not told
    with pytest.raises(TrainingStopped):
        train_goal(spec_of(), evaluator(spec_of()), training)
    assert told == [(1, 1)] * 3
