import struct
from datetime import date, timedelta

import numpy as np
import pytest

from optimizer.domain.packed_series import dates_of, numbers_of, packed_dates, packed_numbers

DAYS = [date(1998, 12, 30) + timedelta(days=int(n)) for n in np.cumsum([0, 1, 3, 1, 1, 400, 1])]
NUMBERS = [1.0, 0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf")]


@pytest.mark.parametrize("values", [NUMBERS, [2.5], []])
def test_numbers_come_back_to_the_last_bit(values: list[float]) -> None:
    assert [struct.pack("<d", value) for value in numbers_of(packed_numbers(values))] == [
        struct.pack("<d", value) for value in values
    ]


@pytest.mark.parametrize("dates", [DAYS, DAYS[:1], [], [date(1931, 3, 2), date(2068, 1, 1)]])
def test_dates_come_back(dates: list[date]) -> None:
    assert dates_of(packed_dates(dates)) == dates
    assert packed_dates([day.isoformat() for day in dates]) == packed_dates(dates)
    assert packed_dates(np.array(dates, dtype="datetime64[ns]") + np.timedelta64(23, "h")) == packed_dates(dates)


def test_what_an_earlier_version_stored_stays_as_it_is() -> None:
    assert numbers_of(NUMBERS) is NUMBERS
    assert dates_of(["2020-01-02"]) == ["2020-01-02"]


def test_ten_years_of_an_equity_that_rests_half_of_the_time_take_a_fifth_of_the_room() -> None:
    rng = np.random.default_rng(3)
    moves = np.where(np.arange(2_520) // 90 % 2, rng.normal(0.0, 0.01, 2_520), 0.0)
    days = [date(2016, 1, 4) + timedelta(days=n) for n in range(2_520)]
    as_lists = 2_520 * (14 + 21)  # bytes of BSON: a number, and a date as text

    assert len(packed_numbers(np.cumprod(1.0 + moves).tolist())) + len(packed_dates(days)) < as_lists / 5
