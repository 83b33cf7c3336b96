"""Words for how is searched: parameters, goals, limits, orders and settings."""

import re
from collections.abc import Mapping, Sequence
from functools import cache

from bot.grammar.options import OPTIONS
from bot.grammar.understanding.asking_words import asking_patterns, fill_patterns, open_fill_patterns
from bot.grammar.understanding.listings import symbol_names
from bot.grammar.understanding.matching import (
    NUMBER,
    TOPIC,
    Item,
    Kind,
    Pattern,
    any_of,
    number_text,
    pattern,
    plain_phrase,
)
from bot.grammar.understanding.number_words import korean_number
from bot.grammar.understanding.phrases import (
    ABOVE,
    AT_MOST,
    BELOW,
    BENCHMARKS,
    CAP_PHRASES,
    ENOUGH,
    GOAL_PHRASES,
    KOREAN_ABOVE,
    KOREAN_BELOW,
    NOT_ABOVE,
    NOT_BELOW,
    ORDER_PHRASES,
    PARAMETER_PHRASES,
    SETTING_PHRASES,
    SHORTS,
    STRATEGY_PHRASES,
    TO,
    TRIALS,
    WORD_PHRASES,
)
from bot.grammar.understanding.strategy_words import strategy_items, strategy_readings
from optimizer.domain.metrics import CAPS
from optimizer.strategies.registry import OVERLAYS, STRATEGIES

#: A lone number in this stretch may be a year.
YEARS = range(1950, 2041)
#: Before a number that is a level of an indicator, and none of trials: `AAPL RSI over 70`.
_LEVEL = re.compile(r"\b(?:over|above|below|under|beneath|beyond|past|cross(?:es|ed|ing)?|hits?|reach(?:es|ed)?)\s+$")
#: Settings that are no percentage.
_COUNTS = {"seed", "folds", "capital", "min_trades", "years", "trials"}
#: A number behind an order that is above this can only be one of trials.
_LARGEST_ORDER = 60


def _word(found: re.Match[str], *words: str) -> tuple[Item, ...]:
    return tuple(Item(Kind.WORD, found[0], (word,)) for word in words)


def _goal(found: re.Match[str]) -> tuple[Item, ...]:
    return (Item(Kind.GOAL, found[0], (GOAL_PHRASES[plain_phrase(found["goal"])],)),)


def _cap(found: re.Match[str]) -> tuple[Item, ...]:
    measures = {**GOAL_PHRASES, **CAP_PHRASES}
    below = next((found[name] for name in ("below", "low") if name in found.re.groupindex and found[name]), None)
    above = next((found[name] for name in ("above", "high") if name in found.re.groupindex and found[name]), None)
    measure = measures[plain_phrase(found["measure"])]
    sign = "<" if below or not above else ">"
    return _word(found, f"{measure}{sign}{number_text(found['number'])}{found['percent'] or ''}")


def _equal_cap(found: re.Match[str]) -> tuple[Item, ...] | None:
    """`maxdd=25`: of a measure that is to be small, an equals sign can only mean a limit."""
    return _word(found, f"maxdd<{found[1]}")


def _parameter(found: re.Match[str]) -> tuple[Item, ...]:
    name = PARAMETER_PHRASES.get(found["name"], found["name"])
    low, high = number_text(found["low"]), found["high"]
    return _word(found, f"{name}={low}..{number_text(high)}" if high else f"{name}={low}")


def _order(found: re.Match[str]) -> tuple[Item, ...]:
    name = ORDER_PHRASES.get(plain_phrase(found["name"]), found["name"])
    high = found.groupdict().get("high")
    low = number_text(found["number"])
    return _word(found, f"{name}={low}..{number_text(high)}" if high else f"{name}={low}")


def _order_and_number(found: re.Match[str]) -> tuple[Item, ...] | None:
    """`stop 5`: a stop of 5 %, or a stop to be searched and the number of trials, as the grammar has it."""
    name, number = found["name"], number_text(found["number"])
    if float(number) > _LARGEST_ORDER:
        return None
    return (Item(Kind.WORD, found[0], (f"{name}={number}", f"{number} {name}")),)


