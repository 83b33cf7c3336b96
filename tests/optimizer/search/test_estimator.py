"""The estimator's state without Optuna: what it remembers and how it grows."""

import math

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from optimizer.domain.space import Order, Range
from optimizer.search.tpe.axes import Axis
from optimizer.search.tpe.estimator import FEASIBLE, INFEASIBLE, SobolSets, Tpe, warm

SPACE: dict[str, BaseDistribution] = {"a": IntDistribution(1, 200), "b": IntDistribution(1, 200)}


def loss(params: dict[str, int]) -> float:
    return abs(params["a"] - 60.0) + abs(params["b"] - 150.0)


def searched(n: int, *, seed: int = 1) -> tuple[Tpe, list[dict[str, int]]]:
    tpe, param_sets = Tpe(SPACE, seed=seed), []
    for number in range(n):
        param_sets.append(tpe.ask(number))
        tpe.learn(number, param_sets[-1], (FEASIBLE, loss(param_sets[-1]), 0.0))
    return tpe, param_sets


def test_a_search_closes_in_on_the_best_place() -> None:
    _, param_sets = searched(150)

    assert min(map(loss, param_sets)) <= 6 < min(map(loss, param_sets[:10]))


def test_memory_grows_without_changing_what_is_known() -> None:
    """More trials than the first capacity; learning them all at once must give the same proposal."""
    tpe, param_sets = searched(600)
    again = Tpe(SPACE, seed=1)
    for number, params in enumerate(param_sets):
        again.learn(number, params, (FEASIBLE, loss(params), 0.0))

    assert again.ask(600) == tpe.ask(600)
    assert again.good_numbers == tpe.good_numbers


def test_what_is_expected_is_not_proposed_again_before_it_is_learned() -> None:
    tpe, _ = searched(30)
    proposals = []
    for number in range(30, 50):
        proposals.append(tpe.ask(30))
        tpe.expect(number, proposals[-1])

    assert len({tuple(p.values()) for p in proposals}) == 20


@pytest.mark.parametrize(
    "distributions",
    [
        {"x": IntDistribution(1, 40), "y": IntDistribution(1, 40)},
        {"x": IntDistribution(1, 4000, log=True), "y": CategoricalDistribution(("a", "b", "c"))},
        {"x": FloatDistribution(0.0, 1.0), "y": IntDistribution(1, 90)},
    ],
    ids=["steps", "logarithm and choices", "continuous"],
)
def test_a_round_is_what_asking_in_turn_would_give(distributions: dict[str, BaseDistribution]) -> None:
    in_turn, in_rounds = (Tpe(distributions, seed=5) for _ in range(2))
    for first in range(0, 320, 16):
        numbers = range(first, first + 16)
        asked = in_rounds.ask_round(first, first, 16)
        for number, params in zip(numbers, asked, strict=True):
            assert in_turn.ask(first, number) == params
            in_turn.expect(number, params)
        ranks = [None if number % 7 == 0 else (FEASIBLE, abs(math.sin(number)), 0.0) for number in numbers]
        in_rounds.learn_round(first, ranks)
        for number, params, rank in zip(numbers, asked, ranks, strict=True):
            in_turn.learn(number, params, rank)

    assert in_rounds.good_numbers == in_turn.good_numbers


def test_one_fit_for_many_sets_is_repeatable_and_repeats_no_set() -> None:
    rounds = [Tpe(SPACE, seed=5) for _ in range(2)]
    found: list[list[dict[str, int]]] = [[], []]
    for first in range(0, 96, 32):
        for tpe, param_sets in zip(rounds, found, strict=True):
            asked = tpe.ask_round(first, first, 32, per_fit=8)
            tpe.learn_round(first, [(FEASIBLE, loss(params), 0.0) for params in asked])
            param_sets.extend(asked)

    assert found[0] == found[1]
    assert len({tuple(params.values()) for params in found[0]}) == 96


