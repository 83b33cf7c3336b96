"""The tree of verdicts: each rule at its boundary, and the evidence as it is read from a summary."""

from dataclasses import replace

import pytest

from optimizer.domain.results.learned_results import Doubt
from optimizer.domain.study_results import Case, Degenerate, Obstacle, Suggestion, Verdict
from optimizer.validation.evidence import Evidence, evidence_of, seen
from optimizer.validation.verdict import (
    COIN_TOSS,
    LUCK_DSR,
    MOST_AGING,
    MOST_FADING,
    MOST_PLACEBO,
    ONE_ERROR,
    OVERFIT_LOST,
    PROMISING_CONFIDENCE,
    PROMISING_LOST,
    RESEARCH_CONFIDENCE,
    RETIRED,
    SPIKE_SHARE,
    STRONG_CONFIDENCE,
    STRONG_LOST,
    TREE,
    Note,
    is_close_call,
    judge,
    judged,
)
from tests.reports import facts

#: A result that passes every check.
BEST = Evidence(
    n_tried=200,
    in_sample=1.4,
    out_of_sample=1.2,
    walk_forward=0.9,
    buy_and_hold=0.5,
    default=0.4,
    deflated=0.99,
    confidence=1.0,
    searched=0.99,
    on_unseen=0.99,
    lost_halves=0.05,
    pbo=0.05,
    low=0.1,
    high=2.3,
    plateau_share=0.6,
)


#: Luck and market explain it, though luck alone does not.
LIKELY_LUCK = replace(BEST, confidence=RESEARCH_CONFIDENCE - 0.01)


