"""Search spaces: typed parameters, one ordering constraint, and the operations on them.

A strategy declares its parameters once; the search space, the help text, the modal's fields and the
validation of typed values all use that declaration.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

from optimizer.errors import EmptySpace, NotANumber, OutOfRange, Phrase, UnknownParameter, WrongChoice
from optimizer.lazy import LazyModule

if TYPE_CHECKING:
    from optuna import distributions
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial
else:
    # Reading commands and telling results needs no Optuna, which imports for a third of a second.
    distributions = LazyModule("optuna.distributions")

Value = int | float | str
Params = dict[str, Value]

#: Two decimal values of one step are equal when they differ by less than this.
_TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numeric parameter from `low` to `high`, both included, in steps of `step`."""

    name: str
    low: float
    high: float
    step: float
    default: float
    integer: bool = True
    unit: str = ""  # "bars", "%", "" …: a key of `units` in strategies.jinja

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """Every value, ascending."""
        count = math.floor((self.high - self.low) / self.step + _TOLERANCE) + 1
        return tuple(self._typed(self.low + i * self.step) for i in range(count))

    @cached_property
    def distribution(self) -> "BaseDistribution":
        """Optuna's distribution of this range."""
        return self.between(self.low, self.high)

    def between(self, low: float, high: float) -> "BaseDistribution":
        """Optuna's distribution of the values from `low` to `high`."""
        if self.integer:
            return distributions.IntDistribution(int(low), int(high), step=int(self.step))
        return distributions.FloatDistribution(low, high, step=self.step)

    def narrowed(self, low: float, high: float, step: float | None = None) -> "Range":
        """Same parameter over a typed range, which may be a single value."""
        for value in (low, high):
            if not self.low - _TOLERANCE <= value <= self.high + _TOLERANCE:
                near = min(max(value, self.low), self.high)
                raise OutOfRange(
                    name=self.name, low=tidy(self.low), high=tidy(self.high), value=tidy(value), nearest=tidy(near)
                )
        if low > high:
            raise EmptySpace(reason=Phrase("range_backwards", name=self.name, low=tidy(low), high=tidy(high)))
        if self.integer and not all(float(v).is_integer() for v in (low, high, step or 1)):
            raise NotANumber(name=Phrase("whole_numbers_only", name=self.name), value=f"{tidy(low)}..{tidy(high)}")
        step = self.step if step is None else step
        if step <= 0:
            raise EmptySpace(reason=Phrase("step_not_positive", name=self.name))
        high = low + math.floor((high - low) / step + _TOLERANCE) * step
        default = min(max(self.default, low), high)
        return replace(self, low=low, high=high, step=step, default=default)

    def _typed(self, value: float) -> Value:
        return round(value) if self.integer else round(value, 10)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Categorical parameter: one of a few words."""

    name: str
    choices: tuple[str, ...]
    default: str
    unit: str = ""

    @property
    def values(self) -> tuple[Value, ...]:
        """Every choice, in the order declared."""
        return self.choices

    @cached_property
    def distribution(self) -> "BaseDistribution":
        """Optuna's distribution of these choices."""
        return distributions.CategoricalDistribution(self.choices)

    def narrowed(self, choices: Sequence[str]) -> "Choice":
        """Same parameter over the typed choices."""
        for choice in choices:
            if choice not in self.choices:
                raise WrongChoice(name=self.name, choices=", ".join(self.choices), value=choice)
        default = self.default if self.default in choices else choices[0]
        return replace(self, choices=tuple(choices), default=default)


Parameter = Range | Choice


@dataclass(frozen=True, kw_only=True)
class Order:
    """Ordering constraint: `lesser` < `greater`, or ≤ when not strict; both name a Range of the same space."""

    lesser: str
    greater: str
    strict: bool = True

    def allows(self, params: Mapping[str, Value]) -> bool:
        """True if a set keeps the order."""
        lesser, greater = float(params[self.lesser]), float(params[self.greater])
        return lesser < greater - _TOLERANCE if self.strict else lesser <= greater + _TOLERANCE


