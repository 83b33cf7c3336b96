"""Parse the rows of a file into times and numbers, in a temporary table; the first bad value is an error."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import duckdb
import numpy as np
from duckdb import DuckDBPyConnection

from optimizer.domain.bars import TimeArray
from optimizer.errors import BadFile, Phrase
from optimizer.market.providers.decimal_marks import PRICES, NumberSql, ways_of_numbers
from optimizer.market.providers.table import Table, bad_file, physical_line
from optimizer.market.providers.timestamps import are_sessions, candidates, is_count, is_steady, local_sql, shift_sql

SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.\-=^]{0,19}")
_NUMBERS = (*PRICES, "volume")
_REMEDIES = {"time": "iso_dates", "adjusted": "mend_line_or_column", "volume": "mend_line_or_column"}
_IS_BLANK = "coalesce(lower(trim({})) IN ('', 'nan', 'na', 'n/a', 'null', 'none', '-', '--', '#n/a'), true)"


def parse_table(cursor: DuckDBPyConnection, table: Table) -> Table:
    """Fill the temporary table `parsed` with line, symbol, local, shift, prices; returns the table with its symbols.

    Raises BadFile at the first bad line.
    """
    table = _with_symbols(cursor, table)
    ways = _ways(table)
    for number in _readable(cursor, table):
        faults = [_parse(cursor, table, way, number) for way in ways]
        good = [way for way, fault in zip(ways, faults, strict=True) if fault is None]
        if good:
            break
    else:
        raise faults[0] or AssertionError
    if len(ways) > 1:
        _parse(cursor, table, good[0] if len(good) == 1 else _only_steady(cursor, table, good, number), number)
    return table


def _with_symbols(cursor: DuckDBPyConnection, table: Table) -> Table:
    """Take a column with several names, such as `Stock`, for that of the symbols. Raises BadFile if they are none."""
    if "symbol" in table.columns or "name" not in table.columns:
        return table
    column = table.columns["name"]
    try:
        names = cursor.execute(f"SELECT DISTINCT trim({column}) FROM {table.rows} ORDER BY 1 LIMIT 1000").fetchall()  # noqa: S608
    except duckdb.Error as error:
        raise _damaged(table, str(error)) from error
    if len(names) == 1:
        return table
    if all(name and SYMBOL.fullmatch(name.upper()) for (name,) in names):
        return replace(table, columns={**table.columns, "symbol": column})
    few = ", ".join(str(name) for (name,) in names[:3])
    reason = Phrase("several_names", column=table.names["name"], names=few)
    raise bad_file(table.path, 1, reason, Phrase("symbol_column"))


def _readable(cursor: DuckDBPyConnection, table: Table) -> Iterator[NumberSql]:
    """Yield the ways to read the numbers. Raises BadFile."""
    try:
        yield from ways_of_numbers(cursor, table)
    except duckdb.Error as error:
        raise _damaged(table, str(error)) from error


def _ways(table: Table) -> list[str]:
    if ways := candidates(table.times):
        return ways
    example = next(iter(table.times), "")
    if not example:
        raise bad_file(table.path, 1, Phrase("file_without_bars"), Phrase("export_again"))
    raise bad_file(table.path, 2, Phrase("no_date", text=example), Phrase("iso_dates"))


def _parse(cursor: DuckDBPyConnection, table: Table, way: str, number: NumberSql) -> BadFile | None:
    """Parse with one format of times and one of numbers; returns the first fault."""
    numbers = ", ".join(f"{number(name, table.columns.get(name, 'NULL'))} AS {name}" for name in _NUMBERS)
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
    return _first_fault(cursor, table, local, number) if _has_gaps(cursor, table) else None


def _times(table: Table, way: str) -> tuple[str, str]:
    """SQL of the local time of a row, and of its offset from UTC in minutes."""
    moment = table.moment
    if is_count(table.times):
        return way.format(moment), "0"
    if not any(":" in text for text in table.times):
        return way.format(moment), "CAST(NULL AS INTEGER)"
    return way.format(local_sql(moment)), shift_sql(moment)


def _has_gaps(cursor: DuckDBPyConnection, table: Table) -> bool:
    """True if any value is missing or infinite: a fast check that spares the search for a fault in most files."""
    names = [name for name in _NUMBERS if name in table.columns]
    gaps = [f"count({name}) < count(*)" for name in ("local", *names)]
    infinite = [f"coalesce(bool_or(isinf({name})), false)" for name in names]
    return bool(cursor.execute(f"SELECT {' OR '.join(gaps + infinite)} FROM parsed").fetchall()[0][0])  # noqa: S608


def _first_fault(cursor: DuckDBPyConnection, table: Table, local: str, number: NumberSql) -> BadFile | None:
    """Error for the first text that is neither blank nor a valid value, or None."""
    texts = {name: table.columns[name] for name in _NUMBERS if name in table.columns}
    wrong = " ".join(
        f"WHEN NOT {_IS_BLANK.format(text)} AND coalesce(isinf({number(name, text)}), true) THEN '{name}'"
        for name, text in texts.items()
    )
    cells = " ".join(f"WHEN '{name}' THEN {text}" for name, text in texts.items())
    rows = cursor.execute(f"""
        SELECT line, fault, CASE fault {cells} ELSE {table.moment} END FROM (
            SELECT *, {table.line} AS line, CASE WHEN {local} IS NULL THEN 'time' {wrong} END AS fault
            FROM {table.rows}
        ) WHERE fault IS NOT NULL ORDER BY line LIMIT 1
    """).fetchall()  # noqa: S608 - as above
    if not rows:
        return None
    line, name, text = rows[0]
    what = Phrase("a_date") if name == "time" else Phrase("a_number", column=Phrase(name))
    reason = Phrase("not_a", text=text, wanted=what)
    return bad_file(table.path, physical_line(table.path, line), reason, Phrase(_REMEDIES.get(name, "mend_line")))


def _only_steady(cursor: DuckDBPyConnection, table: Table, ways: Sequence[str], number: NumberSql) -> str:
    """Format of several that puts the dates in order. Raises BadFile unless exactly one does."""
    steady: dict[str, TimeArray] = {}
    for way in ways:
        _parse(cursor, table, way, number)
        local = cursor.execute("SELECT local FROM parsed ORDER BY symbol, line").fetchnumpy()["local"]
        if is_steady(np.asarray(local)):
            steady[way] = np.asarray(local)
    if len(steady) == 2:
        one, other = steady
        daily = [way for way, beside in ((one, other), (other, one)) if are_sessions(steady[way], steady[beside])]
        steady = {way: steady[way] for way in daily}
    if len(steady) != 1:
        reason = Phrase("day_or_month", text=table.times[0])
        raise bad_file(table.path, 2, reason, Phrase("iso_dates"))
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
    return bad_file(table.path, int(line[1]) if line else 1, reason, remedy)
