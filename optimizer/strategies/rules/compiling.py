"""A rule as a strategy: its space, its warm-up, and its sides as masks of the engine."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Params, Space, Value
from optimizer.indicators import technical
from optimizer.indicators.conditions import NEVER, Conditions, Slots
from optimizer.indicators.indicators import IndicatorFunction
from optimizer.strategies.declaration import MASKS_PER_SET, Columns, Side, Strategy
from optimizer.strategies.rules.errors import NothingToSearch, NotLonger
from optimizer.strategies.rules.parameters import named_rule
from optimizer.strategies.rules.quantity_catalogue import CATALOGUE
from optimizer.strategies.rules.reading import parse_rule
from optimizer.strategies.rules.series import bars_in, is_longer, series_of
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
    clauses_of,
    negated,
    plain,
    quantities_of,
)

#: Word of every rule in the place of a strategy's.
RULE = "rule"
#: Masks that one clause of a set may need: a crossing compares twice, shifts, and joins; its opposite too.
_MASKS_PER_CLAUSE = 8

_Build = Callable[[Conditions, Columns, int], Slots]


@lru_cache(maxsize=256)
def strategy_of_rule(text: str, timeframe: str = "1d", key: str = RULE) -> Strategy:
    """Strategy of a rule over bars of a timeframe. Raises a RuleError."""
    rule = parse_rule(text)
    named = named_rule(rule)
    _require_longer(text, rule, timeframe)
    if not named.parameters:
        raise NothingToSearch(text=text, at=0, length=len(text))
    clauses = {side: plain(clause) for side, clause in named.rule.sides()}
    n_clauses = sum(_n_masked(clause) for clause in clauses.values())
    return Strategy(
        key=key,
        space=named.space,
        warm_up=partial(_warm_up, tuple(clauses.values()), timeframe),
        long=_side(clauses.get("buy"), clauses.get("sell"), named.space),
        short=_side(clauses.get("short"), clauses.get("cover"), named.space) if rule.has_short else None,
        masks_per_set=MASKS_PER_SET + _MASKS_PER_CLAUSE * n_clauses,
    )


def _require_longer(text: str, rule: Rule, base: str) -> None:
    for _, clause in rule.sides():
        for quantity in quantities_of(clause):
            if quantity.timeframe and not is_longer(quantity.timeframe, base):
                place = text.find(f"on {quantity.timeframe}")
                raise NotLonger(text=text, at=max(place, 0), length=0, word=quantity.timeframe, base=base)


def _n_masked(clause: Clause) -> int:
    """Clauses that make masks; the opposite of one that cannot be turned around makes more."""
    return sum(2 if isinstance(part, Not) else 1 for part in clauses_of(clause))


def _side(enter: Clause | None, leave: Clause | None, space: Space) -> Callable[[Conditions, Columns], Side]:
    """Rule of one side; what it lacks never holds."""
    builders = [_builder(clause) if clause is not None else None for clause in (enter, leave)]
    first = space.names[0]

    def side(conditions: Conditions, params: Columns) -> Side:
        n_sets = len(params[first])
        masks = [np.full(n_sets, NEVER) if build is None else build(conditions, params, n_sets) for build in builders]
        return Side(enter=masks[0], exit=masks[1])

    return side


def _builder(clause: Clause) -> _Build:
    """Function that computes a clause's masks for many sets."""
    match clause:
        case Compare(left, sign, right):
            return _comparison(left, sign, right)
        case Between(quantity, low, high):
            return _joined(
                [_comparison(quantity, Sign.AT_LEAST, low), _comparison(quantity, Sign.AT_MOST, high)], Conditions.both
            )
        case Moves(quantity, is_rise, n_bars):
            return _run(_against_zero(_change(quantity), [quantity], _ABOVE if is_rise else _BELOW), n_bars)
        case Lasting(part, n_bars):
            return _run(_builder(part), n_bars)
        case Not(part):
            return _opposite(part)
        case All(parts):
            return _joined(list(map(_builder, parts)), Conditions.both)
        case Either(parts):
            return _joined(list(map(_builder, parts)), Conditions.either)


