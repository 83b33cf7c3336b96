"""Pareto set and knee, against every pair of points; and the part of a study that shows them."""

import itertools
import math

import numpy as np
import pytest

from optimizer.domain.metrics import GOALS
from optimizer.domain.study_results import StudySummary
from optimizer.validation.pareto import Point, front, knee, shown
from tests.optimizer.validation.test_summarize import WALK, evaluator_of, rows_of, spec_of, summary_of, trials_of


def beats(one: Point, other: Point) -> bool:
    return one[0] >= other[0] and one[1] >= other[1] and one != other


def clouds() -> list[list[Point]]:
    """Random clouds of 1 to 60 points, half of them on a coarse grid, so that values repeat."""
    rng = np.random.default_rng(11)
    found = []
    for number in range(200):
        values = rng.normal(size=(int(rng.integers(1, 61)), 2))
        found.append([(float(x), float(y)) for x, y in (np.round(values) if number % 2 else values)])
    return found


def test_the_front_is_what_comparing_every_pair_finds() -> None:
    for points in clouds():
        unbeaten = {
            row
            for row, point in enumerate(points)
            if not any(beats(other, point) for other in points) and points.index(point) == row
        }

        assert set(front(points)) == unbeaten


def test_the_front_runs_from_the_best_in_the_first_goal_to_the_best_in_the_second() -> None:
    for points in clouds():
        ordered = [points[row] for row in front(points)]

        assert ordered[0][0] == max(x for x, _ in points)
        assert ordered[-1][1] == max(y for _, y in points)
        assert all(a[0] > b[0] and a[1] < b[1] for a, b in itertools.pairwise(ordered))


def test_the_knee_is_the_point_farthest_from_the_line_between_the_ends() -> None:
    for points in clouds():
        ordered = [points[row] for row in front(points)]
        if len(ordered) < 3:
            assert knee(ordered) is None
            continue
        low, high = np.min(ordered, axis=0), np.max(ordered, axis=0)
        scaled = (np.array(ordered) - low) / (high - low)
        # The ends are (1, 0) and (0, 1): the cross product with the line's direction is the distance.
        distances = [((x - 1) * 1 - y * -1) / math.sqrt(2) for x, y in scaled]

        assert knee(ordered) == (int(np.argmax(distances)) if max(distances) > 1e-9 else None)


@pytest.mark.parametrize(
    ("ordered", "place"),
    [
        ([(1.0, 0.0), (0.9, 0.8), (0.0, 1.0)], 1),
        ([(1.0, 0.0), (0.9, 0.2), (0.8, 0.9), (0.0, 1.0)], 2),
        ([(100.0, -0.5), (90.0, -0.1), (0.0, 0.0)], 1),  # scales do not matter
        ([(1.0, 0.0), (0.5, 0.5), (0.0, 1.0)], None),  # straight
        ([(1.0, 0.0), (0.2, 0.2), (0.0, 1.0)], None),  # bent inwards
        ([(1.0, 0.0), (0.0, 1.0)], None),
        ([(1.0, 0.0)], None),
    ],
)
def test_knees_that_the_eye_finds(ordered: list[Point], place: int | None) -> None:
    assert knee(ordered) == place


def test_at_most_five_places_are_shown_with_both_ends_and_the_knee() -> None:
    for n in range(1, 40):
        for at in (None, *range(1, n - 1)):
            places = shown(n, at)

            assert len(places) == min(n, 5)
            assert places == sorted(set(places))
            assert {0, n - 1} <= set(places)
            assert at is None or at in places


TWO = spec_of(goals=("sharpe", "maxdd"))


@pytest.fixture(scope="module")
def summary() -> StudySummary:
    """A study of the Sharpe ratio and the drawdown."""
    return summary_of(TWO)


def test_the_first_set_is_the_winner_and_no_trial_beats_it(summary: StudySummary) -> None:
    assert summary.pareto is not None
    first = summary.pareto.sets[0]

    assert (first.number, first.params) == (summary.winner.number, summary.winner.params)
    assert first.in_sample["sharpe"] == summary.winner.value
    values = [trial.values for trial in trials_of(TWO, WALK) if trial.is_feasible]
    assert not any(beats((x, y), tuple(first.in_sample.values())) for x, y in values)  # type: ignore[arg-type]
    assert summary.pareto.n_feasible == len(values)
    assert summary.pareto.n_sets == len(front([(x, y) for x, y in values]))


def test_each_set_has_both_goals_in_sample_and_on_the_held_out_bars(summary: StudySummary) -> None:
    assert summary.pareto is not None
    rows, evaluator = rows_of(TWO, WALK), evaluator_of(TWO, WALK)
    for one in summary.pareto.sets:
        inside = evaluator.backtest(one.params, start=rows.start, stop=rows.holdout_start).measures
        outside = evaluator.backtest(one.params, start=rows.holdout_start, stop=rows.stop).measures

        for goal in TWO.goals:
            assert one.in_sample[goal] == pytest.approx(getattr(inside, GOALS[goal].measure), rel=1e-9)
            expected = getattr(outside, GOALS[goal].measure)
            assert one.out_of_sample[goal] == (None if expected is None else pytest.approx(expected, rel=1e-9))


def test_without_a_holdout_there_are_no_values_out_of_sample() -> None:
    pareto = summary_of(TWO.model_copy(update={"holdout": 0.0})).pareto

    assert pareto is not None
    assert not any(one.out_of_sample for one in pareto.sets)


def test_one_goal_has_no_pareto_set_and_neither_has_a_search_without_a_feasible_set() -> None:
    assert summary_of(spec_of()).pareto is None
    assert summary_of(TWO.model_copy(update={"min_trades": 10_000})).pareto is None


def test_a_summary_that_was_stored_without_it_is_still_read(summary: StudySummary) -> None:
    stored = summary.model_dump(mode="json")
    del stored["pareto"]

    assert StudySummary.model_validate(stored).pareto is None
