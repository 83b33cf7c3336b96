"""The charts of one finished study, by name and in the order a report shows them."""

from collections.abc import Callable, Sequence

from optimizer.domain.metrics import GOALS
from optimizer.domain.study_results import Pareto, StudySummary, TrialRecord
from optimizer.search.loop import ranked
from optimizer.validation.pareto import front, knee, points_of
from reports.charts import figures
from reports.charts.chart_list import expected
from reports.facts import StudyFacts
from reports.text.chart_points import chart_name


def pictures(facts: StudyFacts, trials: Sequence[TrialRecord]) -> dict[str, bytes]:
    """PNG bytes by chart name; a chart whose numbers the study does not have is left out."""
    summary = facts.summary
    assert summary is not None, "charts are drawn only of a finished study"
    return {name: _DRAWERS[name](facts, summary, trials) for name in expected(summary)}


def _equity(facts: StudyFacts, summary: StudySummary, trials: Sequence[TrialRecord]) -> bytes:
    title = f"{_name(facts)} · against buy and hold"
    return figures.equity(summary.curve, holdout_start=summary.window.holdout_start, title=title)


def _history(facts: StudyFacts, summary: StudySummary, trials: Sequence[TrialRecord]) -> bytes:
    feasible = feasible_values(trials)
    return figures.history(
        [number for number, _ in feasible],
        [value for _, value in feasible],
        goal=facts.goal,
        goal_name=_goal_name(facts),
        luck=_luck(facts, summary),
        title=f"{_name(facts)} · the search",
    )


def feasible_values(trials: Sequence[TrialRecord]) -> list[tuple[int, float]]:
    """Number and value of each feasible trial."""
    return [(trial.number, trial.value) for trial in trials if trial.is_feasible and trial.value is not None]


def _heatmap(facts: StudyFacts, summary: StudySummary, trials: Sequence[TrialRecord]) -> bytes:
    assert summary.surface is not None, "drawn only where there is one"
    return figures.heatmap(
        summary.surface,
        winner=summary.winner.params,
        value=summary.winner.value,
        goal=facts.goal,
        goal_name=_goal_name(facts),
        title=f"{_name(facts)} · around the winner",
    )


def _scatter(facts: StudyFacts, summary: StudySummary, trials: Sequence[TrialRecord]) -> bytes:
    return figures.scatter(
        summary.scatter,
        winner=_winner_point(facts, summary),
        goal=facts.goal,
        goal_name=_goal_name(facts),
        title=f"{_name(facts)} · in and out of sample",
    )


def _pareto(facts: StudyFacts, summary: StudySummary, trials: Sequence[TrialRecord]) -> bytes:
    assert summary.pareto is not None, "drawn only where there is one"
    first, second = facts.spec.goals
    points = points_of(ranked(trials))
    front_points = [points[row] for row in front(points)]
    at = knee(front_points)
    return figures.pareto(
        points,
        front=front_points,
        winner=front_points[0],
        knee=None if at is None else front_points[at],
        unseen=_unseen(summary.pareto, first, second),
        goals=(first, second),
        goal_names=(_title(facts, first), _title(facts, second)),
        title=f"{_name(facts)} · both goals",
    )


def _unseen(pareto: Pareto, first: str, second: str) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """In sample and out of sample, the places of the listed sets that have values in both."""
    sides = [
        [(side.get(first), side.get(second)) for side in (one.in_sample, one.out_of_sample)] for one in pareto.sets
    ]
    return [
        ((a, b), (c, d))
        for (a, b), (c, d) in sides
        if a is not None and b is not None and c is not None and d is not None
    ]


def _folds(facts: StudyFacts, summary: StudySummary, trials: Sequence[TrialRecord]) -> bytes:
    assert summary.walk_forward is not None, "drawn only where there is one"
    title = f"{_name(facts)} · walk-forward"
    return figures.folds(summary.walk_forward.folds, goal=facts.goal, goal_name=_goal_name(facts), title=title)


def _bootstrap(facts: StudyFacts, summary: StudySummary, trials: Sequence[TrialRecord]) -> bytes:
    held = summary.buy_and_hold.out_of_sample
    return figures.bootstrap(
        summary.bootstrap_sharpes,
        interval=summary.sharpe_interval,
        buy_and_hold=held.sharpe_ratio if held else None,
        title=f"{_name(facts)} · how sure the Sharpe is",
    )


def _winner_point(facts: StudyFacts, summary: StudySummary) -> tuple[float, float] | None:
    outside = (summary.shared or summary).winner.out_of_sample
    value = None if outside is None else getattr(outside, GOALS[facts.goal].measure)
    return None if value is None or summary.winner.value is None else (summary.winner.value, value)


def _luck(facts: StudyFacts, summary: StudySummary) -> float | None:
    """The Sharpe ratio that luck shows, where it can be set against the values: a median has none of its own."""
    return summary.luck.expected_max_sharpe if facts.goal == "sharpe" and not facts.spec.is_shared else None


def _name(facts: StudyFacts) -> str:
    return chart_name(facts.spec)


def _goal_name(facts: StudyFacts) -> str:
    return _title(facts, facts.goal)


def _title(facts: StudyFacts, goal: str) -> str:
    return f"{GOALS[goal].title} (median)" if facts.spec.is_shared else GOALS[goal].title


#: By the names of `chart_list.CHARTS`.
_DRAWERS: dict[str, Callable[[StudyFacts, StudySummary, Sequence[TrialRecord]], bytes]] = {
    "equity": _equity,
    "pareto": _pareto,
    "history": _history,
    "heatmap": _heatmap,
    "scatter": _scatter,
    "folds": _folds,
    "bootstrap": _bootstrap,
}
