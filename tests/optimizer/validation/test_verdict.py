"""The tree of verdicts: each rule at its boundary, and the evidence as it is read from a summary."""

from dataclasses import replace

import pytest

from optimizer.domain.study_results import Case, Degenerate, Obstacle, Suggestion, Verdict
from optimizer.validation.evidence import Evidence, evidence_of, seen
from optimizer.validation.verdict import (
    ALIKE_SHARE,
    OVERFIT_PBO,
    PROMISING_DSR,
    PROMISING_PBO,
    RESEARCH_DSR,
    SPIKE_SHARE,
    STRONG_DSR,
    STRONG_PBO,
    TREE,
    Note,
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
    skill=0.99,
    pbo=0.05,
    low=0.1,
    high=2.3,
    plateau_share=0.6,
)


def but(**changed: object) -> Evidence:
    return replace(BEST, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("evidence", "case", "verdict", "suggestion"),
    [
        (BEST, Case.ALL_CHECKS, Verdict.STRONG, Suggestion.ADOPT),
        (but(skill=STRONG_DSR, pbo=STRONG_PBO), Case.ALL_CHECKS, Verdict.STRONG, Suggestion.ADOPT),
        (but(skill=STRONG_DSR - 0.01), Case.LUCK_NOT_EXCLUDED, Verdict.PROMISING, Suggestion.WATCH),
        (but(pbo=STRONG_PBO + 0.01), Case.RANKING_SHAKY, Verdict.PROMISING, Suggestion.WATCH),
        (but(low=0.0), Case.INTERVAL_WIDE, Verdict.PROMISING, Suggestion.WATCH),
        (but(low=None), Case.INTERVAL_WIDE, Verdict.PROMISING, Suggestion.WATCH),
        (but(buy_and_hold=1.21), Case.BELOW_HOLD, Verdict.STRONG, Suggestion.WATCH),
        (but(buy_and_hold=1.2), Case.ALL_CHECKS, Verdict.STRONG, Suggestion.ADOPT),
        (but(buy_and_hold=None), Case.ALL_CHECKS, Verdict.STRONG, Suggestion.ADOPT),
        (but(default=1.3), Case.BELOW_DEFAULT, Verdict.STRONG, Suggestion.WATCH),
        (but(plateau_share=SPIKE_SHARE - 0.01), Case.SPIKE, Verdict.STRONG, Suggestion.WATCH),
        (but(skill=PROMISING_DSR, pbo=PROMISING_PBO), Case.LUCK_NOT_EXCLUDED, Verdict.PROMISING, Suggestion.WATCH),
        (but(skill=PROMISING_DSR - 0.01), Case.MARKET_EXPLAINS, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(skill=0.2), Case.MARKET_EXPLAINS, Verdict.UNPROVEN, Suggestion.DROP),
        (but(skill=0.7, deflated=0.79), Case.LUCK_OPEN, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (
            but(skill=RESEARCH_DSR - 0.01, deflated=0.79),
            Case.LUCK_AND_MARKET_EXPLAIN,
            Verdict.UNPROVEN,
            Suggestion.DROP,
        ),
        (but(skill=0.3, deflated=0.49), Case.LUCK_EXPLAINS, Verdict.UNPROVEN, Suggestion.DROP),
        (but(pbo=PROMISING_PBO + 0.01), Case.RANKING_NOISY, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(pbo=0.9, plateau_share=ALIKE_SHARE), Case.SETS_ALIKE, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(pbo=None), Case.RANKING_UNKNOWN, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(n_tried=1, pbo=None), Case.ONE_SET, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(walk_forward=0.0), Case.REFITS_LOST, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(in_sample=3.2), Case.FADED, Verdict.UNPROVEN, Suggestion.RESEARCH),
        (but(out_of_sample=0.0), Case.SLIPPED_UNSEEN, Verdict.FAILED_UNSEEN, Suggestion.RESEARCH),
        (but(out_of_sample=0.0, skill=0.4), Case.SLIPPED_UNSEEN, Verdict.FAILED_UNSEEN, Suggestion.DROP),
        (but(out_of_sample=-0.8), Case.LOST_UNSEEN, Verdict.FAILED_UNSEEN, Suggestion.DROP),
        (but(out_of_sample=-0.1, pbo=OVERFIT_PBO + 0.01), Case.RANKING_FAILS, Verdict.OVERFIT, Suggestion.DROP),
        (
            but(out_of_sample=-0.1, in_sample=1.0, pbo=OVERFIT_PBO),
            Case.SLIPPED_UNSEEN,
            Verdict.FAILED_UNSEEN,
            Suggestion.RESEARCH,
        ),
        (but(walk_forward=-0.1, pbo=0.7), Case.RANKING_FAILS, Verdict.OVERFIT, Suggestion.DROP),
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


def test_each_case_has_one_rule() -> None:
    assert sorted(rule.case for rule in TREE) == sorted(Case)


def test_one_set_is_never_called_overfit() -> None:
    assert judge(but(n_tried=1, pbo=0.99, out_of_sample=-1.0)).verdict is Verdict.FAILED_UNSEEN


def test_decisions_are_made_on_the_numbers_that_people_see() -> None:
    assert seen(0.9499999) == 0.95
    assert str(seen(-0.001)) == "0.0"
    summary = facts.summary()
    barely = summary.model_copy(update={"luck": summary.luck.model_copy(update={"skill": 0.7951})})

    assert evidence_of(barely).skill == PROMISING_DSR
    assert judged(barely).verdict is Verdict.PROMISING


def test_the_stored_verdict_follows_from_the_stored_figures() -> None:
    for name, summary in facts.SUMMARIES.items():
        found = judged(summary)
        assert (found.verdict, found.suggestion) == (summary.verdict, summary.suggestion), name
        assert judged(found) == found


def test_note_keys_are_plain_words() -> None:
    assert all(str(note) == note.value == note.name.lower() for note in Note)
