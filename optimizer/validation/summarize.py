"""Summary of a finished search from its trials.

The searched window gives values, ranks and the statistics of luck; the holdout is scored once, at the end,
from a flat start with warm indicators. This module collects what `assessment` and `verdict` compute.
Only the refits and the bootstrap are random, and both are seeded by the study.
"""

from collections.abc import Mapping, Sequence

from optimizer.domain.bars import Bars
from optimizer.domain.space import Space
from optimizer.domain.study_request import StudySpec, is_exhaustive
from optimizer.domain.study_results import StudySummary, Suggestion, TrialRecord, TrialState, Tries, Verdict
from optimizer.domain.thinning import thin_walk_forward
from optimizer.engine.multi_symbol import NO_COMPANIONS, AnyEvaluator
from optimizer.learned.rows import UNWATCHED, Watch
from optimizer.search.fold_search import Refit, refit
from optimizer.search.scoring import RUINED_RETURN
from optimizer.validation.assessment import Assessment
from optimizer.validation.caveats import notes
from optimizer.validation.learned_evidence.report import beside_noise
from optimizer.validation.pareto import pareto_part
from optimizer.validation.per_symbol import shared_part
from optimizer.validation.regimes.by_regime import regime_report
from optimizer.validation.regimes.split_evidence import split_evidence
from optimizer.validation.sensitivity import surface
from optimizer.validation.verdict import PROVEN, judged
from optimizer.validation.window import WindowRows, window_facts, window_rows

#: Tries of the first search of its bars.
NOTHING_TRIED = Tries()

__all__ = ["WindowRows", "summarize", "window_rows"]


def summarize(
    spec: StudySpec,
    space: Space,
    evaluator: AnyEvaluator,
    trials: Sequence[TrialRecord],
    *,
    window: WindowRows,
    tries: Tries = NOTHING_TRIED,
    refit: Refit = refit,
    companions: Mapping[str, Bars] = NO_COMPANIONS,
    watch: Watch = UNWATCHED,
) -> StudySummary:
    """Summarize a finished search: winner, luck, plateau, walk-forward, intervals, verdict, and data for charts.

    `trials` are all records of the search over `[window.start, window.holdout_start)`; `tries` counts what other
    studies of overlapping bars tried; `companions` are the bars of the other symbols that the request names. When no
    trial is feasible the default set replaces the winner, with a note. `watch` hears what is fitted to judge it.
    Raises TrainingStopped.
    """
    assessment = Assessment(
        spec=spec,
        space=space,
        evaluator=evaluator,
        trials=trials,
        rows=window,
        tries=tries,
        refit=refit,
        companions=companions,
    )
    with assessment.resampling_beside():
        figures = _figures(assessment)
    summary = _beside_noise(judged(figures), assessment, watch)
    return summary.model_copy(update={"notes": tuple(note.value for note in notes(assessment, summary.case))})


def _beside_noise(summary: StudySummary, found: Assessment, watch: Watch) -> StudySummary:
    """Judge again beside what noise learns, where that may lower the verdict."""
    if summary.learned is None or summary.verdict not in PROVEN:
        return summary
    learned = beside_noise(summary.learned, found.evaluator, found.rows, found.space.default, watch)
    return judged(summary.model_copy(update={"learned": learned}))


def _figures(found: Assessment) -> StudySummary:
    """Summary before it is judged."""
    return StudySummary(
        window=window_facts(found.rows, found.evaluator.bars),
        winner=found.winner,
        default=found.default,
        buy_and_hold=found.buy_and_hold,
        top=found.top,
        verdict=Verdict.UNPROVEN,
        suggestion=Suggestion.DROP,
        luck=found.luck,
        tries=found.tries,
        significance=found.significance,
        expected=found.expected,
        stress=found.stress,
        plateau=found.plateau,
        walk_forward=thin_walk_forward(found.walk_forward),
        sharpe_interval=found.sharpe_interval,
        drawdown_interval=found.drawdown_interval,
        bootstrap_sharpes=found.bootstrap_sharpes,
        degenerate=found.degenerate,
        importance=found.importance,
        best_stretch=found.stretches[0],
        worst_stretch=found.stretches[1],
        curve=found.curve,
        surface=surface(found.scorer, found.winner.params, found.importance),
        scatter=found.scatter,
        n_infeasible=sum(trial.violation > 0 for trial in found.trials),
        n_failed=sum(trial.state is TrialState.FAIL for trial in found.trials),
        n_ruined=sum((trial.total_return or 0.0) <= RUINED_RETURN for trial in found.trials),
        n_gaining=sum((trial.total_return or 0.0) > 0 for trial in found.ranked) if found.ranked else None,
        unmet=found.unmet,
        is_exhaustive=is_exhaustive(found.spec, found.space),
        optimum=None if is_exhaustive(found.spec, found.space) else found.optimum,
        space_size=found.space.size,
        shared=shared_part(found),
        pareto=pareto_part(found),
        comparison=found.comparison,
        by_regime=regime_report(found),
        split=split_evidence(found),
        learned=found.learned,
    )
