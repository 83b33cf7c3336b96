"""The one JSON document of a finished study: exact numbers, ISO dates, null where there is no measure."""

from collections.abc import Sequence
from typing import Any

from optimizer.domain.study_results import Scored, StudySummary, TrialRecord, WalkForward
from reports.facts import StudyFacts

JsonObject = dict[str, Any]


def json_document(facts: StudyFacts, trials: Sequence[TrialRecord]) -> JsonObject:
    """Everything a program may want of a study, in types that JSON has.

    `best`, `default` and `buy_and_hold` carry their measures in the searched window; `in_sample` and
    `out_of_sample` set the three side by side. The parts that validation adds are null until it is done.
    """
    summary = facts.summary
    return {
        "study": _study(facts),
        "best": None if summary is None else _scored(summary.winner),
        "default": None if summary is None else _scored(summary.default),
        "buy_and_hold": None
        if summary is None
        else {"measures": summary.buy_and_hold.in_sample.model_dump(mode="json")},
        **(_validation(summary) if summary is not None else {}),
        "trials": [_trial(trial) for trial in trials],
    }


def _study(facts: StudyFacts) -> JsonObject:
    spec, summary = facts.spec, facts.summary
    return {
        "name": facts.study_name,
        "status": facts.status.value,
        "symbol": spec.label,
        "symbols": list(spec.symbols),
        "strategy": spec.strategy_name,
        "goals": list(spec.goals),
        "n_trials": spec.n_trials,
        "trials_completed": facts.trials_completed,
        "seed": spec.seed,
        "space_size": facts.space_size,
        "spec": spec.model_dump(mode="json"),
        "window": None if summary is None else summary.window.model_dump(mode="json"),
        "source": facts.source,
        "data_hash": facts.data_hash,
        "code_version": facts.code_version,
        "timings": facts.timings.model_dump(mode="json"),
        "created_at": facts.created_at.isoformat(),
        "command": facts.command,
        "universe": _dump(facts.universe),
    }


def _validation(summary: StudySummary) -> JsonObject:
    luck, plateau = summary.luck, summary.plateau
    return {
        "verdict": summary.verdict.value,
        "suggestion": summary.suggestion.value,
        "case": None if summary.case is None else summary.case.value,
        "unmet": None if summary.unmet is None else summary.unmet.model_dump(mode="json"),
        "degenerate": None if summary.degenerate is None else summary.degenerate.value,
        "deflated_sharpe_ratio": luck.deflated_sharpe_ratio,
        "pbo": luck.pbo,
        "skill": luck.skill,
        "expected_max_sharpe": luck.expected_max_sharpe,
        "market_sharpe": luck.market_sharpe,
        "n_tried": luck.n_tried,
        "n_tried_ever": luck.n_tried_ever,
        "tries": _dump(summary.tries),
        "significance": _dump(summary.significance),
        "expected": _dump(summary.expected),
        "stress": _dump(summary.stress),
        "plateau": {
            "n_neighbours": plateau.n_neighbours,
            "share": plateau.share,
            "centre": None if plateau.centre is None else _scored(plateau.centre),
        },
        "in_sample": _side(summary, "in_sample"),
        "out_of_sample": _side(summary, "out_of_sample") if summary.winner.out_of_sample else None,
        "walk_forward": None if summary.walk_forward is None else _walk_forward(summary.walk_forward),
        "intervals": {
            "sharpe_ratio": _dump(summary.sharpe_interval),
            "max_drawdown": _dump(summary.drawdown_interval),
            "level": 0.9,
        },
        "importance": summary.importance,
        "top": [_scored(scored) for scored in summary.top],
        "shared": _dump(summary.shared),
        "pareto": _dump(summary.pareto),
        "by_regime": _dump(summary.by_regime),
        "split": _dump(summary.split),
        "notes": list(summary.notes),
    }


def _scored(scored: Scored) -> JsonObject:
    return {
        "number": scored.number,
        "params": scored.params,
        "value": scored.value,
        "measures": scored.in_sample.model_dump(mode="json"),
    }


def _side(summary: StudySummary, side: str) -> JsonObject:
    return {name: _dump(getattr(getattr(summary, name), side)) for name in ("winner", "default", "buy_and_hold")}


def _walk_forward(walk: WalkForward) -> JsonObject:
    return {
        "folds": [fold.model_dump(mode="json") for fold in walk.folds],
        "stitched": walk.stitched.model_dump(mode="json"),
    }


def _dump(value: Any) -> JsonObject | None:
    return None if value is None else value.model_dump(mode="json")


def _trial(trial: TrialRecord) -> JsonObject:
    return {
        "number": trial.number,
        "params": trial.params,
        "value": trial.value,
        "values": list(trial.values),
        "state": trial.state.value,
        "is_feasible": trial.is_feasible,
        "reason": trial.reason,
        "measures": {
            "sharpe_ratio": trial.sharpe_ratio,
            "total_return": trial.total_return,
            "max_drawdown": trial.max_drawdown,
            "n_trades": trial.n_trades,
        },
    }
