"""Work over the cores: every part once, and its errors."""

import pytest

from optimizer.indicators.cores import over_cores


@pytest.mark.parametrize(("n_sets", "n_bars"), [(1, 10), (7, 10), (7, 1_000_000), (1000, 1000)])
def test_every_set_is_worked_once(n_sets: int, n_bars: int) -> None:
    worked: list[int] = []

    over_cores(lambda first, last: worked.extend(range(first, last)), n_sets, n_bars)

    assert sorted(worked) == list(range(n_sets))


def test_an_error_of_any_part_is_raised() -> None:
    def work(first: int, last: int) -> None:
        raise ValueError(first)

    for _ in range(20):
        with pytest.raises(ValueError, match=r"\d"):
            over_cores(work, 1000, 1000)