def _opposite(clause: Clause) -> _Build:
    """Masks of a clause that cannot be turned around within a comparison: a crossing, or a run."""
    match clause:
        case Compare(left, Sign.CROSSES_ABOVE, right):
            return _not_crossing(left, Sign.AT_MOST, Sign.ABOVE, right)
        case Compare(left, Sign.CROSSES_BELOW, right):
            return _not_crossing(left, Sign.AT_LEAST, Sign.BELOW, right)
        case Moves(quantity, is_rise, n_bars):
            return _any_of(_against_zero(_change(quantity), [quantity], _AT_MOST if is_rise else _AT_LEAST), n_bars)
        case Lasting(part, n_bars):
            return _any_of(_builder(negated(part)), n_bars)
        case _:
            return _builder(negated(clause))


def _joined(builders: Sequence[_Build], join: Callable[[Conditions, Slots, Slots], Slots]) -> _Build:
    def build(conditions: Conditions, params: Columns, n_sets: int) -> Slots:
        masks = builders[0](conditions, params, n_sets)
        for other in builders[1:]:
            masks = join(conditions, masks, other(conditions, params, n_sets))
        return masks

    return build


def _run(builder: _Build, n_bars: int) -> _Build:
    if n_bars == 1:
        return builder
    return lambda conditions, params, n_sets: conditions.lasting(builder(conditions, params, n_sets), n_bars)


def _any_of(builder: _Build, n_bars: int) -> _Build:
    if n_bars == 1:
        return builder
    return lambda conditions, params, n_sets: conditions.within(builder(conditions, params, n_sets), n_bars)


_ABOVE, _BELOW, _AT_LEAST, _AT_MOST = Conditions.above, Conditions.below, Conditions.at_least, Conditions.at_most
_COMPARED = {Sign.ABOVE: _ABOVE, Sign.BELOW: _BELOW, Sign.AT_LEAST: _AT_LEAST, Sign.AT_MOST: _AT_MOST}
#: A crossing is a comparison that holds, and this one that held a bar before.
_CROSSED = {Sign.CROSSES_ABOVE: (Sign.ABOVE, Sign.AT_MOST), Sign.CROSSES_BELOW: (Sign.BELOW, Sign.AT_LEAST)}


def _comparison(left: Quantity, sign: Sign, right: Quantity | Number) -> _Build:
    if sign not in _CROSSED:
        return _plain_comparison(left, sign, right)
    now, before = (_plain_comparison(left, one, right) for one in _CROSSED[sign])

    def build(conditions: Conditions, params: Columns, n_sets: int) -> Slots:
        earlier = conditions.before(before(conditions, params, n_sets), 1)
        return conditions.both(now(conditions, params, n_sets), earlier)

    return build


def _not_crossing(left: Quantity, now: Sign, before: Sign, right: Quantity | Number) -> _Build:
    """Masks of no crossing: it is on the other side now, or was on this one a bar before."""
    is_not_now, was_before = (_plain_comparison(left, sign, right) for sign in (now, before))

    def build(conditions: Conditions, params: Columns, n_sets: int) -> Slots:
        earlier = conditions.before(was_before(conditions, params, n_sets), 1)
        return conditions.either(is_not_now(conditions, params, n_sets), earlier)

    return build


def _plain_comparison(left: Quantity, sign: Sign, right: Quantity | Number) -> _Build:
    compare = _COMPARED[sign]
    if isinstance(right, Quantity):
        return _against_zero(_difference(_shape(left), _shape(right)), [left, right], compare)
    function, numbers = row_of(_shape(left)), _numbers_of(left)

    def build(conditions: Conditions, params: Columns, n_sets: int) -> Slots:
        level: Sequence[float] | float = right.value
        if right.name:
            level = [float(value) for value in params[right.name]]
        return compare(conditions, function, *_columns(numbers, params, n_sets), level=level)

    return build


def _against_zero(function: IndicatorFunction, quantities: Sequence[Quantity], compare: Callable[..., Slots]) -> _Build:
    numbers = [number for quantity in quantities for number in _numbers_of(quantity)]
    return lambda conditions, params, n_sets: compare(
        conditions, function, *_columns(numbers, params, n_sets), level=0.0
    )


def _numbers_of(quantity: Quantity) -> list[Number]:
    """Numbers of a quantity in the order in which its row takes them."""
    return [*quantity.numbers, *([quantity.percent] if quantity.percent is not None else [])]


def _columns(numbers: Sequence[Number], params: Columns, n_sets: int) -> list[Sequence[Value]]:
    """Values of the numbers, one per set each; a quantity without any gets a column that its row ignores."""
    if not numbers:
        return [[0] * n_sets]
    return [params[number.name] if number.name else [_typed(number.value)] * n_sets for number in numbers]


