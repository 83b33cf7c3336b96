"""Verdict and suggestion at each of their boundaries."""

from dataclasses import replace

import pytest

from optimizer.domain.study_results import Degenerate, Suggestion, Verdict
from optimizer.validation.verdict import (
    OVERFIT_PBO,
    PROMISING_DSR,
    PROMISING_PBO,
    RESEARCH_DSR,
    STRONG_DSR,
    STRONG_PBO,
    Evidence,
    Note,
    beats_buy_and_hold,
    suggestion,
    verdict,
)

BEST = Evidence(skill=0.99, pbo=0.05, in_sample=1.8, out_of_sample=1.2, buy_and_hold=0.5)


def but(**changed: object) -> Evidence:
    return replace(BEST, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (but(skill=STRONG_DSR, pbo=STRONG_PBO), Verdict.STRONG),
        (but(skill=STRONG_DSR - 1e-9, pbo=STRONG_PBO), Verdict.PROMISING),
        (but(skill=STRONG_DSR, pbo=STRONG_PBO + 1e-9), Verdict.PROMISING),
        (but(skill=PROMISING_DSR, pbo=PROMISING_PBO), Verdict.PROMISING),
        (but(skill=PROMISING_DSR - 1e-9, pbo=PROMISING_PBO), Verdict.UNPROVEN),
        (but(skill=PROMISING_DSR, pbo=PROMISING_PBO + 1e-9), Verdict.UNPROVEN),
        (but(pbo=OVERFIT_PBO), Verdict.UNPROVEN),
        (but(pbo=OVERFIT_PBO + 1e-9), Verdict.OVERFIT),
    ],
)
def test_thresholds_belong_to_the_better_verdict(evidence: Evidence, expected: Verdict) -> None:
    assert verdict(evidence) is expected


@pytest.mark.parametrize("out_of_sample", [0.0, -0.5])
def test_what_earned_in_sample_and_nothing_out_of_it_is_overfit(out_of_sample: float) -> None:
    assert verdict(but(out_of_sample=out_of_sample)) is Verdict.OVERFIT


def test_what_lost_in_both_is_not_overfit_but_unproven() -> None:
    assert verdict(but(in_sample=-0.2, out_of_sample=-0.5, skill=0.1)) is Verdict.UNPROVEN


@pytest.mark.parametrize("missing", ["skill", "pbo", "out_of_sample"])
def test_a_figure_that_does_not_exist_supports_nothing(missing: str) -> None:
    assert verdict(but(**{missing: None})) is Verdict.UNPROVEN


@pytest.mark.parametrize("walk_forward", [0.0, -0.3])
def test_nothing_is_promising_that_earned_nothing_when_refitted(walk_forward: float) -> None:
    assert verdict(but(walk_forward=walk_forward)) is Verdict.UNPROVEN
    assert verdict(but(walk_forward=0.01)) is Verdict.STRONG


@pytest.mark.parametrize("kind", list(Degenerate))
def test_a_winner_that_is_no_strategy_is_unproven_and_dropped(kind: Degenerate) -> None:
    evidence = but(degenerate=kind)

    assert verdict(evidence) is Verdict.UNPROVEN
    assert suggestion(verdict(evidence), evidence) is Suggestion.DROP


@pytest.mark.parametrize(
    ("of", "evidence", "expected"),
    [
        (Verdict.STRONG, BEST, Suggestion.ADOPT),
        (Verdict.STRONG, but(is_spike=True), Suggestion.WATCH),
        (Verdict.STRONG, but(buy_and_hold=1.2), Suggestion.WATCH),
        (Verdict.STRONG, but(buy_and_hold=None), Suggestion.ADOPT),
        (Verdict.PROMISING, BEST, Suggestion.WATCH),
        (Verdict.UNPROVEN, but(skill=RESEARCH_DSR), Suggestion.RESEARCH),
        (Verdict.UNPROVEN, but(skill=RESEARCH_DSR - 1e-9), Suggestion.DROP),
        (Verdict.UNPROVEN, but(skill=None), Suggestion.DROP),
        (Verdict.OVERFIT, BEST, Suggestion.DROP),
    ],
)
def test_the_suggestion_claims_no_more_than_the_verdict(of: Verdict, evidence: Evidence, expected: Suggestion) -> None:
    assert suggestion(of, evidence) is expected


def test_nothing_beats_hold_without_a_number_out_of_sample() -> None:
    assert not beats_buy_and_hold(but(out_of_sample=None, buy_and_hold=None))


def test_note_keys_are_plain_words() -> None:
    assert all(str(note) == note.value == note.name.lower() for note in Note)
