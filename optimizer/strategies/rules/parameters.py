"""The search space of a rule: every number is a parameter, named after what it is.

Periods are searched from half to double, levels of bounded oscillators ten to either side and not across the middle,
widths and percentages half of themselves to either side; bars back and lengths of runs are fixed, and so are a level
of 0, prices and volumes. A range that was typed is taken as it is. What was typed is always in the space: it is the
default set, which is tried first.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from optimizer.domain.space import Order, Range, Space, Value
from optimizer.strategies.rules.cursor import default_step
from optimizer.strategies.rules.quantity_catalogue import BOUNDS, CATALOGUE, SEARCHED_LEVELS, Argument, Unit
from optimizer.strategies.rules.tree import (
    All,
    Between,
    Clause,
    Compare,
    Either,
    Lasting,
    Moves,
    Not,
    Number,
    Quantity,
    Rule,
    Sign,
    rule_of,
)

#: Most values of a period's range.
MOST_VALUES = 25
#: Numbers up to which a rule is searched without more ado.
MOST_FREE = 6
_LEVEL_REACH = 10
_QUARTER = 0.25
_UPWARDS = (Sign.ABOVE, Sign.AT_LEAST, Sign.CROSSES_ABOVE)


@dataclass(frozen=True, kw_only=True)
class NamedRule:
    """A rule whose numbers have the names of their parameters, and its search space."""

    rule: Rule
    parameters: tuple[Range, ...]
    order: Order | None
    unordered: tuple[tuple[str, str], ...]  # further pairs of which one should be less: the space knows one order

    @property
    def space(self) -> Space:
        """Search space of the rule."""
        return Space(self.parameters, self.order)


def named_rule(rule: Rule) -> NamedRule:
    """Name the numbers of a rule, and find their ranges."""
    namer = _Namer()
    named = rule_of({side: namer.clause(clause, side) for side, clause in rule.sides()})
    pairs = [pair for pair in namer.pairs if pair[0] != pair[1] and all(name in namer.ranges for name in pair)]
    order = Order(lesser=pairs[0][0], greater=pairs[0][1]) if pairs else None
    parameters = tuple(namer.ranges.values())
    return NamedRule(rule=named, parameters=parameters, order=order, unordered=tuple(pairs[1:]))


def with_values(rule: Rule, params: Mapping[str, Value]) -> Rule:
    """Rule with the values of a parameter set in the place of its numbers; ranges are dropped."""
    return _Replacer(params).rule(named_rule(rule).rule)


@dataclass
class _Namer:
    """Gives names to the numbers of one rule, the same to equal periods of one indicator."""

    ranges: dict[str, Range] = field(default_factory=dict)
    pairs: list[tuple[str, str]] = field(default_factory=list)  # names of which the first should be less
    _periods: dict[tuple[object, ...], str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def clause(self, clause: Clause, side: str) -> Clause:
        """The clause with named numbers."""
        match clause:
            case Compare(left, sign, right):
                return self._compare(left, sign, right, side)
            case Between(quantity, low, high):
                named = self._quantity(quantity, side)
                ends = (self._level(quantity, low, f"{side_of(side)}{_word(quantity)}_from", None),
                        self._level(quantity, high, f"{side_of(side)}{_word(quantity)}_to", None))  # fmt: skip
                return Between(named, *ends)
            case Moves(quantity, is_rise, n_bars):
                return Moves(self._quantity(quantity, side), is_rise, n_bars)
            case Lasting(part, n_bars):
                return Lasting(self.clause(part, side), n_bars)
            case Not(part):
                return Not(self.clause(part, side))
            case All(parts):
                return All(tuple(self.clause(part, side) for part in parts))
            case Either(parts):
                return Either(tuple(self.clause(part, side) for part in parts))

    def _compare(self, left: Quantity, sign: Sign, right: Quantity | Number, side: str) -> Compare:
        named = self._quantity(left, side)
        if isinstance(right, Quantity):
            other = self._quantity(right, side)
            if left.name == right.name and len(left.numbers) == 1:
                first, second = sorted((named.numbers[0], other.numbers[0]), key=lambda number: number.value)
                if first.value < second.value:
                    self.pairs.append((first.name, second.name))
            return Compare(named, sign, other)
        is_above = sign in _UPWARDS
        name = f"{side_of(side)}{_word(left)}_{'above' if is_above else 'below'}"
        return Compare(named, sign, self._level(left, right, name, is_above))

    def _quantity(self, quantity: Quantity, side: str) -> Quantity:
        entry = CATALOGUE[quantity.name]
        numbers = tuple(
            self._period(quantity, argument, number)
            for argument, number in zip(entry.arguments, quantity.numbers, strict=True)
        )
        if entry.is_ordered and numbers[0].value < numbers[1].value:
            self.pairs.append((numbers[0].name, numbers[1].name))
        percent = quantity.percent
        if percent is not None:
            name = f"{side_of(side)}{_word(quantity)}_{'minus' if quantity.is_less else 'plus'}"
            percent = self._named(percent, name, _scaled_range(percent, "%"))
        return replace(quantity, numbers=numbers, percent=percent)

    def _period(self, quantity: Quantity, argument: Argument, number: Number) -> Number:
        """Name of an indicator's number; where the same was named before, it is that parameter."""
        key = (argument.name, number, quantity.mark, quantity.symbol, quantity.timeframe)
        if key not in self._periods:
            ends = [quantity.symbol.lower(), argument.name, quantity.timeframe]
            made = _period_range(number, argument) if argument.is_whole else _width_range(number, argument)
            self._periods[key] = self._named(number, _plain_name("_".join(filter(None, ends))), made).name
        return replace(number, name=self._periods[key])

    def _level(self, quantity: Quantity, number: Number, name: str, is_above: bool | None) -> Number:
        return self._named(number, name, _level_range(number, CATALOGUE[quantity.name].unit, is_above))

    def _named(self, number: Number, name: str, made: Range | None) -> Number:
        """The number with a free name like `name`, whose range is `made`; without a range it is fixed."""
        if made is None or len(made.values) == 1:
            return replace(number, name="")
        unique, count = name, 1
        while unique in self._taken:
            count += 1
            unique = f"{name}{count}"
        self._taken.add(unique)
        self.ranges[unique] = replace(made, name=unique)
        return replace(number, name=unique)


