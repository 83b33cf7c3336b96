"""Declaration of a strategy: the one object that the search, the help and the checks read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.domain.space import Params, Range, Space
from optimizer.indicators.conditions import Conditions, Slots

#: Masks that one set of a strategy without further conditions needs: entry, gate, trend and exit of two sides.
MASKS_PER_SET = 8
#: Parameter values of many sets: per parameter a sequence with one value per set.
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class Side:
    """Masks of one side of a strategy for many sets, decided at each close.

    A set enters where `enter` and `gate` are true and `exit` is not; it leaves where `exit` is true.
    """

    enter: Slots
    exit: Slots
    gate: Slots | None = None


#: Computes one side's masks for many sets.
Rule = Callable[[Conditions, Columns], Side]


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """Strategy as data, with one rule per side."""

    key: str
    space: Space
    warm_up: Callable[[Params], int]  # bars before the first one with a valid signal
    long: Rule
    short: Rule | None
    aliases: tuple[str, ...] = ()
    masks_per_set: int = MASKS_PER_SET  # that one set may need at most, of both sides and the overlays


def bars_of(name: str, low: int, high: int, default: int, *, step: int = 1) -> Range:
    """Declare a parameter in bars."""
    return Range(name=name, low=low, high=high, step=step, default=default, unit="bars")


def level_of(name: str, low: int, high: int, default: int, *, step: int = 1, unit: str = "") -> Range:
    """Declare a whole number that an indicator is compared with."""
    return Range(name=name, low=low, high=high, step=step, default=default, unit=unit)


def width_of(name: str, low: float, high: float, default: float, *, unit: str) -> Range:
    """Declare a number in steps of a quarter."""
    return Range(name=name, low=low, high=high, step=0.25, default=default, integer=False, unit=unit)