def _setting(found: re.Match[str]) -> tuple[Item, ...] | None:
    name = SETTING_PHRASES[plain_phrase(found["name"])]
    unit = (found["unit"] or "").replace(" ", "").replace("bip", "bp")
    number = number_text(found["number"])
    if unit and name in _COUNTS:
        return None
    if name == "trials":
        return (Item(Kind.TRIALS, found[0], (number,)),)
    return _word(found, f"{name}={number}{unit if name in ('cost', 'slippage', 'tax') else ''}")


def _benchmark(found: re.Match[str]) -> tuple[Item, ...] | None:
    """A benchmark that is called so, or what everybody compares with; another stock may be one to search as well."""
    name = plain_phrase(found["name"])
    symbol = symbol_names().get(name, (name.upper(),))[0]
    is_plain = found["bench"] or symbol in BENCHMARKS or name == "cash"
    return _word(found, f"benchmark={symbol}") if is_plain and not strategy_readings(name) else None


def _mode(found: re.Match[str]) -> tuple[Item, ...]:
    """`breakout mode`, of the strategy that is named elsewhere."""
    return _word(found, "mode=break" if found["break"] else "mode=revert")


#: What follows a word that alone means something else: `breakout` is a strategy, `SPY` a symbol.
EARLY: Sequence[Pattern] = (
    pattern(
        r"(?:in\s+)?(?:(?P<break>break(?:out)?|돌파)|revert|reversion|mean[ -]reversion|회귀|평균\s?회귀)"
        r"\s?(?:mode|모드)",
        _mode,
    ),
    pattern(
        r"(?P<name>\^?[a-z][a-z0-9.]{0,9})(?P<bench>)(?:이랑|랑|와|과|하고)?\s?(?:대비|비교해서|비교해|비교)",
        _benchmark,
    ),
)


def _drawdown_and_number(found: re.Match[str]) -> tuple[Item, ...] | None:
    """`max drawdown 20`: a limit, or the goal and the number of trials."""
    number = number_text(found["number"])
    if float(number) > 100:
        return None
    return (Item(Kind.WORD, found[0], (f"maxdd<{number}", f"{number} goal=maxdd")),)


def _exchange(found: re.Match[str]) -> tuple[Item, ...]:
    return _word(
        found,
        f"source={ {'바이낸스': 'binance', '업비트': 'upbit', '크라켄': 'kraken'}.get(found[1], found[1]) }".replace(
            " ", ""
        ),
    )


def _flag(found: re.Match[str]) -> tuple[Item, ...] | None:
    """`--n-trials 200`, as programs take it."""
    return _option(found, found[1].replace("-", "_"), found[2])


def _passed(found: re.Match[str]) -> tuple[Item, ...] | None:
    """`key=value` of the grammar goes through as it is; a dash between two numbers of a parameter is a range."""
    return _option(found, found[1], found[2])


def _option(found: re.Match[str], key: str, typed: str) -> tuple[Item, ...] | None:
    value = typed.rstrip(",;!?")
    if not value or not (key in _keys() or key == "tz"):
        return None
    dashed = re.fullmatch(rf"({NUMBER})-({NUMBER})", value)
    if dashed and key not in OPTIONS:
        value = f"{dashed[1]}..{dashed[2]}"
    if key in ("trials", "n_trials", "epochs") and re.fullmatch(NUMBER, value):
        return (Item(Kind.TRIALS, found[0], (number_text(value),)),)
    return _word(found, f"{key}={value}")


def _trials(found: re.Match[str]) -> tuple[Item, ...]:
    return (Item(Kind.TRIALS, found[0], (number_text(found[1]),)),)


def _bare_number(found: re.Match[str]) -> tuple[Item, ...]:
    if _LEVEL.search(found.string, 0, found.start()):
        return (Item(Kind.UNKNOWN, found[0]),)
    number = number_text(found[1])
    is_year = found[1].isdecimal() and int(found[1]) in YEARS
    return (Item(Kind.TRIALS, found[0], (number, f"from={number}") if is_year else (number,)),)


@cache
def _keys() -> frozenset[str]:
    aliases = {alias for option in OPTIONS.values() for alias in option.aliases}
    return frozenset({*OPTIONS, *aliases, *OVERLAYS, *_parameters(), "epochs"})


@cache
def _parameters() -> frozenset[str]:
    return frozenset(name for strategy in STRATEGIES.values() for name in strategy.parameter_names)


def _fills(found: re.Match[str]) -> tuple[Item, ...]:
    return (Item(Kind.FILL, found[0]),)


