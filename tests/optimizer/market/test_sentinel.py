"""The sentinel catches injected faults with their dates, and leaves clean bars alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimizer.domain.bars import Bars
from optimizer.errors import BlockedBars, UnusableBars
from optimizer.market.calendar_picture import picture
from optimizer.market.calendars import find_calendar
from optimizer.market.providers.sample import SYMBOLS, Sample
from optimizer.market.quality.data_findings import DataFinding, QualityReport, Severity
from optimizer.market.quality.price_faults import OUTLIER_SCALE, past_scale, rolling_median, scale_of
from optimizer.market.quality.sentinel import MOST_OF_A_KIND, check, require_usable, store_report
from optimizer.market.raw_bars import make_history
from optimizer.market.warehouse.warehouse import Warehouse
from tests.bot.answers import KINDS
from tests.optimizer.market.conftest import NOW, walk
from tests.refused import refused, worded

pytestmark = pytest.mark.slow

N_BARS = 400
COLUMNS = ("time", "open", "high", "low", "close", "volume")


def columns_of(bars: Bars) -> dict[str, Any]:
    """Copies of the arrays, to be spoilt."""
    return {name: getattr(bars, name).copy() for name in COLUMNS}


def keep(bars: Bars, rows: np.ndarray) -> Bars:
    """The bars of those rows, in that order."""
    return replace(bars, **{name: column[rows] for name, column in columns_of(bars).items()})


def scaled(bars: Bars, rows: slice, by: float) -> Bars:
    """The bars with the prices of some rows multiplied."""
    columns = columns_of(bars)
    for name in ("open", "high", "low", "close"):
        columns[name][rows] *= by
    return replace(bars, **columns)


def put(bars: Bars, row: int, **values: float) -> Bars:
    """The bars with some values of one row replaced."""
    columns = columns_of(bars)
    for name, value in values.items():
        columns[name][row] = value
    return replace(bars, **columns)


def repeated(bars: Bars, row: int) -> Bars:
    """Four bars that repeat the prices of the one before."""
    columns = columns_of(bars)
    for name in ("open", "high", "low", "close"):
        columns[name][row : row + 4] = columns[name][row - 1]
    return replace(bars, **columns)


def moved(bars: Bars, row: int, by: np.timedelta64) -> Bars:
    """The bars with the times from a row on moved."""
    columns = columns_of(bars)
    columns["time"][row:] += by
    return replace(bars, **columns)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A way to spoil bars at a row, and the findings that count as catching it."""

    spoil: Callable[[Bars, int], Bars]
    kinds: tuple[str, ...]
    severity: Severity
    first: int | None = 0  # the row of the finding, counted from that of the fault; None: it is about all bars
    slack: int = 0  # days by which the date may differ


