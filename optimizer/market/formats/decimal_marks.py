"""How a file writes its numbers: its decimal mark, marks between thousands, signs of currencies, letters for millions.

A dot and a comma mean opposite things in different countries, and `1.072` alone does not tell which. A file writes all
its numbers in one way, so its other numbers and its delimiter decide; when they do not, the file is refused.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from optimizer.errors import Phrase
from optimizer.market.formats.columns import PRICES
from optimizer.market.formats.table import Table, quoted

_POWER = r"([eE][+-]?\d+)?"
_SPACES = r"\s\x{00A0}\x{202F}'’"
_CODES = "EUR|USD|GBP|CHF|JPY|KRW|TWD|CNY|HKD|SEK|NOK|DKK|PLN|CAD|AUD|NZD|BRL|INR|SGD|RUB|TRY|ZAR|MXN"
#: Pattern of a currency, as a sign, with a country before the dollar, as a code apart from the digits, or as a letter
#: behind them. Pence are none: a file that has them in some rows only would be wrong by a hundred.
_CURRENCY = rf"(?:R|NT|HK|US|CA?|AU?|SG?|NZ|MX)?[$]|[₩€£¥₹₽]|^(?:{_CODES})\s|\s(?:{_CODES})$|[원円元]$"
#: Shares, behind a volume.
_SHARES = r"\s?(?:주|株|股|Stk\.?|Stück)$"
#: Patterns of a number by decimal mark. In India groups of two digits stand before the last one of three.
_PATTERNS: Mapping[str, str] = {
    ".": rf"[+-]?(\d*|\d{{1,3}}([,{_SPACES}]\d{{2,3}})*[,{_SPACES}]\d{{3}})(\.\d*)?{_POWER}",
    ",": rf"[+-]?(\d*|\d{{1,3}}([.{_SPACES}]\d{{3}})+)(,\d*)?{_POWER}",
}
#: Patterns of numbers that tell their mark: digits that no group of thousands has, a leading zero, or several groups.
_PROOFS: Mapping[str, str] = {
    ".": (
        rf"\d*\.(\d{{0,2}}|\d{{4,}}){_POWER}|(\d{{4,}}|0\d*|)\.\d{{3}}|\d{{1,3}}(,\d{{2,3}})*,\d{{3}}\.\d+"
        rf"|\d{{1,3}}(,\d{{2,3}})+,\d{{3}}|\d+\.\d+[eE][+-]?\d+"
    ),
    ",": (
        rf"\d*,(\d{{0,2}}|\d{{4,}}){_POWER}|(\d{{4,}}|0\d*|),\d{{3}}|\d{{1,3}}(\.\d{{3}})+,\d+"
        rf"|\d{{1,3}}(\.\d{{3}}){{2,}}|\d+,\d+[eE][+-]?\d+"
    ),
}
_UNCLEAR = {".": r"[1-9]\d{0,2}\.\d{3}", ",": r"[1-9]\d{0,2},\d{3}"}
_SMALL = r"\d{1,3}"
_DOT_PROOF = re.compile(f"[+-]?({_PROOFS['.']})")
_LETTERS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}

#: Row and text of the first number of each kind; None if there is none.
Seen = Mapping[str, tuple[int, str] | None]


@dataclass(frozen=True, kw_only=True)
class NumberWay:
    """One way to read the numbers of a file."""

    mark: str
    #: SQL of a text as a number, from the meaning of its column and the SQL of the text; NULL if it is not a number.
    sql: Callable[[str, str], str]


def _plain(_: str, text: str) -> str:
    """SQL of a text that is written as programs write numbers; fast. They write no `1_000`."""
    return f"CASE WHEN NOT contains({text}, '_') THEN nullif(try_cast({text} AS DOUBLE), 'nan') END"


PLAIN = NumberWay(mark=".", sql=_plain)


def _decorated(mark: str) -> NumberWay:
    """Read a text with this decimal mark, thousands and signs of currencies; a volume with a letter."""

    def number(meaning: str, text: str) -> str:
        pattern = f"[$₩€£¥]|{_SHARES}" if meaning == "volume" else _CURRENCY
        signless = f"regexp_replace(trim({text}), '{pattern}', '', 'g')"
        bare = f"regexp_replace({signless}, '^[{_in_sql(_SPACES)}]+|[{_in_sql(_SPACES)}]+$', '', 'g')"
        return _with_letter(bare, mark) if meaning == "volume" else _in_digits(bare, mark)

    return NumberWay(mark=mark, sql=number)


def ways_of_numbers(cursor: DuckDBPyConnection, table: Table, mark: str | None) -> Iterator[NumberWay]:
    """Yield the ways in which the numbers of a file may be read, the fastest first. Raises BadFile when unclear.

    `mark` is the decimal mark, if a person named it.
    """
    if mark is None and _has_clear_dots(table):
        yield PLAIN
        _refuse_two_currencies(cursor, table)
        yield _decorated(_find_mark(cursor, table))
        return
    mark = mark or _find_mark(cursor, table)
    if mark == ".":
        yield PLAIN
    _refuse_two_currencies(cursor, table)
    yield _decorated(mark)


def _refuse_two_currencies(cursor: DuckDBPyConnection, table: Table) -> None:
    """Raise BadFile for prices of two currencies, or of which only some have one in letters; signs may be missing."""
    columns = [table.columns[name] for name in _texts(table, PRICES)]
    if not columns:
        return
    sign = f"trim(regexp_extract(trim(text), '{_CURRENCY}'))"
    signs = cursor.execute(f"""
        SELECT {sign} AS sign, count(*) AS n, min(line), arg_min(text, line)
        FROM (SELECT {table.line} AS line, unnest([{", ".join(columns)}]) AS text FROM {table.rows})
        WHERE regexp_matches(text, '\\d') GROUP BY sign ORDER BY n DESC, sign
    """).fetchall()  # noqa: S608 - names of columns are ours (CSV) or quoted (Parquet)
    named = [found for found, *_ in signs if found]
    if len(named) > 1 or (named and named[0].isalpha() and len(signs) > 1):
        signs = signs if named[0].isalpha() else [one for one in signs if one[0]]
        (_, _, _, most), (_, _, line, other) = signs[:2]
        raise table.fault(Phrase("two_currencies", one=most, other=other), Phrase("one_currency"), row=line)


def _has_clear_dots(table: Table) -> bool:
    """True if the first prices have no comma and at least one clear decimal point, or are no texts."""
    texts = _texts(table, PRICES)
    cells = [re.sub(_CURRENCY, "", cell.strip()).strip() for name in texts for cell in table.cells[name]]
    return not texts or (any(map(_DOT_PROOF.fullmatch, cells)) and not any("," in cell for cell in cells))


def _texts(table: Table, meanings: Sequence[str]) -> list[str]:
    """Those of the columns that the file has as text."""
    return [name for name in meanings if name in table.columns and name in table.texts]


def _find_mark(cursor: DuckDBPyConnection, table: Table) -> str:
    """Decimal mark of a file: that of its prices, or of its volume if they do not tell. Raises BadFile."""
    prices = _seen(cursor, table, PRICES)
    volume = _seen(cursor, table, ("volume",))
    if not _is_proof(prices) and _is_proof(volume):
        return _mark(table, volume)
    return _mark(table, prices) if any(place for kind, place in prices.items() if kind != "small") else "."


def _is_proof(seen: Seen) -> bool:
    return any(place for kind, place in seen.items() if kind.startswith("proof"))


def _seen(cursor: DuckDBPyConnection, table: Table, meanings: Sequence[str]) -> Seen:
    """Find the first number of each kind in some columns."""
    columns = [table.columns[name] for name in _texts(table, meanings)]
    patterns = {f"proof{mark}": pattern for mark, pattern in _PROOFS.items()}
    patterns |= {f"unclear{mark}": pattern for mark, pattern in _UNCLEAR.items()} | {"small": _SMALL}
    if not columns:
        return dict.fromkeys(patterns)
    tests = [f"regexp_full_match(bare, '[+-]?({pattern})')" for pattern in patterns.values()]
    found = ", ".join(f"min(line) FILTER ({test}), arg_min(text, line) FILTER ({test})" for test in tests)
    junk = f"{_CURRENCY}|{_SHARES}|[{_in_sql(_SPACES)}]|[kKmMbBtT]$"
    row = cursor.execute(f"""
        SELECT {found} FROM (
            SELECT line, text, regexp_replace(trim(text), '{junk}', '', 'g') AS bare
            FROM (SELECT {table.line} AS line, unnest([{", ".join(columns)}]) AS text FROM {table.rows})
        )
    """).fetchall()[0]  # noqa: S608 - names of columns are ours (CSV) or quoted (Parquet)
    pairs = zip(row[::2], row[1::2], strict=True)
    return {kind: (line, text) if line else None for kind, (line, text) in zip(patterns, pairs, strict=True)}


def _mark(table: Table, seen: Seen) -> str:
    if seen["proof."] and seen["proof,"]:
        raise _mixed(table, seen["proof."], seen["proof,"])
    for mark in ".,":
        if seen[f"proof{mark}"]:
            return mark
    if (unclear := seen["unclear,"]) and not seen["unclear."] and table.delimiter in ",;":
        return "," if table.delimiter == ";" else "."
    if not unclear and table.delimiter != ";" and not seen["small"]:
        return "."
    line, text = unclear or seen["unclear."] or (0, "")
    whole = text.replace(".", "").replace(",", "")
    reason = Phrase("two_numbers", text=text, whole=whole, fraction=text.replace(",", "."))
    remedy = Phrase("write_one_number", whole=whole, fraction=text.replace(",", ".") + "0")
    raise table.fault(reason, remedy, row=line)


def _mixed(table: Table, dot: tuple[int, str], comma: tuple[int, str]) -> Exception:
    reason = Phrase("mixed_marks", dot=dot[1], comma=comma[1])
    return table.fault(reason, Phrase("one_mark"), row=max(dot[0], comma[0]))


def _in_digits(text: str, mark: str) -> str:
    """SQL of a number without sign of currency or letter."""
    other = "," if mark == "." else "."
    digits = f"replace(regexp_replace({text}, '[{other}{_in_sql(_SPACES)}]', '', 'g'), '{mark}', '.')"
    is_number = f"regexp_full_match({text}, '{_in_sql(_PATTERNS[mark])}')"
    return f"CASE WHEN {is_number} THEN try_cast({digits} AS DOUBLE) END"


def _with_letter(text: str, mark: str) -> str:
    """SQL of a number that may end with a letter, such as 17.25M."""
    number = _in_digits(f"regexp_replace({text}, '\\s?[kKmMbBtT]$', '')", mark)
    sizes = " ".join(f"WHEN '{letter}' THEN round({number} * {size})" for letter, size in _LETTERS.items())
    return f"CASE upper(right({text}, 1)) {sizes} ELSE {number} END"


def _in_sql(pattern: str) -> str:
    return quoted(pattern)[1:-1]
