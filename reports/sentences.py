"""Which sentences an answer contains, as a table: the chapter of each, and the evidence that it is true of.

A sentence is chosen by the evidence and by the judgement that follows from it, by nothing else, so that a test can
walk the whole space of evidence and look for two sentences that contradict each other. The words are macros of the
same names in `templates/<language>/findings.jinja`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from optimizer.domain.study_results import Case, Suggestion, Verdict
from optimizer.validation.evidence import Evidence
from optimizer.validation.verdict import (
    ALIKE_SHARE,
    OVERFIT_PBO,
    PROMISING_DSR,
    PROMISING_PBO,
    RESEARCH_DSR,
    STRONG_DSR,
    STRONG_PBO,
    Judgement,
    are_alike,
    is_spike,
)

#: Cases in which nothing qualified: the default parameters are shown for comparison, and nothing won.
NOTHING_WON = frozenset({Case.EVERY_SET_RUINED, Case.CAP_UNMET, Case.TOO_FEW_TRADES, Case.NO_VALUE})
#: Cases in which no neighbourhood of the winner is worth a word.
_NO_GROUND = NOTHING_WON | {Case.EVERY_SET_LOST, Case.NOTHING_GAINED, Case.NEVER_TRADES}
_WEAK = frozenset({Verdict.UNPROVEN, Verdict.FAILED_UNSEEN, Verdict.OVERFIT})
#: Cases whose advice is their own; all others have that of their suggestion.
_OWN_ADVICE = NOTHING_WON | {
    Case.EVERY_SET_LOST,
    Case.NOTHING_GAINED,
    Case.NEVER_TRADES,
    Case.HOLD_IN_DISGUISE,
    Case.RANKING_FAILS,
    Case.LOST_UNSEEN,
    Case.BELOW_HOLD,
    Case.BELOW_DEFAULT,
    Case.SPIKE,
}


@dataclass(frozen=True)
class Sentence:
    """One sentence: its key, its chapter, and when it is true."""

    key: str
    chapter: str
    applies: Callable[[Evidence, Judgement], bool]
    is_favourable: bool = False


def _band(value: float | None) -> str:
    bands = ((STRONG_DSR, "strong"), (PROMISING_DSR, "middling"), (RESEARCH_DSR, "open"))
    return "" if value is None else next((name for least, name in bands if value >= least), "weak")


def _confidence_is(band: str) -> Callable[[Evidence, Judgement], bool]:
    return lambda found, judgement: judgement.case not in _NO_GROUND and _band(found.skill) == band


def _pbo_band(found: Evidence, judgement: Judgement) -> str:
    if found.n_tried < 2 or not _won(judgement):
        return ""
    if found.pbo is None:
        return "unknown"
    if judgement.case is not Case.RANKING_FAILS and are_alike(found):
        return "alike"
    bands = ((STRONG_PBO, "low"), (PROMISING_PBO, "middling"), (OVERFIT_PBO, "even"))
    return next((name for most, name in bands if found.pbo <= most), "high")


def _pbo_is(band: str) -> Callable[[Evidence, Judgement], bool]:
    return lambda found, judgement: _pbo_band(found, judgement) == band


def _interval_is(test: Callable[[float, float], bool]) -> Callable[[Evidence, Judgement], bool]:
    def applies(found: Evidence, judgement: Judgement) -> bool:
        return _won(judgement) and found.low is not None and found.high is not None and test(found.low, found.high)

    return applies


def _won(judgement: Judgement) -> bool:
    return judgement.case not in NOTHING_WON


def _unseen_is(test: Callable[[float], bool]) -> Callable[[Evidence, Judgement], bool]:
    def applies(found: Evidence, judgement: Judgement) -> bool:
        return _won(judgement) and found.is_held_out and found.out_of_sample is not None and test(found.out_of_sample)

    return applies


def _ground(found: Evidence, judgement: Judgement) -> str:
    share = found.plateau_share
    if share is None or judgement.case in _NO_GROUND:
        return ""
    if is_spike(found):
        return "spike" if share > 0 else "lone_spike"
    return "plateau" if share >= ALIKE_SHARE else "slope"


def _ground_is(kind: str) -> Callable[[Evidence, Judgement], bool]:
    return lambda found, judgement: _ground(found, judgement) == kind


def _walked(test: Callable[[float], bool]) -> Callable[[Evidence, Judgement], bool]:
    return lambda found, judgement: _won(judgement) and found.walk_forward is not None and test(found.walk_forward)


SENTENCES = (
    Sentence("standing_both", "head", lambda e, j: _won(j) and e.lost_to_hold and e.lost_to_default),
    Sentence("standing_hold", "head", lambda e, j: _won(j) and e.lost_to_hold and not e.lost_to_default),
    Sentence("standing_default", "head", lambda e, j: _won(j) and e.lost_to_default and not e.lost_to_hold),
    Sentence("never_trades", "real", lambda _, j: j.case is Case.NEVER_TRADES),
    Sentence("hold_in_disguise", "real", lambda _, j: j.case is Case.HOLD_IN_DISGUISE),
    Sentence("no_holdout", "real", lambda e, j: _won(j) and not e.is_held_out),
    Sentence("unseen_idle", "real", lambda e, j: _won(j) and e.is_held_out and e.out_of_sample is None),
    Sentence("unseen_lost", "real", _unseen_is(lambda sharpe: sharpe <= 0)),
    Sentence("interval_above_zero", "real", _interval_is(lambda low, _: low > 0), is_favourable=True),
    Sentence("interval_spans_zero", "real", _interval_is(lambda low, high: low <= 0 <= high)),
    Sentence("interval_below_zero", "real", _interval_is(lambda _, high: high < 0)),
    Sentence("confidence_strong", "real", _confidence_is("strong"), is_favourable=True),
    Sentence("confidence_middling", "real", _confidence_is("middling")),
    Sentence("confidence_open", "real", _confidence_is("open")),
    Sentence("confidence_weak", "real", _confidence_is("weak")),
    Sentence("pbo_low", "real", _pbo_is("low"), is_favourable=True),
    Sentence("pbo_middling", "real", _pbo_is("middling")),
    Sentence("pbo_even", "real", _pbo_is("even")),
    Sentence("pbo_high", "real", _pbo_is("high")),
    Sentence("pbo_alike", "real", _pbo_is("alike")),
    Sentence("pbo_unknown", "real", _pbo_is("unknown")),
    Sentence("walk_gained", "real", _walked(lambda sharpe: sharpe > 0), is_favourable=True),
    Sentence("walk_lost", "real", _walked(lambda sharpe: sharpe <= 0)),
    Sentence("no_walk_forward", "real", lambda e, j: _won(j) and e.walk_forward is None),
    Sentence("plateau", "parameters", _ground_is("plateau")),
    Sentence("slope", "parameters", _ground_is("slope")),
    Sentence("spike", "parameters", _ground_is("spike")),
    Sentence("lone_spike", "parameters", _ground_is("lone_spike")),
    Sentence("next_adopt", "ahead", lambda _, j: j.suggestion is Suggestion.ADOPT),
    Sentence("next_watch", "ahead", lambda _, j: j.suggestion is Suggestion.WATCH),
    Sentence("next_research", "ahead", lambda _, j: j.suggestion is Suggestion.RESEARCH),
    Sentence("next_drop", "ahead", lambda _, j: j.suggestion is Suggestion.DROP and j.case not in _OWN_ADVICE),
)


def chosen(chapter: str, found: Evidence, judgement: Judgement) -> tuple[Sentence, ...]:
    """Sentences of a chapter that are true, in reading order: under a weak verdict what speaks for it comes last."""
    true = [sentence for sentence in SENTENCES if sentence.chapter == chapter and sentence.applies(found, judgement)]
    if judgement.verdict not in _WEAK:
        return tuple(true)
    return tuple(sorted(true, key=lambda sentence: sentence.is_favourable))


def reason_key(judgement: Judgement) -> str:
    """Key of the sentence that gives the reason for the verdict."""
    return f"because_{judgement.case.value}"


def advice_key(judgement: Judgement) -> str:
    """Key of the sentence that explains the suggestion."""
    return f"advice_{judgement.case.value if judgement.case in _OWN_ADVICE else judgement.suggestion.value}"


def all_keys(found: Evidence, judgement: Judgement) -> Iterator[str]:
    """Every sentence that an answer says about this evidence, with its verdict and its suggestion."""
    yield f"verdict_{judgement.verdict.value}"
    yield f"suggestion_{judgement.suggestion.value}"
    yield reason_key(judgement)
    yield advice_key(judgement)
    for chapter in dict.fromkeys(sentence.chapter for sentence in SENTENCES):
        yield from (sentence.key for sentence in chosen(chapter, found, judgement))