FAULTS = {
    "missing session": Fault(
        spoil=lambda bars, row: keep(bars, np.delete(np.arange(N_BARS), row)),
        kinds=("missing",),
        severity=Severity.MEDIUM,
    ),
    "duplicate": Fault(
        spoil=lambda bars, row: keep(bars, np.insert(np.arange(N_BARS), row, row)),
        kinds=("duplicate",),
        severity=Severity.CRITICAL,
    ),
    "high below low": Fault(
        spoil=lambda bars, row: put(bars, row, high=bars.low[row], low=bars.high[row]),
        kinds=("inverted",),
        severity=Severity.CRITICAL,
    ),
    "close outside the range": Fault(
        spoil=lambda bars, row: put(bars, row, close=bars.high[row] * 1.01),
        kinds=("outside",),
        severity=Severity.HIGH,
    ),
    "price of zero": Fault(
        spoil=lambda bars, row: put(bars, row, low=0.0), kinds=("not_positive",), severity=Severity.CRITICAL
    ),
    "stale run": Fault(spoil=repeated, kinds=("stale_run",), severity=Severity.MEDIUM, first=-1),
    "zero volume": Fault(
        spoil=lambda bars, row: put(bars, row, volume=0.0), kinds=("no_volume",), severity=Severity.MEDIUM
    ),
    "unadjusted split 2:1": Fault(
        spoil=lambda bars, row: scaled(bars, slice(row, None), 0.5), kinds=("split",), severity=Severity.HIGH
    ),
    "unadjusted split 3:2": Fault(
        spoil=lambda bars, row: scaled(bars, slice(row, None), 2 / 3), kinds=("split",), severity=Severity.HIGH
    ),
    "unadjusted reverse split 1:10": Fault(
        spoil=lambda bars, row: scaled(bars, slice(row, None), 10), kinds=("split",), severity=Severity.HIGH
    ),
    "bad tick": Fault(
        spoil=lambda bars, row: scaled(bars, slice(row, row + 1), 1.3), kinds=("spike",), severity=Severity.HIGH
    ),
    "outlier": Fault(
        spoil=lambda bars, row: scaled(bars, slice(row, None), 1.22), kinds=("outlier",), severity=Severity.MEDIUM
    ),
    "dates a day late": Fault(
        spoil=lambda bars, row: moved(bars, row, np.timedelta64(1, "D")),
        kinds=("shift_days", "no_session"),
        severity=Severity.MEDIUM,
        slack=9,  # shown by the first Saturday or holiday
    ),
    "clock of another zone": Fault(
        spoil=lambda bars, row: moved(bars, row, np.timedelta64(-9, "h")), kinds=("clock",), severity=Severity.HIGH
    ),
    "future dates": Fault(
        spoil=lambda bars, row: moved(bars, row, np.timedelta64(3652, "D")),
        kinds=("future",),
        severity=Severity.CRITICAL,
    ),
    "too little history": Fault(
        spoil=lambda bars, row: keep(bars, np.arange(row % 20 + 5)),
        kinds=("short",),
        severity=Severity.CRITICAL,
        first=None,
    ),
}


def caught(report: QualityReport, fault: Fault) -> list[DataFinding]:
    """The findings that count."""
    return [one for one in report.findings if one.kind in fault.kinds and one.severity.rank >= fault.severity.rank]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_injected_fault_is_caught_with_its_date_in_every_seed(fault: Fault) -> None:
    for seed in range(200):
        clean = walk(N_BARS, seed=seed).adjusted()
        row = 60 + (seed * 37) % (N_BARS - 120)

        found = caught(check(fault.spoil(clean, row), now=NOW), fault)

        assert found, f"seed {seed} was missed"
        if fault.first is not None:
            distances = [abs((one.when.date() - day_of(fault, clean, row)).days) for one in found]
            assert min(distances) <= fault.slack, f"seed {seed} has the wrong date"


def day_of(fault: Fault, clean: Bars, row: int) -> date:
    """The day of the fault: of the moved bar when times moved, else of the row that was spoilt."""
    assert fault.first is not None
    spoilt = fault.spoil(clean, row)
    source = spoilt if len(spoilt) == len(clean) else clean
    day: date = source.time[row + fault.first].astype("datetime64[D]").item()
    return day


def test_few_days_of_a_clean_walk_are_flagged() -> None:
    flagged = sum(len(check(walk(N_BARS, seed=seed).adjusted(), now=NOW).warnings) for seed in range(200))

    assert flagged <= 0.01 * 200 * N_BARS
    assert flagged == 0  # as measured; the bound above is the promise


@pytest.mark.parametrize("volatility", [0.002, 0.05])
def test_quiet_and_wild_walks_are_left_alone_too(volatility: float) -> None:
    for seed in range(40):
        assert check(walk(N_BARS, seed=seed, volatility=volatility).adjusted(), now=NOW).warnings == ()


