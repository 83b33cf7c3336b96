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

#: A count of trials, in the words of whoever comes from another program.
TRIALS = (
    r"(?:different |random |separate |new |param(?:eter)? )?(?:회|번|개)\s?(?:시도|반복|탐색|실행|돌려|조합)"
    r"|(?:different |random |separate |new )?(?:trials?|trails|backtests?|param(?:eter)? (?:sets?"
    r"|combinations?|combos?)"
    r"|config(?:uration)?s?|epochs?|times|tries|trys|sets?|runs?|iterations?|iters?|combinations?|combos?|samples?"
    r"|evaluations?|evals?|goes|attempts?|rounds?|passes|experiments|simulations?|sims|variations?|variants?|candidates"
    r"|draws|shots|loops|cycles|tests)(?: at it)?|회|번|차례"
)
#: What is said of a number of trials that changes nothing of it.
ENOUGH = (
    r"(?:\s+(?:(?:should|will|would|might)\s+(?:do|suffice|be\s+(?:fine|enough|plenty|great|good|ok|okay|perfect|nice))"
    r"|(?:is|are)\s+(?:fine|enough|plenty|ok|okay|good|perfect)|or so|tops|max|in total|total|overall|apiece|each"
    r"|per symbol|is fine|seems? (?:fine|enough|right|ok)|이면 (?:돼요?|될\s?것 같아요?|됩니다|충분해요?)))?"
)
AT_MOST = (
    r"(?:(?:limit(?:ed)?\s+(?:it\s+)?to|up to|at most|max(?:imum)?(?:\s+of)?|no more than"
    r"|capped at|only|just|최대|딱)\s+)?"
)
TO = r"\s*(?:-|~|\.\.\.?|to|and|through|up to|에서|부터)\s*"
#: Comparisons with a verb: `can't exceed`, `must stay under`.
NOT = r"(?:(?:(?:can|may|should|must|could|will|would|do|does|to)\s+)?(?:not|never)|\w+n'?t|cannot|no|without)"
KEPT = (
    r"(?:(?:has|needs|have|got)\s+to\s+|must\s+|should\s+|to\s+|may\s+)?(?:be|stay|remain|keep|kept|stays|is|staying)"
)
NOT_ABOVE = (
    rf"{NOT}\s+(?:exceed(?:s|ing)?|surpass(?:ing)?|top|pass|go(?:ing)?\s+(?:above|over|beyond|past)|get\s+worse\s+than"
    rf"|(?:be\s+)?(?:more|higher|greater|larger|bigger|worse|deeper)\s+than|(?:be\s+)?(?:above|over|beyond))"
    rf"|{KEPT}\s+(?:under|below|within|at most|less than|lower than|smaller than|no more than)"
    r"|(?:capped|limited|restricted|bounded)\s+(?:at|to|by)|of at most|of max(?:imum)?|of up to"
)
NOT_BELOW = (
    rf"{NOT}\s+(?:go(?:ing)?\s+)?(?:be\s+)?(?:below|under|less than|lower than|beneath)"
    rf"|{KEPT}\s+(?:above|over|at least|more than|higher than|greater than)|of at least|of min(?:imum)?"
    rf"|exceeding|exceeds"
)
KOREAN_BELOW = (
    r"이하|미만|이내|아래|밑|안쪽|보다\s?(?:작|낮|적)\S{1,3}|(?:을|를)?\s?(?:안\s?넘\S{1,2}"
    r"|넘지\s?(?:않|말)\S{0,3}|넘기지\s?\S{1,4}|초과하지\s?\S{1,4})"
)
KOREAN_ABOVE = r"이상|초과|위|보다\s?(?:크|높|큰|많)\S{0,2}|(?:은|을|를)?\s?(?:넘(?:는|게|기는|도록|어야)|웃도는)"
#: Short selling, as a noun or a verb.
SHORTS = r"(?:short(?:s|ing)?(?:[\s-]+(?:selling|sales|positions?|trades|side))?|selling short|go(?:ing)? short)"