@cache
def study_patterns() -> Sequence[Pattern]:
    """Return the patterns of everything else that a study is asked for with, the most special first."""
    return (
        *_words(),
        *_limits(),
        *_goals(),
        *_orders(),
        *_settings(),
        *_numbers(),
        *asking_patterns(),
        *fill_patterns(),
    )


@cache
def open_patterns() -> Sequence[Pattern]:
    """Return the patterns of Korean words that another word follows without a space."""
    after = r"(?:으로|로|을|를|은|는|이랑|랑|과|와|하고|도|만|씩|전략|주식)?"
    names, strategies = any_of(symbol_names()), any_of((*STRATEGY_PHRASES, *STRATEGIES.key_of))
    return (
        pattern(rf"({NUMBER})(?:회|번)", _trials, end=r"(?:만|씩|정도)?"),
        pattern(
            r"([일이삼사오육칠팔구십백천만]*[십백천만])(?:번|회)",
            lambda m: (Item(Kind.TRIALS, m[0], (str(korean_number(m[1])),)),),
            end=r"(?:만|씩|정도)?",
        ),
        pattern(
            r"(?:최근|지난)?([0-9]{1,2})년(?:간|치|동안)?(?!부터|까지|이후)",
            lambda m: _word(m, f"years={m[1]}"),
            end="",
        ),
        pattern(r"((?:19|20)[0-9]{2})년?(?:부터|이후)", lambda m: _word(m, f"from={m[1]}"), end=""),
        pattern(rf"(?P<name>{strategies})(?P<numbers>)", strategy_items, end=after),
        pattern(rf"({names})", lambda m: (Item(Kind.SYMBOL, m[0], symbol_names()[plain_phrase(m[1])]),), end=after),
        *open_fill_patterns(),
    )


def _words() -> Sequence[Pattern]:
    """Patterns of phrases and pairs that are words of the grammar."""
    return (
        pattern(
            r"(?:vs\.?|versus|against|compared (?:to|with)|beats?|beating)\s+"
            r"(?:buy(?:ing)? (?:and|&) hold(?:ing)?|holding)",
            _fills,
        ),
        pattern(r"(name|note)\s*=\s*(\"[^\"]*\")", lambda m: _word(m, f"{m[1]}={m[2]}")),
        pattern(
            rf"(?:no|without|don'?t|do not|never|not|avoid(?:ing)?|exclud(?:e|ing)"
            rf"|skip(?:ping)?)\s+(?:any\s+|the\s+|go\s+|going\s+|allow\s+)?{SHORTS}"
            r"|공매도(?:는|은|를)?\s?(?:없이|제외(?:하고)?|빼고|빼줘|안\s?하고|금지|불가|하지\s?말고|끄고|없는\s?걸로)",
            lambda m: _word(m, "short=no"),
        ),
        pattern(
            rf"(?:allow(?:ing)?|with|includ(?:e|ing)|enabl(?:e|ing)|permit(?:ting)?|incl\.?|plus|and"
            rf"|also)\s+{SHORTS}(?:\s+(?:too|as well|allowed))?|{SHORTS}\s+(?:is |are )?(?:ok|okay"
            rf"|allowed|included|enabled|fine|too|as well)"
            r"|공매도(?:를|도)?\s?(?:포함(?:해서|해|하고)?|허용(?:해서|하고|으로|해)?|가능(?:하게)?"
            r"|넣고|켜고|해도\s?됨|ok)",
            lambda m: _word(m, "short=yes"),
        ),
        pattern(rf"({any_of(WORD_PHRASES)})", lambda m: _word(m, WORD_PHRASES[plain_phrase(m[1])])),
        pattern(rf"maxdd\s*=\s*(-?(?:{NUMBER})%?)", _equal_cap),
        pattern(rf"((?:{'|'.join(CAPS)})[<>]=?-?(?:{NUMBER})%?)", lambda m: _word(m, m[1].replace("=", ""))),
    )