def test_the_sample_history_has_only_findings_that_a_person_would_agree_with() -> None:
    found = {
        (symbol, one.kind, f"{one.when:%Y-%m-%d}")
        for symbol in SYMBOLS
        for one in check(
            Sample().fetch(symbol, timeframe="1d", start=None, end=None, now=NOW).adjusted(), now=NOW
        ).findings
    }

    assert found == {
        ("AAPL", "outlier", "2000-09-29"),  # the profit warning: half its value overnight
        ("FB", "short", "2012-05-18"),  # 196 bars since it went public
        ("IBM", "outlier", "2005-04-15"),  # results missed, -8 % out of a quiet spring
        ("MSFT", "outlier", "2000-10-19"),  # results, +20 %
        ("MSFT", "outlier", "2006-04-28"),  # results, -11 %
    }


def test_an_unadjusted_sample_shows_its_splits() -> None:
    history = Sample().fetch("AAPL", timeframe="1d", start=None, end=None, now=NOW)
    raw = make_history("AAPL", source="sample", columns=history.columns() | {"split": np.ones(len(history))})

    splits = [
        (f"{one.when:%Y-%m-%d}", one.facts["ratio"])
        for one in check(raw.adjusted(), now=NOW).findings
        if one.kind == "split"
    ]

    assert splits == [("2000-06-21", "2:1"), ("2005-02-28", "2:1")]


def test_outliers_are_judged_by_past_returns_only() -> None:
    returns = np.diff(np.log(walk(N_BARS).adjusted().close))
    bumped = returns.copy()
    bumped[300:] *= 50

    np.testing.assert_array_equal(past_scale(returns)[:301], past_scale(bumped)[:301])


@pytest.mark.parametrize("seed", range(3))
def test_a_scale_that_is_left_out_is_one_that_no_return_is_far_beyond(seed: int) -> None:
    bars = walk(700).adjusted()
    returns = np.random.default_rng(seed).standard_t(2, 699)
    returns[[3, 30, 31, 400]], returns[200:230], returns[500:570] = (9.0, 60.0, -60.0, np.nan), np.nan, 0.0
    exact, found = past_scale(returns), scale_of(bars, returns)

    is_known = ~np.isinf(found)
    np.testing.assert_array_equal(found[is_known], exact[is_known])
    assert not (np.abs(returns) > OUTLIER_SCALE * exact)[~is_known].any()
    assert is_known[np.isnan(exact)].all()
    assert 0 < is_known.sum() < 200


def test_a_critical_finding_blocks_and_a_warning_does_not() -> None:
    clean = walk(N_BARS).adjusted()

    assert check(put(clean, 100, close=-1.0), now=NOW).is_blocking
    assert not check(put(clean, 100, volume=0.0), now=NOW).is_blocking


def test_a_study_on_blocked_bars_is_refused_unless_forced() -> None:
    report = check(put(walk(N_BARS).adjusted(), 100, high=1.0), now=NOW)

    with refused(BlockedBars, match=r"the high 1 is below the low .*force"):
        require_usable(report)
    require_usable(report, force=True)
    require_usable(check(walk(N_BARS).adjusted(), now=NOW))


def test_findings_come_gravest_first_and_not_without_end() -> None:
    bars = walk(N_BARS).adjusted()
    columns = columns_of(bars)
    columns["low"][10:400:3] = -1.0
    columns["volume"][5] = 0

    report = check(replace(bars, **columns), now=NOW)

    assert [one.severity.rank for one in report.findings] == sorted(
        (one.severity.rank for one in report.findings), reverse=True
    )
    assert sum(one.kind == "not_positive" for one in report.findings) == MOST_OF_A_KIND


def test_a_run_of_missing_sessions_is_one_finding_with_both_ends() -> None:
    bars = walk(N_BARS).adjusted()

    report = check(keep(bars, np.delete(np.arange(N_BARS), slice(100, 110))), now=NOW)

    (finding,) = report.findings
    assert (finding.kind, finding.facts["n"]) == ("missing_run", 10)
    assert finding.facts["end"] == str(bars.time[109].astype("datetime64[D]"))
    assert report.n_missing == 10
    assert report.coverage == pytest.approx(390 / 400)


