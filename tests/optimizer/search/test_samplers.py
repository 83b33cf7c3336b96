"""Samplers in Optuna's ask and tell: unseen sets, the order, determinism, resuming, constraints."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.sampler import _split_trials
from optuna.trial import TrialState, create_trial

from optimizer.domain.space import Choice, Order, Params, Range, Space, Value
from optimizer.domain.study_request import SamplerKind
from optimizer.errors import EmptySpace, UnknownSampler
from optimizer.search.samplers import CompiledSampler, SeededSampler, make_sampler, random_unseen
from optimizer.search.tpe.estimator import FEASIBLE, Tpe
from tests.refused import refused

pytestmark = pytest.mark.slow

RSI = Space(
    (
        Range(name="period", low=10, high=30, step=1, default=14),
        Range(name="oversold", low=20, high=35, step=1, default=30),
        Range(name="overbought", low=65, high=80, step=1, default=70),
    )
)
SMA = Space(
    (
        Range(name="fast", low=5, high=50, step=1, default=20),
        Range(name="slow", low=20, high=200, step=5, default=50),
    ),
    Order(lesser="fast", greater="slow"),
)
DONCHIAN = Space(
    (
        Range(name="entry", low=10, high=100, step=5, default=20),
        Range(name="exit", low=5, high=50, step=5, default=10),
    ),
    Order(lesser="exit", greater="entry", strict=False),
)
BOLLINGER = Space(
    (
        Range(name="period", low=10, high=50, step=1, default=20),
        Range(name="width", low=1, high=3, step=0.25, default=2, integer=False),
        Choice(name="mode", choices=("revert", "break"), default="revert"),
    )
)
SPACES = {"rsi": RSI, "sma": SMA, "donchian": DONCHIAN, "bollinger": BOLLINGER}
COMPILED = (SamplerKind.TPE, SamplerKind.RANDOM, SamplerKind.SOBOL)
ALL_KINDS = (*COMPILED, SamplerKind.OPTUNA, SamplerKind.NSGA2)

Objective = Callable[[Params], float]


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def bowl(params: Params) -> float:
    """Best where every number is a third up; choices count by their length."""
    return -sum(
        (float(v) / 10 - 3 - i) ** 2 if not isinstance(v, str) else len(v) for i, v in enumerate(params.values())
    )


def step(study: optuna.Study, sampler: SeededSampler, space: Space, objective: Objective = bowl) -> Params:
    sampler.reseed(len(study.get_trials(deepcopy=False)), 0)
    trial = study.ask()
    params = space.suggest(trial)
    study.tell(trial, objective(params))
    return params


def run(
    space: Space, kind: SamplerKind, n: int, *, seed: int = 7, done: list[optuna.trial.FrozenTrial] | None = None
) -> optuna.Study:
    sampler = make_sampler(kind, space, seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials(done or [])
    while len(study.get_trials(deepcopy=False)) < n:
        step(study, sampler, space)
    return study


def sets_of(study: optuna.Study) -> list[Params]:
    return [trial.params for trial in study.get_trials(deepcopy=False)]


def plain(study: optuna.Study, space: Space, n: int) -> list[optuna.trial.FrozenTrial]:
    """The first trials as a store gives them back: no attributes, whole distributions."""
    return [
        create_trial(params=t.params, distributions=space.distributions, values=t.values)
        for t in study.get_trials(deepcopy=False)[:n]
    ]


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_proposals_belong_to_the_space_and_keep_its_order(kind: SamplerKind, space: Space) -> None:
    study = run(space, kind, 60)

    assert all(space.contains(params) for params in sets_of(study))


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize("kind", COMPILED)
def test_compiled_samplers_never_propose_a_set_twice(kind: SamplerKind, space: Space) -> None:
    proposed = sets_of(run(space, kind, 150))

    assert len({tuple(params.values()) for params in proposed}) == len(proposed)


@pytest.mark.parametrize("kind", COMPILED)
def test_a_small_space_is_walked_to_its_last_set(kind: SamplerKind) -> None:
    proposed = sets_of(run(DONCHIAN, kind, DONCHIAN.size))

    assert {tuple(sorted(p.items())) for p in proposed} == {tuple(sorted(p.items())) for p in DONCHIAN.param_sets()}


def test_asking_on_when_every_set_was_tried_repeats_one() -> None:
    space = Space(
        (Range(name="a", low=1, high=3, step=1, default=1), Range(name="b", low=1, high=4, step=1, default=1))
    )

    proposed = sets_of(run(space, SamplerKind.TPE, 20))

    assert len({tuple(p.values()) for p in proposed[:12]}) == 12
    assert all(space.contains(p) for p in proposed[12:])


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_study_rebuilt_from_its_trials_goes_on_with_the_same_sets(kind: SamplerKind) -> None:
    for space, n_done in ((SMA, 57), (BOLLINGER, 5)):
        whole = run(space, kind, 120)

        resumed = run(space, kind, 120, done=plain(whole, space, n_done))

        assert sets_of(resumed) == sets_of(whole)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_the_seed_decides_the_sets(kind: SamplerKind) -> None:
    assert sets_of(run(RSI, kind, 30, seed=1)) == sets_of(run(RSI, kind, 30, seed=1))
    assert sets_of(run(RSI, kind, 30, seed=1)) != sets_of(run(RSI, kind, 30, seed=2))


def test_an_attempt_decides_the_set_too() -> None:
    study = run(RSI, SamplerKind.TPE, 20)
    sampler = study.sampler
    assert isinstance(sampler, SeededSampler)

    def proposal(attempt: int) -> Params:
        rebuilt = make_sampler(SamplerKind.TPE, RSI, seed=7)
        fresh = optuna.create_study(direction="maximize", sampler=rebuilt)
        fresh.add_trials(plain(study, RSI, 20))
        rebuilt.reseed(20, attempt)
        return RSI.suggest(fresh.ask())

    assert proposal(0) == proposal(0)
    assert len({tuple(proposal(attempt).values()) for attempt in range(8)}) > 1


def test_trials_added_from_outside_are_learned() -> None:
    sampler = make_sampler(SamplerKind.TPE, RSI, seed=1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for params in itertools.islice(RSI.param_sets(), 40):
        study.add_trial(create_trial(params=params, distributions=RSI.distributions, value=bowl(params)))
        if len(study.get_trials(deepcopy=False)) % 7 == 0:
            step(study, sampler, RSI)

    proposed = sets_of(study)

    assert len({tuple(params[name] for name in RSI.names) for params in proposed}) == len(proposed)


@pytest.mark.parametrize("kind", COMPILED)
def test_a_search_without_a_study_proposes_the_same_sets_as_asking(kind: SamplerKind) -> None:
    asked = sets_of(run(SMA, kind, 80))
    sampler = make_sampler(kind, SMA, seed=7)
    assert isinstance(sampler, CompiledSampler)
    proposed = []
    for number in range(80):
        sampler.search.ask(number, attempt=3)  # dropped
        proposed.append(sampler.search.ask(number))
        sampler.search.learn(number, proposed[-1], (FEASIBLE, -bowl(proposed[-1]), 0.0))

    assert proposed == asked


def test_an_enqueued_set_counts_as_tried() -> None:
    sampler = make_sampler(SamplerKind.TPE, DONCHIAN, seed=1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial(DONCHIAN.default)
    proposed = [step(study, sampler, DONCHIAN) for _ in range(DONCHIAN.size)]

    assert proposed[0] == DONCHIAN.default
    assert len({tuple(p.values()) for p in proposed}) == DONCHIAN.size


def test_several_asked_at_once_are_all_different() -> None:
    sampler = make_sampler(SamplerKind.TPE, RSI, seed=1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for _ in range(30):
        step(study, sampler, RSI)
    trials = [study.ask() for _ in range(10)]
    proposed = [RSI.suggest(trial) for trial in trials]
    for trial, params in zip(reversed(trials), reversed(proposed), strict=True):
        study.tell(trial, bowl(params))

    assert len({tuple(p.values()) for p in proposed}) == 10
    assert len({tuple(p.values()) for p in sets_of(study)} | {tuple(step(study, sampler, RSI).values())}) == 41


def test_a_failed_set_is_not_proposed_again() -> None:
    sampler = make_sampler(SamplerKind.TPE, DONCHIAN, seed=1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    seen = set()
    for number in range(DONCHIAN.size):
        trial = study.ask()
        params = DONCHIAN.suggest(trial)
        seen.add(tuple(params.values()))
        study.tell(trial, *((None, TrialState.FAIL) if number % 3 == 0 else (bowl(params), TrialState.COMPLETE)))

    assert len(seen) == DONCHIAN.size


@pytest.mark.parametrize("kind", [SamplerKind.TPE, SamplerKind.OPTUNA])
def test_infeasible_sets_are_kept_away_from(kind: SamplerKind) -> None:
    """The best values lie where the constraint is broken; the search must end up on the other side."""
    sampler = make_sampler(kind, RSI, seed=3)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for number in range(120):
        sampler.reseed(number, 0)
        trial = study.ask()
        params = RSI.suggest(trial)
        period = float(params["period"])
        trial.set_constraint("feasible", max(period - 20, 0.0))
        study.tell(trial, -abs(period - 14) if period <= 20 else math.inf)

    late = [trial.params["period"] for trial in study.trials[60:]]
    assert np.mean([period <= 20 for period in late]) > 0.7


def test_the_lower_mixture_holds_the_same_trials_as_optunas_split() -> None:
    sampler = CompiledSampler(Tpe(RSI.distributions, seed=1))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    rng = np.random.default_rng(5)
    for number in range(80):
        trial = study.ask()
        params = RSI.suggest(trial)
        trial.set_constraint("feasible", float(rng.choice([0.0, 0.0, 1.0, 2.0])))
        if number % 9 == 0:
            trial.report(bowl(params), step=int(rng.integers(5)))
            study.tell(trial, state=TrialState.PRUNED)
        elif number % 11 == 0:
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, round(bowl(params)))  # rounded: equals happen
        finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        below, _ = _split_trials(study, finished, math.ceil(0.1 * len(finished)))
        assert sampler.good_numbers == [trial.number for trial in below]


def test_a_better_place_is_found_than_at_random() -> None:
    def best(kind: SamplerKind, seed: int) -> float:
        return max(bowl(params) for params in sets_of(run(RSI, kind, 60, seed=seed)))

    ours = [best(SamplerKind.TPE, seed) for seed in range(5)]
    random = [best(SamplerKind.RANDOM, seed) for seed in range(5)]

    assert np.mean(ours) > np.mean(random)


@pytest.mark.parametrize("is_multivariate", [True, False])
def test_continuous_and_logarithmic_parameters_are_searched(is_multivariate: bool) -> None:
    distributions: dict[str, BaseDistribution] = {
        "x": FloatDistribution(-5, 5),
        "rate": FloatDistribution(1e-5, 1e-1, log=True),
        "units": IntDistribution(1, 1000, log=True),
    }
    study = optuna.create_study(sampler=CompiledSampler(Tpe(distributions, seed=1, is_multivariate=is_multivariate)))

    def loss(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", -5, 5)
        rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
        units = trial.suggest_int("units", 1, 1000, log=True)
        return x * x + (math.log10(rate) + 3) ** 2 + (math.log10(units) - 2) ** 2

    study.optimize(loss, n_trials=120)

    assert study.best_value < 0.1


def test_a_search_axis_by_axis_keeps_the_order_and_never_repeats() -> None:
    sampler = CompiledSampler(Tpe(SMA.distributions, seed=2, order=SMA.order, is_multivariate=False))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    proposed = [step(study, sampler, SMA) for _ in range(120)]

    assert all(SMA.contains(params) for params in proposed)
    assert len({tuple(params.values()) for params in proposed}) == 120


def test_an_undeclared_parameter_is_refused() -> None:
    study = optuna.create_study(sampler=CompiledSampler(Tpe(RSI.distributions, seed=1)))

    with pytest.raises(ValueError, match="`extra`"):
        study.ask().suggest_int("extra", 1, 3)


def test_several_goals_are_handed_over_to_optuna_and_the_reason_is_kept() -> None:
    sampler = make_sampler(SamplerKind.TPE, SMA, seed=1, n_goals=2)
    study = optuna.create_study(directions=["maximize", "maximize"], sampler=sampler)
    for number in range(15):
        sampler.reseed(number, 0)
        trial = study.ask()
        params = SMA.suggest(trial)
        study.tell(trial, [bowl(params), float(params["fast"])])

    assert sampler.handed_over == "several goals"
    assert all(SMA.contains(params) for params in sets_of(study))


def test_too_many_parameters_are_handed_over() -> None:
    wide = Space(tuple(Range(name=f"p{i}", low=0, high=200, step=1, default=0) for i in range(130)))

    assert make_sampler(SamplerKind.TPE, wide, seed=1).handed_over == "too many parameters"
    assert make_sampler(SamplerKind.SOBOL, wide, seed=1).handed_over == "more than 21 parameters"
    assert make_sampler(SamplerKind.TPE, RSI, seed=1).handed_over == ""


def test_a_grid_has_no_sampler() -> None:
    with refused(UnknownSampler, match="grid"):
        make_sampler(SamplerKind.GRID, RSI, seed=1)


def key(params: Params, space: Space) -> tuple[Value, ...]:
    return tuple(params[name] for name in space.names)


def test_a_random_unseen_set_is_found_when_nearly_all_were_tried() -> None:
    every = [key(params, RSI) for params in RSI.param_sets()]
    left = set(np.random.default_rng(1).permutation(len(every))[:76].tolist())
    seen = {k for i, k in enumerate(every) if i not in left}

    drawn = {key(random_unseen(RSI, seen, seed=(1, i)), RSI) for i in range(40)}

    assert not drawn & seen
    assert len(drawn) > 20


def test_a_random_unseen_set_is_repeatable_and_there_must_be_one() -> None:
    assert random_unseen(SMA, set(), seed=(1, 2)) == random_unseen(SMA, set(), seed=(1, 2))
    assert SMA.contains(random_unseen(SMA, set(), seed=(1, 2)))
    with pytest.raises(EmptySpace):
        random_unseen(DONCHIAN, {key(params, DONCHIAN) for params in DONCHIAN.param_sets()}, seed=(1,))
