"""Parse the rows of a file into times and numbers, in a temporary table; the first bad value is an error."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb
import numpy as np
from duckdb import DuckDBPyConnection

from optimizer.domain.bars import TimeArray
from optimizer.errors import BadFile, Phrase
from optimizer.market.formats.columns import PRICES
from optimizer.market.formats.decimal_marks import NumberWay, ways_of_numbers
from optimizer.market.formats.file_names import SYMBOL, named
from optimizer.market.formats.table import Table
from optimizer.market.formats.timestamps import (
    are_sessions,
    candidates,
    has_short_year,
    is_count,
    is_steady,
    local_sql,
    shift_sql,
)
from optimizer.market.formats.understood import Reading

_NUMBERS = (*PRICES, "volume")
_REMEDIES = {"time": "iso_dates", "adjusted": "mend_line_or_column", "volume": "mend_line_or_column"}
_IS_BLANK = "coalesce(lower(trim({})) IN ('', 'nan', 'na', 'n/a', 'null', 'none', '-', '--', '#n/a'), true)"


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """A table whose rows are in the temporary table `parsed`."""

    table: Table
    mark: str  # of decimals; empty where numbers are no text


def parse_table(cursor: DuckDBPyConnection, table: Table, reading: Reading) -> Parsed:
    """Fill the temporary table `parsed` with line, symbol, local, shift, prices; the table knows its symbols then.

    Raises BadFile at the first bad line.
    """
    table = _with_symbols(cursor, table)
    ways = _ways(table, reading)
    for number in _readable(cursor, table, reading.decimal):
        faults = [_parse(cursor, table, way, number) for way in ways]
        good = [way for way, fault in zip(ways, faults, strict=True) if fault is None]
        if good:
            break
    else:
        raise faults[0] or AssertionError
    if len(ways) > 1:
        _parse(cursor, table, good[0] if len(good) == 1 else _only_steady(cursor, table, good, number), number)
    return Parsed(table=table, mark=number.mark if table.texts.intersection(PRICES) else "")


def _with_symbols(cursor: DuckDBPyConnection, table: Table) -> Table:
    """Take a column with several names, such as `Stock`, for that of the symbols. Raises BadFile if they are none."""
    if "symbol" in table.columns or "name" not in table.columns:
        return table
    column = table.columns["name"]
    try:
        names = cursor.execute(f"SELECT DISTINCT trim({column}) FROM {table.rows} ORDER BY 1 LIMIT 1000").fetchall()  # noqa: S608
    except duckdb.Error as error:
        raise _damaged(table, str(error)) from error
    if len(names) == 1 and (SYMBOL.fullmatch(named(table.file.titled)[0]) or not _is_symbol(names[0][0])):
        return table
    if all(_is_symbol(name) for (name,) in names):
        return replace(table, columns={**table.columns, "symbol": column})
    few = ", ".join(str(name) for (name,) in names[:3])
    reason = Phrase("several_names", column=table.names["name"], names=few)
    raise table.file.fault(1, reason, Phrase("symbol_column"))


def _is_symbol(text: str | None) -> bool:
    return bool(text and SYMBOL.fullmatch(text.upper()))


def _readable(cursor: DuckDBPyConnection, table: Table, mark: str | None) -> Iterator[NumberWay]:
    """Yield the ways to read the numbers. Raises BadFile."""
    try:
        yield from ways_of_numbers(cursor, table, mark)
    except duckdb.Error as error:
        raise _damaged(table, str(error)) from error


def _ways(table: Table, reading: Reading) -> list[str]:
    """SQL of the times, one for each way to read them. Raises BadFile when there is none, or years may be of two."""
    day_first = table.family.day_first if reading.day_first is None else reading.day_first
    example = next(iter(table.times), "")
    if reading.republic is None and has_short_year(example) and _is_of_taiwan(table, reading.symbol):
        raise table.fault(Phrase("common_or_republic", text=example), Phrase("say_republic"))
    if ways := [table.time] if table.time else candidates(table.times, day_first, bool(reading.republic)):
        return ways
    if not example:
        raise table.file.fault(1, Phrase("file_without_bars"), Phrase("export_again"))
    raise table.fault(Phrase("no_date", text=example), Phrase("iso_dates"))


def _is_of_taiwan(table: Table, symbol: str | None) -> bool:
    """True if years may be those of the Republic of China: names in its letters, or a symbol of its exchanges."""
    text = symbol or table.symbol or named(table.file.titled)[0]
    return text.upper().endswith((".TW", ".TWO")) or any("盤" in name for name in table.names.values())


def _parse(cursor: DuckDBPyConnection, table: Table, way: str, number: NumberWay) -> BadFile | None:
    """Parse with one format of times and one of numbers; returns the first fault."""
    numbers = ", ".join(f"{_number(table, name, number)} AS {name}" for name in _NUMBERS)
    symbol = f"upper(trim({table.columns['symbol']}))" if "symbol" in table.columns else "''"
    order = "ORDER BY symbol, line" if "symbol" in table.columns else ""
    local, shift = _times(table, way)
    try:
        cursor.execute(f"""
            CREATE OR REPLACE TEMP TABLE parsed AS
            SELECT {table.line} AS line, {symbol} AS symbol, {local} AS local, {shift} AS shift, {numbers}
            FROM {table.rows} {order}
        """)  # noqa: S608 - names of columns are ours (CSV) or quoted (Parquet)
    except duckdb.Error as error:
        raise _damaged(table, str(error)) from error
    if not _has_gaps(cursor, table):
        return None
    fault = _first_fault(cursor, table, local, number)
    cursor.execute("DELETE FROM parsed WHERE local IS NULL")  # lines without any value
    return fault


def _number(table: Table, name: str, number: NumberWay) -> str:
    """SQL of a number as it is meant; NULL without such a column."""
    if name not in table.columns:
        return "CAST(NULL AS DOUBLE)"
    sql = number.sql(name, table.columns[name])
    return f"({sql}) / {table.divisor}" if table.divisor != 1 and name != "volume" else sql


def _times(table: Table, way: str) -> tuple[str, str]:
    """SQL of the local time of a row, and of its offset from UTC in minutes."""
    moment = table.moment
    if table.time:
        return table.time, "CAST(NULL AS INTEGER)"
    if is_count(table.times):
        return way.format(moment), "CAST(NULL AS INTEGER)" if table.family.must_name_zone else "0"
    if not any(":" in text for text in table.times):
        return way.format(moment), "CAST(NULL AS INTEGER)"
    return way.format(local_sql(moment)), shift_sql(moment)


def _has_gaps(cursor: DuckDBPyConnection, table: Table) -> bool:
    """True if any value is missing or infinite: a fast check that spares the search for a fault in most files."""
    names = [name for name in _NUMBERS if name in table.columns]
    gaps = [f"count({name}) < count(*)" for name in ("local", *names)]
    infinite = [f"coalesce(bool_or(isinf({name})), false)" for name in names]
    return bool(cursor.execute(f"SELECT {' OR '.join(gaps + infinite)} FROM parsed").fetchall()[0][0])  # noqa: S608


def _first_fault(cursor: DuckDBPyConnection, table: Table, local: str, number: NumberWay) -> BadFile | None:
    """Error for the first text that is neither blank nor a valid value, or None."""
    texts = {name: table.columns[name] for name in _NUMBERS if name in table.columns}
    wrong = " ".join(
        f"WHEN NOT {_IS_BLANK.format(text)} AND coalesce(isinf({number.sql(name, text)}), true) THEN '{name}'"
        for name, text in texts.items()
    )
    cells = " ".join(f"WHEN '{name}' THEN {text}" for name, text in texts.items())
    empty = " AND ".join(_IS_BLANK.format(text) for text in (table.moment, *texts.values()))
    fault = f"CASE WHEN {empty} THEN NULL WHEN {local} IS NULL THEN 'time' {wrong} END"
    rows = cursor.execute(f"""
        SELECT line, fault, CASE fault {cells} ELSE {table.moment} END FROM (
            SELECT *, {table.line} AS line, {fault} AS fault
            FROM {table.rows}
        ) WHERE fault IS NOT NULL ORDER BY line LIMIT 1
    """).fetchall()  # noqa: S608 - as above
    if not rows:
        return None
    line, name, text = rows[0]
    what = Phrase("a_date") if name == "time" else Phrase("a_number", column=Phrase(name))
    reason = Phrase("not_a", text=text, wanted=what)
    # Pence, percents and fractions stand in every line: to delete one of them would help nobody.
    usual = "plain_prices" if any(map(str.isdigit, str(text))) else "mend_line"
    return table.fault(reason, Phrase(_REMEDIES.get(name, usual)), row=line)


def _only_steady(cursor: DuckDBPyConnection, table: Table, ways: Sequence[str], number: NumberWay) -> str:
    """Format of several that puts the dates in order. Raises BadFile unless exactly one does."""
    steady: dict[str, TimeArray] = {}
    for way in ways:
        _parse(cursor, table, way, number)
        found = cursor.execute("SELECT symbol, local FROM parsed ORDER BY symbol, line").fetchnumpy()
        local, begins = np.asarray(found["local"]), np.flatnonzero(found["symbol"][1:] != found["symbol"][:-1]) + 1
        if all(map(is_steady, np.split(local, begins))):
            steady[way] = local
    if len(steady) == 2:
        one, other = steady
        daily = [way for way, beside in ((one, other), (other, one)) if are_sessions(steady[way], steady[beside])]
        steady = {way: steady[way] for way in daily}
    if len(steady) != 1:
        reason = Phrase("day_or_month", text=table.times[0])
        raise table.fault(reason, Phrase("say_day_first"))
    return next(iter(steady))


def _damaged(table: Table, text: str) -> BadFile:
    """Error for a line that is cut off or has too many values, from DuckDB's message."""
    line = re.search(r"CSV Error on Line: (\d+)", text)
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if counts:
        reason = Phrase("too_many_values", n=counts[2], n_columns=counts[1])
    elif "unicode" in text.lower():
        reason = Phrase("not_utf8")
    else:
        reason = Phrase("line_unreadable")
    remedy = Phrase("half_written")
    return table.file.fault(int(line[1]) if line else 1, reason, remedy)