def _typed(value: float) -> Value:
    return int(value) if value.is_integer() else value


def _shape(quantity: Quantity) -> Quantity:
    """The quantity without its values: two of one shape have the same row function."""
    blank = Number(0.0)
    percent = None if quantity.percent is None else blank
    return Quantity(
        name=quantity.name, numbers=(blank,) * len(quantity.numbers), ago=quantity.ago, percent=percent,
        is_less=quantity.is_less, symbol=quantity.symbol, timeframe=quantity.timeframe,
    )  # fmt: skip


@lru_cache(maxsize=2048)
def row_of(shape: Quantity) -> IndicatorFunction:
    """Row function of a quantity, from its numbers and its percentage; that of the built-in strategies where it can."""
    entry, n_numbers = CATALOGUE[shape.name], len(shape.numbers)
    if n_numbers and not (shape.ago or shape.percent or shape.symbol or shape.timeframe):
        return entry.row

    def row(conditions: Conditions, *values: Value) -> FloatArray:
        found = _moved(conditions, shape, values[:n_numbers])
        if shape.percent is None:
            return found
        share = float(values[n_numbers]) / 100.0
        return found * (1.0 - share if shape.is_less else 1.0 + share)

    return row


def _moved(conditions: Conditions, shape: Quantity, numbers: Sequence[Value]) -> FloatArray:
    """Values of an indicator, of other bars if the shape says so, and of some bars ago."""
    entry = CATALOGUE[shape.name]
    if not shape.symbol and not shape.timeframe:
        found = conditions.indicator(entry.row, *numbers)
        return technical.shifted(found, shape.ago) if shape.ago else found
    series = series_of(conditions, shape.symbol, shape.timeframe)
    found = series.indicators.indicator(entry.row, *numbers)
    found = technical.shifted(found, shape.ago) if shape.ago else found
    return np.where(series.rows >= 0, found[np.maximum(series.rows, 0)], np.nan)


@lru_cache(maxsize=2048)
def _difference(left: Quantity, right: Quantity) -> IndicatorFunction:
    """Row function of one quantity less another, from the numbers of both."""
    n_left = len(_numbers_of(left))

    def row(conditions: Conditions, *values: Value) -> FloatArray:
        one = conditions.indicator(row_of(left), *(values[:n_left] or (0,)))
        return one - conditions.indicator(row_of(right), *(values[n_left:] or (0,)))

    return row


@lru_cache(maxsize=2048)
def _change_of(shape: Quantity) -> IndicatorFunction:
    def row(conditions: Conditions, *values: Value) -> FloatArray:
        found = conditions.indicator(row_of(shape), *(values or (0,)))
        return found - technical.shifted(found, 1)

    return row


def _change(quantity: Quantity) -> IndicatorFunction:
    """Row function of the change of a quantity since the bar before."""
    return _change_of(_shape(quantity))


def _warm_up(clauses: Sequence[Clause], timeframe: str, params: Params) -> int:
    """Bars before the first one at which every quantity of a set has a value."""
    return max(_clause_warm_up(clause, timeframe, params) for clause in clauses)


def _clause_warm_up(clause: Clause, timeframe: str, params: Params) -> int:
    match clause:
        case Lasting(part, n_bars):
            return _clause_warm_up(part, timeframe, params) + n_bars - 1
        case Not(part):
            return _clause_warm_up(part, timeframe, params)
        case All(parts) | Either(parts):
            return max(_clause_warm_up(part, timeframe, params) for part in parts)
        case Moves(quantity, _, n_bars):
            return _quantity_warm_up(quantity, timeframe, params) + n_bars
        case Compare(_, sign, _):
            longest = max(_quantity_warm_up(one, timeframe, params) for one in quantities_of(clause))
            return longest + (sign in _CROSSED)
        case _:
            return max(_quantity_warm_up(one, timeframe, params) for one in quantities_of(clause))


def _quantity_warm_up(quantity: Quantity, timeframe: str, params: Params) -> int:
    entry = CATALOGUE[quantity.name]
    numbers = [float(params.get(number.name, number.value)) for number in quantity.numbers]
    n_bars = entry.warm_up(*numbers) + quantity.ago
    return (n_bars + 1) * bars_in(quantity.timeframe, timeframe) if quantity.timeframe else n_bars
