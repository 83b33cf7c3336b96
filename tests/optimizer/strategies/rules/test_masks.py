"""Operations on masks against the same on booleans, at the edges of words."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from optimizer.indicators.bitmasks import pack_mask, unpack_mask
from optimizer.indicators.conditions import Conditions, Slots
from tests.bars import made_up_bars

Booleans = NDArray[np.bool_]
LENGTHS = (2, 63, 64, 65, 127, 128, 129, 300)


def before(holds: Booleans, n_bars: int) -> Booleans:
    """What held `n_bars` bars before."""
    shifted = np.zeros_like(holds)
    shifted[n_bars:] = holds[: max(len(holds) - n_bars, 0)]
    return shifted


def over_window(holds: Booleans, n_bars: int, join: Callable[[Booleans], np.bool_]) -> Booleans:
    """A join of the last `n_bars` values; those before the first are false."""
    padded = np.concatenate([np.zeros(n_bars - 1, dtype=bool), holds])
    return np.array([join(padded[t : t + n_bars]) for t in range(len(holds))])


def stored(conditions: Conditions, masks: list[Booleans]) -> Slots:
    """Masks in the bank, as if they were of comparisons."""
    slots = []
    for holds in masks:
        slot = conditions._n_slots  # the test stands in for a comparison
        conditions._take_slots(1)
        conditions.bank[slot] = pack_mask(holds)
        slots.append(slot)
    return np.array(slots)


@pytest.mark.parametrize("n_bars", LENGTHS)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_an_operation_is_that_of_booleans(n_bars: int, share: float) -> None:
    rng = np.random.default_rng(n_bars)
    one, other = ([rng.random(n_bars) < share for _ in range(5)] for _ in range(2))
    conditions = Conditions(made_up_bars(n_bars))
    left, right = stored(conditions, one), stored(conditions, other)

    def check(slots: Slots, expected: list[Booleans]) -> None:
        for slot, holds in zip(slots, expected, strict=True):
            assert (unpack_mask(conditions.bank[slot], n_bars) == holds).all()
            # Bits after the last bar stay zero: a longer shift must not find any.
            assert unpack_mask(conditions.bank[slot], conditions.bank.shape[1] * 64)[n_bars:].sum() == 0

    check(conditions.both(left, right), [a & b for a, b in zip(one, other, strict=True)])
    check(conditions.either(left, right), [a | b for a, b in zip(one, other, strict=True)])
    for n in (1, 2, 5, 62, 63, 64, 65, 130):
        check(conditions.before(left, n), [before(a, n) for a in one])
        check(conditions.lasting(left, n), [over_window(a, n, np.all) for a in one])
        check(conditions.within(left, n), [over_window(a, n, np.any) for a in one])


def test_the_same_operation_on_the_same_masks_is_computed_once() -> None:
    conditions = Conditions(made_up_bars(200))
    rng = np.random.default_rng(0)
    masks = stored(conditions, [rng.random(200) < 0.5 for _ in range(3)])

    first = conditions.both(masks, masks[::-1])
    taken = conditions._n_slots
    again = conditions.both(masks, masks[::-1])

    assert (first == again).all()
    assert conditions._n_slots == taken
