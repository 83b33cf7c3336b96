"""What a file does not say is asked for, and the option that is named in the refusal answers it."""

from pathlib import Path

import numpy as np
import pytest

from optimizer.errors import BadFile, UnknownEncoding, UnknownTimeframe
from optimizer.market.formats.encodings import encoding_of
from optimizer.market.providers.file_series import Series
from tests.optimizer.market.formats.kinds import (
    KINDS,
    around_the_clock,
    days,
    lean_minutes,
    made_up,
    minutes,
    simple,
    zipped,
)
from tests.optimizer.market.formats.reads import read
from tests.refused import refused

HEADER = "Date,Open,High,Low,Close,Volume"


def rows_of(*times: str, prices: str = "10.5,12.5,9.5,11.5,100", header: str = HEADER) -> str:
    """A file with the same prices at several times."""
    return "\n".join([header, *(f"{time},{prices}" for time in times), ""])


def only(series: list[Series]) -> Series:
    """The one series of a file."""
    (one,) = series
    return one


def days_of(series: Series) -> list[str]:
    """Days of its bars."""
    return [str(day) for day in series.bars.time.astype("datetime64[D]")]


@pytest.mark.parametrize(
    ("days", "day_first", "first"),
    [(("02/05/2024", "03/05/2024"), True, "2024-05-02"), (("02/05/2024", "02/06/2024"), False, "2024-02-05")],
)
def test_day_or_month_first(tmp_path: Path, days: tuple[str, str], day_first: bool, first: str) -> None:
    content = rows_of(*days)
    with refused(BadFile, match="line 2: `02/05/2024` may be day/month or month/day. Set `--day-first`"):
        read(tmp_path, "X.csv", content)

    assert days_of(only(read(tmp_path, "X.csv", content, day_first=day_first)))[0] == first


def test_days_of_several_symbols_tell_the_order_of_day_and_month(tmp_path: Path) -> None:
    lines = [f"{day:02}/02/2024,10,12,9,11,{symbol}" for symbol in ("AAA", "BBB") for day in (12, 13, 14)]

    series = read(tmp_path, "X.csv", "\n".join(["date,open,high,low,close,ticker", *lines, ""]))

    assert [days_of(one)[0] for one in series] == ["2024-02-12", "2024-02-12"]


def test_a_named_order_that_a_date_contradicts_is_refused(tmp_path: Path) -> None:
    with refused(BadFile, match="line 3: `02/13/2024` is not a date that can be read"):
        read(tmp_path, "X.csv", rows_of("02/05/2024", "02/13/2024"), day_first=True)


@pytest.mark.parametrize(("decimal", "close"), [(".", 1.072), (",", 1072.0)])
def test_decimal_sign(tmp_path: Path, decimal: str, close: float) -> None:
    content = rows_of("2024-02-05", prices="1.072,1.072,1.072,1.072,100").replace(",", ";")
    with refused(BadFile, match="line 2: `1.072` may be 1072 or 1.072.* Or set `--decimal .` or `--decimal ,`"):
        read(tmp_path, "X.csv", content)

    series = only(read(tmp_path, "X.csv", content, decimal=decimal))

    assert series.bars.close.tolist() == [close]
    assert series.understood.decimal == decimal


def test_a_volume_with_a_letter_tells_the_sign_of_prices_without_decimals(tmp_path: Path) -> None:
    head = '"Tanggal","Terakhir","Pembukaan","Tertinggi","Terendah","Vol.","Perubahan%"'
    row = '"06/02/2024","9.075","9.050","9.125","9.025","68,31M","0,28%"'

    series = only(read(tmp_path, "BBCA.csv", f"{head}\n{row}\n", day_first=True))

    assert (series.bars.close.tolist(), series.bars.volume.tolist()) == ([9075], [68_310_000])


ADJUSTED = "Date,Open,High,Low,Close,Adj Close"


def test_an_adjusted_close_among_adjusted_prices_is_asked_about(tmp_path: Path) -> None:
    content = rows_of("2024-02-05", "2024-02-06", prices="5.1,5.3,4.9,10.2,5.1", header=ADJUSTED)
    with refused(BadFile, match="all but the close seem to be adjusted. Set `--adjusted`"):
        read(tmp_path, "X.csv", content)


