"""The generator covers every pair, with few rows."""

from itertools import combinations

import pytest

from tests.combinations.commands import FACTORS
from tests.combinations.pairs import all_pairs

SMALL = {"a": ("1", "2"), "b": ("1", "2", "3"), "c": ("x", "y"), "d": ("p", "q", "r", "s")}


@pytest.mark.parametrize("factors", [SMALL, FACTORS], ids=["small", "of a command"])
def test_every_pair_of_values_is_in_some_row(factors: dict[str, tuple[str, ...]]) -> None:
    rows = all_pairs(factors)

    for one, other in combinations(factors, 2):
        for a in factors[one]:
            for b in factors[other]:
                assert any(row[one] == a and row[other] == b for row in rows), (one, a, other, b)
    assert all(row[name] in factors[name] for row in rows for name in factors)


def test_the_rows_are_few_and_the_same_each_time() -> None:
    largest, second = sorted((len(values) for values in FACTORS.values()), reverse=True)[:2]

    assert all_pairs(FACTORS) == all_pairs(FACTORS)
    assert len(all_pairs(FACTORS)) < 1.4 * largest * second
    assert len(all_pairs(SMALL)) <= 16
