"""A finished search summarized: what is said, that it is consistent, and that the holdout was never seen."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.study_request import Cap, Costs, Narrowed, StudySpec, budget
from optimizer.domain.study_results import Case, Degenerate, StudySummary, Suggestion, TrialRecord, Tries, Verdict
from optimizer.engine.evaluator import Evaluator
from optimizer.search.fold_search import refit
from optimizer.search.loop import search
from optimizer.strategies.registry import find_strategy, longest_warm_up, space_of
from optimizer.validation.assessment import Assessment
from optimizer.validation.caveats import notes
from optimizer.validation.evidence import evidence_of, seen
from optimizer.validation.summarize import WindowRows, summarize, window_rows
from optimizer.validation.verdict import Note
from tests.bars import sample_bars
from tests.calibration.worlds import Shocks, market, planted_set, with_edge
from tests.fixed_rules import FIXED_RULES

SHORT = {"n_trials": 40, "folds": 2}
WALK = market(Shocks.of(3, years=6))


def spec_of(**changed: object) -> StudySpec:
    return StudySpec.model_validate({"symbol": "WALK", "strategy_name": "rsi"} | SHORT | changed)


def rows_of(spec: StudySpec, bars: Bars) -> WindowRows:
    return window_rows(spec, bars, longest_warm_up(find_strategy(spec.strategy_name), space_of(spec)))


def evaluator_of(spec: StudySpec, bars: Bars) -> Evaluator:
    return Evaluator(find_strategy(spec.strategy_name), bars, costs=spec.costs, allow_short=spec.allow_short)


def trials_of(spec: StudySpec, bars: Bars) -> list[TrialRecord]:
    rows, space = rows_of(spec, bars), space_of(spec)
    return list(
        search(
            spec,
            space,
            evaluator_of(spec, bars),
            start=rows.start,
            stop=rows.holdout_start,
            n_trials=budget(spec, space),
            seed=spec.seed,
        )
    )


def summary_of(spec: StudySpec, bars: Bars = WALK, *, before: int = 0) -> StudySummary:
    return summarize(
        spec,
        space_of(spec),
        evaluator_of(spec, bars),
        trials_of(spec, bars),
        window=rows_of(spec, bars),
        tries=Tries(n_sets=before),
    )


def findings_of(spec: StudySpec, bars: Bars = WALK, trials: list[TrialRecord] | None = None) -> Assessment:
    return Assessment(
        spec=spec,
        space=space_of(spec),
        evaluator=evaluator_of(spec, bars),
        trials=trials_of(spec, bars) if trials is None else trials,
        rows=rows_of(spec, bars),
        tries=Tries(),
        refit=refit,
    )


@cache
def usual() -> StudySummary:
    return summary_of(spec_of())


def test_the_winner_is_the_best_feasible_trial_with_the_value_it_was_stored_with() -> None:
    trials = trials_of(spec_of(), WALK)
    best = max((t for t in trials if t.value is not None and t.violation <= 0), key=lambda t: (t.value, -t.number))

    assert usual().winner.number == best.number
    assert usual().winner.params == best.params
    assert usual().winner.value == best.value
    assert usual().winner.in_sample.sharpe_ratio == pytest.approx(best.value, rel=1e-9)


def test_the_five_best_are_ranked_and_the_first_is_the_winner() -> None:
    values = [scored.value or 0.0 for scored in usual().top]

    assert usual().top[0] == usual().winner
    assert values == sorted(values, reverse=True)
    assert len(values) == 5


def test_textbook_and_hold_are_measured_over_the_same_rows() -> None:
    spec, summary = spec_of(), usual()
    rows, evaluator = rows_of(spec, WALK), evaluator_of(spec, WALK)

    default = evaluator.backtest(space_of(spec).default, start=rows.holdout_start, stop=rows.stop).measures
    assert summary.default.out_of_sample == default
    assert summary.default.number == 0
    assert summary.buy_and_hold.in_sample == evaluator.buy_and_hold(start=rows.start, stop=rows.holdout_start).measures
    assert summary.buy_and_hold.params == {}


def test_the_curve_is_both_windows_one_after_the_other() -> None:
    curve, summary = usual().curve, usual()
    n_searched = summary.window.n_bars - summary.window.n_holdout

    assert len(curve.dates) == len(curve.winner) == len(curve.buy_and_hold) == summary.window.n_bars
    assert summary.winner.out_of_sample is not None
    assert curve.winner[n_searched - 1] - 1 == pytest.approx(summary.winner.in_sample.total_return)
    grown = curve.winner[-1] / curve.winner[n_searched - 1] - 1
    assert grown == pytest.approx(summary.winner.out_of_sample.total_return)
    assert curve.dates[n_searched] == summary.window.holdout_start


def test_the_best_and_the_worst_stretch_are_those_of_the_curve() -> None:
    curve, best, worst = usual().curve, usual().best_stretch, usual().worst_stretch
    assert best is not None
    assert worst is not None
    equity = np.concatenate([[1.0], curve.winner])
    n_bars = len(curve.winner) // 10
    gains = equity[n_bars:] / equity[:-n_bars] - 1

    assert best.total_return == pytest.approx(gains.max())
    assert worst.total_return == pytest.approx(gains.min())
    first = curve.dates.index(best.start)
    assert curve.dates.index(best.end) == first + n_bars - 1
    assert equity[first + n_bars] / equity[first] - 1 == pytest.approx(best.total_return)


def test_the_intervals_enclose_most_of_the_bootstrap_and_are_ordered() -> None:
    summary = usual()
    assert summary.sharpe_interval is not None
    assert summary.drawdown_interval is not None
    low, high = summary.sharpe_interval.low or 0.0, summary.sharpe_interval.high or 0.0
    sample = np.array(summary.bootstrap_sharpes)

    assert low < high
    assert np.mean((low <= sample) & (sample <= high)) >= 0.85  # more where the trades are few
    assert sample.tolist() == sorted(sample.tolist())
    assert -1 <= (summary.drawdown_interval.low or 0) <= (summary.drawdown_interval.high or 0) <= 0


def test_the_scatter_holds_every_feasible_trial() -> None:
    able = {t.value for t in trials_of(spec_of(), WALK) if t.value is not None and t.violation <= 0}

    assert 0 < len(usual().scatter) <= len(able)
    assert {value for value, _ in usual().scatter} <= able


def test_counts_are_those_of_the_trials() -> None:
    trials = trials_of(spec_of(), WALK)

    assert usual().n_infeasible == sum(t.violation > 0 for t in trials)
    assert usual().n_failed == sum(t.state == "fail" for t in trials)
    assert usual().luck.n_tried == len(trials) == 40
    assert summary_of(spec_of(), before=160).luck.n_tried_ever == 200


def test_the_optimum_is_what_a_search_of_the_whole_grid_finds() -> None:
    narrowed = [Narrowed(name="period", low=10, high=14)]
    some, whole = summary_of(spec_of(narrowed=narrowed)), summary_of(spec_of(narrowed=narrowed, sampler="grid"))

    assert some.optimum == whole.winner.value
    assert some.winner.value is not None
    assert some.optimum >= some.winner.value
    assert whole.optimum is None


def test_a_grid_too_large_to_score_has_no_known_optimum() -> None:
    assert summary_of(spec_of(overlays=["stop", "trail"])).optimum is None


def test_a_summary_is_repeatable_to_the_last_bit() -> None:
    assert summary_of(spec_of()) == summary_of(spec_of())


def test_a_summary_survives_the_way_into_the_database_and_back() -> None:
    assert StudySummary.model_validate(usual().model_dump(mode="json")) == usual()


@pytest.mark.parametrize("strategy_name", sorted(FIXED_RULES))
def test_every_strategy_can_be_summarized(strategy_name: str) -> None:
    summary = summary_of(spec_of(strategy_name=strategy_name, n_trials=15), sample_bars("IBM"))

    assert space_of(spec_of(strategy_name=strategy_name)).contains(summary.winner.params)
    assert summary.walk_forward is not None
    assert summary.surface is not None


@pytest.mark.parametrize("goal", ["sortino", "calmar", "return", "cagr", "maxdd", "winrate", "profitfactor", "sqn"])
def test_every_goal_can_be_summarized(goal: str) -> None:
    summary = summary_of(spec_of(goals=[goal], strategy_name="bollinger"))

    assert summary.winner.value is not None
    assert all((scored.value or -math.inf) <= summary.winner.value for scored in summary.top)
    assert summary.plateau.share is not None


def test_several_goals_overlays_and_short_positions_can_be_summarized() -> None:
    spec = spec_of(goals=["sharpe", "maxdd"], overlays=["stop", "trend"], allow_short=True, strategy_name="ema")

    assert {"stop", "trend"} <= set(summary_of(spec).winner.params)


# Poison


def poisoned(bars: Bars, first: int) -> Bars:
    """The same bars with other prices from row `first` on."""
    factor = np.exp(np.random.default_rng(9).normal(0.0, 0.05, len(bars)).cumsum())
    factor[:first] = 1.0
    return replace(bars, **{name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")})


def stripped(trials: list[TrialRecord]) -> list[dict[str, object]]:
    return [trial.model_dump(exclude={"started_at", "duration"}) for trial in trials]


@pytest.mark.parametrize("strategy_name", sorted(FIXED_RULES))
def test_other_held_out_prices_change_no_trial(strategy_name: str) -> None:
    spec = spec_of(strategy_name=strategy_name, n_trials=25)
    bars = sample_bars("AAPL")
    other = poisoned(bars, rows_of(spec, bars).holdout_start)

    assert stripped(trials_of(spec, other)) == stripped(trials_of(spec, bars))


def test_other_held_out_prices_change_only_what_is_said_of_the_holdout() -> None:
    spec = spec_of()
    changed = summary_of(spec, poisoned(WALK, rows_of(spec, WALK).holdout_start))
    searched = ("importance", "walk_forward", "surface", "n_infeasible", "degenerate", "space_size")

    assert all(getattr(changed, name) == getattr(usual(), name) for name in searched)
    # How many bars would settle it depends on the unseen ones too.
    assert changed.luck.model_copy(update={"n_bars_needed": usual().luck.n_bars_needed}) == usual().luck
    assert changed.winner.in_sample == usual().winner.in_sample
    assert changed.winner.out_of_sample != usual().winner.out_of_sample


# Notes, degenerate winners, and what happens without this or that


def test_without_a_holdout_the_stitched_folds_are_the_look_out_of_sample() -> None:
    summary = summary_of(spec_of(holdout=0.0))
    assert summary.walk_forward is not None

    assert summary.winner.out_of_sample is None
    assert evidence_of(summary).unseen == seen(summary.walk_forward.stitched.sharpe_ratio)
    assert evidence_of(summary).buy_and_hold == seen(summary.walk_forward.buy_and_hold)
    assert summary.scatter == ()
    assert Note.NO_HOLDOUT in summary.notes
    assert summary.sharpe_interval is not None


def test_without_holdout_and_folds_nothing_is_better_than_unproven() -> None:
    summary = summary_of(spec_of(holdout=0.0, folds=0))

    assert evidence_of(summary).unseen is None
    assert summary.verdict is Verdict.UNPROVEN
    assert (summary.sharpe_interval, summary.bootstrap_sharpes) == (None, ())


def test_when_nothing_is_feasible_the_textbook_set_stands_in_and_it_is_said() -> None:
    spec = spec_of(caps=[Cap(goal="trades", is_upper=False, bound=5_000)])
    summary = summary_of(spec)

    assert summary.winner == summary.default
    assert summary.top == ()
    assert (summary.verdict, summary.suggestion) == (Verdict.UNPROVEN, Suggestion.DROP)
    assert summary.n_infeasible == 40
    assert Note.NOTHING_FEASIBLE in summary.notes
    assert summary.luck.deflated_sharpe_ratio is None
    assert summary.case is Case.CAP_UNMET
    assert summary.unmet is not None
    assert summary.unmet.cap == Cap(goal="trades", is_upper=False, bound=5_000)
    assert summary.unmet.nearest is not None
    assert summary.unmet.nearest.in_sample.n_trades == max(trial.n_trades for trial in trials_of(spec, WALK))


def test_a_set_that_loses_the_whole_account_is_infeasible() -> None:
    soaring = market(Shocks.of(1, years=6, volatility=0.9), drift=0.006)
    spec = spec_of(strategy_name="rsi", allow_short=True, min_trades=0)
    trials = trials_of(spec, soaring)
    ruined = [trial for trial in trials if trial.total_return is not None and trial.total_return <= -1.0]
    summary = summary_of(spec, soaring)

    assert ruined
    assert {trial.reason for trial in ruined} == {"lost everything"}
    assert not any(trial.is_feasible for trial in ruined)
    assert summary.n_ruined == len(ruined)
    kept = trials_of(spec.model_copy(update={"excludes_ruin": False}), soaring)
    assert any(trial.is_feasible for trial in kept if trial.params == ruined[0].params)


def test_a_trial_that_failed_never_wins() -> None:
    trials = trials_of(spec_of(), WALK)
    failed = trials[5].model_copy(update={"state": "fail", "value": 99.0})
    found = findings_of(spec_of(), trials=[*trials[:5], failed, *trials[6:]])

    assert found.winner.number != 5


def test_buy_and_hold_in_disguise_is_named_and_dropped() -> None:
    always_long = (Narrowed(name="lookback", low=10, high=20), Narrowed(name="enter", low=0, high=0))
    rising = market(Shocks.of(1, years=6, volatility=0.1), drift=0.004)
    summary = summary_of(
        spec_of(strategy_name="momentum", narrowed=always_long, costs={"commission_bps": 0}, min_trades=0), rising
    )

    assert summary.degenerate is Degenerate.HOLD_IN_DISGUISE
    assert summary.verdict is not Verdict.STRONG
    assert summary.suggestion is Suggestion.DROP


def noted(spec: StudySpec, bars: Bars = WALK) -> set[Note]:
    return set(notes(findings_of(spec, bars), Case.LUCK_OPEN))


def test_zero_costs_and_a_whole_grid_are_noted() -> None:
    narrowed = [Narrowed(name="period", low=10, high=12), Narrowed(name="oversold", low=34, high=35)]
    spec = spec_of(narrowed=narrowed, n_trials=100, costs=Costs(commission_bps=0, slippage_bps=0))

    assert {Note.ZERO_COSTS, Note.EXHAUSTIVE} <= noted(spec)
    assert not {Note.ZERO_COSTS, Note.EXHAUSTIVE} & noted(spec_of())


def test_a_short_window_its_holdout_and_its_folds_are_noted() -> None:
    found = noted(spec_of(folds=4), market(Shocks.of(3, years=2)).cut(0, 530))

    assert {Note.SHORT_WINDOW, Note.SHORT_HOLDOUT, Note.FEWER_FOLDS, Note.FEW_TRADES} <= found
    assert Note.NO_FOLDS not in found


def test_missing_folds_are_noted_only_when_they_were_wanted() -> None:
    bars, half = market(Shocks.of(3, years=2)), {"holdout": 0.5, "strategy_name": "ema"}

    assert Note.NO_FOLDS in noted(spec_of(folds=4, **half), bars)
    assert Note.NO_FOLDS not in noted(spec_of(folds=0, **half), bars)


def test_a_winner_that_is_the_textbook_set_is_noted() -> None:
    spec = spec_of(n_trials=1)

    assert Note.WINNER_IS_TEXTBOOK in noted(spec.model_copy(update={"strategy_name": "ema"}))


def test_the_verdict_says_what_would_tell() -> None:
    walk = findings_of(spec_of(strategy_name="rsi"))
    would_tell = {Note.MORE_BARS_WOULD_TELL, Note.FEWER_PARAMETERS_WOULD_TELL}

    assert len(would_tell & set(notes(walk, Case.LUCK_OPEN))) == 1
    assert not would_tell & set(notes(walk, Case.MARKET_EXPLAINS))


def test_a_planted_edge_is_found_and_its_notes_do_not_ask_for_more() -> None:
    strategy, shocks = find_strategy("zscore"), Shocks.of(1, years=10)
    params = planted_set(strategy, shocks, 1)
    assert params is not None
    bars = with_edge(strategy, params, shocks, sharpe=2.0)
    assert bars is not None

    summary = summary_of(spec_of(strategy_name="zscore", n_trials=120, folds=4), bars)

    assert summary.verdict in (Verdict.STRONG, Verdict.PROMISING)
    assert not {Note.MORE_BARS_WOULD_TELL, Note.FEWER_PARAMETERS_WOULD_TELL} & set(summary.notes)
    assert summary.luck.n_bars_needed is None
