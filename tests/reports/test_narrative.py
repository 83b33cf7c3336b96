"""Which findings are stated, each at its boundary."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from optimizer.domain.results.learned_results import Doubt, LearnedReport
from optimizer.domain.study_request import Costs
from optimizer.domain.study_results import (
    MOST_BREAK_EVEN_BPS,
    Degenerate,
    Interval,
    Measures,
    Plateau,
    Scored,
    Stretch,
    StudySummary,
    Tries,
    WalkForward,
)
from optimizer.validation.verdict import (
    NOISY_PBO,
    PROMISING_CONFIDENCE,
    PROMISING_LOST,
    RESEARCH_CONFIDENCE,
    STRONG_CONFIDENCE,
    STRONG_LOST,
    Note,
)
from reports import narrative
from reports.sentences import LOW_PBO
from tests.reports import facts


def keys(summary: StudySummary, chapter: str) -> list[str]:
    """The findings of one chapter."""
    told = {part.key: part.findings for part in narrative.chapters(summary, facts.SPEC)}
    first = {"luck": narrative.confidence(summary), "ground": narrative.ground(summary)}
    told |= {part: (finding,) for part, finding in first.items() if finding}
    return [finding.key for finding in told.get(chapter, ())]


def luck(**changes: Any) -> StudySummary:
    return neighbourhood(0.6).model_copy(update={"luck": facts.summary().luck.model_copy(update=changes)})


def confidence(value: float, **luck_changes: Any) -> StudySummary:
    return luck(**luck_changes).model_copy(update={"significance": facts.significance(p=1 - value)})


def with_tests(**changes: Any) -> StudySummary:
    return facts.summary(significance=facts.significance(**changes))


def outside(sharpe: float | None, total_return: float = 0.1) -> StudySummary:
    measures = Measures(sharpe_ratio=sharpe, total_return=total_return, max_drawdown=-0.1)
    return facts.summary(winner=facts.summary().winner.model_copy(update={"out_of_sample": measures}))


def inside(**changes: Any) -> StudySummary:
    winner = facts.summary().winner
    measures = winner.in_sample.model_copy(update=changes)
    return facts.summary(winner=winner.model_copy(update={"in_sample": measures}))


def neighbourhood(share: float | None, centre: Scored | None = None) -> StudySummary:
    return facts.summary(plateau=Plateau(n_neighbours=6, share=share, neighbours=(), centre=centre))


def walked(sharpe: float | None) -> StudySummary:
    walk = facts.summary().walk_forward
    assert walk is not None
    return facts.summary(walk_forward=walk.model_copy(update={"stitched": Measures(sharpe_ratio=sharpe)}))


def stretch(total_return: float) -> Stretch:
    return Stretch(start=date(2009, 1, 1), end=date(2009, 2, 1), total_return=total_return)


@pytest.mark.parametrize(
    ("summary", "chapter", "says"),
    [
        (confidence(STRONG_CONFIDENCE), "luck", "confidence_strong"),
        (confidence(STRONG_CONFIDENCE - 0.01), "luck", "confidence_middling"),
        (confidence(PROMISING_CONFIDENCE - 0.01), "luck", "confidence_open"),
        (confidence(RESEARCH_CONFIDENCE - 0.01), "luck", "confidence_weak"),
        (confidence(PROMISING_CONFIDENCE), "real", "close_call"),
        (confidence(PROMISING_CONFIDENCE - 0.01), "real", "close_call"),
        (facts.summary(), "real", "parts_both"),
        (with_tests(unseen_p=None), "real", "parts_searched"),
        (with_tests(lost_halves=STRONG_LOST), "real", "halves_kept"),
        (with_tests(lost_halves=STRONG_LOST + 0.01), "real", "halves_mixed"),
        (with_tests(lost_halves=PROMISING_LOST), "real", "halves_mixed"),
        (with_tests(lost_halves=PROMISING_LOST + 0.01), "real", "halves_lost"),
        (luck(pbo=LOW_PBO), "real", "pbo_low"),
        (luck(pbo=LOW_PBO + 0.01), "real", "pbo_middling"),
        (luck(pbo=NOISY_PBO), "real", "pbo_middling"),
        (luck(pbo=NOISY_PBO + 0.01), "real", "pbo_alike"),
        (with_tests(lost_halves=0.6).model_copy(update={"luck": luck(pbo=0.51).luck}), "real", "pbo_high"),
        (luck(pbo=None), "real", "pbo_unknown"),
        (facts.summary(sharpe_interval=Interval(low=0.01, high=1)), "real", "interval_above_zero"),
        (facts.summary(sharpe_interval=Interval(low=0.0, high=1)), "real", "interval_spans_zero"),
        (facts.summary(sharpe_interval=Interval(low=-1, high=0.0)), "real", "interval_spans_zero"),
        (facts.summary(sharpe_interval=Interval(low=-1, high=-0.01)), "real", "interval_below_zero"),
        (outside(0.3312), "won", "unseen_trades"),
        (outside(0.3), "costs", "turnover"),
        (outside(0.1), "costs", "turnover_costs"),
        (facts.summary(), "real", "expected"),
        (facts.summary(), "tried", "searched_before"),
        (facts.summary(tries=Tries(since=date(2026, 11, 3), n_rules=2)), "tried", "searched_before_by_rules"),
        (facts.summary(), "tried", "looked_before"),
        (facts.summary(tries=Tries(n_together=2)), "tried", "searched_together"),
        (facts.summary(tries=None), "tried", "tried_before"),
        (facts.failed_unseen(), "ahead", "research_before"),
        (walked(0.01), "real", "walk_gained"),
        (walked(0.0), "real", "walk_lost"),
        (facts.summary(walk_forward=None), "real", "no_walk_forward"),
        (neighbourhood(0.75), "ground", "plateau"),
        (neighbourhood(0.7499), "ground", "slope"),
        (neighbourhood(0.5), "ground", "slope"),
        (neighbourhood(0.4999), "ground", "spike"),
        (neighbourhood(0.4999, facts.TEXTBOOK), "parameters", "centre"),
        (facts.summary(importance={"a": 0.51, "b": 0.49}), "parameters", "importance_one"),
        (facts.summary(importance={"a": 0.5, "b": 0.5}), "parameters", "importance_two"),
        (facts.summary(n_failed=1), "tried", "failed"),
        (facts.summary(is_exhaustive=True), "tried", "tried_all"),
        (facts.summary(optimum=1.0943), "tried", "optimum_found"),
        (facts.summary(optimum=1.1), "tried", "optimum_missed"),
        (facts.summary(best_stretch=stretch(0.01)), "money", "best_stretch"),
        (facts.summary(worst_stretch=stretch(-0.01)), "money", "worst_stretch"),
    ],
)  # fmt: skip
def test_a_finding_is_stated_from_its_boundary_on(summary: StudySummary, chapter: str, says: str) -> None:
    assert says in keys(summary, chapter)


@pytest.mark.parametrize(
    ("summary", "chapter", "says"),
    [
        (outside(None), "won", "unseen_trades"),
        (facts.SUMMARIES["folds_only"], "real", "walk_gained"),
        (
            luck(deflated_sharpe_ratio=None, skill=None).model_copy(update={"significance": None}),
            "luck",
            "confidence_weak",
        ),
        (facts.summary(significance=None), "real", "parts_both"),
        (facts.summary(significance=None), "real", "halves_kept"),
        (confidence(STRONG_CONFIDENCE), "real", "close_call"),
        (facts.overfit(), "real", "expected"),
        (facts.summary(tries=Tries()), "tried", "searched_before"),
        (facts.summary(), "tried", "searched_together"),
        (facts.failed_unseen().model_copy(update={"tries": Tries()}), "ahead", "research_before"),
        (facts.summary(tries=Tries(n_research=3)), "ahead", "research_before"),
        (facts.summary(tries=Tries(since=date(2026, 11, 3))), "tried", "looked_before"),
        (luck(n_tried_ever=200).model_copy(update={"tries": None}), "tried", "tried_before"),
        (facts.summary(n_infeasible=0), "tried", "infeasible_trades"),
        (facts.summary(optimum=None), "tried", "optimum_found"),
        (facts.summary(sharpe_interval=Interval(low=None, high=None)), "real", "interval_spans_zero"),
        (neighbourhood(None), "ground", "spike"),
        (neighbourhood(0.5, facts.TEXTBOOK), "parameters", "centre"),
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
        (facts.strong(), "because_all_checks"),
        (facts.unproven(), "because_refits_lost"),
        (facts.overfit(), "because_ranking_fails"),
        (facts.failed_unseen(), "because_slipped_unseen"),
        (facts.cap_unmet(), "because_cap_unmet_above"),
        (facts.ruined(), "because_every_set_ruined"),
        (facts.SUMMARIES["bare"], "because_no_value"),
        (facts.SUMMARIES["disguise"], "because_hold_in_disguise"),
        (facts.summary(n_gaining=0), "because_every_set_lost"),
        (inside(sharpe_ratio=0.0), "because_nothing_gained"),
        (outside(None), "because_unseen_idle"),
        (confidence(STRONG_CONFIDENCE - 0.01), "because_luck_not_excluded"),
        (confidence(0.3, deflated_sharpe_ratio=0.4), "because_luck_explains"),
        (with_tests(p=0.001, lost_halves=0.3), "because_choice_shaky"),
        (with_tests(p=0.001, aging=2.6), "because_aged"),
    ],
)
def test_the_first_line_gives_the_reason(summary: StudySummary, key: str) -> None:
    assert narrative.reason(summary).key == key


def test_a_model_that_learned_nothing_is_told_another_strategy_and_no_wider_ranges() -> None:
    learned = LearnedReport(kind="ml", n_refits=32, doubts=(Doubt.NO_BETTER_THAN_BASE,))
    too_few = facts.cap_unmet().model_copy(update={"learned": learned})

    assert narrative.advice(facts.cap_unmet()) == "advice_cap_unmet"
    assert narrative.advice(too_few) == "advice_nothing_learned"
    assert narrative.reason(too_few).key == "because_base_rate_as_good"


@pytest.mark.parametrize(
    ("sharpe", "is_said"),
    [(0.84, False), (0.22, False), (0.21, True)],
)
def test_it_is_said_that_the_default_parameters_did_better_on_unseen_bars(sharpe: float, is_said: bool) -> None:
    assert (narrative.default_better(outside(sharpe)) is not None) is is_said


def test_sets_without_a_losing_trade_are_named_where_the_goal_is_the_profit_factor() -> None:
    spec = facts.SPEC.model_copy(update={"goals": ("profitfactor",)})
    told = [found.key for part in narrative.chapters(facts.summary(n_failed=145), spec) for found in part.findings]

    assert "failed_without_loss" in told
    assert "failed" not in told


def test_where_nothing_won_no_winner_is_described() -> None:
    for summary in (facts.cap_unmet(), facts.ruined()):
        assert [part.key for part in narrative.chapters(summary, facts.SPEC)] == ["tried"]


def test_under_a_weak_verdict_good_news_comes_last() -> None:
    told = keys(facts.failed_unseen(), "real")

    assert told.index("halves_kept") > told.index("pbo_middling")


def test_what_free_trading_costs_is_not_told() -> None:
    spec = facts.SPEC.model_copy(update={"costs": Costs(commission_bps=0, slippage_bps=0)})

    assert [finding.key for finding in narrative.costs(facts.summary(), facts.SPEC)] == ["stress", "turnover"]
    assert [finding.key for finding in narrative.costs(facts.summary(), spec)] == ["stress"]


def test_what_gains_nothing_even_without_costs_is_said_so() -> None:
    stress = facts.summary().stress
    assert stress is not None
    hopeless = facts.summary(stress=stress.model_copy(update={"break_even_bps": None}))

    dear = facts.summary(stress=stress.model_copy(update={"break_even_bps": MOST_BREAK_EVEN_BPS}))
    assert next(narrative.costs(hopeless, facts.SPEC)).key == "stress_without_gain"
    assert next(narrative.costs(dear, facts.SPEC)).key == "stress_beyond"
    assert next(narrative.costs(facts.summary(stress=None), facts.SPEC)).key == "turnover"


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


def test_a_hold_in_disguise_is_named() -> None:
    assert keys(facts.summary(degenerate=Degenerate.HOLD_IN_DISGUISE), "real")[0] == "hold_in_disguise"


def test_a_thread_tells_less_than_the_report() -> None:
    summary = facts.summary()
    told, short = (
        [finding.key for chapter in chapters for finding in chapter.findings]
        for chapters in (narrative.chapters(summary, facts.SPEC), narrative.story(summary, facts.SPEC))
    )

    assert set(short) < set(told)
    assert {"parts_both", "pbo_middling", "best_stretch"} <= set(told) - set(short)
