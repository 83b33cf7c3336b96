"""Which findings are stated, each at its boundary."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from optimizer.domain.study_request import Costs
from optimizer.domain.study_results import (
    Degenerate,
    Interval,
    Luck,
    Measures,
    Plateau,
    Scored,
    Stretch,
    StudySummary,
    Suggestion,
    Verdict,
    WalkForward,
)
from optimizer.validation.verdict import (
    OVERFIT_PBO,
    PROMISING_DSR,
    PROMISING_PBO,
    RESEARCH_DSR,
    STRONG_DSR,
    STRONG_PBO,
    Note,
)
from reports import narrative
from tests.reports import facts


def keys(summary: StudySummary, chapter: str) -> list[str]:
    """The findings of one chapter."""
    told = {part.key: part.findings for part in narrative.chapters(summary, facts.SPEC)}
    return [finding.key for finding in told.get(chapter, ())]


def luck(**changes: Any) -> StudySummary:
    return facts.summary(luck=facts.summary().luck.model_copy(update=changes))


def outside(sharpe: float | None, **changes: Any) -> StudySummary:
    winner = facts.summary().winner.model_copy(update={"out_of_sample": Measures(sharpe_ratio=sharpe)})
    return facts.summary(winner=winner, **changes)


def inside(**changes: Any) -> StudySummary:
    winner = facts.summary().winner
    measures = winner.in_sample.model_copy(update=changes)
    return facts.summary(winner=winner.model_copy(update={"in_sample": measures}))


def neighbourhood(share: float | None, centre: Scored | None = None) -> StudySummary:
    return facts.summary(plateau=Plateau(n_neighbours=6, share=share, neighbours=(), centre=centre))


def no_hold() -> StudySummary:
    buy_and_hold = facts.HOLD.model_copy(update={"out_of_sample": Measures()})
    return facts.summary(buy_and_hold=buy_and_hold)


def walked(sharpe: float | None) -> StudySummary:
    walk = facts.summary().walk_forward
    assert walk is not None
    return facts.summary(walk_forward=walk.model_copy(update={"stitched": Measures(sharpe_ratio=sharpe)}))


def stretch(total_return: float) -> Stretch:
    return Stretch(start=date(2009, 1, 1), end=date(2009, 2, 1), total_return=total_return)


@pytest.mark.parametrize(
    ("summary", "chapter", "says"),
    [
        (luck(deflated_sharpe_ratio=STRONG_DSR), "real", "dsr_strong"),
        (luck(deflated_sharpe_ratio=STRONG_DSR - 1e-6), "real", "dsr_middling"),
        (luck(deflated_sharpe_ratio=PROMISING_DSR), "real", "dsr_middling"),
        (luck(deflated_sharpe_ratio=PROMISING_DSR - 1e-6), "real", "dsr_open"),
        (luck(deflated_sharpe_ratio=RESEARCH_DSR), "real", "dsr_open"),
        (luck(deflated_sharpe_ratio=RESEARCH_DSR - 1e-6), "real", "dsr_weak"),
        (luck(skill=STRONG_DSR), "real", "skill_strong"),
        (luck(skill=STRONG_DSR - 1e-6), "real", "skill_middling"),
        (luck(skill=PROMISING_DSR - 1e-6), "real", "skill_open"),
        (luck(skill=RESEARCH_DSR - 1e-6), "real", "skill_weak"),
        (luck(pbo=STRONG_PBO), "real", "pbo_low"),
        (luck(pbo=STRONG_PBO + 1e-6), "real", "pbo_middling"),
        (luck(pbo=PROMISING_PBO), "real", "pbo_middling"),
        (luck(pbo=PROMISING_PBO + 1e-6), "real", "pbo_even"),
        (luck(pbo=OVERFIT_PBO), "real", "pbo_even"),
        (luck(pbo=OVERFIT_PBO + 1e-6), "real", "pbo_high"),
        (luck(pbo=None), "real", "pbo_unknown"),
        (luck(expected_max_sharpe=1.0943), "real", "within_luck"),
        (luck(expected_max_sharpe=1.0942), "real", "beats_luck"),
        (facts.summary(sharpe_interval=Interval(low=0.0001, high=1)), "real", "interval_above_zero"),
        (facts.summary(sharpe_interval=Interval(low=0.0, high=1)), "real", "interval_spans_zero"),
        (facts.summary(sharpe_interval=Interval(low=-1, high=0.0)), "real", "interval_spans_zero"),
        (facts.summary(sharpe_interval=Interval(low=-1, high=-0.0001)), "real", "interval_below_zero"),
        (outside(0.0), "real", "unseen_lost"),
        (outside(None), "real", "unseen_idle"),
        (outside(0.3312), "won", "unseen_above_hold"),
        (outside(0.3311), "won", "unseen_below_hold"),
        (no_hold(), "won", "unseen_unknown"),
        (facts.SUMMARIES["folds_only"], "real", "no_holdout"),
        (walked(0.0001), "real", "walk_held"),
        (walked(0.0), "real", "walk_lost"),
        (facts.summary(walk_forward=None), "real", "no_walk_forward"),
        (neighbourhood(0.75), "parameters", "plateau"),
        (neighbourhood(0.7499), "parameters", "slope"),
        (neighbourhood(0.5), "parameters", "slope"),
        (neighbourhood(0.4999), "parameters", "spike"),
        (neighbourhood(0.4999, facts.TEXTBOOK), "parameters", "centre"),
        (facts.summary(importance={"a": 0.51, "b": 0.49}), "parameters", "importance_one"),
        (facts.summary(importance={"a": 0.5, "b": 0.5}), "parameters", "importance_two"),
        (inside(n_trades=29), "won", "few_trades"),
        (facts.summary(n_failed=1), "tried", "failed"),
        (facts.summary(is_exhaustive=True), "tried", "tried_all"),
        (facts.summary(optimum=1.0943), "tried", "optimum_found"),
        (facts.summary(optimum=1.0944), "tried", "optimum_missed"),
        (facts.summary(winner=facts.TEXTBOOK), "won", "won_is_default"),
        (facts.summary(best_stretch=stretch(0.01)), "money", "best_stretch"),
        (facts.summary(worst_stretch=stretch(-0.01)), "money", "worst_stretch"),
    ],
)  # fmt: skip
def test_a_finding_is_stated_from_its_boundary_on(summary: StudySummary, chapter: str, says: str) -> None:
    assert says in keys(summary, chapter)


@pytest.mark.parametrize(
    ("summary", "chapter", "says"),
    [
        (inside(n_trades=30), "won", "few_trades"),
        (inside(n_trades=0), "won", "few_trades"),
        (outside(0.0001), "real", "unseen_lost"),
        (luck(deflated_sharpe_ratio=None), "real", "dsr_weak"),
        (luck(expected_max_sharpe=None), "real", "beats_luck"),
        (luck(n_tried_ever=200), "tried", "tried_before"),
        (facts.summary(n_infeasible=0), "tried", "infeasible"),
        (facts.summary(optimum=None), "tried", "optimum_found"),
        (facts.summary(sharpe_interval=Interval(low=None, high=None)), "real", "interval_spans_zero"),
        (neighbourhood(None), "parameters", "spike"),
        (neighbourhood(0.5, facts.TEXTBOOK), "parameters", "centre"),
        (walked(None), "real", "walk_lost"),
        (facts.summary(importance={"a": 1.0}), "parameters", "importance_one"),
        (facts.summary(best_stretch=stretch(0.0)), "money", "best_stretch"),
        (facts.summary(worst_stretch=stretch(0.0)), "money", "worst_stretch"),
        (facts.summary(drawdown_interval=None), "real", "drawdown_range"),
    ],
)
def test_a_finding_without_its_facts_is_not_stated(summary: StudySummary, chapter: str, says: str) -> None:
    assert says not in keys(summary, chapter)


@pytest.mark.parametrize(
    ("summary", "key"),
    [
        (facts.strong(), "because_all_three"),
        (outside(0.3311), "because_below_hold"),
        (luck(skill=STRONG_DSR - 1e-6), "because_luck_not_excluded"),
        (luck(skill=STRONG_DSR, pbo=STRONG_PBO + 1e-6), "because_ranking_shaky"),
        (luck(skill=STRONG_DSR, pbo=STRONG_PBO), "because_not_strict"),
        (facts.unproven(), "because_luck_explains"),
        (facts.overfit(), "because_lost_unseen"),
        (facts.overfit().model_copy(update={"winner": facts.strong().winner}), "because_ranking_fails"),
        (facts.SUMMARIES["bare"], "because_never_trades"),
        (facts.SUMMARIES["disguise"], "because_hold_in_disguise"),
    ],
)
def test_the_first_line_gives_the_gravest_reason(summary: StudySummary, key: str) -> None:
    assert narrative.reason(summary).key == key


def unproven(summary: StudySummary, **changes: Any) -> StudySummary:
    return summary.model_copy(update={"verdict": Verdict.UNPROVEN, **changes})


@pytest.mark.parametrize(
    ("summary", "key"),
    [
        (unproven(inside(sharpe_ratio=0.0)), "because_nothing_worked"),
        (unproven(facts.SUMMARIES["folds_only"], walk_forward=None), "because_unseen_missing"),
        (unproven(outside(None)), "because_unseen_idle"),
        (unproven(luck(deflated_sharpe_ratio=0.6, skill=RESEARCH_DSR - 1e-6)), "because_luck_explains"),
        (unproven(luck(deflated_sharpe_ratio=PROMISING_DSR - 1e-6, skill=RESEARCH_DSR)), "because_luck_open"),
        (unproven(luck(deflated_sharpe_ratio=PROMISING_DSR, skill=PROMISING_DSR - 1e-6)), "because_market_explains"),
        (unproven(luck(deflated_sharpe_ratio=None, skill=None)), "because_luck_explains"),
        (unproven(luck(skill=PROMISING_DSR, pbo=PROMISING_PBO + 1e-6)), "because_ranking_noisy"),
        (unproven(luck(skill=PROMISING_DSR, pbo=PROMISING_PBO)), "because_not_enough"),
    ],
)
def test_an_unproven_result_says_what_is_missing(summary: StudySummary, key: str) -> None:
    assert narrative.reason(summary).key == key


@pytest.mark.parametrize("suggestion", Suggestion)
def test_what_to_do_next_is_the_suggestion(suggestion: Suggestion) -> None:
    assert keys(facts.summary(suggestion=suggestion), "ahead") == [f"next_{suggestion.value}"]


def test_under_a_weak_verdict_good_news_comes_last_and_changes_nothing() -> None:
    strong_luck = Luck(
        n_tried=200, n_tried_ever=200, expected_max_sharpe=0.5, deflated_sharpe_ratio=0.99, pbo=0.7, n_blocks=16
    )
    told = keys(facts.summary(verdict=Verdict.OVERFIT, luck=strong_luck), "real")

    good = [key for key in told if key in narrative.FAVOURABLE]
    assert good
    assert told.index("not_outweighed") == told.index(good[-1]) + 1
    assert told.index("pbo_high") < told.index(good[0])


def test_under_a_strong_verdict_nothing_needs_to_be_outweighed() -> None:
    assert "not_outweighed" not in keys(facts.strong(), "real")


@pytest.mark.parametrize(("costs", "says"), [(Costs(), "costs"), (Costs(commission_bps=0, slippage_bps=0), "no_costs")])
def test_free_trading_is_named(costs: Costs, says: str) -> None:
    spec = facts.SPEC.model_copy(update={"costs": costs})

    assert [finding.key for finding in narrative.costs(facts.summary(), spec)] == [says]


@pytest.mark.parametrize("note", Note)
def test_every_note_is_told_once_or_by_a_rule(note: Note) -> None:
    told = narrative.chapters(facts.summary(notes=(note.value,)), facts.SPEC)

    said = [part.key for part in told if f"note_{note}" in {finding.key for finding in part.findings}]
    assert said == ([narrative.NOTE_CHAPTERS[note]] if narrative.NOTE_CHAPTERS[note] else [])


def test_a_note_that_nobody_can_word_is_refused() -> None:
    with pytest.raises(ValueError, match="unheard_of"):
        narrative.chapters(facts.summary(notes=("unheard_of",)), facts.SPEC)


@pytest.mark.parametrize(
    ("change", "has"),
    [
        (lambda s: s, "out_of_sample"),
        (lambda s: facts.SUMMARIES["folds_only"], "stitched"),
        (lambda s: facts.SUMMARIES["bare"], None),
    ],
)
def test_the_number_out_of_sample_is_of_the_holdout_else_of_the_folds(
    change: Callable[[StudySummary], StudySummary], has: str | None
) -> None:
    summary = change(facts.summary())

    found = narrative.outside(summary)
    if has == "out_of_sample":
        assert found == summary.winner.out_of_sample
    elif has == "stitched":
        assert isinstance(summary.walk_forward, WalkForward)
        assert found == summary.walk_forward.stitched
    else:
        assert found is None


def test_the_two_kinds_of_no_strategy_have_a_sentence() -> None:
    for degenerate in Degenerate:
        told = keys(facts.summary(degenerate=degenerate, verdict=Verdict.UNPROVEN), "real")

        assert told[0] == degenerate.value
