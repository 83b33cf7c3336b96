"""The search: unique sets, the textbook first, the same ones whether it was disturbed or not."""

import math
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.ranking import best_record
from optimizer.domain.study_request import (
    Cap,
    Costs,
    Narrowed,
    SamplerKind,
    StudySpec,
    budget,
    is_exhaustive,
    require_affordable,
)
from optimizer.domain.study_results import TrialRecord
from optimizer.engine.evaluator import Evaluator
from optimizer.errors import GridTooLarge
from optimizer.search.loop import rebuild_study, sampler_note, search
from optimizer.strategies.registry import find_strategy, space_of
from tests.refused import refused

START, STOP = 300, 1400


@pytest.fixture(scope="module")
def bars() -> Bars:
    """Six years of a random walk with some reversion, so that sets differ."""
    rng = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(rng.normal(0.0003, 0.015, 1500)))
    wobble = 1 + np.abs(rng.normal(0, 0.004, 1500))
    time = (np.datetime64("2010-01-01") + np.arange(1500)).astype("datetime64[ns]")
    return Bars(
        symbol="WALK",
        time=time,
        open=np.roll(close, 1),
        high=close * wobble,
        low=close / wobble,
        close=close,
        volume=close,
    )


def run(bars: Bars, spec: StudySpec, done: list[TrialRecord] | None = None) -> Iterator[TrialRecord]:
    """The search of a spec."""
    space = space_of(spec)
    evaluator = Evaluator(find_strategy(spec.strategy_name), bars, costs=spec.costs)
    n_trials = budget(spec, space)
    return search(spec, space, evaluator, start=START, stop=STOP, n_trials=n_trials, seed=spec.seed, done=done or [])


def told(records: list[TrialRecord]) -> list[tuple[object, ...]]:
    """What must be the same in two runs."""
    return [(r.number, tuple(r.params.items()), r.value, r.values, r.violation, r.n_trades) for r in records]


def spec_of(**more: object) -> StudySpec:
    """A small study."""
    return StudySpec.model_validate({"symbol": "WALK", "strategy_name": "rsi", "n_trials": 60, **more})


@pytest.mark.parametrize("sampler", [SamplerKind.TPE, SamplerKind.RANDOM, SamplerKind.SOBOL, SamplerKind.OPTUNA])
def test_budget_counts_unique_sets_with_the_textbook_first(bars: Bars, sampler: SamplerKind) -> None:
    records = list(run(bars, spec_of(sampler=sampler)))

    assert records[0].params == {"period": 14, "oversold": 30, "overbought": 70}
    assert [r.number for r in records] == list(range(60))
    assert len({tuple(r.params.items()) for r in records}) == 60


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [SamplerKind.TPE, SamplerKind.RANDOM, SamplerKind.SOBOL, SamplerKind.OPTUNA])
@pytest.mark.parametrize("killed_at", [1, 23, 59])
def test_resumed_search_tries_what_an_undisturbed_one_does(bars: Bars, sampler: SamplerKind, killed_at: int) -> None:
    spec = spec_of(sampler=sampler)
    whole = list(run(bars, spec))
    first = list(islice(run(bars, spec), killed_at))
    rest = list(run(bars, spec, first))

    assert told([*first, *rest]) == told(whole)


@pytest.mark.parametrize("more", [{}, {"min_trades": 40}, {"goals": ("calmar", "profitfactor")}])
def test_a_trial_scored_alone_has_the_record_of_one_scored_among_many(bars: Bars, more: dict[str, object]) -> None:
    narrowed = (Narrowed(name="oversold", low=20, high=35), Narrowed(name="period", low=10, high=16))
    alone = list(run(bars, spec_of(narrowed=narrowed, sampler=SamplerKind.RANDOM, **more)))
    whole = run(bars, spec_of(narrowed=narrowed, sampler=SamplerKind.GRID, **more))
    among = {tuple(record.params.items()): record for record in whole}
    unlike = {"number": 0, "started_at": None, "duration": 0.0}

    for record in alone:
        assert TrialRecord.model_validate(record.model_dump()) == record
        twin = among[tuple(record.params.items())]
        assert record.model_copy(update=unlike) == twin.model_copy(update=unlike)


#: At once, at the default set, around the samplers' random start, in the middle, before the last set and at the end.
RESUMED_AT = (0, 1, 2, 10, 11, 13, 16)