def test_a_trial_that_ran_with_another_set_is_learned_as_it_ran() -> None:
    swapped, plain = Tpe(SPACE, seed=1), Tpe(SPACE, seed=1)
    _, param_sets = searched(20)
    for number, params in enumerate(param_sets):
        swapped.expect(number, param_sets[-1 - number])
        swapped.learn(number, params, (FEASIBLE, loss(params), 0.0))
        plain.learn(number, params, (FEASIBLE, loss(params), 0.0))

    assert swapped.log_densities(param_sets)[0].tolist() == plain.log_densities(param_sets)[0].tolist()
    assert swapped.log_densities(param_sets)[1].tolist() == plain.log_densities(param_sets)[1].tolist()


def test_densities_do_not_depend_on_the_way_trials_came_into_their_mixtures() -> None:
    """Trials that rise, sink, fail and are replaced, beside an estimator that learns all at once."""
    distributions: dict[str, BaseDistribution] = {
        "a": IntDistribution(1, 12),
        "mode": CategoricalDistribution(("x", "y")),
        "b": IntDistribution(1, 7),
    }
    grown, whole = Tpe(distributions, seed=3), Tpe(distributions, seed=3)
    param_sets = [Tpe(distributions, seed=number).ask(0) for number in range(160)]
    ranks = [None if number % 9 == 4 else (FEASIBLE, math.sin(number), 0.0) for number in range(160)]
    for number, (params, rank) in enumerate(zip(param_sets, ranks, strict=True)):
        grown.expect(number, param_sets[0] if number % 13 == 5 else params)
        grown.ask(number)
        grown.learn(number, params, rank)
        if number % 20 == 0:
            grown.log_densities(param_sets[:3])
    for number, (params, rank) in enumerate(zip(param_sets, ranks, strict=True)):
        whole.learn(number, params, rank)

    lower, upper = grown.log_densities(param_sets)

    np.testing.assert_allclose(lower, whole.log_densities(param_sets)[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(upper, whole.log_densities(param_sets)[1], rtol=0, atol=1e-12)


def test_a_set_outside_the_space_counts_and_makes_no_kernel() -> None:
    tpe, param_sets = searched(20)
    before = tpe.log_densities(param_sets)[0].tolist()
    tpe.learn(20, {"a": 500, "b": 3}, (INFEASIBLE, 1.0, 0.0))
    tpe.learn(21, {"a": 5}, (INFEASIBLE, 1.0, 0.0))

    assert tpe.n_finished == 22
    assert len(tpe.good_numbers) == 3
    assert tpe.log_densities(param_sets)[0].tolist() != before
    assert set(tpe.ask(22)) == {"a", "b"}


def test_forgetting_starts_from_nothing() -> None:
    tpe, param_sets = searched(40)
    tpe.forget()

    assert tpe.n_finished == 0
    assert tpe.ask(0) == param_sets[0]


def test_warming_up_leaves_nothing_behind() -> None:
    warm()

    assert searched(12)[1] == searched(12)[1]


def test_sobol_needs_steps() -> None:
    with pytest.raises(ValueError, match="step"):
        SobolSets({"x": FloatDistribution(0, 1)}, seed=1)


def test_an_order_needs_steps() -> None:
    with pytest.raises(ValueError, match="step"):
        Tpe({"x": FloatDistribution(0, 1), "y": IntDistribution(0, 1)}, seed=1, order=Order(lesser="x", greater="y"))


@pytest.mark.parametrize(
    "parameter",
    [
        Range(name="width", low=1, high=3, step=0.25, default=2, integer=False),
        Range(name="limit", low=-0.1, high=0.1, step=0.01, default=0, integer=False),
        Range(name="third", low=0, high=0.9, step=0.1, default=0.3, integer=False),
        Range(name="slow", low=20, high=200, step=5, default=50),
    ],
    ids=lambda p: p.name,
)
def test_an_axis_has_the_very_values_of_its_parameter(parameter: Range) -> None:
    axis = Axis(parameter.name, parameter.distribution)

    assert axis.values == parameter.values
    assert [axis.value(axis.coordinate(value)) for value in parameter.values] == list(parameter.values)


def test_choices_keep_their_order_and_unknown_ones_are_none_of_the_axis() -> None:
    axis = Axis("mode", CategoricalDistribution(("revert", "break")))

    assert [axis.coordinate(choice) for choice in axis.values] == [0.0, 1.0]
    assert axis.contains("break")
    assert not axis.contains("fade")