def _limits() -> Sequence[Pattern]:
    """Patterns of a measure with a bound, before or behind it."""
    below, above = rf"(?:{any_of(BELOW)}|{NOT_ABOVE})", rf"(?:{any_of(ABOVE)}|{NOT_BELOW})"
    measure = rf"(?P<measure>{any_of((*GOAL_PHRASES, *CAP_PHRASES))})"
    bound = rf"-?(?P<number>{NUMBER})\s?(?P<percent>%)?"
    return (
        pattern(
            rf"{measure}{TOPIC}\s*(?:of\s+|is\s+|that\s+is\s+|which\s+is\s+)?(?:(?P<below>{below})"
            rf"|(?P<above>{above}))\s*{bound}",
            _cap,
        ),
        pattern(
            rf"{measure}{TOPIC}\s*(?:최대|최소)?\s*{bound}\s*(?:(?P<below>{KOREAN_BELOW})|(?P<above>{KOREAN_ABOVE}))",
            _cap,
        ),
        pattern(rf"(?:(?P<low>{below})|(?P<high>{above}))\s+(?:a\s+)?{bound}\s+{measure}", _cap),
        pattern(rf"(?:limit|keep|hold)\s+(?:the\s+)?{measure}\s+(?P<below>{below})\s*{bound}", _cap),
        *_drawdown_limits(bound),
        pattern(
            rf"(?:(?:requir(?:e|es|ing)|with|having|needs?|must have)\s+)?(?:at least"
            rf"|min(?:imum)?(?: of)?|최소)\s*({NUMBER})"
            r"\s*(?:closed\s+)?(?:trades|거래|번의 거래|(?:회|번|건)\s?(?:이상\s?)?(?:거래|매매))",
            lambda m: _word(m, f"min_trades={m[1]}"),
        ),
        pattern(rf"(?:more than|over|above)\s+({NUMBER})\s+trades", lambda m: _word(m, f"trades>{m[1]}")),
        pattern(
            rf"(?:거래|매매)\s*(?:횟수|수)?\s*(?:최소\s*)?({NUMBER})(?:번|회|건)?\s*(?:이상)"
            rf"|최소\s*(?:거래|매매)\s*(?:횟수|수)?(?:는|은)?\s*({NUMBER})(?:번|회|건)?",
            lambda m: _word(m, f"min_trades={m[1] or m[2]}"),
        ),
        pattern(rf"({NUMBER})\s+trades", lambda m: (Item(Kind.WORD, m[0], (number_text(m[1]), f"min_trades={m[1]}")),)),
        pattern(
            rf"(?:hold(?:ing)?|keep(?:ing)?|leave|leaving)\s+out\s+(?:the\s+)?(?:last\s+)?({NUMBER})\s?%"
            rf"|검증\s?(?:구간|용)?\s*({NUMBER})\s?%",
            lambda m: _word(m, f"holdout={m[1] or m[2]}"),
        ),
        pattern(
            rf"(?:keep |hold )?(?:out )?(?:the )?(?:last )?({NUMBER})\s?%\s+(?:as |for )?"
            r"(?:out[ -]of[ -]sample|held out|holdout|unseen|validation|testing)",
            lambda m: _word(m, f"holdout={m[1]}"),
        ),
    )


def _drawdown_limits(bound: str) -> Sequence[Pattern]:
    """Patterns of a number beside a drawdown, which can only be its limit; `bound` is the pattern of that number."""
    measure = rf"(?P<measure>{any_of(_drawdowns())})"
    return (
        pattern(rf"{measure}\s+(?P<below>(?:no|not)\s+(?:worse|deeper|bigger|larger)\s+than)\s*{bound}", _cap),
        pattern(rf"{measure}\s+(?:limit|cap|상한|한도)\s*(?:of\s+|at\s+)?{bound}", _cap),
        pattern(rf"(?:a\s+)?(?P<number>{NUMBER})\s?(?P<percent>%)\s+{measure}\s+(?:limit|cap)", _cap),
        pattern(rf"{measure}\s*(?:of\s+|at\s+|to\s+|:\s*)?-?(?P<number>{NUMBER})\s?(?P<percent>%)", _cap),
        pattern(
            rf"{any_of(_drawdowns())}\s*(?:of\s+|:\s*)?(?P<number>{NUMBER})(?!\s*(?:{TRIALS}|{TO}))",
            _drawdown_and_number,
        ),
    )