@pytest.mark.slow
@pytest.mark.parametrize("goals", [("sharpe",), ("sharpe", "maxdd")], ids=["one goal", "two goals"])
@pytest.mark.parametrize("sampler", SamplerKind)
def test_a_sampler_that_repeats_itself_goes_on_and_is_resumed(
    bars: Bars, sampler: SamplerKind, goals: tuple[str, ...]
) -> None:
    # Of 18 sets 16 are tried: every sampler proposes sets that it had, and falls back on those it had not.
    narrowed = (
        Narrowed(name="period", low=10, high=12),
        Narrowed(name="oversold", low=30, high=32),
        Narrowed(name="overbought", low=70, high=71),
    )
    spec = spec_of(sampler=sampler, goals=goals, narrowed=narrowed, n_trials=16)
    whole = list(run(bars, spec))

    assert [record.number for record in whole] == list(range(18 if sampler is SamplerKind.GRID else 16))
    assert len({tuple(record.params.items()) for record in whole}) == len(whole)
    for at in RESUMED_AT:
        assert told([*whole[:at], *run(bars, spec, whole[:at])]) == told(whole), f"resumed at {at}"


def test_ordered_space_is_resumed_too(bars: Bars) -> None:
    spec = spec_of(strategy_name="macd", n_trials=80)
    whole = list(run(bars, spec))
    first = list(islice(run(bars, spec), 31))

    assert told([*first, *run(bars, spec, first)]) == told(whole)


def test_another_seed_tries_other_sets(bars: Bars) -> None:
    assert told(list(run(bars, spec_of(seed=1)))) != told(list(run(bars, spec_of(seed=2))))


def test_small_space_is_searched_whole(bars: Bars) -> None:
    spec = spec_of(narrowed=(Narrowed(name="period", low=10, high=12), Narrowed(name="oversold", low=30, high=33)))
    spec = spec.model_copy(update={"narrowed": (*spec.narrowed, Narrowed(name="overbought", low=70, high=70))})
    records = list(run(bars, spec))

    assert is_exhaustive(spec, space_of(spec))
    assert len(records) == 12 == len({tuple(r.params.items()) for r in records})
    assert records[0].params == space_of(spec).default


def test_grid_finds_the_true_best(bars: Bars) -> None:
    grid = best_record(list(run(bars, spec_of(sampler=SamplerKind.GRID))))
    guided = best_record(list(run(bars, spec_of(n_trials=200))))

    assert grid is not None
    assert guided is not None
    assert grid.value is not None
    assert guided.value is not None
    assert grid.value >= guided.value > 0.9 * grid.value


def test_a_grid_that_would_never_end_is_refused() -> None:
    spec = spec_of(sampler=SamplerKind.GRID, overlays=("stop",))

    require_affordable(spec_of(sampler=SamplerKind.GRID), space_of(spec_of()))
    require_affordable(spec.model_copy(update={"sampler": SamplerKind.TPE}), space_of(spec))
    with refused(GridTooLarge, match="75,264"):
        require_affordable(spec, space_of(spec))


def test_too_few_trades_are_infeasible_and_never_win(bars: Bars) -> None:
    records = list(run(bars, spec_of(min_trades=8)))
    few = [r for r in records if r.n_trades < 8]
    best = best_record(records)

    assert few
    assert all(r.violation == 8 - r.n_trades for r in few)
    assert all(r.reason == f"{r.n_trades} trades" for r in few)
    assert best is not None
    assert best.n_trades >= 8


def test_broken_cap_is_infeasible_and_named(bars: Bars) -> None:
    records = list(run(bars, spec_of(caps=(Cap(goal="maxdd", is_upper=True, bound=0.25),))))
    broken = [r for r in records if r.max_drawdown is not None and r.max_drawdown < -0.25 and r.n_trades >= 3]

    assert broken
    assert all(r.violation > 0 and r.reason == "maxdd < 0.25" for r in broken)


def test_two_goals_give_two_values_and_hand_over_to_optuna(bars: Bars) -> None:
    spec = spec_of(goals=("sharpe", "maxdd"), n_trials=30)
    feasible = [r for r in run(bars, spec) if r.violation <= 0 and r.state == "complete"]

    assert feasible
    assert all(len(r.values) == 2 and r.values[0] == r.value for r in feasible)
    assert sampler_note(spec, space_of(spec))
    assert not sampler_note(spec_of(), space_of(spec_of()))


def test_costs_belong_to_the_study(bars: Bars) -> None:
    free = next(run(bars, spec_of(costs=Costs(commission_bps=0, slippage_bps=0))))
    dear = next(run(bars, spec_of()))

    assert free.total_return is not None
    assert dear.total_return is not None
    assert free.total_return > dear.total_return


def test_rebuilt_study_knows_the_best_trial(bars: Bars) -> None:
    spec = spec_of()
    records = list(run(bars, spec))
    study = rebuild_study(space_of(spec), spec.goals, records)
    best = best_record(records)

    assert best is not None
    assert study.best_trial.params == best.params
    assert len(study.trials) == 60


def test_nothing_feasible_has_no_best() -> None:
    record = TrialRecord(number=0, params={"period": 14}, value=math.nan, violation=1.0)

    assert best_record([record]) is None
