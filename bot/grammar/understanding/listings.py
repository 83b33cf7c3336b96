"""The largest listings with the names that people use for them, from `listings.csv`."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("listings.csv")


@dataclass(frozen=True)
class Listing:
    """A symbol as the sources write it, and its names, the usual one first."""

    symbol: str
    english: tuple[str, ...]
    korean: tuple[str, ...]


@cache
def listings() -> Mapping[str, Listing]:
    """Return every listing by its symbol."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        rows = [
            Listing(row["symbol"], tuple(row["english"].split("|")), tuple(filter(None, row["korean"].split("|"))))
            for row in csv.DictReader(file)
        ]
    return {row.symbol: row for row in rows}


@cache
def symbol_names() -> Mapping[str, tuple[str, ...]]:
    """Map every name, in lower case, to its symbols: a few companies have several."""
    found: dict[str, tuple[str, ...]] = {}
    for row in listings().values():
        for name in dict.fromkeys(name.lower() for name in (*row.english, *row.korean)):
            found[name] = (*found.get(name, ()), row.symbol)
    return found


@cache
def korean_codes() -> Mapping[str, str]:
    """Map the six digits of a Korean listing to its symbol."""
    return {symbol.partition(".")[0]: symbol for symbol in listings() if symbol.endswith((".KS", ".KQ"))}