def test_adjusted_or_not(tmp_path: Path) -> None:
    content = rows_of("2024-02-05", "2024-02-06", prices="10.1,10.3,9.9,10.2,5.1", header=ADJUSTED)

    both, neither, adjusted = (
        only(read(tmp_path, "X.csv", content, **options))
        for options in ({}, {"is_adjusted": False}, {"is_adjusted": True})
    )

    assert [one.understood.adjustment for one in (both, neither, adjusted)] == ["column", "unadjusted", "adjusted"]
    assert both.bars.factor.tolist() == [0.5, 0.5]
    assert neither.bars.factor.tolist() == adjusted.bars.factor.tolist() == [1, 1]


@pytest.mark.parametrize("name", ["metatrader, minutes", "metatrader 4", "histdata", "cryptodatadownload"])
def test_clock_times_of_a_server_need_a_zone(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    with refused(BadFile, match="writes clock times without saying in which zone. Name the zone with `--zone`"):
        read(tmp_path, kind.file, kind.write(kind.made(60)), symbol=kind.symbol)


INTRADAY = "{t:%Y-%m-%d %H:%M:%S}|{o}|{h}|{l}|{c}|{v}"


def intraday(start: str, per_day: int, step: int) -> bytes:
    """Bars of some days from a clock time on."""
    made = made_up(3 * per_day, seed=1, times=minutes(start, per_day, step), digits=2)
    return simple(HEADER.replace(",", "|"), INTRADAY)(made)


FITTING = [
    ("AAPL", "09:30", 390, 1),
    ("AAPL", "04:00", 960, 1),  # before and after hours
    ("AAPL", "10:00", 7, 60),
    ("005930.KS", "09:00", 390, 1),
    ("SAP.DE", "09:00", 17, 30),
]
OTHER = [
    ("AAPL", "14:30", 390, 1),  # UTC in winter
    ("AAPL", "13:30", 390, 1),  # UTC in summer
    ("AAPL", "08:30", 390, 1),  # Chicago
    ("AAPL", "22:30", 60, 1),  # Seoul
    ("005930.KS", "00:00", 390, 1),
    ("SAP.DE", "03:00", 17, 30),
]


@pytest.mark.parametrize(("symbol", "start", "per_day", "step"), FITTING)
def test_clock_times_that_are_hours_of_the_exchange_are_in_its_zone(
    tmp_path: Path, symbol: str, start: str, per_day: int, step: int
) -> None:
    understood = only(read(tmp_path, f"{symbol}.csv", intraday(start, per_day, step))).understood

    assert (understood.zone_from, understood.time.strftime("%H:%M")) == ("exchange", start)


@pytest.mark.parametrize(("symbol", "start", "per_day", "step"), OTHER)
def test_clock_times_that_are_no_hours_of_the_exchange_are_asked_about(
    tmp_path: Path, symbol: str, start: str, per_day: int, step: int
) -> None:
    content = intraday(start, per_day, step)
    with refused(BadFile, match=f"its clock times, {start}–.*, are not the hours of an exchange in .* `--zone`"):
        read(tmp_path, f"{symbol}.csv", content)

    series = only(read(tmp_path, f"{symbol}.csv", content, zone="UTC"))

    assert (series.understood.zone, series.understood.zone_from) == ("UTC", "named")
    assert str(series.bars.time[0].astype("datetime64[m]")) == f"2023-01-03T{start}"


def test_hours_around_the_clock_are_not_those_of_new_york(tmp_path: Path) -> None:
    made = made_up(48, seed=1, times=around_the_clock(60), digits=2)
    content = simple(HEADER.replace(",", "|"), INTRADAY)(made)

    with refused(BadFile, match="--zone"):
        read(tmp_path, "BTCUSDT.csv", content)
    assert only(read(tmp_path, "BTC-USD.csv", content)).understood.zone == "UTC"


def test_a_single_bar_with_a_clock_time_needs_a_timeframe(tmp_path: Path) -> None:
    content = rows_of("2024-02-05 09:30:00")
    with refused(BadFile, match="a single bar does not show how long it is. .*`--timeframe"):
        read(tmp_path, "X.csv", content)

    assert only(read(tmp_path, "X.csv", content, timeframe="1m")).bars.timeframe == "1m"
    assert only(read(tmp_path, "X.csv", rows_of("2024-02-05"))).bars.timeframe == "1d"


def test_a_timeframe_longer_than_the_distance_of_bars_is_refused(tmp_path: Path) -> None:
    content = intraday("09:30", 390, 1)
    with refused(BadFile, match="its bars are 60 seconds apart, which does not fit 1h"):
        read(tmp_path, "X_1h.csv", content)
    with refused(BadFile, match="does not fit 1d"):
        read(tmp_path, "X.csv", content, timeframe="1d")
    with pytest.raises(UnknownTimeframe):
        read(tmp_path, "X.csv", content, timeframe="2h")


@pytest.mark.parametrize(("n_days", "timeframe"), [(2, "1h"), (12, "1m")])
def test_a_timeframe_shorter_than_any_distance_is_refused(tmp_path: Path, n_days: int, timeframe: str) -> None:
    content = rows_of(*map(str, days()[1 : 1 + n_days]))
    with refused(BadFile, match=f"its bars are 1 days apart, which does not fit {timeframe}"):
        read(tmp_path, "X.csv", content, timeframe=timeframe)


def test_five_minutes_are_not_one(tmp_path: Path) -> None:
    with refused(BadFile, match="its bars are 300 seconds apart, which does not fit 1m"):
        read(tmp_path, "X_1m.csv", intraday("09:30", 78, 5))


def test_a_name_that_is_no_symbol_is_asked_for(tmp_path: Path) -> None:
    kind = KINDS["krx"]
    content = kind.write(kind.made(30))
    with refused(BadFile, match="`DATA_5930_20240205` is not a symbol.*`--symbol`"):
        read(tmp_path, "data_5930_20240205.csv", content)

    assert only(read(tmp_path, "data_5930_20240205.csv", content, symbol="005930.KS")).bars.symbol == "005930.KS"


def test_encoding(tmp_path: Path) -> None:
    content = rows_of("2024-02-05", "2024-02-06", header=HEADER + ",Firma", prices="1,1,1,1,1,Müller").encode("cp1252")
    assert only(read(tmp_path, "X.csv", content)).understood.encoding == "cp1252"

    assert only(read(tmp_path, "X.csv", content, encoding="latin-1")).understood.encoding == "iso8859-1"
    with refused(BadFile, match="it is not text in UTF-8. Name the encoding with `--encoding`"):
        read(tmp_path, "X.csv", content, encoding="utf-8")
    with refused(UnknownEncoding, match="There is no encoding called `cp99`"):
        encoding_of("cp99")


@pytest.mark.parametrize("folder", ["crypto/binance/minute/btcusd", "equity/usa/minute/aapl"])
def test_folders_of_lean_say_the_scale_of_its_prices(tmp_path: Path, folder: str) -> None:
    kind = KINDS["lean, a day of minutes"]
    content = kind.write(kind.made(30))

    series = only(read(tmp_path, f"{folder}/20230103_trade.zip", content, zone="America/New_York"))

    assert series.understood.divisor == (10_000 if "equity" in folder else 1)


def test_lean_without_folders_is_asked_about_when_its_symbol_may_be_a_pair(tmp_path: Path) -> None:
    kind = KINDS["lean, a day of minutes"]
    content = kind.write(kind.made(30))

    assert only(read(tmp_path, "20230103_trade.zip", content)).understood.divisor == 10_000
    pair = zipped(lean_minutes, "20230103_usdjpy_minute_trade.csv")(kind.made(30))
    with refused(BadFile, match="ten thousandths of them, and no folder of Lean says which"):
        read(tmp_path, "20230103_trade.zip", pair)


STRANGE_TIMES = [
    "2024-02-06 09:31:00 EST",
    "2024-02-06 09:31:00 America/New_York",
    "2024-02-06 09:31:00 (UTC)",
    "epoch",
    "infinity",
    "20240206",
    "2024-02-30 09:31",
    "",
]


@pytest.mark.parametrize("time", STRANGE_TIMES)
def test_a_time_with_something_behind_it_is_no_time(tmp_path: Path, time: str) -> None:
    with refused(BadFile, match="line 3: `.*` is not a date that can be read"):
        read(tmp_path, "X.csv", rows_of("2024-02-06 09:30:00", time, "2024-02-06 09:32:00"))


@pytest.mark.parametrize("day", ["epoch", "infinity", "2024-02-06 BC", "tomorrow", "2024-02"])
def test_a_word_is_no_day(tmp_path: Path, day: str) -> None:
    with refused(BadFile, match="line 3: `.*` is not a date that can be read"):
        read(tmp_path, "X.csv", rows_of("2024-02-05", day))


def test_a_year_without_markets_is_refused(tmp_path: Path) -> None:
    with refused(BadFile, match="line 2: no market traded in that year"):
        read(tmp_path, "X.csv", rows_of("0204-02-05", "2024-02-06"))


def test_an_offset_that_jumps_and_comes_back_is_refused(tmp_path: Path) -> None:
    times = [f"2024-02-05 {hour:02}:30:00-05:00" for hour in range(9, 16)]
    times[3] = times[3].replace("-05", "-04").replace("12:30", "11:45")

    with refused(BadFile, match="line 5: the times are of different zones"):
        read(tmp_path, "X.csv", rows_of(*times), timeframe="1h")


def test_two_columns_of_one_name_are_asked_about_unless_they_are_alike(tmp_path: Path) -> None:
    header = "Date,Open,High,Low,Close,close"
    with refused(BadFile, match="line 1: two different columns are called `Close`"):
        read(tmp_path, "X.csv", rows_of("2024-02-05", prices="10,12,9,11,11.5", header=header))

    assert read(tmp_path, "X.csv", rows_of("2024-02-05", prices="10,12,9,11,11", header=header))


@pytest.mark.parametrize("unit", ["Volume (000s)", "Volume (thousands)", "Volume MA", "Volume Avg"])
def test_a_volume_of_another_kind_is_not_taken_for_the_volume(tmp_path: Path, unit: str) -> None:
    series = only(read(tmp_path, "X.csv", rows_of("2024-02-05", header=f"Date,Open,High,Low,Close,{unit}")))

    assert np.isnan(series.bars.volume).all()
    assert series.understood.unused == (unit,)


def test_a_currency_behind_a_name_is_no_other_column(tmp_path: Path) -> None:
    header = "Date,Open (USD),High (USD),Low ($),Close [EUR],Volume"

    assert only(read(tmp_path, "X.csv", rows_of("2024-02-05", header=header))).bars.close.tolist() == [11.5]


def test_lines_without_any_value_are_no_rows(tmp_path: Path) -> None:
    series = only(read(tmp_path, "X.csv", rows_of("2024-02-05", "2024-02-06") + ",,,,,\n,,,,,\n"))

    assert (len(series.bars), series.understood.n_rows, series.understood.n_left_out) == (2, 2, 0)


def test_columns_of_weeks_are_refused(tmp_path: Path) -> None:
    weeks = [str(day) for day in days()[::5][:10]]
    with refused(BadFile, match="the bars are 7 days apart"):
        read(tmp_path, "X.csv", rows_of(*weeks))


@pytest.mark.parametrize("symbol", ["EURUSD", "EURUSD=X", "ACME.ZZ"])
def test_clock_times_of_what_has_no_exchange_are_asked_for_their_zone(tmp_path: Path, symbol: str) -> None:
    content = rows_of("2024-02-05 09:30:00", "2024-02-05 09:31:00")
    with refused(BadFile, match=f"clock times without a zone, and `{symbol}` has no exchange .* Name the zone"):
        read(tmp_path, "X.csv", content, symbol=symbol)

    bars = only(read(tmp_path, "X.csv", content, symbol=symbol, zone="Europe/Athens")).bars
    assert str(bars.time[0]) == "2024-02-05T07:30:00.000000"
