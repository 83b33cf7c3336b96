"""Words for symbols: tickers, pairs, codes with their exchange, and the names of companies."""

import re
from collections.abc import Mapping, Sequence
from functools import cache

from bot.grammar.understanding.listings import korean_codes, listings, symbol_names
from bot.grammar.understanding.matching import END, Item, Kind, Pattern, any_of, pattern, plain_phrase
from bot.grammar.understanding.phrases import (
    CURRENCIES,
    EXCHANGES,
    GOAL_PHRASES,
    INDICATORS,
    STRATEGY_PHRASES,
    WORDLIKE,
)
from bot.grammar.values import is_symbol
from optimizer.errors import is_misspelt
from optimizer.strategies.registry import STRATEGIES

_TICKER = r"\^?[a-z][a-z0-9]{0,9}(?:[.\-=][a-z]{1,4}[0-9]?)?|[0-9]{6}(?:\.k[sq])?|\^[a-z0-9]{1,9}"


#: Markets that are named in front of a symbol; alone they are an index.
_MARKET = "nasdaq|nyse|amex|kospi|kosdaq|krx|나스닥|뉴욕|코스피|코스닥|유가증권"


def _symbol(text: str, *symbols: str) -> tuple[Item, ...]:
    return tuple(Item(Kind.SYMBOL, text, (symbol.upper(),)) for symbol in symbols)


def _named(found: re.Match[str]) -> tuple[Item, ...]:
    return (Item(Kind.SYMBOL, found[0], symbol_names()[plain_phrase(found[1])]),)


def _on_exchange(found: re.Match[str]) -> tuple[Item, ...] | None:
    code = found[2].upper()
    if not is_symbol(code):
        return None
    ending = EXCHANGES[found[1]]
    return _symbol(found[0], korean_codes().get(code, code + ending) if ending and code.isdecimal() else code)


def _pair(found: re.Match[str]) -> tuple[Item, ...] | None:
    """Two currencies are one symbol, two listings are two."""
    one, other = found[1].upper(), found[2].upper()
    if other in CURRENCIES:
        return _symbol(found[0], f"{one}-{other}")
    known = listings()
    return _symbol(found[0], one, other) if one in known and other in known else None


def _listed(found: re.Match[str]) -> tuple[Item, ...] | None:
    symbol = found[1].upper()
    return _symbol(found[0], symbol) if symbol in listings() and symbol not in WORDLIKE else None


def _code(found: re.Match[str]) -> tuple[Item, ...] | None:
    return _symbol(found[0], korean_codes()[found[1]]) if found[1] in korean_codes() else None


@cache
def symbol_patterns() -> Sequence[Pattern]:
    """Return the patterns of symbols that need no look at how they are written, names first."""
    return (
        pattern(rf"({'|'.join(EXCHANGES)})\s*:\s*([a-z0-9.\-]+)", _on_exchange),
        pattern(
            rf"(?:{_MARKET})(?=\s+(?:{any_of((*symbol_names(), *map(str.lower, listings())))}){END})",
            lambda m: (Item(Kind.FILL, m[0]),),
            end="",
        ),
        pattern(r"(btc|eth|xrp|sol|doge|ada|bnb)(usdt|usdc|usd|krw|eur)", lambda m: _symbol(m[0], f"{m[1]}-{m[2]}")),
        pattern(r"([a-z0-9]{1,10})/([a-z]{1,5})", _pair),
        pattern(rf"([a-z][a-z0-9]{{1,9}})-({'|'.join(sorted(CURRENCIES)).lower()})", _pair),
        pattern(r"([0-9]{4}\.[a-z]{1,2})", lambda m: _symbol(m[0], m[1])),
        pattern(rf"({any_of(symbol_names())})(?:\s(?:inc|corp|corporation)\.?)?", _named),
        pattern(r"(@[a-z0-9][a-z0-9_-]{0,29})", lambda m: (Item(Kind.SYMBOL, m[0], (m[1],)),)),
        pattern(r"\$(\^?[a-z][a-z0-9.\-]{0,9})", lambda m: _symbol(m[0], m[1])),
        pattern(r"([0-9]{6})", _code),
        pattern(rf"({_TICKER})", _listed),
    )


def symbol_of(word: str) -> str:
    """Return the symbol that a word in lower case is or names; empty for other Korean words."""
    named = symbol_names().get(plain_phrase(word), ())
    return named[0] if named else word if word.isascii() else ""


@cache
def _names() -> re.Pattern[str]:
    return re.compile(rf"(?<!\S)({any_of(symbol_names())}){END}", re.IGNORECASE)


def with_symbols(text: str) -> str:
    """Return a text with names of companies as their symbols."""
    return _names().sub(lambda found: symbol_names()[plain_phrase(found[1].lower())][0], text)


_AS_TICKER = re.compile(rf"({_TICKER.upper()})(?:'S|'s)?(?=[가-힣]|(?![\w%]))", re.ASCII)
#: Offices of people, which are no symbols behind an article: `the PM`.
_OFFICES = frozenset(["PM", "CIO", "CEO", "CFO", "COO", "CRO", "CTO", "MD", "VP"])
_ARTICLE = re.compile(r"\b(?:the|our|my|his|her|their)\s+(?:\w+\s+)?$", re.IGNORECASE)
_TAIL = re.compile(r"(?:으로|로|을|를|은|는|이랑|랑|과|와|하고|의)(?!\w)")


def written_as_ticker(original: str, at: int) -> tuple[Item, int] | None:
    """Return the symbol that stands in capitals at a place, and its end: it may be one that no list has."""
    found = _AS_TICKER.match(original, at)
    if found is None or found[1] in INDICATORS or (found[1] in _OFFICES and _ARTICLE.search(original, 0, at)):
        return None
    end = found.end()
    if tail := _TAIL.match(original, end):
        end = tail.end()
    elif end < len(original) and original[end].isalnum():
        return None
    return Item(Kind.SYMBOL, original[at:end], (found[1],)), end


@cache
def _names_by_letter() -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys((*STRATEGIES.key_of, *STRATEGY_PHRASES, *symbol_names(), *GOAL_PHRASES)):
        found.setdefault(name[:1], []).append(name)
    return found


def name_meant(word: str) -> str:
    """Return the name of a company, a strategy or a goal that was nearly typed; empty for none."""
    typed = word.lower().strip(".!?,:")
    return next((name for name in _names_by_letter().get(typed[:1], ()) if is_misspelt(typed, name)), "")
