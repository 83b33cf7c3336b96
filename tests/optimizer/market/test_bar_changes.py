"""Changes of stored bars are recorded with the bars: what they were, and whether any return is another one by now."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.errors import NoTimeframe, UnknownSource, UnknownSymbol
from optimizer.market.feed import Market
from optimizer.market.raw_bars import RawBars, SeriesKey
from optimizer.market.warehouse.changes import BarChange, ChangeKind
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.conftest import NOW, walk
from tests.refused import refused

HISTORY = walk()
KEY = HISTORY.key
LATER = NOW + timedelta(days=1)
PRICES = ("open", "high", "low", "close")
ROWS = np.arange(len(HISTORY))


def times(by: float | np.ndarray, *names: str) -> dict[str, np.ndarray]:
    """Columns of the history, multiplied."""
    return {name: getattr(HISTORY, name) * by for name in names}


def at(row: int, value: float) -> np.ndarray:
    """A factor for one row, and one for the others."""
    return np.where(row == ROWS, value, 1.0)


def day(row: int) -> date:
    """The day of a row."""
    found: datetime = HISTORY.time[row].item()
    return found.date()


def changed(warehouse: Warehouse, columns: Mapping[str, Any] | RawBars) -> list[BarChange]:
    """What is recorded when a source delivers the history again, with other columns or as given."""
    warehouse.upsert(HISTORY, now=NOW)
    again = columns if isinstance(columns, RawBars) else replace(HISTORY, **columns)
    warehouse.replace(again, now=LATER)
    return warehouse.changes([KEY])


def test_bars_that_arrive_are_no_change(warehouse: Warehouse) -> None:
    warehouse.upsert(HISTORY.take(slice(100, 300)), now=NOW)
    warehouse.upsert(HISTORY.take(slice(290, 500)), now=LATER)
    warehouse.upsert(HISTORY, now=LATER)

    assert warehouse.changes([KEY]) == []


def test_a_corrected_close_is_recorded_with_its_day_and_size(warehouse: Warehouse) -> None:
    [change] = changed(warehouse, times(at(123, 1.03), "close"))

    assert (change.key, change.kind, change.n_bars, change.found_at) == (KEY, ChangeKind.CORRECTION, 1, LATER)
    assert change.days == (day(123), day(123))
    assert change.largest == pytest.approx(0.03)
    assert change.changes_returns


@pytest.mark.parametrize("row", [0, 1, 250, 498, 499])
def test_any_single_bar_is_a_correction(warehouse: Warehouse, row: int) -> None:
    [change] = changed(warehouse, times(at(row, 0.5), *PRICES))

    assert (change.kind, change.days, change.changes_returns) == (ChangeKind.CORRECTION, (day(row), day(row)), True)


def test_a_high_is_corrected_without_the_close(warehouse: Warehouse) -> None:
    [change] = changed(warehouse, times(at(7, 1.1), "high"))

    assert (change.kind, change.n_bars, change.changes_returns) == (ChangeKind.CORRECTION, 1, True)
    assert change.largest == 0.0


def test_a_volume_alone_changes_no_result(warehouse: Warehouse) -> None:
    [change] = changed(warehouse, times(at(7, 1.5), "volume"))

    assert (change.kind, change.n_bars, change.changes_returns) == (ChangeKind.VOLUME, 1, False)


@pytest.mark.parametrize(
    ("columns", "kind", "largest"),
    [
        ({**times(0.25, *PRICES), **times(4.0, "volume")}, ChangeKind.SPLIT, 0.75),
        (times(0.5, "factor", "split"), ChangeKind.SPLIT, 0.5),
        (times(0.993, "factor"), ChangeKind.DIVIDEND, 0.007),
        (times(0.993, *PRICES), ChangeKind.DIVIDEND, 0.007),
    ],
)
def test_one_factor_over_all_stored_bars_changes_no_return(
    warehouse: Warehouse, columns: Mapping[str, Any], kind: ChangeKind, largest: float
) -> None:
    [change] = changed(warehouse, columns)

    assert (change.kind, change.n_bars, change.changes_returns) == (kind, 500, False)
    assert change.largest == pytest.approx(largest)


def test_prices_that_a_source_rounds_after_a_split_still_moved_together(warehouse: Warehouse) -> None:
    [change] = changed(warehouse, {name: np.round(column, 2) for name, column in times(0.1, *PRICES).items()})

    assert (change.kind, change.n_bars, change.changes_returns) == (ChangeKind.SPLIT, 500, False)


def test_a_split_that_is_announced_late_changes_one_return(warehouse: Warehouse) -> None:
    [change] = changed(warehouse, times(np.where(ROWS < 400, 0.5, 1.0), *PRICES))

    assert (change.kind, change.n_bars, change.changes_returns) == (ChangeKind.SPLIT, 400, True)
    assert (change.first.date(), change.last.date()) == (day(0), day(399))
    assert change.days == (day(399), day(399))


def test_a_dividend_does_not_hide_a_corrected_bar(warehouse: Warehouse) -> None:
    columns = times(0.995, "factor") | times(at(450, 1.02), "close")

    correction, dividend = changed(warehouse, columns)[::-1]

    assert (dividend.kind, dividend.changes_returns, dividend.n_bars) == (ChangeKind.DIVIDEND, False, 499)
    assert (correction.kind, correction.days) == (ChangeKind.CORRECTION, (day(450), day(450)))
    assert correction.largest == pytest.approx(0.02)


def test_bars_between_others_and_bars_that_vanish_are_recorded(warehouse: Warehouse) -> None:
    warehouse.upsert(HISTORY.take(np.delete(ROWS, [50, 51])), now=NOW)
    warehouse.replace(HISTORY.take(np.delete(ROWS, [200])), now=LATER)

    added, removed = warehouse.changes([KEY])

    assert (added.kind, added.n_bars, added.days, added.largest) == (ChangeKind.ADDED, 2, (day(50), day(51)), None)
    assert (removed.kind, removed.n_bars, removed.days) == (ChangeKind.REMOVED, 1, (day(200), day(200)))
    assert added.changes_returns
    assert removed.changes_returns


def test_older_bars_that_follow_a_split_changed_no_return(warehouse: Warehouse) -> None:
    [change] = changed(warehouse, replace(HISTORY, **times(0.5, *PRICES)).take(slice(100, 500)))

    assert (change.kind, change.changes_returns) == (ChangeKind.SPLIT, False)
    np.testing.assert_allclose(warehouse.load("GBM").close, HISTORY.close / 2)


def test_a_file_that_corrects_stored_bars_is_recorded_alike(warehouse: Warehouse) -> None:
    warehouse.import_all([HISTORY], now=NOW)
    warehouse.import_all([replace(HISTORY, **times(at(5, 1.01), "close")).take(np.delete(ROWS, [9]))], now=LATER)

    assert {change.kind for change in warehouse.changes([KEY])} == {ChangeKind.CORRECTION, ChangeKind.REMOVED}


def test_a_change_that_is_not_stored_is_not_recorded(warehouse: Warehouse) -> None:
    warehouse.upsert(HISTORY, now=NOW)

    def cut_off() -> Any:
        yield replace(HISTORY, **times(at(5, 1.01), "close"))
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="disk"):
        warehouse.upsert_all(cut_off(), now=LATER)

    assert warehouse.changes([KEY]) == []


def test_the_last_change_comes_first_and_other_series_are_left_out(warehouse: Warehouse) -> None:
    other = walk(300, seed=1, source="yahoo")
    warehouse.upsert_all([HISTORY, other], now=NOW)
    warehouse.upsert(replace(HISTORY, **times(at(5, 1.01), "close")), now=LATER)
    warehouse.upsert(replace(HISTORY, **times(at(5, 1.02), "close")), now=LATER + timedelta(days=1))
    warehouse.upsert(replace(other, close=other.close * 1.01), now=LATER)

    assert [change.found_at.day for change in warehouse.changes([KEY])] == [5, 4]
    assert {change.source for change in warehouse.changes([KEY, other.key])} == {"file", "yahoo"}
    assert warehouse.changes([]) == []


def test_each_change_is_claimed_by_one_report_which_may_ask_again(tmp_path: Path) -> None:
    with Warehouse.open(tmp_path / "bars.duckdb", now=NOW) as warehouse:
        first = changed(warehouse, times(at(5, 1.01), "close"))
        assert warehouse.claim_changes("monday") == first
    with Warehouse.open(tmp_path / "bars.duckdb", now=NOW) as warehouse:
        warehouse.upsert(replace(HISTORY, **times(at(9, 1.01), "close")), now=LATER + timedelta(days=1))

        assert warehouse.claim_changes("monday") == first
        assert [change.found_at.day for change in warehouse.claim_changes("tuesday")] == [5]
        assert warehouse.claim_changes("wednesday") == []


def test_a_price_of_zero_that_is_corrected_is_a_correction(warehouse: Warehouse) -> None:
    warehouse.upsert(replace(HISTORY, **times(at(5, 0.0), *PRICES)), now=NOW)
    warehouse.upsert(HISTORY, now=LATER)

    [change] = warehouse.changes([KEY])

    assert (change.kind, change.days, change.largest) == (ChangeKind.CORRECTION, (day(5), day(5)), 1.0)


def test_stored_series_are_found_without_asking_a_source(warehouse: Warehouse) -> None:
    hourly = replace(walk(100, source="yahoo"), timeframe="1h")
    warehouse.upsert_all([HISTORY, hourly], now=NOW)
    market = Market(warehouse, [])

    def keys(**only: str) -> list[SeriesKey]:
        return [one.key for one in market.stored_series("GBM", **only)]

    assert keys() == [KEY, hourly.key]
    assert keys(timeframe="4h") == [hourly.key]
    assert keys(source="file") == [KEY]
    with refused(UnknownSymbol, match="GBN"):
        market.stored_series("GBN")
    with refused(UnknownSource, match="yaho"):
        market.stored_series("GBM", source="yaho")
    with refused(NoTimeframe, match="daily bars only"):
        market.stored_series("GBM", timeframe="30m", source="file")


def test_times_are_kept_in_utc(warehouse: Warehouse) -> None:
    seoul = datetime.fromisoformat("2024-06-04T08:00:00+09:00")
    warehouse.upsert(HISTORY, now=NOW)
    warehouse.upsert(replace(HISTORY, **times(at(5, 1.01), "close")), now=seoul)

    [change] = warehouse.changes([KEY])

    assert change.found_at == datetime(2024, 6, 3, 23, tzinfo=UTC)
