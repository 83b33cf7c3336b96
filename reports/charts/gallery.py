"""The charts of one finished study, by name and in the order a report shows them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import bson

from optimizer.domain.metrics import GOALS
from optimizer.domain.ranking import ranked
from optimizer.domain.study_results import Pareto, StudySummary, TrialRecord
from optimizer.studies.running.forking import computed_beside
from optimizer.validation.pareto import front, knee, points_of
from reports.charts import figures
from reports.charts.chart_labels import ChartLabels, labels_of
from reports.charts.chart_list import expected
from reports.charts.fonts import fonts_of
from reports.facts import StudyFacts
from reports.languages import Language
from reports.tables.report_tables import forecast_rows

#: Symbols that a chart's title names.
_MOST_NAMED = 4


def pictures(facts: StudyFacts, trials: Sequence[TrialRecord], language: Language = "en") -> dict[str, bytes]:
    """PNG bytes by chart name, drawn on two cores; a chart whose numbers the study does not have is left out."""
    assert facts.summary is not None, "charts are drawn only of a finished study"
    study = _Study(facts, facts.summary, trials, labels_of(language))
    names = expected(facts.summary)
    with fonts_of(language), computed_beside(lambda: bson.encode(_drawn(study, names[1::2]))) as others:
        drawn = _drawn(study, names[::2])
        packed = others()
        drawn |= _drawn(study, names[1::2]) if packed is None else bson.decode(packed)
    return {name: drawn[name] for name in names}


def _drawn(study: "_Study", names: Sequence[str]) -> dict[str, bytes]:
    return {name: _DRAWERS[name](study) for name in names}


class _Study(NamedTuple):
    """What the charts of one study are drawn of, and the words on them."""

    facts: StudyFacts
    summary: StudySummary
    trials: Sequence[TrialRecord]
    say: ChartLabels

    def title(self, chart: str) -> str:
        symbols = self.facts.spec.symbols
        many = len(symbols) > _MOST_NAMED
        name = self.say.said("n_symbols", len(symbols)) if many else self.facts.spec.label
        return f"{name} {self.facts.spec.strategy_name.upper()} · {self.say.titles[chart]}"

    def goal_name(self, goal: str) -> str:
        name = self.say.goals[goal]
        return self.say.said("median", name) if self.facts.spec.is_shared else name


def _equity(study: _Study) -> bytes:
    summary = study.summary
    return figures.equity(
        study.say,
        summary.curve,
        holdout_start=summary.window.holdout_start,
        title=study.title("equity"),
        regimes=summary.regime.runs if summary.regime else (),
    )


def _history(study: _Study) -> bytes:
    goal, feasible = study.facts.goal, feasible_values(study.trials)
    return figures.history(
        study.say,
        [number for number, _ in feasible],
        [value for _, value in feasible],
        goal=goal,
        goal_name=study.goal_name(goal),
        luck=_luck(study.facts, study.summary),
        title=study.title("history"),
    )


def feasible_values(trials: Sequence[TrialRecord]) -> list[tuple[int, float]]:
    """Number and value of each feasible trial."""
    return [(trial.number, trial.value) for trial in trials if trial.is_feasible and trial.value is not None]


def _heatmap(study: _Study) -> bytes:
    summary, goal = study.summary, study.facts.goal
    assert summary.surface is not None, "drawn only where there is one"
    return figures.heatmap(
        study.say,
        summary.surface,
        winner=summary.winner.params,
        value=summary.winner.value,
        goal=goal,
        goal_name=study.goal_name(goal),
        title=study.title("heatmap"),
    )


def _scatter(study: _Study) -> bytes:
    goal = study.facts.plain_goal
    return figures.scatter(
        study.say,
        study.summary.scatter,
        winner=_winner_point(study.facts, study.summary),
        goal=goal,
        goal_name=study.goal_name(goal),
        title=study.title("scatter"),
    )


def _pareto(study: _Study) -> bytes:
    summary = study.summary
    assert summary.pareto is not None, "drawn only where there is one"
    first, second = study.facts.spec.goals
    points = points_of(ranked(study.trials))
    front_points = [points[row] for row in front(points)]
    at = knee(front_points)
    return figures.pareto(
        study.say,
        points,
        front=front_points,
        winner=front_points[0],
        knee=None if at is None else front_points[at],
        unseen=_unseen(summary.pareto, first, second),
        goals=(first, second),
        goal_names=(study.goal_name(first), study.goal_name(second)),
        title=study.title("pareto"),
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


def _folds(study: _Study) -> bytes:
    goal, walk = study.facts.plain_goal, study.summary.walk_forward
    assert walk is not None, "drawn only where there is one"
    return figures.folds(study.say, walk.folds, goal=goal, goal_name=study.goal_name(goal), title=study.title("folds"))


def _bootstrap(study: _Study) -> bytes:
    held = study.summary.buy_and_hold.out_of_sample
    return figures.bootstrap(
        study.say,
        study.summary.bootstrap_sharpes,
        interval=study.summary.sharpe_interval,
        buy_and_hold=held.sharpe_ratio if held else None,
        title=study.title("bootstrap"),
    )


def _forecast(study: _Study) -> bytes:
    winner, *others = study.summary.forecasts
    held = [row.gained[2] for row in forecast_rows(others[0])] if others else None
    rows = forecast_rows(winner)
    fan = figures.Fan(
        days=(winner.as_of, *(row.until for row in rows)),
        horizons=[row.n_bars for row in rows],
        bands=((0.0,) * 5, *(row.gained for row in rows)),
        hold=None if held is None else (0.0, *held),
    )
    return figures.fan(study.say, fan, title=study.title("forecast"))


def _winner_point(facts: StudyFacts, summary: StudySummary) -> tuple[float, float] | None:
    outside = (summary.shared or summary).winner.out_of_sample
    goal = GOALS[facts.goal]
    inside = getattr(summary.winner.in_sample, goal.measure) if goal.weighs else summary.winner.value
    value = None if outside is None else getattr(outside, goal.measure)
    return None if value is None or inside is None else (inside, value)


def _luck(facts: StudyFacts, summary: StudySummary) -> float | None:
    """The Sharpe ratio that luck shows, where it can be set against the values: a median has none of its own."""
    return summary.luck.expected_max_sharpe if facts.goal == "sharpe" and not facts.spec.is_shared else None


#: By the names of `chart_list.CHARTS`.
_DRAWERS: dict[str, Callable[[_Study], bytes]] = {
    "equity": _equity,
    "pareto": _pareto,
    "history": _history,
    "heatmap": _heatmap,
    "scatter": _scatter,
    "folds": _folds,
    "bootstrap": _bootstrap,
    "forecast": _forecast,
}