def side_of(side: str) -> str:
    """Beginning of the names of a side's levels: those of the entry that most rules have need none."""
    return "" if side == "buy" else f"{side}_"


def _word(quantity: Quantity) -> str:
    return _plain_name("_".join(filter(None, (quantity.symbol.lower(), quantity.name, quantity.timeframe))))


def _plain_name(name: str) -> str:
    """A name of letters, digits and underscores: `%d` is `stoch_d`."""
    return "".join(letter if letter.isalnum() else "_" for letter in name.replace("%d", "stoch_d")).strip("_")


def _typed_range(number: Number, *, is_whole: bool, unit: str) -> Range | None:
    if number.low is None or number.high is None:
        return None
    step = number.step or default_step(number.low, number.high)
    is_integer = is_whole or all(value.is_integer() for value in (number.low, number.high, step))
    return _range(number.low, number.high, step, number.value, is_integer=is_integer, unit=unit)


def _range(low: float, high: float, step: float, default: float, *, is_integer: bool, unit: str) -> Range:
    n_steps = math.floor((high - low) / step + 1e-9)
    ends = low, round(low + n_steps * step, 10)
    return Range(name="", low=ends[0], high=ends[1], step=step, default=default, integer=is_integer, unit=unit)


def _around(value: float, low: float, high: float, step: float, *, unit: str) -> Range:
    """Range from low to high in steps that meet the value."""
    below, above = (math.floor(reach / step + 1e-9) for reach in (value - low, high - value))
    is_integer = value.is_integer() and float(step).is_integer()
    first = round(value - below * step, 10)
    return _range(first, round(value + above * step, 10), step, value, is_integer=is_integer, unit=unit)


def _period_range(number: Number, argument: Argument) -> Range | None:
    typed = _typed_range(number, is_whole=True, unit="bars")
    if typed is not None:
        return typed
    low, high = max(argument.low, math.ceil(number.value / 2)), min(argument.high, 2 * number.value)
    step = max(1, math.ceil((high - low) / (MOST_VALUES - 1)))
    return _around(number.value, low, high, step, unit="bars")


def _width_range(number: Number, argument: Argument) -> Range | None:
    typed = _typed_range(number, is_whole=False, unit="")
    if typed is not None:
        return typed
    low, high = max(argument.low, number.value / 2), min(argument.high, 1.5 * number.value)
    return _around(number.value, low, high, _QUARTER, unit="")


def _scaled_range(number: Number, unit: str) -> Range | None:
    """Range of half the value to either side, in quarters, or in as many steps as a period has at most."""
    typed = _typed_range(number, is_whole=False, unit=unit)
    if typed is not None or number.value == 0:
        return typed
    reach = abs(number.value) / 2
    step = max(_QUARTER, math.ceil(2 * reach / (MOST_VALUES - 1) / _QUARTER) * _QUARTER)
    return _around(number.value, number.value - reach, number.value + reach, step, unit=unit)


def _level_range(number: Number, unit: Unit, is_above: bool | None) -> Range | None:
    sign = "%" if unit is Unit.PERCENT else ""
    typed = _typed_range(number, is_whole=False, unit=sign)
    if typed is not None or unit not in SEARCHED_LEVELS:
        return typed
    if unit not in BOUNDS:
        return _scaled_range(number, sign)
    lowest, highest, middle = BOUNDS[unit]
    value = number.value
    low, high = max(lowest, value - _LEVEL_REACH), min(highest, value + _LEVEL_REACH)
    is_upper = value > middle or (value == middle and is_above is not False)
    low, high = (max(low, middle), high) if is_upper else (low, min(high, middle))
    return _around(value, low, high, 1.0, unit=sign)


@dataclass(frozen=True)
class _Replacer:
    """Puts values in the place of named numbers."""

    params: Mapping[str, Value]

    def rule(self, rule: Rule) -> Rule:
        """The rule with values."""
        return rule_of({side: self.clause(clause) for side, clause in rule.sides()})

    def clause(self, clause: Clause) -> Clause:
        """The clause with values."""
        match clause:
            case Compare(left, sign, right):
                other = self._quantity(right) if isinstance(right, Quantity) else self._number(right)
                return Compare(self._quantity(left), sign, other)
            case Between(quantity, low, high):
                ends = sorted((self._number(low), self._number(high)), key=lambda number: number.value)
                return Between(self._quantity(quantity), *ends)
            case Moves(quantity, is_rise, n_bars):
                return Moves(self._quantity(quantity), is_rise, n_bars)
            case Lasting(part, n_bars):
                return Lasting(self.clause(part), n_bars)
            case Not(part):
                return Not(self.clause(part))
            case All(parts):
                return All(self._all(parts))
            case Either(parts):
                return Either(self._all(parts))

    def _all(self, parts: Sequence[Clause]) -> tuple[Clause, ...]:
        return tuple(map(self.clause, parts))

    def _quantity(self, quantity: Quantity) -> Quantity:
        percent = None if quantity.percent is None else self._number(quantity.percent)
        return replace(quantity, numbers=tuple(map(self._number, quantity.numbers)), percent=percent)

    def _number(self, number: Number) -> Number:
        return Number(float(self.params[number.name]) if number.name else number.value)