@dataclass(frozen=True)
class Space:
    """Sets that a study may try: the product of its parameters, less those that break the order.

    `suggest` never returns a set that breaks the order: the greater parameter's range
    starts above the lesser one's value.
    """

    parameters: tuple[Parameter, ...]
    order: Order | None = None

    def __post_init__(self) -> None:
        if self.order and not any(True for _ in self._ordered_pairs()):
            raise EmptySpace(reason=Phrase("order_impossible", lesser=self.order.lesser, greater=self.order.greater))

    @cached_property
    def by_name(self) -> dict[str, Parameter]:
        """Parameters by name, in the order declared."""
        return {parameter.name: parameter for parameter in self.parameters}

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters' names, in the order declared."""
        return tuple(self.by_name)

    @cached_property
    def distributions(self) -> "dict[str, BaseDistribution]":
        """Optuna's distributions, before the order narrows one of them."""
        return {parameter.name: parameter.distribution for parameter in self.parameters}

    @cached_property
    def size(self) -> int:
        """Number of sets."""
        free = math.prod(len(p.values) for p in self.parameters if not self._is_ordered(p.name))
        return free * sum(1 for _ in self._ordered_pairs()) if self.order else free

    @cached_property
    def default(self) -> Params:
        """Default set, or the nearest allowed one if the space was narrowed."""
        wanted = {p.name: p.default for p in self.parameters}
        params = {p.name: _closest(p, wanted[p.name]) for p in self.parameters}
        if self.order is not None and not self.order.allows(params):
            lesser, greater = self.order.lesser, self.order.greater
            want = float(wanted[lesser]), float(wanted[greater])
            pairs = self._ordered_pairs()
            params[lesser], params[greater] = min(pairs, key=lambda ab: abs(ab[0] - want[0]) + abs(ab[1] - want[1]))
        return params

    def param_sets(self) -> Iterator[Params]:
        """Yield every set, the last parameter varying fastest."""
        for values in product(*(p.values for p in self.parameters)):
            params = dict(zip(self.names, values, strict=True))
            if self.order is None or self.order.allows(params):
                yield params

    def contains(self, params: Mapping[str, Value]) -> bool:
        """True if a set is in this space."""
        return (
            set(params) == set(self.names)
            and all(params[p.name] in p.values for p in self.parameters)
            and (self.order is None or self.order.allows(params))
        )

    def suggest(self, trial: "Trial") -> Params:
        """Suggest a set that keeps the order, from an Optuna trial."""
        params: Params = {}
        for parameter in self._lesser_first():
            params[parameter.name] = _suggest(trial, parameter, self._bounds(parameter, params))
        return {name: params[name] for name in self.names}

    def neighbours(self, params: Mapping[str, Value]) -> list[Params]:
        """Sets one step away from `params` in one numeric parameter."""
        found = []
        for parameter in self.parameters:
            if isinstance(parameter, Choice):
                continue
            at = parameter.values.index(params[parameter.name])
            for value in (parameter.values[i] for i in (at - 1, at + 1) if 0 <= i < len(parameter.values)):
                near = {**params, parameter.name: value}
                if self.order is None or self.order.allows(near):
                    found.append(near)
        return found

    def named(self, word: str, prefix: str = "") -> Parameter:
        """Parameter called `word`, which may be prefixed with the strategy's name. Raises UnknownParameter."""
        name = word.lower().removeprefix(f"{prefix}_") if prefix else word.lower()
        if name not in self.by_name:
            raise UnknownParameter.of(word, self.names)
        return self.by_name[name]

    def replaced(self, parameter: Parameter) -> "Space":
        """Same space with one parameter replaced by another of its name."""
        return Space(tuple(parameter if p.name == parameter.name else p for p in self.parameters), self.order)

    def extended(self, *parameters: Parameter) -> "Space":
        """Same space with more parameters."""
        return Space((*self.parameters, *parameters), self.order)

    def _is_ordered(self, name: str) -> bool:
        return self.order is not None and name in (self.order.lesser, self.order.greater)

    def _ordered_pairs(self) -> Iterator[tuple[float, float]]:
        assert self.order is not None
        lesser, greater = (self.by_name[n] for n in (self.order.lesser, self.order.greater))
        for pair in product(lesser.values, greater.values):
            if self.order.allows({lesser.name: pair[0], greater.name: pair[1]}):
                yield pair  # type: ignore[misc]

    def _lesser_first(self) -> list[Parameter]:
        order = self.order
        return sorted(self.parameters, key=lambda p: order is not None and p.name == order.greater)

    def _bounds(self, parameter: Parameter, chosen: Params) -> tuple[float, float]:
        """Part of a range that can still keep the order, given the values chosen already."""
        if isinstance(parameter, Choice):
            return 0.0, 0.0
        if self.order is None or not self._is_ordered(parameter.name):
            return parameter.low, parameter.high
        if parameter.name == self.order.lesser:
            greater = self.by_name[self.order.greater].values[-1]
            fit = [
                v for v in parameter.values if self.order.allows({self.order.lesser: v, self.order.greater: greater})
            ]
            return parameter.low, float(fit[-1])
        lesser = chosen[self.order.lesser]
        fit = [v for v in parameter.values if self.order.allows({self.order.lesser: lesser, self.order.greater: v})]
        return float(fit[0]), float(parameter.values[-1])


def tidy(value: float) -> str:
    """Format a number without trailing zeros."""
    return f"{value:.10g}"


def _closest(parameter: Parameter, wanted: Value) -> Value:
    if isinstance(parameter, Choice):
        return wanted
    return min(parameter.values, key=lambda v: abs(float(v) - float(wanted)))


def _suggest(trial: "Trial", parameter: Parameter, bounds: tuple[float, float]) -> Value:
    if isinstance(parameter, Choice):
        return str(trial.suggest_categorical(parameter.name, parameter.choices))
    low, high = bounds
    if parameter.integer:
        return trial.suggest_int(parameter.name, int(low), int(high), step=int(parameter.step))
    # Steps such as 0.1 accumulate rounding errors; the rounded value is the one that is looked up again.
    return round(trial.suggest_float(parameter.name, low, high, step=parameter.step), 10)