def test_weekly_holes_block() -> None:
    bars = walk(N_BARS).adjusted()

    report = check(keep(bars, np.arange(0, N_BARS, 2)), now=NOW)

    assert report.worst is Severity.CRITICAL
    assert any(one.kind == "sparse" for one in report.findings)


@pytest.mark.parametrize(
    ("days", "may_lack", "found"),
    [
        (3, 0, ("stale_end", Severity.LOW, 1)),  # Monday, after the close
        (7, 0, ("stale_end", Severity.MEDIUM, 5)),
        (7, 5, None),
        (10, 5, None),  # Monday, Christmas
        (11, 5, ("stale_end", Severity.HIGH, 6)),
        (11, 0, ("stale_end", Severity.HIGH, 6)),
    ],
)
def test_sessions_since_the_last_bar_are_a_finding(days: int, may_lack: int, found: object) -> None:
    bars = walk(N_BARS).adjusted()
    friday = datetime(2023, 12, 15, 23, tzinfo=UTC)
    bars = bars.cut(0, bars.row_at(friday))

    report = check(bars, now=NOW, expected_until=friday + timedelta(days=days), may_lack=may_lack)

    wanted = [found] if found else []
    assert [(one.kind, one.severity, one.facts["n"]) for one in report.findings] == wanted
    assert check(bars, now=NOW).findings == ()


def test_a_coin_that_never_sleeps_is_judged_by_every_day() -> None:
    days = np.arange(np.datetime64("2022-01-01"), np.datetime64("2023-12-31"))
    columns = walk(len(days)).columns()
    bars = make_history("COIN", source="file", columns=columns | {"time": days}).adjusted()

    report = check(bars, now=datetime(2023, 12, 31, tzinfo=UTC))

    assert (report.calendar, report.findings) == ("24/7", ())


def test_bars_of_an_exchange_with_other_holidays_are_told_once() -> None:
    weekdays = find_calendar("24/5", datetime(2020, 1, 1, tzinfo=UTC).date(), NOW.date()).sessions[-900:-200]
    bars = make_history("FX", source="file", columns=walk(700).columns() | {"time": weekdays}).adjusted()

    report = check(bars, now=NOW, calendar=find_calendar("XTKS", NOW.date(), NOW.date()))

    assert [one.kind for one in report.warnings] == ["other_calendar"]


def test_bars_older_than_the_rules_of_their_calendar_are_not_blamed_for_it() -> None:
    days = np.arange(np.datetime64("1990-01-01"), np.datetime64("1993-01-01"))
    days = days[np.is_busday(days)]
    bars = make_history("7203.T", source="file", columns=walk(len(days)).columns() | {"time": days}).adjusted()

    assert check(bars, now=NOW).findings == ()


def hourly(shift: int = 0, since: int = 0) -> Bars:
    """Half-hourly bars of sixty New York sessions, clocks wrong by `shift` hours from one session on."""
    calendar = find_calendar("XNYS", datetime(2023, 1, 1, tzinfo=UTC).date(), NOW.date())
    times = []
    for number, (opens, closes) in enumerate(zip(calendar.opens[20:80], calendar.closes[20:80], strict=True)):
        by = np.timedelta64(shift if number >= since else 0, "h")
        times.append(np.arange(opens, closes, np.timedelta64(30, "m")) + by)
    time = np.concatenate(times)
    return make_history(
        "GBM", timeframe="30m", source="file", columns=walk(len(time)).columns() | {"time": time}
    ).adjusted()


def test_clean_intraday_bars_have_no_finding() -> None:
    assert check(hourly(), now=NOW).findings == ()


def test_nights_between_intraday_sessions_are_no_outliers_but_a_bad_tick_is() -> None:
    bars = hourly()
    rng = np.random.default_rng(3)
    nights = np.repeat(np.exp(np.cumsum(rng.normal(0, 0.1, 60))), 13)  # eight times the step of a bar
    moved_prices: dict[str, Any] = {name: getattr(bars, name) * nights for name in ("open", "high", "low", "close")}
    jumpy = replace(bars, **moved_prices)

    assert check(jumpy, now=NOW).findings == ()
    assert [one.kind for one in check(scaled(jumpy, slice(400, 401), 1.4), now=NOW).warnings] == ["spike"]