def but(**changed: object) -> Evidence:
    return replace(BEST, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("evidence", "case", "verdict", "suggestion"),
    [
        (BEST, Case.ALL_CHECKS, Verdict.STRONG, Suggestion.ADOPT),
        (but(confidence=STRONG_CONFIDENCE, lost_halves=STRONG_LOST), Case.ALL_CHECKS, Verdict.STRONG, Suggestion.ADOPT),
        (but(pbo=0.99), Case.ALL_CHECKS, Verdict.STRONG, Suggestion.ADOPT),
        (but(confidence=STRONG_CONFIDENCE - 0.01), Case.LUCK_NOT_EXCLUDED, Verdict.PROMISING, Suggestion.WATCH),
        (but(lost_halves=STRONG_LOST + 0.01), Case.CHOICE_SHAKY, Verdict.PROMISING, Suggestion.WATCH),
        (but(low=0.0), Case.INTERVAL_WIDE, Verdict.PROMISING, Suggestion.WATCH),
        (but(low=None), Case.INTERVAL_WIDE, Verdict.PROMISING, Suggestion.WATCH),
        (but(buy_and_hold=1.21), Case.BELOW_HOLD, Verdict.STRONG, Suggestion.WATCH),
        (but(buy_and_hold=1.2), Case.ALL_CHECKS, Verdict.STRONG, Suggestion.ADOPT),
        (but(buy_and_hold=None), Case.ALL_CHECKS, Verdict.STRONG, Suggestion.ADOPT),
        (but(default=1.3), Case.BELOW_DEFAULT, Verdict.STRONG, Suggestion.WATCH),
        (but(plateau_share=SPIKE_SHARE - 0.01), Case.SPIKE, Verdict.STRONG, Suggestion.WATCH),
        (but(confidence=PROMISING_CONFIDENCE), Case.LUCK_NOT_EXCLUDED, Verdict.PROMISING, Suggestion.WATCH),
        (but(confidence=PROMISING_CONFIDENCE - 0.01), Case.LUCK_OPEN, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(confidence=RESEARCH_CONFIDENCE), Case.LUCK_OPEN, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (LIKELY_LUCK, Case.MARKET_EXPLAINS, Verdict.UNPROVEN, Suggestion.DROP),
        (
            replace(LIKELY_LUCK, deflated=LUCK_DSR - 0.01),
            Case.LUCK_AND_MARKET_EXPLAIN,
            Verdict.UNPROVEN,
            Suggestion.DROP,
        ),
        (replace(LIKELY_LUCK, deflated=COIN_TOSS - 0.01), Case.LUCK_EXPLAINS, Verdict.UNPROVEN, Suggestion.DROP),
        (but(placebo_p=MOST_PLACEBO + 0.01), Case.SPLIT_IS_FREEDOM, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(placebo_p=MOST_PLACEBO), Case.ALL_CHECKS, Verdict.STRONG, Suggestion.ADOPT),
        (but(doubts=(Doubt.SEEDS_DISAGREE,)), Case.SEEDS_DISAGREE, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(doubts=(Doubt.NULLS_AS_GOOD,)), Case.NOISE_AS_GOOD, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(doubts=(Doubt.TWIN_AS_GOOD,)), Case.TWIN_AS_GOOD, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(doubts=(Doubt.COSTS_TURN_IT,)), Case.COSTS_TURN_IT, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (
            but(doubts=tuple(Doubt), out_of_sample=-0.8, fading=MOST_FADING),
            Case.LOST_UNSEEN,
            Verdict.FAILED_UNSEEN,
            Suggestion.DROP,
        ),
        (but(lost_halves=PROMISING_LOST + 0.01), Case.CHOICE_LOSES, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(n_tried=1, pbo=None), Case.ONE_SET, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(walk_forward=0.0), Case.REFITS_WEAK, Verdict.PROMISING, Suggestion.WATCH),
        (but(walk_forward=0.0, confidence=0.9), Case.REFITS_LOST, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(fading=MOST_FADING), Case.FADED, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(aging=MOST_AGING), Case.AGED, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(out_of_sample=0.0), Case.SLIPPED_BUT_LIKELY, Verdict.PROMISING, Suggestion.WATCH),
        (but(out_of_sample=0.0, confidence=0.9), Case.LOST_A_LITTLE, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (
            but(out_of_sample=0.0, confidence=0.9, fading=ONE_ERROR),
            Case.SLIPPED_UNSEEN,
            Verdict.FAILED_UNSEEN,
            Suggestion.RESEARCH,
        ),
        (
            but(out_of_sample=0.0, confidence=0.4, fading=ONE_ERROR),
            Case.SLIPPED_UNSEEN,
            Verdict.FAILED_UNSEEN,
            Suggestion.DROP,
        ),
        (but(out_of_sample=-0.8, fading=MOST_FADING), Case.LOST_UNSEEN, Verdict.FAILED_UNSEEN, Suggestion.DROP),
        (but(out_of_sample=-1.8, low=-3.0, high=-0.1), Case.LOST_UNSEEN, Verdict.FAILED_UNSEEN, Suggestion.DROP),
        (
            but(out_of_sample=-0.1, lost_halves=OVERFIT_LOST + 0.01),
            Case.RANKING_FAILS,
            Verdict.OVERFIT,
            Suggestion.DROP,
        ),
        (but(out_of_sample=-0.1, lost_halves=OVERFIT_LOST), Case.CHOICE_LOSES, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (
            but(out_of_sample=-0.1, lost_halves=PROMISING_LOST),
            Case.SLIPPED_BUT_LIKELY,
            Verdict.PROMISING,
            Suggestion.WATCH,
        ),
        (but(out_of_sample=None), Case.UNSEEN_IDLE, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(is_held_out=False, out_of_sample=None), Case.ALL_CHECKS, Verdict.STRONG, Suggestion.ADOPT),
        (
            but(is_held_out=False, out_of_sample=None, walk_forward=None),
            Case.UNSEEN_MISSING,
            Verdict.UNPROVEN,
            Suggestion.RESEARCH,
        ),
        (but(in_sample=0.0, out_of_sample=-1.0), Case.NOTHING_GAINED, Verdict.UNPROVEN, Suggestion.DROP),
        (but(any_gained=False), Case.EVERY_SET_LOST, Verdict.UNPROVEN, Suggestion.DROP),
        (but(degenerate=Degenerate.NEVER_TRADES), Case.NEVER_TRADES, Verdict.UNPROVEN, Suggestion.DROP),
        (but(degenerate=Degenerate.HOLD_IN_DISGUISE), Case.HOLD_IN_DISGUISE, Verdict.UNPROVEN, Suggestion.DROP),
        (but(obstacle=Obstacle.RUIN), Case.EVERY_SET_RUINED, Verdict.UNPROVEN, Suggestion.DROP),
        (but(obstacle=Obstacle.CAP), Case.CAP_UNMET, Verdict.UNPROVEN, Suggestion.DROP),
        (but(obstacle=Obstacle.FEW_TRADES), Case.TOO_FEW_TRADES, Verdict.UNPROVEN, Suggestion.DROP),
        (but(obstacle=Obstacle.NO_VALUE), Case.NO_VALUE, Verdict.UNPROVEN, Suggestion.DROP),
    ],
)
def test_every_case_at_its_boundary(evidence: Evidence, case: Case, verdict: Verdict, suggestion: Suggestion) -> None:
    found = judge(evidence)

    assert (found.case, found.verdict, found.suggestion) == (case, verdict, suggestion)


def test_each_case_of_today_has_one_rule() -> None:
    assert sorted(rule.case for rule in TREE) == sorted(set(Case) - RETIRED)


def test_one_set_is_never_called_overfit() -> None:
    assert judge(but(n_tried=1, lost_halves=0.99, out_of_sample=-1.0, fading=2.0)).verdict is Verdict.FAILED_UNSEEN


def test_what_held_up_on_unseen_bars_is_never_called_overfit() -> None:
    assert judge(but(lost_halves=0.99, pbo=0.99, walk_forward=-1.0)).verdict is Verdict.UNPROVEN


@pytest.mark.parametrize(("confidence", "is_close"), [(0.96, False), (0.97, True), (0.98, True), (0.99, False)])
def test_a_confidence_on_the_line_or_just_below_it_is_a_close_call(confidence: float, is_close: bool) -> None:
    assert is_close_call(but(confidence=confidence)) is is_close


def test_decisions_are_made_on_the_numbers_that_people_see() -> None:
    assert seen(0.9499999) == 0.95
    assert str(seen(-0.001)) == "0.0"
    summary = facts.summary()
    assert summary.significance is not None
    barely = summary.model_copy(update={"significance": facts.significance(p=0.0249)})

    assert evidence_of(barely).confidence == PROMISING_CONFIDENCE
    assert judged(barely).verdict is Verdict.PROMISING


def test_the_stored_verdict_follows_from_the_stored_figures() -> None:
    for name, summary in facts.SUMMARIES.items():
        found = judged(summary)
        assert (found.verdict, found.suggestion) == (summary.verdict, summary.suggestion), name
        assert judged(found) == found


def test_note_keys_are_plain_words() -> None:
    assert all(str(note) == note.value == note.name.lower() for note in Note)
