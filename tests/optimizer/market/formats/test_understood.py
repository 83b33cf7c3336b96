"""What was understood of a file is told line by line, in every language, and as plain data."""

import json
from pathlib import Path

import pytest

from optimizer.market.formats.registry import FAMILIES
from optimizer.market.importing import read_only
from reports.languages import LANGUAGES, Language
from reports.render import renderer_of
from reports.text.terminal import unmarked
from tests.optimizer.market.formats.kinds import KINDS, simple
from tests.optimizer.market.formats.reads import read, read_kind


def told(understood: object, language: Language = "en") -> list[str]:
    """The lines that a person reads."""
    return [unmarked(renderer_of(language).phrase(line)) for line in understood.lines()]  # type: ignore[attr-defined]


def test_every_family_is_one_of_the_kinds() -> None:
    assert {family.name for family in FAMILIES} == {kind.family for kind in KINDS.values()}


def test_a_korean_file_is_told_line_by_line(tmp_path: Path) -> None:
    kind = KINDS["krx"]

    series = read_kind(tmp_path, kind, kind.write(kind.made(80)))

    assert told(series.understood) == [
        "005930.KS.csv: 005930.KS, 80 bars of 1d, 2023-01-03 to 2023-04-27",
        "KRX; cp949, commas between values, header down to line 1",
        "times: the first, `2023/04/27`, is 2023-04-27; dates without clock times",
        "prices: 시가, 고가, 저가, 종가; decimal point; not marked as adjusted or not, so used as "
        "they are (set `--adjusted` or `--unadjusted`)",
        "volume: 거래량, in shares",
        "rows: 80 of 1 file, the newest first, 0 without a trade left out",
        "not used: 대비, 등락률, 거래대금, 시가총액, 상장주식수",
    ]


def test_a_day_of_lean_is_told_with_its_zone_and_scale(tmp_path: Path) -> None:
    kind = KINDS["lean, a day of minutes"]

    lines = told(read_kind(tmp_path, kind, kind.write(kind.made(80))).understood)

    assert lines[1:4] == [
        "Lean; UTF-8, commas between values, no header",
        "times: the first, `34200000`, is 2023-01-03 09:30:00; in the zone of the symbol's exchange, America/New_York "
        "(`--zone` names another)",
        "prices: #2, #3, #4, #5; decimal point, divided by 10,000; as traded, not adjusted",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_told_in_each_language(tmp_path: Path, name: str, language: Language) -> None:
    kind = KINDS[name]

    understood = read_kind(tmp_path, kind, kind.write(kind.made(120))).understood

    assert len(told(understood, language)) in (6, 7)
    assert json.loads(json.dumps(understood.as_document()))["symbol"] == kind.symbol


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("metatrader, minutes", "volume: <TICKVOL>, in changes of the price"),
        ("binance, ms", "volume: #6, in the first currency of the pair"),
        ("yfinance, three header lines", "prices: Open, High, Low, Close; decimal point; adjusted already"),
        ("yahoo", "prices: Open, High, Low, Close; decimal point; adjusted by the column Adj Close"),
        ("european", "prices: Eröffnung, Hoch, Tief, Schluss; decimal comma; not marked as adjusted or not"),
        ("parquet", "a table; Parquet, named columns"),
        ("excel", "a table; Excel, header down to line 3"),
        ("tradingview, hours", "times: the first, `1672756200`, is 2023-01-03 14:30:00; counted since 1970, UTC"),
        ("metatrader 4", "in the zone you named, UTC"),
        ("cryptodatadownload", "volume: Volume BTC, in the unit that the column names"),
    ],
)
def test_what_a_kind_means_is_told(tmp_path: Path, name: str, said: str) -> None:
    kind = KINDS[name]

    lines = told(read_kind(tmp_path, kind, kind.write(kind.made(40))).understood)

    assert any(said in line for line in lines), lines


def test_a_row_that_cannot_be_right_is_told_with_file_and_line(tmp_path: Path) -> None:
    kind = KINDS["plain"]
    made = kind.made(40)
    made.close[7] = made.high[7] * 2

    (series,) = read(tmp_path, "ACME.csv", kind.write(made))

    assert told(series.understood)[-1] == (
        "rows that cannot be right: 1, the first in `ACME.csv`, line 9: open or close is not between low and high"
    )


def test_reading_alone_stores_nothing_and_reports_all(tmp_path: Path) -> None:
    for name in ("AAA", "BBB"):
        (tmp_path / f"{name}.csv").write_bytes(KINDS["plain"].write(KINDS["plain"].made(30)))
    (tmp_path / "CCC.csv").write_bytes(
        simple("Date|Open|High|Low|Close", "{t:%d.%m.%Y}|{o}|{h}|{l}|{c}")(KINDS["plain"].made(30))
    )

    report = read_only(tmp_path)

    assert (report.n_files, report.n_bars, report.changes) == (3, 90, ())
    assert [one.time_text for one in report.understood] == ["2023-01-03", "2023-01-03", "03.01.2023"]
    assert len({one.manner for one in report.understood}) == 2
