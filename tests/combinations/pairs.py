"""Few rows that hold every pair of values of any two factors, found greedily."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from random import Random

Row = dict[str, str]
#: One value of each of two factors.
Pair = tuple[tuple[str, str], tuple[str, str]]


def pairs_of(row: Mapping[str, str]) -> set[Pair]:
    """Every pair of values that a row holds."""
    return set(combinations(row.items(), 2))


def every_pair(factors: Mapping[str, Sequence[str]]) -> set[Pair]:
    """Every pair of values that some row can hold."""
    return {
        ((one, a), (other, b)) for one, other in combinations(factors, 2) for a in factors[one] for b in factors[other]
    }


def all_pairs(factors: Mapping[str, Sequence[str]], *, seed: int = 1) -> list[Row]:
    """Return rows until every pair is in one: each begins with a missing pair and takes what adds the most others."""
    missing, order, rows = every_pair(factors), Random(seed), list[Row]()
    while missing:
        row = _row(factors, missing, order)
        missing -= pairs_of(row)
        rows.append(row)
    return rows


def random_rows(factors: Mapping[str, Sequence[str]], n: int, *, seed: int) -> list[Row]:
    """Return n rows of values drawn independently."""
    draw = Random(seed)
    return [{name: draw.choice(values) for name, values in factors.items()} for _ in range(n)]


def _row(factors: Mapping[str, Sequence[str]], missing: set[Pair], order: Random) -> Row:
    chosen = dict(min(missing))
    for name in order.sample(list(factors), len(factors)):
        if name not in chosen:
            values = order.sample(list(factors[name]), len(factors[name]))
            chosen[name] = max(values, key=lambda value: _gain(factors, missing, chosen, name, value))
    return {name: chosen[name] for name in factors}


def _gain(factors: Mapping[str, Sequence[str]], missing: set[Pair], chosen: Row, name: str, value: str) -> int:
    """Count the missing pairs that a value makes with those chosen already; pairs are in the order of the factors."""
    places = {factor: place for place, factor in enumerate(factors)}
    made = (
        ((name, value), (other, theirs)) if places[name] < places[other] else ((other, theirs), (name, value))
        for other, theirs in chosen.items()
    )
    return sum(pair in missing for pair in made)