def _goals() -> Sequence[Pattern]:
    """Patterns of what is to be maximized; only a drawdown is to be small."""
    smaller = r"(?:minimi[sz]e|minimi[sz]ing|lowest|smallest|least|reduce|low)"
    larger = (
        r"(?:maximi[sz]e|maximi[sz]ing|max|highest|best"
        r"|(?:optimi[sz]e f|f)or|(?:(?:rank|sort|score|judge)(?:e?d)? )?by|최대|최고|(?:가장 )?높은)"
    )
    more = r"(?:\s*(?:최대화|최대|기준|최고|가장 높게|높게|가장 높은|높은|극대화))"
    return (
        pattern(
            rf"(?:cap|limit|keep)\s+(?:the\s+)?(?P<measure>{any_of(_drawdowns())})\s+(?:at|to|under|below|within)\s+"
            rf"(?P<number>{NUMBER})\s?(?P<percent>%)?",
            _cap,
        ),
        pattern(rf"{smaller}\s+(?:the\s+)?{any_of(_drawdowns())}", lambda m: (Item(Kind.GOAL, m[0], ("maxdd",)),)),
        pattern(
            rf"{any_of(_drawdowns())}(?:을|를)?\s*(?:최소화|최소|줄이기)",
            lambda m: (Item(Kind.GOAL, m[0], ("maxdd",)),),
        ),
        pattern(
            rf"(?:(?:goals?|objective|target|목표)\s*[=:]?\s*)?(?:{larger}\s+)?(?:the\s+)?"
            rf"(?P<goal>{any_of(GOAL_PHRASES)})(?:이|가|을|를)?{more}?",
            _goal,
        ),
    )


def _orders() -> Sequence[Pattern]:
    """Patterns of stops and targets, and of parameters with a value or a range."""
    order = rf"(?P<name>{any_of((*ORDER_PHRASES, *OVERLAYS))})"
    at = r"(?:(?:at|of|is|set to|to|=|:)\s*)?"
    return (
        pattern(rf"{order}{TOPIC}\s*{at}(?P<number>{NUMBER})\s?%", _order),
        pattern(
            rf"{order}{TOPIC}\s*{at}(?:between\s+|from\s+)?(?P<number>{NUMBER})\s?%?\s*(?:-|~|\.\.|to"
            rf"|and|에서|부터)\s*(?P<high>{NUMBER})\s?%?",
            _order,
        ),
        pattern(rf"(?P<name>{any_of(ORDER_PHRASES)}){TOPIC}\s*{at}(?P<number>{NUMBER})", _order),
        pattern(rf"(?P<number>{NUMBER})[\s-]?(?:days?|bars?|일)\s+(?P<name>trend filter|추세 필터)", _order),
        pattern(rf"(?P<name>{any_of(OVERLAYS)})\s*(?:(?:at|of)\s+)(?P<number>{NUMBER})", _order),
        pattern(rf"(?:an?\s+)?(?P<number>{NUMBER})\s?%\s*(?:에서\s|에\s|짜리\s)?\s*{order}", _order),
        pattern(rf"(?P<name>{any_of(OVERLAYS)})\s+(?P<number>{NUMBER})(?!\s*(?:{TRIALS}|%))", _order_and_number),
        pattern(
            r"(?:hold|holding)\s+(?:for\s+)?(?:no longer than|at most|not longer than|max(?:imum)?)\s+"
            rf"({NUMBER})\s+(?:bars|days)",
            lambda m: _word(m, f"max_hold={number_text(m[1])}"),
        ),
        pattern(rf"({any_of(ORDER_PHRASES)})", lambda m: _word(m, ORDER_PHRASES[plain_phrase(m[1])])),
        pattern(
            rf"(?:(?:where|with)\s+(?:the\s+)?)?(?P<name>{any_of((*PARAMETER_PHRASES, *_parameters()))}){TOPIC}"
            r"\s*[=:]?\s*(?:(?:is|are|be|goes|ranges|ranging|range|of|at|from|between|in)\s+){0,3}"
            rf"(?P<low>{NUMBER})(?:{TO}(?P<high>{NUMBER})(?:\s*(?:까지|사이|범위))?)?"
            r"(?:(?:으로|로)\s?고정(?:해서|하고|해\s?줘|해\s?주세요|시켜서)?)?",
            _parameter,
        ),
    )


