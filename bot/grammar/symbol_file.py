"""Symbols from a text file: one per line, or several with commas or spaces, or the first column of a table.

A table with columns for the first and the last day (`symbol,from,to`) is a list with dates: a row for each stay.
"""

import csv
import re
from collections.abc import Sequence, Sized
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from bot.grammar.errors import CommandError
from bot.grammar.values import read_symbol
from optimizer.domain.universe import Stay
from optimizer.errors import Phrase, UserError

#: Most symbols of a list.
MOST_SYMBOLS = 10_000
#: Headings of the columns, in lower case, with spaces for underscores; of several in one table the first counts.
_HEADS = ("symbol", "symbols", "ticker", "tickers", "종목코드", "심볼", "code", "종목", "name")
_FROM_HEADS = ("from", "from date", "start", "start date", "since", "added", "date added", "entry", "편입일", "시작일")
_TO_HEADS = ("to", "to date", "end", "end date", "until", "removed", "date removed", "exit", "편출일", "종료일")
_SEPARATORS = (",", ";", "\t")
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class BadSymbolFile(UserError):
    """Raised for a file with a line that is no symbol. Facts: file, line, word."""


class BadStay(UserError):
    """Raised for a row of a list with dates that cannot be right. Facts: file, line, reason."""


class NoSymbols(UserError):
    """Raised for a file without any symbol, or with too many. Facts: file, n, limit."""


def stays_of(text: str, file: str) -> list[Stay]:
    """Return the stays of a list with dates, and one without dates per symbol of any other list.

    Raises BadSymbolFile, BadStay and NoSymbols.
    """
    rows = _filled_lines(text)
    table = _dated_table(rows[0][1], file, rows[0][0]) if rows else None
    if table is None:
        return [Stay(symbol=symbol) for symbol in symbols_of(text, file)]
    numbered = [(number, table.stay(line, number)) for number, line in rows[1:]]
    _require_count({stay.symbol for _, stay in numbered}, file)
    _require_apart(numbered, file)
    return [stay for _, stay in numbered]


def symbols_of(text: str, file: str) -> list[str]:
    """Return the symbols of a file, each once, in its order; `#` begins a remark. Raises BadSymbolFile, NoSymbols.

    A head line makes the file a table, of which only the first column counts.
    """
    rows = [(number, cells) for number, line in _filled_lines(text) if (cells := _words(line))]
    is_table = bool(rows) and rows[0][1][0].lower() in _HEADS
    found: dict[str, None] = {}
    for number, cells in rows[is_table:]:
        for cell in cells[: 1 if is_table else None]:
            found[_symbol(cell, file, number)] = None
    _require_count(found, file)
    return list(found)


@dataclass(frozen=True, kw_only=True)
class _DatedTable:
    """Columns of a list with dates: where its symbols, first days and last days are."""

    file: str
    separator: str
    n_columns: int
    symbol: int
    start: int
    end: int

    def stay(self, line: str, number: int) -> Stay:
        """Read a row; cells that are missing at its end are empty. Raises BadSymbolFile and BadStay."""
        cells = _cells(line, self.separator)
        if len(cells) > self.n_columns:
            reason = Phrase("too_many_values", n=len(cells), n_columns=self.n_columns)
            raise BadStay(file=self.file, line=number, reason=reason)
        cells += [""] * (self.n_columns - len(cells))
        symbol = _symbol(cells[self.symbol], self.file, number)
        start, end = (self._day(cells[column], number) for column in (self.start, self.end))
        if start and end and end < start:
            reason = Phrase("ends_before_it_starts", start=f"{start}", end=f"{end}")
            raise BadStay(file=self.file, line=number, reason=reason)
        return Stay(symbol=symbol, start=start, end=end)

    def _day(self, cell: str, number: int) -> date | None:
        if not cell:
            return None
        try:
            return date.fromisoformat(cell if _ISO_DAY.fullmatch(cell) else "")
        except ValueError:
            raise BadStay(file=self.file, line=number, reason=Phrase("no_iso_day", word=cell)) from None


def _dated_table(head: str, file: str, number: int) -> _DatedTable | None:
    """Return the columns of a list with dates; None where the first line is not its heading."""
    separator = next((one for one in _SEPARATORS if one in head), " ")
    heads = [cell.lower().replace("_", " ") for cell in _cells(head, separator)]
    found = [next((head for head in known if head in heads), None) for known in (_HEADS, _FROM_HEADS, _TO_HEADS)]
    if None in found:
        return None
    if separator == " ":  # which cell is empty could not be seen
        raise BadStay(file=file, line=number, reason=Phrase("cells_need_commas"))
    symbol, start, end = (heads.index(head) for head in found if head is not None)
    return _DatedTable(file=file, separator=separator, n_columns=len(heads), symbol=symbol, start=start, end=end)


def _require_apart(numbered: Sequence[tuple[int, Stay]], file: str) -> None:
    """Raise BadStay for two stays of a symbol that share a day."""
    in_order = sorted(numbered, key=lambda row: (row[1].symbol, row[1].first, row[0]))
    for (line, stay), (other, later) in pairwise(in_order):
        if later.symbol == stay.symbol and later.first <= stay.last:
            reason = Phrase("stays_overlap", symbol=stay.symbol, line=min(line, other))
            raise BadStay(file=file, line=max(line, other), reason=reason)


def _require_count(symbols: Sized, file: str) -> None:
    if not 1 <= len(symbols) <= MOST_SYMBOLS:
        raise NoSymbols(file=file, n=len(symbols), limit=MOST_SYMBOLS)


def _symbol(cell: str, file: str, number: int) -> str:
    try:
        return read_symbol(cell)
    except CommandError:
        raise BadSymbolFile(file=file, line=number, word=cell) from None


def _filled_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that say anything, with their numbers and without remarks."""
    lines = enumerate(text.removeprefix("\ufeff").splitlines(), start=1)
    plain = ((number, line.partition("#")[0]) for number, line in lines)
    return [(number, line) for number, line in plain if line.strip(" \t,;\"'")]


def _words(line: str) -> list[str]:
    return [cell.strip("\"'") for cell in re.split(r"[\s,;]+", line) if cell.strip("\"'")]


def _cells(line: str, separator: str) -> list[str]:
    """Return the cells of one line of a table, the empty ones too."""
    [cells] = csv.reader([line], delimiter=separator, skipinitialspace=True)
    return [cell.strip() for cell in cells]
