"""Studies of a group as a table: what the root message shows, and the file with a row for each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.delivery.facts import study_facts
from bot.delivery.trial_table import Table
from optimizer.domain.study_request import StudySpec, common_request
from optimizer.domain.study_results import Measures, Verdict
from optimizer.domain.universe import Universe, distinct
from optimizer.storage.documents import OptimizationStudy
from optimizer.validation.evidence import evidence_of
from optimizer.validation.statistics.across_symbols import AcrossSymbols, SymbolResult, across_symbols, own_p
from reports.facts import StudyFacts

#: Rows of a root's table: what fits on a screen, and far below Slack's hundred.
MOST_ROWS = 25
_MEASURES = ("sharpe_ratio", "total_return", "max_drawdown", "n_trades")


@dataclass(frozen=True, kw_only=True)
class GroupFacts:
    """What the root message of a group says."""

    spec: StudySpec  # what was requested of each symbol
    studies: Sequence[StudyFacts]  # the shown ones: all of a small group in its order, the best of a large one
    n: int
    n_done: int
    tally: Sequence[tuple[str, int]]  # how many have each verdict, the best first, and how many failed
    by: str
    is_large: bool
    universes: Sequence[Universe] = ()  # lists that symbols were taken from
    across: AcrossSymbols | None = None  # judgement of all together, once all have ended


def group_facts(studies: Sequence[OptimizationStudy], *, by: str, is_large: bool, now: datetime) -> GroupFacts:
    """Gather what a group's root message says of its studies at this moment."""
    shown = sorted(studies, key=_place)[:MOST_ROWS] if is_large else studies
    return GroupFacts(
        spec=common_request([study.spec for study in studies]),
        studies=[study_facts(study, now=now) for study in shown],
        n=len(studies),
        n_done=sum(study.status.is_finished for study in studies),
        tally=_tally(studies) if is_large else (),
        by=by,
        is_large=is_large,
        universes=distinct(study.universe for study in studies),
        across=judge_together(studies),
    )


def judge_together(studies: Sequence[OptimizationStudy]) -> AcrossSymbols | None:
    """Judge all symbols of a request as one question; None before all have ended."""
    if not all(study.status.is_finished for study in studies):
        return None
    return across_symbols([_result(study) for study in studies])


def _result(study: OptimizationStudy) -> SymbolResult:
    summary = study.summary
    if summary is None:
        return SymbolResult(symbol=study.symbol)
    return SymbolResult(symbol=study.symbol, p=own_p(summary), verdict=summary.verdict)


def group_table(studies: Sequence[OptimizationStudy]) -> Table:
    """Return the columns of a group's file, a row per study, the best first; None where there is no value."""
    across = judge_together(studies)
    p_values = dict(zip([study.study_name for study in studies], across.p_values, strict=True)) if across else {}
    ranked = sorted(studies, key=_place)
    rows = [_row(study) | {"p_after_all_symbols": p_values.get(study.study_name)} for study in ranked]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _place(study: OptimizationStudy) -> tuple[float, ...]:
    """Order by the evidence, as the leaderboard; then those that ended without any, and those that have not ended."""
    if study.rank is not None:
        return 0, study.rank.verdict, study.rank.p, -study.rank.outside
    return (1 if study.status.is_finished else 2 if study.trials_completed else 3,)


def _tally(studies: Sequence[OptimizationStudy]) -> list[tuple[str, int]]:
    counted = Counter(str(study.summary.verdict) for study in studies if study.summary)
    counted["failed"] = sum(study.status == "failed" for study in studies)
    return [(name, counted[name]) for name in [*map(str, Verdict), "failed"] if counted[name]]


def _row(study: OptimizationStudy) -> dict[str, object]:
    summary = study.summary
    winner, hold = (summary.winner, summary.buy_and_hold) if summary else (None, None)
    row: dict[str, object] = {
        "symbol": study.symbol,
        "study": study.study_name,
        "from": f"{study.window.start_date}",
        "to": f"{study.window.end_date}",
        "state": str(study.status),
        "verdict": summary and str(summary.verdict),
        "suggestion": summary and str(summary.suggestion),
        "confidence": summary and evidence_of(summary).confidence,
        "parameters": winner and " ".join(f"{name}={value}" for name, value in winner.params.items()),
    }
    row |= _measures("in_sample", winner.in_sample if winner else None)
    row |= _measures("out_of_sample", winner.out_of_sample if winner else None)
    held = hold.out_of_sample if hold else None
    return row | {"buy_and_hold_sharpe_ratio_out_of_sample": held and held.sharpe_ratio}


def _measures(window: str, found: Measures | None) -> dict[str, object]:
    return {f"{name}_{window}": found and getattr(found, name) for name in _MEASURES}
