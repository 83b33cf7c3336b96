"""What a strategy is: one declaration that the search, the help and the checks read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.domain.space import Params, Range, Space
from optimizer.indicators.conditions import Conditions, Slots

#: The values of many sets, one sequence a parameter.
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a strategy for many sets: when to enter and when to leave, decided at a close.

    A set enters where `enter` and `gate` hold and `exit` does not; it leaves where `exit` holds.
    """

    enter: Slots
    exit: Slots
    gate: Slots | None = None


Rule = Callable[[Conditions, Columns], Side]


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """A strategy as data and one function per side; `templates/<language>/strategy_words.jinja` has its words."""

    key: str
    space: Space
    warm_up: Callable[[Params], int]  # bars before the first one whose signal means something
    long: Rule
    short: Rule | None
    aliases: tuple[str, ...] = ()


def bars_of(name: str, low: int, high: int, default: int, *, step: int = 1) -> Range:
    """A parameter counted in bars."""
    return Range(name=name, low=low, high=high, step=step, default=default, unit="bars")


def level_of(name: str, low: int, high: int, default: int, *, step: int = 1, unit: str = "") -> Range:
    """A whole number that an indicator is compared with."""
    return Range(name=name, low=low, high=high, step=step, default=default, unit=unit)


def width_of(name: str, low: float, high: float, default: float, *, unit: str) -> Range:
    """A number in steps of a quarter."""
    return Range(name=name, low=low, high=high, step=0.25, default=default, integer=False, unit=unit)
