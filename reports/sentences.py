"""Which sentences an answer contains, as a table: the chapter of each, and the evidence that it is true of.

Those of the chapters `default`, `luck` and `ground` stand in the first message, all others in the story.

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
    NOISY_PBO,
    PROMISING_CONFIDENCE,
    PROMISING_LOST,
    RESEARCH_CONFIDENCE,
    STRONG_CONFIDENCE,
    STRONG_LOST,
    Judgement,
    is_close_call,
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
    Case.SPLIT_IS_FREEDOM,
}


@dataclass(frozen=True)
class Sentence:
    """One sentence: its key, its chapter, and when it is true."""

    key: str
    chapter: str
    applies: Callable[[Evidence, Judgement], bool]
    is_favourable: bool = False


#: Largest PBO with which it is said that leading sets mostly stay ahead.
LOW_PBO = 0.2


def _band(value: float | None) -> str:
    bands = ((STRONG_CONFIDENCE, "strong"), (PROMISING_CONFIDENCE, "middling"), (RESEARCH_CONFIDENCE, "open"))
    return "" if value is None else next((name for least, name in bands if value >= least), "weak")


def _confidence_is(band: str) -> Callable[[Evidence, Judgement], bool]:
    return lambda found, judgement: judgement.case not in _NO_GROUND and _band(found.confidence) == band


def _has_parts(found: Evidence, judgement: Judgement) -> bool:
    return judgement.case not in _NO_GROUND and found.searched is not None


def _is_close(found: Evidence, judgement: Judgement) -> bool:
    return judgement.case in (Case.LUCK_OPEN, Case.LUCK_NOT_EXCLUDED) and is_close_call(found)


def _halves_band(found: Evidence, judgement: Judgement) -> str:
    if found.lost_halves is None or not _won(judgement):
        return ""
    bands = ((STRONG_LOST, "kept"), (PROMISING_LOST, "mixed"))
    return next((name for most, name in bands if found.lost_halves <= most), "lost")


def _halves_are(band: str) -> Callable[[Evidence, Judgement], bool]:
    return lambda found, judgement: _halves_band(found, judgement) == band


def _pbo_band(found: Evidence, judgement: Judgement) -> str:
    """Band of the PBO: a high one means that the choice is noise only where the choice loses as well."""
    if found.n_tried < 2 or not _won(judgement):
        return ""
    if found.pbo is None:
        return "unknown"
    if found.pbo <= NOISY_PBO:
        return "low" if found.pbo <= LOW_PBO else "middling"
    if found.lost_halves is None:
        return "plain"
    return "high" if found.lost_halves > PROMISING_LOST else "alike"


def _pbo_is(band: str) -> Callable[[Evidence, Judgement], bool]:
    return lambda found, judgement: _pbo_band(found, judgement) == band


def _interval_is(test: Callable[[float, float], bool]) -> Callable[[Evidence, Judgement], bool]:
    def applies(found: Evidence, judgement: Judgement) -> bool:
        return _won(judgement) and found.low is not None and found.high is not None and test(found.low, found.high)

    return applies


def _won(judgement: Judgement) -> bool:
    return judgement.case not in NOTHING_WON


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
    def applies(found: Evidence, judgement: Judgement) -> bool:
        if not _won(judgement) or not found.is_held_out or found.walk_forward is None:
            return False  # where nothing was held out, the first message tells what the folds made
        return test(found.walk_forward)

    return applies


SENTENCES = (
    Sentence("default_better", "default", lambda e, j: _won(j) and e.lost_to_default),
    Sentence("confidence_strong", "luck", _confidence_is("strong"), is_favourable=True),
    Sentence("confidence_middling", "luck", _confidence_is("middling")),
    Sentence("confidence_open", "luck", _confidence_is("open")),
    Sentence("confidence_weak", "luck", _confidence_is("weak")),
    Sentence("plateau", "ground", _ground_is("plateau")),
    Sentence("slope", "ground", _ground_is("slope")),
    Sentence("spike", "ground", _ground_is("spike")),
    Sentence("lone_spike", "ground", _ground_is("lone_spike")),
    Sentence("hold_in_disguise", "real", lambda _, j: j.case is Case.HOLD_IN_DISGUISE),
    Sentence("interval_above_zero", "real", _interval_is(lambda low, _: low > 0), is_favourable=True),
    Sentence("interval_spans_zero", "real", _interval_is(lambda low, high: low <= 0 <= high)),
    Sentence("interval_below_zero", "real", _interval_is(lambda _, high: high < 0)),
    Sentence("parts_both", "real", lambda e, j: _has_parts(e, j) and e.on_unseen is not None),
    Sentence("parts_searched", "real", lambda e, j: _has_parts(e, j) and e.on_unseen is None),
    Sentence("close_call", "real", _is_close),
    Sentence("halves_kept", "real", _halves_are("kept"), is_favourable=True),
    Sentence("halves_mixed", "real", _halves_are("mixed")),
    Sentence("halves_lost", "real", _halves_are("lost")),
    Sentence("pbo_low", "real", _pbo_is("low")),
    Sentence("pbo_middling", "real", _pbo_is("middling")),
    Sentence("pbo_high", "real", _pbo_is("high")),
    Sentence("pbo_plain", "real", _pbo_is("plain")),
    Sentence("pbo_alike", "real", _pbo_is("alike")),
    Sentence("pbo_unknown", "real", _pbo_is("unknown")),
    Sentence("walk_gained", "real", _walked(lambda sharpe: sharpe > 0), is_favourable=True),
    Sentence("walk_lost", "real", _walked(lambda sharpe: sharpe <= 0)),
    Sentence("no_walk_forward", "real", lambda e, j: _won(j) and e.walk_forward is None),
    Sentence("research_before", "ahead", lambda e, j: j.suggestion is Suggestion.RESEARCH and e.n_research > 0),
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