@pytest.mark.parametrize("shift", [-5, -1, 1, 5])
def test_intraday_clocks_that_change_zone_are_found_where_they_do(shift: int) -> None:
    bars = hourly(shift, since=30)

    (finding,) = check(bars, now=NOW).warnings

    assert finding.kind == "shift_hours"
    assert finding.facts["hours"] == shift
    assert finding.when.replace(tzinfo=None) == bars.time[30 * 13].astype("datetime64[us]").item()


def test_thin_and_missing_intraday_sessions_are_found() -> None:
    bars = hourly()
    rows = np.delete(np.arange(len(bars)), [*range(130, 143), *range(262, 270)])

    kinds = {one.kind: one for one in check(keep(bars, rows), now=NOW).findings}

    assert set(kinds) == {"missing", "thin_session"}
    assert (kinds["thin_session"].facts["n"], kinds["thin_session"].facts["expected"]) == (5, 13)


def test_no_bars_at_all_cannot_be_checked() -> None:
    with pytest.raises(UnusableBars):
        check(walk(10).adjusted().cut(0, 0), now=NOW)


def test_every_kind_has_a_sentence_that_its_facts_fill() -> None:
    clean = walk(N_BARS).adjusted()
    reports = [check(fault.spoil(clean, 200), now=NOW) for fault in FAULTS.values()]
    reports += [check(hourly(5, since=9), now=NOW), check(clean, now=NOW, expected_until=NOW + timedelta(days=1))]

    sentences = {one.kind: worded(one.phrase) for report in reports for one in report.findings}

    assert all("{" not in sentence for sentence in sentences.values())
    assert set(sentences) <= set(KINDS)
    assert "near a split of 2:1" in " ".join(sentences.values()) or "split" in sentences


def test_reports_are_stored_and_a_second_check_of_the_same_bars_replaces_the_first(warehouse: Warehouse) -> None:
    bars = put(walk(N_BARS).adjusted(), 100, volume=0.0)
    store_report(warehouse, check(bars, now=NOW))
    again = check(bars, now=NOW + timedelta(hours=1))

    store_report(warehouse, again)

    with warehouse.reading() as cursor:
        reports = cursor.execute("SELECT symbol, report FROM quality_reports").fetchall()
    assert [(symbol, QualityReport.model_validate_json(report)) for symbol, report in reports] == [("GBM", again)]


def test_the_picture_shows_full_partly_empty_and_flagged_months() -> None:
    bars = walk(600).adjusted()
    months = bars.time.astype("datetime64[M]")
    is_gone = (months == np.datetime64("2022-05")) | ((months == np.datetime64("2022-08")) & (np.arange(600) % 2 == 0))
    bars = keep(bars, np.flatnonzero(~is_gone))

    lines = picture(bars, check(bars, now=NOW)).splitlines()

    assert lines[0].split() == list("JFMAMJJASOND")
    assert lines[2] == "2022  █ █ █ █ ! █ █ ! █ █ █ █"
    assert lines[3] == "2023  █ █ █ █ █ █ █ █ █ █ █ █"


@pytest.mark.parametrize("window", [60, 252])
def test_medians_of_a_window_are_those_of_pandas_to_the_bit(window: int) -> None:
    sizes = np.abs(np.random.default_rng(3).normal(size=900))
    sizes[[5, 100, 101]], sizes[200:280], sizes[300:310] = (np.nan, np.inf, 0.0), np.nan, 0.1
    expected = pd.Series(sizes).rolling(window, min_periods=20).median()

    np.testing.assert_array_equal(rolling_median(sizes, window, least=20), expected)
    assert len(rolling_median(sizes[:0], window, least=20)) == 0
