"""The first message of a result as facts: what to do, what happened on unseen bars, three facts, the next step.

Which sentences it consists of is decided here; the words are macros of the same names in
`templates/<language>/decision.jinja`, the reason of the verdict in `findings.jinja`. Whatever is said here is left out
of the story (`reports/narrative.py`).
"""

from dataclasses import dataclass
from enum import StrEnum, auto

from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import Case, Measures, StudySummary, Suggestion
from optimizer.validation.evidence import evidence_of
from reports import narrative
from reports.narrative import Statement

#: Held-out bars shorter than this are told with their days, longer ones with their months; in days.
_MONTHS_FROM = 62
#: Decimals of a return as a fraction, as people see it in percent.
_RETURN_PLACES = 3


class Course(StrEnum):
    """What to do with a result: its first words."""

    USE = auto()
    TRY_ON_PAPER = auto()
    NOT_YET = auto()
    DROP = auto()
    NOTHING = auto()  # no set qualified


_COURSES = {
    Suggestion.ADOPT: Course.USE,
    Suggestion.WATCH: Course.TRY_ON_PAPER,
    Suggestion.RESEARCH: Course.NOT_YET,
    Suggestion.DROP: Course.DROP,
}
#: Cases whose reason is the whole story: nothing is to be said of unseen bars.
_NO_OUTCOME = {Case.EVERY_SET_LOST, Case.NOTHING_GAINED, Case.NEVER_TRADES, Case.HOLD_IN_DISGUISE}


@dataclass(frozen=True)
class Decision:
    """Sentences of the first message. `outcome` and `caveat` follow the verdict's word; at most three are facts."""

    course: Course
    outcome: Statement | None  # what it made on unseen bars; None where the reason says it all
    caveat: Statement | None  # that few trades carry it
    winner: Statement | None
    reason: Statement  # why the verdict is what it is
    confidence: Statement | None  # that it is more than luck and the market's rise
    third: Statement | None  # that the default parameters did better, else what it costs
    advice: str  # key of the sentence on what to do next


def decide(summary: StudySummary, spec: StudySpec) -> Decision:
    """Choose the sentences of a finished study's first message."""
    has_won = not narrative.nothing_won(summary)
    return Decision(
        course=course_of(summary),
        outcome=_outcome(summary),
        caveat=_caveat(summary) if has_won else None,
        winner=_winner(summary) if has_won else None,
        reason=narrative.reason(summary),
        confidence=narrative.confidence(summary),
        third=_third(summary, spec) if has_won else None,
        advice=narrative.advice(summary),
    )


def course_of(summary: StudySummary) -> Course:
    """Return what to do with a result, which every message about it says."""
    if narrative.nothing_won(summary):
        return Course.NOTHING
    return _COURSES[narrative.judgement_of(summary).suggestion]


def _outcome(summary: StudySummary) -> Statement | None:
    """What the winner made on bars that the search had not seen, beside buy and hold."""
    if narrative.nothing_won(summary) or narrative.judgement_of(summary).case in _NO_OUTCOME:
        return None
    own, window = summary.winner.out_of_sample, summary.window
    if own is None or window.holdout_start is None:
        return _refitted(summary)
    hold = summary.buy_and_hold.out_of_sample
    is_short = (window.end - window.holdout_start).days < _MONTHS_FROM
    facts = {"own": own, "hold": hold, "window": window, "is_short": is_short, "is_shared": summary.shared is not None}
    return Statement(_outcome_key(own, hold, summary), facts)


def _outcome_key(own: Measures, hold: Measures | None, summary: StudySummary) -> str:
    """Name the comparison with buy and hold: by the return, and by the risk where that says the opposite."""
    if own.sharpe_ratio is None:
        return "idle"
    if hold is None or hold.total_return is None or own.total_return is None:
        return "alone"
    ahead = round(own.total_return, _RETURN_PLACES) - round(hold.total_return, _RETURN_PLACES)
    found = evidence_of(summary)
    beats_by_risk = not found.lost_to_hold and found.unseen != found.buy_and_hold
    if ahead == 0:
        return "level"
    if ahead < 0:
        return "calmer" if beats_by_risk else "behind"
    if own.total_return <= 0:
        return "lost_less"
    return "wilder" if found.lost_to_hold else "ahead"


def _refitted(summary: StudySummary) -> Statement:
    """What the folds made where nothing was held out; without folds there is nothing to tell."""
    walk = summary.walk_forward
    if walk is None or walk.stitched.sharpe_ratio is None:
        return Statement("no_unseen")
    key = "refitted" if walk.buy_and_hold is None else "refitted_beside_hold"
    return Statement(key, {"walk": walk})


def _caveat(summary: StudySummary) -> Statement | None:
    if not narrative.few_trades(summary):
        return None
    return Statement("few_trades_shared" if summary.shared else "few_trades", {"n": summary.winner.in_sample.n_trades})


def _winner(summary: StudySummary) -> Statement:
    """The winner with its neighbours."""
    ground = narrative.ground(summary)
    if summary.luck.n_tried == 1:
        key = "only_set"
    else:
        key = "winner_default" if narrative.is_default(summary) else "winner_searched"
    return Statement(key, {"winner": summary.winner, "plateau": summary.plateau, "ground": ground})


def _third(summary: StudySummary, spec: StudySpec) -> Statement | None:
    """That the default parameters did better, else what trading costs; nothing where the caveat has its place."""
    if narrative.few_trades(summary):
        return None
    if (better := narrative.default_better(summary)) is not None:
        return better
    if spec.costs.are_none:
        return Statement("no_costs")
    measures = summary.winner.in_sample
    return None if measures.annual_costs is None else Statement("costs", {"measures": measures})
