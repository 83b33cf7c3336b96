"""Declaration of a strategy: the one object that the search, the help and the checks read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from optimizer.domain.space import Choice, Parameter, Params, Range, Space
from optimizer.indicators.conditions import Conditions, Slots
from optimizer.indicators.indicators import IndicatorFunction
from optimizer.learned.rows import LearnedRow

#: Masks that one set of a strategy without further conditions needs: entry, gate, trend and exit of two sides.
MASKS_PER_SET = 8
#: Parameter values of many sets: per parameter a sequence with one value per set.
Columns = Mapping[str, Sequence[Any]]


class Side(NamedTuple):
    """Masks of one side of a strategy for many sets, decided at each close.

    A set enters where `enter` and `gate` are true and `exit` is not; it leaves where `exit` is true.
    """

    enter: Slots
    exit: Slots
    gate: Slots | None = None


#: Computes one side's masks for many sets.
Rule = Callable[[Conditions, Columns], Side]


#: Words by language, or one text for every language.
Words = Mapping[str, str] | str


@dataclass(frozen=True, kw_only=True)
class OwnCode:
    """Code of a person's own strategy: the file it came from, and what its trial measured."""

    file: str
    path: str
    digest: str  # SHA-256
    seconds: float  # that one set took over the bars of the trial
    n_bars: int  # of the trial

    @property
    def milliseconds(self) -> float:
        """Milliseconds that one set took over the bars of the trial, to two digits."""
        return float(f"{self.seconds * 1e3:.2g}")

    def seconds_over(self, n_bars: int) -> float:
        """Seconds that one set may take over so many bars."""
        return self.seconds * max(n_bars / self.n_bars, 1.0)


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """Strategy as data, with one rule per side.

    The words are a person's own: those of ours are in `templates/<language>/strategy_words.jinja`.
    """

    key: str
    space: Space
    warm_up: Callable[[Params], int]  # bars before the first one with a valid signal
    long: Rule
    short: Rule | None
    aliases: tuple[str, ...] = ()
    masks_per_set: int = MASKS_PER_SET  # that one set may need at most, of both sides and the overlays
    title: Words = field(default="", hash=False)
    about: Words = field(default="", hash=False)  # the rule in one sentence
    meanings: Mapping[str, Words] = field(default_factory=dict, hash=False)  # of the parameters, by name
    split: tuple[str, ...] = ()  # parameters that have a second value for stress
    stress: IndicatorFunction | None = None  # of a split one: 1 at the close of each bar in stress, else 0
    positions: IndicatorFunction | None = None  # of a strategy in Python: one row of -1, 0 and 1 per set
    own: OwnCode | None = None  # None: it is one of ours
    least_bars: int = 0  # that it must have before the held-out ones
    is_for_one_symbol: bool = False  # it cannot be searched for several at once
    learned: LearnedRow[Any] | None = None  # row that is fitted before the search, for each value it depends on
    on_request: tuple[Choice, ...] = ()  # further parameters, in its space only when a request names them

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Everything of its own that a request may name."""
        return (*self.space.parameters, *self.on_request)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of everything of its own that a request may name."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def digest(self) -> str:
        """SHA-256 of its own code; empty for one of ours, whose code is the program's."""
        return self.own.digest if self.own else ""


def bars_of(name: str, low: int, high: int, default: int, *, step: int = 1) -> Range:
    """Declare a parameter in bars."""
    return Range(name=name, low=low, high=high, step=step, default=default, unit="bars")


def level_of(name: str, low: int, high: int, default: int, *, step: int = 1, unit: str = "") -> Range:
    """Declare a whole number that an indicator is compared with."""
    return Range(name=name, low=low, high=high, step=step, default=default, unit=unit)


def width_of(name: str, low: float, high: float, default: float, *, unit: str) -> Range:
    """Declare a number in steps of a quarter."""
    return Range(name=name, low=low, high=high, step=0.25, default=default, integer=False, unit=unit)


def choice_of(name: str, choices: Sequence[str], default: str) -> Choice:
    """Declare a parameter that is one of a few words."""
    return Choice(name=name, choices=tuple(choices), default=default)
