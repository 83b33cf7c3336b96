"""Random rules, of every clause and every quantity of the catalogue."""

import numpy as np

from optimizer.strategies.rules.quantity_catalogue import BOUNDS, CATALOGUE, SEARCHED_LEVELS, Argument, Entry, Unit
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
)

_SYMBOLS = ("SPY", "BRK.B", "005930.KS", "BTC-USD", "^VIX")
_TIMEFRAMES = ("1w", "1mo")
_SIGNS = tuple(Sign)


def random_rule(rng: np.random.Generator, *, others: bool = True, depth: int = 2) -> Rule:
    """A rule with a long side, a short side, or both; with `others` it may read other symbols and longer bars."""
    sides = [("buy", "sell"), ("short", "cover"), ("buy", "sell", "short", "cover"), ("buy",)][rng.integers(4)]
    return Rule(**{side: _clause(rng, depth, others) for side in sides})


def _clause(rng: np.random.Generator, depth: int, others: bool) -> Clause:
    kind = rng.integers(10) if depth else rng.integers(6)
    match kind:
        case 6 | 7:
            parts = tuple(_clause(rng, depth - 1, others) for _ in range(rng.integers(2, 4)))
            return All(parts) if kind == 6 else Either(parts)
        case 8:
            return Not(_clause(rng, depth - 1, others))
        case 9:
            return Lasting(_clause(rng, depth - 1, others), int(rng.integers(1, 7)))
        case 5:
            return Moves(_quantity(rng, _entry(rng), others), bool(rng.integers(2)), int(rng.integers(1, 7)))
        case 4:
            return _between(rng, others)
        case _:
            return _compare(rng, others)


def _compare(rng: np.random.Generator, others: bool) -> Compare:
    entry, sign = _entry(rng), _SIGNS[rng.integers(len(_SIGNS))]
    left = _quantity(rng, entry, others)
    alike = [one for one in CATALOGUE.values() if one.unit is entry.unit]
    if rng.integers(2) and entry.unit is not Unit.SIDE:
        right = _quantity(rng, alike[rng.integers(len(alike))], others)
        if right != left:
            return Compare(left, sign, right)
    return Compare(left, sign, _level(rng, entry.unit))


def _between(rng: np.random.Generator, others: bool) -> Between:
    entries = [one for one in CATALOGUE.values() if one.unit in SEARCHED_LEVELS]
    entry = entries[rng.integers(len(entries))]
    low, high = sorted((_level(rng, entry.unit) for _ in range(2)), key=lambda number: number.value)
    return Between(_quantity(rng, entry, others), low, high)


def _entry(rng: np.random.Generator) -> Entry:
    return list(CATALOGUE.values())[rng.integers(len(CATALOGUE))]


def _quantity(rng: np.random.Generator, entry: Entry, others: bool) -> Quantity:
    has_percent = rng.integers(8) == 0
    numbers = [_argument(rng, argument) for argument in entry.arguments]
    if entry.is_ordered:
        fast, slow = sorted(rng.choice(np.arange(3, 41), 2, replace=False).tolist())
        numbers[:2] = Number(float(fast)), Number(float(slow))
    return Quantity(
        name=entry.key,
        numbers=tuple(numbers),
        mark=int(rng.integers(1, 3)) if entry.arguments and rng.integers(8) == 0 else 0,
        ago=int(rng.integers(1, 9)) if rng.integers(6) == 0 else 0,
        percent=Number(float(rng.integers(1, 40)) / 4) if has_percent else None,
        is_less=bool(has_percent and rng.integers(2)),
        symbol=_SYMBOLS[rng.integers(len(_SYMBOLS))] if others and rng.integers(8) == 0 else "",
        timeframe=_TIMEFRAMES[rng.integers(2)] if others and rng.integers(8) == 0 else "",
    )


def _argument(rng: np.random.Generator, argument: Argument) -> Number:
    if not argument.is_whole:
        return Number(float(rng.integers(2, 17)) / 4)
    low, high = int(argument.low), int(min(argument.high, 40))
    values = sorted(rng.integers(low, high + 1, 2).tolist())
    if rng.integers(8) == 0 and values[0] < values[1]:
        return Number(float(values[0] + (values[1] - values[0]) // 2), float(values[0]), float(values[1]))
    return Number(float(values[1]))


def _level(rng: np.random.Generator, unit: Unit) -> Number:
    low, high, _ = BOUNDS.get(unit, (-20.0, 20.0, 0.0))
    return Number(float(rng.integers(int(low), int(high) + 1)))