def _settings() -> Sequence[Pattern]:
    """Patterns of options with a number, a unit or a symbol."""
    unit = r"(?P<unit>\s?(?:%|bps?|bips?))"
    return (
        pattern(
            rf"(?P<name>{any_of(SETTING_PHRASES)}){TOPIC}\s*(?:(?:of|is|are|at|set to)\s+|[:=]\s*)?(?:편도\s*|왕복\s*)?"
            rf"(?P<number>{NUMBER})(?:{unit}|\s?(?:원|달러|usd|dollars|bucks))?(?!\s?(?:{TRIALS}|[-~]))",
            _setting,
        ),
        pattern(rf"(?P<number>{NUMBER})(?P<unit>\s?%|\s?bps?)?\s+(?P<name>starting capital|initial capital)", _setting),
        pattern(rf"(?P<number>{NUMBER}){unit}\s+(?:of\s+|in\s+|for\s+|as\s+)?(?P<name>{any_of(_rates())})", _setting),
        pattern(rf"(?P<number>0)(?P<unit>\s?%)?\s+(?P<name>{any_of(_rates())})", _setting),
        pattern(
            rf"(?:(?:walk[ -]?forward|wfo?)(?: with)?\s+)?({NUMBER})\s+(?:walk[ -]?forward\s+)?folds"
            rf"|({NUMBER})[ -]folds?(?:\s+(?:walk[ -]?forward|wfo?|cross[ -]validation|cv))?"
            rf"|(?:walk[ -]?forward|wfo?)\s+({NUMBER})",
            lambda m: _word(m, f"folds={m[1] or m[2] or m[3]}"),
        ),
        pattern(
            rf"(?:워크\s?포워드|검증|폴드(?:는|를|은)?)\s*({NUMBER})\s?(?:구간|폴드|개)",
            lambda m: _word(m, f"folds={m[1]}"),
        ),
        pattern(r"(binance|upbit)\s+fees", lambda m: _word(m, f"fees={m[1]}")),
        pattern(r"(?:from |on |at |source )?(binance|바이낸스|upbit|업비트|kraken|크라켄)(?:에서)?", _exchange),
        pattern(
            r"(?:from |on |using |with )?(yahoo|tiingo|alpaca|polygon|stooq|alphavantage|krx|kraken|sample) data",
            lambda m: _word(m, f"source={m[1]}"),
        ),
        pattern(r"source\s+([a-z][a-z0-9_-]*)", lambda m: _word(m, f"source={m[1]}")),
        pattern(
            rf"(?:start(?:ing)?\s+with\s+)?\$\s?({NUMBER})(?:\s+(?:starting\s+)?(?:capital|account"
            rf"|budget|bankroll|portfolio))?",
            lambda m: _word(m, f"capital={number_text(m[1])}"),
        ),
        pattern(r"([a-z_]+)\s*=\s*(\"[^\"]*\"|[^\s\"]+)", _passed, end=""),
        pattern(r"--([a-z][a-z_-]*)(?:\s+|=)([^\s\"]+)", _flag, end=""),
        pattern(
            r"(?:versus|vs\.?|compared?(?: it)? (?:to|with|against)|against"
            r"|(?P<bench>bench|benchmark(?:ed)?(?: (?:against|to|with|is))?|벤치마크(?:는)?))\s+"
            rf"(?P<name>{any_of(symbol_names())}|\^?[a-z0-9][a-z0-9.\-]*)",
            _benchmark,
        ),
        pattern(
            rf"(?:start(?:ing)?\s+with\s+)?({NUMBER})\s*(?:dollars|bucks|usd|달러|원)",
            lambda m: _word(m, f"capital={number_text(m[1])}"),
        ),
    )


def _numbers() -> Sequence[Pattern]:
    """Patterns of how many trials, and of overlays that stand alone."""
    return (
        pattern(rf"{AT_MOST}({NUMBER})[\s-]*(?:{TRIALS})(?:씩|의)?(?:\s+(?:of|on|at|for))?{ENOUGH}", _trials),
        pattern(rf"({NUMBER})", _bare_number, end=r"(?:으로|로)?(?:만|씩|정도|쯤)?요?(?![\w%=])"),
        pattern(rf"({any_of(OVERLAYS)})", lambda m: _word(m, m[1])),
    )


def _drawdowns() -> Mapping[str, str]:
    return {phrase: goal for phrase, goal in GOAL_PHRASES.items() if goal == "maxdd"}


def _rates() -> Mapping[str, str]:
    return {phrase: key for phrase, key in SETTING_PHRASES.items() if key in ("cost", "slippage", "tax", "holdout")}
