"""Longer bars made of stored ones, against pandas, and by hand where sessions, holidays and parts of bars count."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.timeframes import TIMEFRAMES, parse_timeframe
from optimizer.errors import NoBars, NoTimeframe, UnknownTimeframe
from optimizer.market.calendars import find_calendar
from optimizer.market.resampling import resample


def bars_at(time: "np.ndarray[tuple[int], np.dtype[np.datetime64]]", *, symbol: str, timeframe: str) -> Bars:
    """Made-up bars at these times."""
    random = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.001, len(time))))
    open_ = np.append(100.0, close[:-1])
    return Bars(
        symbol=symbol,
        timeframe=timeframe,
        source="file",
        time=time.astype("datetime64[ns]"),
        open=open_,
        high=np.maximum(open_, close) * 1.001,
        low=np.minimum(open_, close) * 0.999,
        close=close,
        volume=random.integers(1, 1000, len(time)).astype(float),
    )


def session_bars(calendar_name: str, symbol: str, timeframe: str, first: date, last: date) -> Bars:
    """A bar at each step of each session."""
    calendar = find_calendar(calendar_name, first, last)
    size = np.timedelta64(TIMEFRAMES[timeframe], "s")
    rows = np.flatnonzero((calendar.sessions >= np.datetime64(first)) & (calendar.sessions <= np.datetime64(last)))
    time = np.concatenate([np.arange(calendar.opens[row], calendar.closes[row], size) for row in rows])
    return bars_at(time, symbol=symbol, timeframe=timeframe)


def by_pandas(bars: Bars, groups: pd.Series) -> pd.DataFrame:
    """What pandas makes of groups of bars."""
    frame = pd.DataFrame({name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")})
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    return frame.groupby(groups.to_numpy(), sort=True).agg(how)


def assert_equal(bars: Bars, wanted: pd.DataFrame) -> None:
    assert len(bars) == len(wanted)
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(getattr(bars, name), wanted[name])
    np.testing.assert_allclose(bars.volume, wanted["volume"], rtol=1e-12)


@pytest.mark.parametrize("timeframe", ["4h", "2h", "6h", "12h"])
def test_hours_around_the_clock_are_those_of_pandas(timeframe: str) -> None:
    time = np.arange(np.datetime64("2024-03-01T00"), np.datetime64("2024-04-01T00"), np.timedelta64(1, "h"))
    bars = bars_at(time, symbol="BTC-USD", timeframe="1h")

    found = resample(bars, timeframe)

    index = pd.Series(pd.DatetimeIndex(bars.time)).dt.floor(timeframe)
    assert_equal(found, by_pandas(bars, index))
    assert found.timeframe == timeframe
    assert str(found.time[0]) == "2024-03-01T00:00:00.000000000"


@pytest.mark.parametrize(("first", "opening"), [(date(2024, 1, 8), "14:30"), (date(2024, 7, 8), "13:30")])
def test_hours_of_new_york_begin_with_its_session_in_winter_and_summer(first: date, opening: str) -> None:
    bars = session_bars("XNYS", "AAPL", "30m", first, date(first.year, first.month, 12))

    found = resample(bars, "4h")

    assert len(found) == 10  # two a day: four hours, and two and a half
    assert str(found.time[0])[11:16] == opening
    assert found.volume[0] == bars.volume[:8].sum()
    assert found.volume[1] == bars.volume[8:13].sum()
    assert (found.open[2], found.close[1]) == (bars.open[13], bars.close[12])


def test_a_half_day_has_a_shorter_last_bar_and_no_bar_after_it() -> None:
    bars = session_bars("XNYS", "AAPL", "30m", date(2024, 11, 27), date(2024, 12, 2))  # closes at 13:00 on the 29th

    found = resample(bars, "4h")

    assert [str(time)[:16] for time in found.time] == [
        "2024-11-27T14:30", "2024-11-27T18:30", "2024-11-29T14:30", "2024-12-02T14:30", "2024-12-02T18:30",
    ]  # fmt: skip
    assert found.volume[2] == bars.volume[13:20].sum()


@pytest.mark.parametrize(
    ("exchange", "symbol"), [("XKRX", "005930.KS"), ("XLON", "VOD.L"), ("XTKS", "7203.T"), ("XNYS", "IBM")]
)
@pytest.mark.parametrize("timeframe", ["1h", "2h", "45m"])
def test_no_bar_reaches_into_another_session(exchange: str, symbol: str, timeframe: str) -> None:
    bars = session_bars(exchange, symbol, "15m", date(2024, 3, 4), date(2024, 4, 5))  # the clocks change meanwhile

    found = resample(bars, timeframe)

    calendar = find_calendar(exchange, date(2024, 3, 4), date(2024, 4, 5))
    place = calendar.nearest(found.time.astype("datetime64[us]"))
    assert (np.diff(place) >= 0).all()
    assert (found.time >= calendar.opens[place]).all()
    assert found.volume.sum() == bars.volume.sum()
    first_of_each = np.unique(place, return_index=True)[1]
    np.testing.assert_array_equal(
        found.time[first_of_each], calendar.opens[place[first_of_each]].astype("datetime64[ns]")
    )


def test_weeks_are_called_by_their_monday_and_only_whole_ones_count() -> None:
    # From Wednesday, 3 January, to Thursday, 15 February: Monday, 15 January, is a holiday.
    calendar = find_calendar("XNYS", date(2024, 1, 1), date(2024, 12, 31))
    bars = bars_at(
        calendar.between(np.datetime64("2024-01-03"), np.datetime64("2024-02-15")), symbol="AAPL", timeframe="1d"
    )

    found = resample(bars, "1w")

    assert [str(time)[:10] for time in found.time] == [
        "2024-01-08",
        "2024-01-15",
        "2024-01-22",
        "2024-01-29",
        "2024-02-05",
    ]
    weeks = pd.Series(pd.DatetimeIndex(bars.time)).dt.to_period("W-SUN").dt.start_time
    assert_equal(found, by_pandas(bars, weeks).iloc[1:-1])


def test_a_week_that_ends_with_a_holiday_is_whole() -> None:
    # Good Friday, 29 March 2024: the week's last session is Thursday.
    calendar = find_calendar("XNYS", date(2024, 1, 1), date(2024, 12, 31))
    days = calendar.between(np.datetime64("2024-03-18"), np.datetime64("2024-03-28"))

    found = resample(bars_at(days, symbol="AAPL", timeframe="1d"), "1w")

    assert [str(time)[:10] for time in found.time] == ["2024-03-18", "2024-03-25"]


def test_months_are_those_of_pandas() -> None:
    days = np.arange(np.datetime64("2022-01-01"), np.datetime64("2024-01-01"))
    bars = bars_at(days, symbol="ETH-USD", timeframe="1d")

    found = resample(bars, "1mo")

    months = pd.Series(pd.DatetimeIndex(bars.time)).dt.to_period("M").dt.start_time
    assert_equal(found, by_pandas(bars, months))


@pytest.mark.parametrize("missing", [[], [40], [0, 1], [100, 101, 102]])
def test_no_later_bar_changes_an_earlier_one(missing: list[int]) -> None:
    bars = session_bars("XNYS", "AAPL", "5m", date(2024, 5, 6), date(2024, 5, 10))
    kept = np.setdiff1d(np.arange(len(bars)), missing)
    whole = bars_at(bars.time[kept], symbol="AAPL", timeframe="5m")
    for stop in range(30, len(whole), 17):
        try:
            early = resample(whole.cut(0, stop), "2h")
        except NoBars:
            continue
        late = resample(whole, "2h")
        for name in ("time", "open", "high", "low", "close", "volume"):
            np.testing.assert_array_equal(getattr(early, name), getattr(late, name)[: len(early)])


def test_bars_at_the_clocks_hours_join_the_session_that_begins_within_them() -> None:
    # As some sources have them: 14:00 UTC has half an hour before New York's opening.
    time = np.arange(np.datetime64("2024-01-08T14:00"), np.datetime64("2024-01-08T21:00"), np.timedelta64(1, "h"))
    days = np.concatenate([time + np.timedelta64(day, "D") for day in range(5)])

    found = resample(bars_at(days, symbol="AAPL", timeframe="1h"), "4h")

    assert [str(time)[11:16] for time in found.time[:3]] == ["14:30", "18:30", "14:30"]


def test_a_series_around_the_clock_without_a_known_suffix_begins_at_midnight() -> None:
    time = np.arange(np.datetime64("2024-01-07T22:00"), np.datetime64("2024-01-12T22:00"), np.timedelta64(1, "h"))

    found = resample(bars_at(time, symbol="EURUSD", timeframe="1h"), "4h")

    assert {str(time)[11:16] for time in found.time} == {"00:00", "04:00", "08:00", "12:00", "16:00", "20:00"}


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("240m", "4h"), ("60m", "1h"), ("60min", "1h"), ("90m", "90m"), ("4H", "4h"), ("1W", "1w"), ("weekly", "1w"),
        ("일봉", "1d"), ("1mo", "1mo"), ("12h", "12h"), ("7m", "7m"),
        ("4시간봉", "4h"), ("90분", "90m"), ("1주봉", "1w"),
    ],
)  # fmt: skip
def test_words_of_a_timeframe(word: str, found: str) -> None:
    assert parse_timeframe(word).word == found


@pytest.mark.parametrize(
    "word", ["", "1x", "0m", "2w", "3d", "13h", "1y", "h", "4", "1h30m", "-5m", "1M", "3M", "4시간봉으로", "2주봉"]
)
def test_other_words_are_refused_with_what_there_is(word: str) -> None:
    with pytest.raises(UnknownTimeframe) as raised:
        parse_timeframe(word)

    assert "4h" in str(raised.value.facts["known"])


def test_what_is_no_multiple_is_refused() -> None:
    bars = session_bars("XNYS", "AAPL", "5m", date(2024, 5, 6), date(2024, 5, 10))

    with pytest.raises(NoTimeframe):
        resample(bars, "7m")


def test_less_than_one_whole_bar_is_none() -> None:
    time = np.array(["2024-01-09", "2024-01-10"], dtype="datetime64[ns]")

    with pytest.raises(NoBars):
        resample(bars_at(time, symbol="AAPL", timeframe="1d"), "1w")
