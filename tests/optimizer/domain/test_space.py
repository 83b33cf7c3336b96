"""Search spaces: what they hold, what they refuse, and what they suggest."""

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.domain.space import Choice, Order, Range, Space
from optimizer.errors import EmptySpace, NotANumber, OutOfRange, UnknownParameter, WrongChoice

FAST = Range(name="fast", low=5, high=50, step=1, default=20)
SLOW = Range(name="slow", low=20, high=200, step=5, default=50)
WIDTH = Range(name="width", low=1, high=3, step=0.25, default=2, integer=False)
MODE = Choice(name="mode", choices=("revert", "break"), default="revert")
CROSS = Space((FAST, SLOW), Order(lesser="fast", greater="slow"))


def test_size_counts_only_sets_that_keep_the_order() -> None:
    assert CROSS.size == sum(1 for _ in CROSS.param_sets()) == 1590


def test_free_parameters_multiply_the_ordered_pairs() -> None:
    assert CROSS.extended(MODE).size == 2 * CROSS.size


def test_decimal_steps_have_exact_values() -> None:
    assert WIDTH.values == (1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0)


def test_every_suggestion_is_a_set_of_the_space() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    space = CROSS.extended(WIDTH, MODE)
    for _ in range(200):
        assert space.contains(space.suggest(study.ask()))


def test_narrowed_space_moves_the_textbook_set_to_the_nearest_allowed_one() -> None:
    narrow = CROSS.replaced(FAST.narrowed(40, 50)).replaced(SLOW.narrowed(20, 45))

    assert narrow.default == {"fast": 40, "slow": 45}


def test_space_without_any_set_is_refused() -> None:
    with pytest.raises(EmptySpace):
        CROSS.replaced(FAST.narrowed(30, 50)).replaced(SLOW.narrowed(20, 25))


@pytest.mark.parametrize(("low", "high", "nearest"), [(1, 20, "5"), (10, 99, "50")])
def test_range_outside_the_declared_one_names_the_nearest_value(low: float, high: float, nearest: str) -> None:
    with pytest.raises(OutOfRange) as refused:
        FAST.narrowed(low, high)

    assert refused.value.facts["nearest"] == nearest


def test_backward_range_is_refused() -> None:
    with pytest.raises(EmptySpace):
        FAST.narrowed(20, 10)


def test_fraction_of_a_whole_number_is_refused() -> None:
    with pytest.raises(NotANumber):
        FAST.narrowed(10.5, 20)


def test_step_that_overshoots_ends_at_the_last_whole_step() -> None:
    assert FAST.narrowed(10, 20, 4).values == (10, 14, 18)


def test_unknown_choice_is_refused() -> None:
    with pytest.raises(WrongChoice):
        MODE.narrowed(["sideways"])


def test_parameter_is_found_with_its_strategy_in_front() -> None:
    assert CROSS.named("sma_fast", prefix="sma") is FAST


def test_unknown_parameter_offers_the_nearest() -> None:
    with pytest.raises(UnknownParameter) as refused:
        CROSS.named("fats")

    assert refused.value.facts["nearest"] == "fast"


@given(at=st.integers(0, CROSS.size - 1))
def test_neighbours_are_one_step_away_and_keep_the_order(at: int) -> None:
    params = list(CROSS.param_sets())[at]
    for near in CROSS.neighbours(params):
        assert CROSS.contains(near)
        assert sum(near[name] != params[name] for name in params) == 1
