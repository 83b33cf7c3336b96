"""Folds: their rows, their refits, and the record they make together."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.domain.bars import Bars
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import Cap, SamplerKind, StudySpec
from optimizer.engine.evaluator import Evaluator
from optimizer.search.fold_search import FoldFit, refit
from optimizer.strategies.registry import find_strategy, space_of
from optimizer.validation.walk_forward import FoldRows, fold_seed, holding_period, plan_folds, walk_forward
from tests.calibration.worlds import Shocks, market
from tests.fixed_rules import FIXED_RULES

RSI = StudySpec(symbol="WALK", strategy_name="rsi", n_trials=40)
BARS = market(Shocks.of(3, years=6))
START, STOP = 260, 1560


def evaluator_of(spec: StudySpec = RSI, bars: Bars = BARS) -> Evaluator:
    return Evaluator(find_strategy(spec.strategy_name), bars, costs=spec.costs)


@dataclass
class Remembering:
    """A refit that returns given sets and remembers what it was asked."""

    answers: list[FoldFit | None]
    asked: list[tuple[int, int, int, int]] = field(default_factory=list)

    def __call__(
        self, spec: StudySpec, space: Space, evaluator: Evaluator, *, start: int, stop: int, seed: int
    ) -> FoldFit | None:
        self.asked.append((start, stop, seed, spec.min_trades))
        return self.answers[(len(self.asked) - 1) % len(self.answers)]


DEFAULT: Params = {"period": 14, "oversold": 35, "overbought": 65}
TEXTBOOK = FoldFit(params=DEFAULT, value=0.5, leaders=(DEFAULT, {"period": 10, "oversold": 30, "overbought": 70}))


def test_four_folds_cover_the_second_half_of_ten_years() -> None:
    plan = plan_folds(260, 260 + 2142, n_folds=4, gap=10)

    assert [(fold.test_start, fold.test_stop) for fold in plan] == [
        (1334, 1601),
        (1601, 1868),
        (1868, 2135),
        (2135, 2402),
    ]
    assert [fold.train_start for fold in plan] == [263, 530, 797, 1064]


@given(st.integers(0, 300), st.integers(0, 6_000), st.integers(0, 12), st.integers(0, 200))
def test_folds_never_overlap_look_ahead_or_leave_the_window(start: int, n_rows: int, n_folds: int, gap: int) -> None:
    plan = plan_folds(start, start + n_rows, n_folds=n_folds, gap=gap)

    assert len(plan) <= n_folds
    for fold in plan:
        assert start <= fold.train_start < fold.train_stop <= fold.test_start < fold.test_stop <= start + n_rows
        assert fold.test_start - fold.train_stop <= min(gap, (fold.test_stop - fold.test_start) // 5)
        assert fold.test_stop - fold.test_start >= 60
    assert all(a.test_stop == b.test_start for a, b in pairwise(plan))
    assert not plan or plan[-1].test_stop == start + n_rows


@pytest.mark.parametrize(("n_rows", "expected"), [(2142, 4), (480, 4), (479, 3), (300, 1), (299, 0)])
def test_a_short_window_has_fewer_folds_or_none(n_rows: int, expected: int) -> None:
    assert len(plan_folds(0, n_rows, n_folds=4, gap=0)) == expected


def test_no_folds_are_made_when_none_are_wanted() -> None:
    spec = RSI.model_copy(update={"folds": 0})
    asked = Remembering([TEXTBOOK])

    assert walk_forward(spec, space_of(spec), evaluator_of(), start=START, stop=STOP, refit=asked) is None
    assert asked.asked == []


def test_each_fold_is_fitted_on_its_own_training_rows_with_a_seed_of_its_own() -> None:
    asked = Remembering([TEXTBOOK])
    walk_forward(RSI, space_of(RSI), evaluator_of(), start=START, stop=STOP, refit=asked)
    gap = holding_period(evaluator_of(), space_of(RSI).default, start=START, stop=STOP)
    plan = plan_folds(START, STOP, n_folds=4, gap=gap)

    assert [(start, stop) for start, stop, _, _ in asked.asked] == [(f.train_start, f.train_stop) for f in plan]
    assert [seed for _, _, seed, _ in asked.asked] == [fold_seed(RSI.seed, number) for number in range(4)]
    assert len({fold_seed(seed, number) for seed in range(50) for number in range(4)}) == 200


def test_the_least_number_of_trades_shrinks_with_the_training_window() -> None:
    asked = Remembering([TEXTBOOK])
    spec = RSI.model_copy(update={"min_trades": 10})
    walk_forward(spec, space_of(spec), evaluator_of(), start=START, stop=STOP, refit=asked)

    assert {least for *_, least in asked.asked} == {5}


def test_the_stitched_record_is_the_tests_one_after_the_other() -> None:
    evaluator = evaluator_of()
    walk = walk_forward(RSI, space_of(RSI), evaluator, start=START, stop=STOP, refit=Remembering([TEXTBOOK]))
    assert walk is not None
    found = walk.result
    plan = plan_folds(
        START, STOP, n_folds=4, gap=holding_period(evaluator, space_of(RSI).default, start=START, stop=STOP)
    )
    parts = [evaluator.backtest(TEXTBOOK.params, start=f.test_start, stop=f.test_stop) for f in plan]

    assert found.returns == tuple(np.concatenate([part.returns for part in parts]).tolist())
    assert found.stitched.n_trades == sum(len(part.closed_trades) for part in parts)
    assert found.stitched.total_return == pytest.approx(np.prod([part.equity[-1] for part in parts]) - 1)
    assert [fold.out_of_sample for fold in found.folds] == [part.measures.sharpe_ratio for part in parts]
    assert len(found.dates) == len(found.returns)
    assert found.dates[0] == found.folds[0].test_start
    assert found.dates[-1] == found.folds[-1].test_end


def test_leaders_are_held_in_equal_parts_beside_the_market() -> None:
    evaluator = evaluator_of()
    walk = walk_forward(RSI, space_of(RSI), evaluator, start=START, stop=STOP, refit=Remembering([TEXTBOOK]))
    assert walk is not None
    first, stop = STOP - len(walk.leaders), STOP - len(walk.leaders) * 3 // 4
    played = [evaluator.backtest(params, start=first, stop=stop) for params in TEXTBOOK.leaders]
    drift = evaluator.buy_and_hold(start=first, stop=STOP).returns.mean()
    parts = [one.returns - drift * one.position for one in played]

    assert walk.leaders[: stop - first] == pytest.approx(np.mean(parts, axis=0), abs=1e-5)
    assert walk.market.tolist() == evaluator.buy_and_hold(start=first, stop=STOP).returns.tolist()


def test_a_fold_chooses_from_the_whole_grid_whatever_the_seed() -> None:
    fits = [refit(RSI, space_of(RSI), evaluator_of(), start=300, stop=1200, seed=seed) for seed in (1, 2)]
    assert fits[0] is not None
    sets = list(space_of(RSI).param_sets())
    values = evaluator_of().scores(sets, start=300, stop=1200).sharpe_ratio

    assert fits[0] == fits[1]
    assert fits[0].leaders[0] == fits[0].params
    assert fits[0].value >= np.nanmax(
        np.where(evaluator_of().scores(sets, start=300, stop=1200).n_trades >= 3, values, -9)
    )


def test_a_fold_in_which_nothing_is_feasible_stays_out_of_the_market() -> None:
    walk = walk_forward(RSI, space_of(RSI), evaluator_of(), start=START, stop=STOP, refit=Remembering([None, TEXTBOOK]))
    assert walk is not None
    found = walk.result
    n_test = len(found.returns) // 4

    assert found.folds[0].params == {}
    assert (found.folds[0].in_sample, found.folds[0].out_of_sample) == (None, None)
    assert set(found.returns[:n_test]) == {0.0}
    assert set(found.returns[n_test : 2 * n_test]) != {0.0}


def test_what_comes_after_a_training_window_changes_nothing_in_its_fit() -> None:
    later = np.where(np.arange(len(BARS)) >= 900, 1.5, 1.0)
    poisoned = replace(BARS, **{name: getattr(BARS, name) * later for name in ("open", "high", "low", "close")})
    fits = [
        refit(RSI, space_of(RSI), evaluator_of(bars=bars), start=300, stop=900, seed=4) for bars in (BARS, poisoned)
    ]

    assert fits[0] == fits[1]


@pytest.mark.parametrize("strategy_name", sorted(FIXED_RULES))
def test_a_refit_finds_a_set_of_the_space_whose_value_a_backtest_confirms(strategy_name: str) -> None:
    spec = RSI.model_copy(update={"strategy_name": strategy_name})
    found = refit(spec, space_of(spec), evaluator_of(spec), start=300, stop=1200, seed=1)
    assert found is not None

    assert space_of(spec).contains(found.params)
    measures = evaluator_of(spec).backtest(found.params, start=300, stop=1200).measures
    assert found.value == pytest.approx(measures.sharpe_ratio, rel=1e-9)
    assert measures.n_trades >= spec.min_trades


def test_a_refit_is_repeatable() -> None:
    fits = [refit(RSI, space_of(RSI), evaluator_of(), start=300, stop=1200, seed=9) for _ in range(2)]

    assert fits[0] == fits[1]


def test_a_refit_is_never_worse_than_the_textbook_set() -> None:
    default = evaluator_of().scores([space_of(RSI).default], start=300, stop=1200).sharpe_ratio[0]
    found = refit(RSI.model_copy(update={"n_trials": 3}), space_of(RSI), evaluator_of(), start=300, stop=1200, seed=1)

    assert found is not None
    assert found.value >= default


@pytest.mark.parametrize("sampler", list(SamplerKind))
def test_every_sampler_can_be_refitted(sampler: SamplerKind) -> None:
    spec = StudySpec(symbol="WALK", strategy_name="bollinger", sampler=sampler, n_trials=12)

    assert refit(spec, space_of(spec), evaluator_of(spec), start=300, stop=1500, seed=2) is not None


def test_a_cap_that_nothing_keeps_leaves_no_fit() -> None:
    spec = RSI.model_copy(update={"caps": (Cap(goal="trades", is_upper=False, bound=1_000),)})

    assert refit(spec, space_of(spec), evaluator_of(), start=300, stop=900, seed=2) is None


def test_a_refit_keeps_the_caps() -> None:
    spec = RSI.model_copy(update={"caps": (Cap(goal="exposure", is_upper=True, bound=0.5),)})
    found = refit(spec, space_of(spec), evaluator_of(), start=300, stop=1500, seed=2)

    assert found is not None
    assert (evaluator_of().backtest(found.params, start=300, stop=1500).measures.exposure or 0.0) < 0.5


def test_the_gap_is_the_mean_length_of_the_textbook_sets_trades() -> None:
    closed = evaluator_of().backtest(space_of(RSI).default, start=START, stop=STOP).closed_trades
    params: Params = {"period": 30, "oversold": 20, "overbought": 80}

    gap = holding_period(evaluator_of(), space_of(RSI).default, start=START, stop=STOP)

    assert gap == np.ceil(np.mean([trade.n_bars for trade in closed]))
    assert holding_period(evaluator_of(), params, start=START, stop=START + 40) == 1


def test_the_gap_lies_between_training_and_test() -> None:
    assert plan_folds(0, 2000, n_folds=4, gap=30)[0] == FoldRows(
        train_start=0, train_stop=970, test_start=1000, test_stop=1250
    )
