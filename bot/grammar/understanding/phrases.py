"""What people call strategies, goals and orders, in English and Korean, and the words that add nothing.

The words are in `vocabulary.toml`.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from itertools import product
from operator import add
from pathlib import Path

_VOCABULARY = tomllib.loads(Path(__file__).with_name("vocabulary.toml").read_text(encoding="utf-8"))


def spacings(phrase: str) -> Iterator[str]:
    """Yield a phrase with every way of writing its Korean words apart or together."""
    parts = re.split(r"(?<=[가-힣a-z]) (?=[가-힣])", phrase)
    for signs in product((" ", ""), repeat=min(len(parts) - 1, 3)):
        yield parts[0] + "".join(map(add, signs, parts[1:])) + "".join(f" {part}" for part in parts[len(signs) + 1 :])


def _by_phrase(table: str) -> dict[str, str]:
    return {
        spacing: meant
        for meant, phrases in _VOCABULARY[table].items()
        for phrase in phrases
        for spacing in spacings(phrase)
    }


#: Strategies that a phrase may mean.
STRATEGY_PHRASES: Mapping[str, tuple[str, ...]] = {
    phrase: tuple(meant.split("|")) for phrase, meant in _by_phrase("strategies").items()
}
PARAMETER_PHRASES = _by_phrase("parameters")
GOAL_PHRASES = _by_phrase("goals")
#: Measures that can be limited and are no goals.
CAP_PHRASES = _by_phrase("caps")
#: Orders that take a number: a stop is 8 % or the overlay itself.
ORDER_PHRASES = _by_phrase("orders")
#: Settings that take a number, by their option.
SETTING_PHRASES = _by_phrase("settings")
#: Phrases that are one word of the grammar.
WORD_PHRASES = _by_phrase("words")
BELOW: tuple[str, ...] = tuple(_VOCABULARY["comparisons"]["below"])
ABOVE: tuple[str, ...] = tuple(_VOCABULARY["comparisons"]["above"])
#: Words that say nothing about a study.
FILLS: frozenset[str] = frozenset(
    spacing for words in _VOCABULARY["fills"].values() for word in words for spacing in spacings(word)
)
#: Parameters that the numbers directly behind a strategy mean, in their order: `macd(12,26,9)`.
NUMBERED: Mapping[str, tuple[str, ...]] = {
    "rsi": ("period",),
    "rsi2": ("period",),
    "sma": ("fast", "slow"),
    "ema": ("fast", "slow"),
    "macd": ("fast", "slow", "signal"),
    "bollinger": ("period", "width"),
    "momentum": ("lookback",),
    "donchian": ("entry", "exit"),
    "stochastic": ("k", "d"),
    "zscore": ("period",),
    "supertrend": ("period", "mult"),
}

#: Indicators that are no strategy here and look like symbols.
INDICATORS = frozenset(
    [
        "OBV",
        "ATR",
        "ADX",
        "CCI",
        "MFI",
        "VWAP",
        "KAMA",
        "WMA",
        "DMI",
        "SAR",
        "PSAR",
        "TSI",
        "KDJ",
        "DCA",
        "HMA",
        "TEMA",
        "DEMA",
        "AROON",
        "TRIX",
        "ICHIMOKU",
        "VWMA",
        "CMF",
        "PPO",
        "UO",
        "AO",
    ]
)
#: Symbols that are also words: in lower case they are words.
WORDLIKE = frozenset(
    [
        "ALL",
        "NOW",
        "LOW",
        "COST",
        "CAT",
        "DASH",
        "COIN",
        "ARM",
        "SPOT",
        "SNAP",
        "SHOP",
        "SNOW",
        "DOW",
        "HOOD",
        "RACE",
        "VALE",
        "ON",
        "SO",
        "MO",
        "DE",
        "GE",
        "GM",
        "MA",
        "MS",
        "BA",
        "HD",
        "CL",
        "EL",
        "GIS",
        "MAR",
        "LIN",
        "DD",
        "PM",
        "F",
        "C",
        "D",
        "K",
        "O",
        "T",
        "V",
        "X",
    ]
)
#: Second currencies of a pair.
CURRENCIES = frozenset(["USDT", "USDC", "BUSD", "USD", "EUR", "KRW", "GBP", "JPY", "CHF", "BTC", "ETH"])
EXCHANGES: Mapping[str, str] = {
    **dict.fromkeys(("nasdaq", "nyse", "amex", "arca", "nysearca", "otc", "binance", "upbit", "coinbase"), ""),
    **dict.fromkeys(("krx", "kospi", "kse", "ks"), ".KS"),
    **dict.fromkeys(("kosdaq", "kq"), ".KQ"),
}
#: What everybody compares with: `vs SPY` names a benchmark.
BENCHMARKS = frozenset(
    ("SPY", "VOO", "VTI", "QQQ", "IWM", "DIA", "AGG", "^GSPC", "^IXIC", "^NDX", "^DJI", "^RUT", "^KS11", "^KQ11")
)
