"""Catalogue of what rules can name: each price, volume and indicator with its numbers, unit, warm-up and words.

One declaration serves the parser, the writer, the search space, the help and the documentation. The first word of a
language is the one that is written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from types import MappingProxyType
from typing import Any

from optimizer.domain.bars import FloatArray
from optimizer.strategies.macd import histogram
from optimizer.strategies.momentum import change
from optimizer.strategies.moving_averages import exponential_average
from optimizer.strategies.rsi import rsi
from optimizer.strategies.rules import quantities as rows
from optimizer.strategies.shared_indicators import average, distance
from optimizer.strategies.stochastic import percent_k
from optimizer.strategies.supertrend import side


class Unit(StrEnum):
    """What values are measured in: only like is compared with like."""

    PRICE = auto()
    VOLUME = auto()
    INDEX = auto()  # 0 to 100
    WILLIAMS = auto()  # −100 to 0
    PERCENT = auto()
    DEVIATIONS = auto()
    DISTANCE = auto()  # of two prices
    CCI = auto()
    SIDE = auto()  # 1 or −1


#: Bounds of a unit's values, and the middle that a level is not searched across.
BOUNDS: Mapping[Unit, tuple[float, float, float]] = MappingProxyType(
    {Unit.INDEX: (0.0, 100.0, 50.0), Unit.WILLIAMS: (-100.0, 0.0, -50.0)}
)
#: Units in which the level of a comparison is a parameter of its own; elsewhere it is fixed.
SEARCHED_LEVELS = (Unit.INDEX, Unit.WILLIAMS, Unit.PERCENT, Unit.DEVIATIONS, Unit.CCI)


@dataclass(frozen=True, kw_only=True)
class Argument:
    """Number of an indicator: a period in bars, or a width that need not be whole."""

    name: str  # of the parameter that it becomes
    low: float
    high: float
    textbook: float
    is_whole: bool = True


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One price, volume or indicator."""

    key: str
    row: Callable[..., FloatArray]
    unit: Unit
    english: tuple[str, ...]
    korean: tuple[str, ...]
    arguments: tuple[Argument, ...] = ()
    warm_up: Callable[..., int] = lambda: 0  # bars before the first one with a value, from the numbers
    is_ordered: bool = False  # the first number is less than the second


def _period(name: str, textbook: int, *, low: int = 2, high: int = 500) -> Argument:
    return Argument(name=name, low=low, high=high, textbook=textbook)


def _width(name: str, textbook: float) -> Argument:
    return Argument(name=name, low=0.25, high=10, textbook=textbook, is_whole=False)


def _less_one(*numbers: float) -> int:
    return int(numbers[0]) - 1


def _first(*numbers: float) -> int:
    return int(numbers[0])


def _entry(
    key: str,
    row: Callable[..., FloatArray],
    unit: Unit,
    english: str,
    korean: str,
    *arguments: Argument,
    **more: Any,
) -> Entry:
    """Declare an entry; the words of a language are separated by bars, and its key is the first English one."""
    names = (key, *filter(None, english.split("|")))
    return Entry(
        key=key, row=row, unit=unit, english=names, korean=tuple(korean.split("|")), arguments=arguments, **more
    )


_MACD = (_period("macd_fast", 12, high=100), _period("macd_slow", 26, high=200), _period("macd_signal", 9, high=50))
_STOCH = (_period("stoch", 14, high=100), _period("stoch_d", 3, low=1, high=50))
_BAND = (_period("band", 20), _width("band_width", 2.0))
_KELTNER = (_period("keltner", 20), _width("keltner_width", 2.0))
_ENTRIES = (
    _entry("open", rows.open_price, Unit.PRICE, "opening price", "시가"),
    _entry("high", rows.high_price, Unit.PRICE, "high price", "고가"),
    _entry("low", rows.low_price, Unit.PRICE, "low price", "저가"),
    _entry("close", rows.close_price, Unit.PRICE, "closing price|price", "종가|주가|가격|현재가"),
    _entry("volume", rows.volume, Unit.VOLUME, "vol", "거래량"),
    _entry("rsi", rsi, Unit.INDEX, "relative strength index", "RSI|상대강도지수", _period("rsi", 14), warm_up=_first),
    _entry(
        "sma", average, Unit.PRICE, "moving average|simple moving average|ma",
        "이동평균|이동평균선|이평선|이평|이동 평균|단순이동평균|일선|MA", _period("sma", 20), warm_up=_less_one,
    ),
    _entry(
        "ema", exponential_average, Unit.PRICE, "exponential moving average",
        "지수이동평균|지수이동평균선|지수 이동평균|EMA", _period("ema", 20), warm_up=_less_one,
    ),
    _entry(
        "macd", rows.macd_line, Unit.DISTANCE, "macd line", "MACD|MACD선", *_MACD,
        warm_up=lambda fast, slow, signal: int(slow + signal) - 2, is_ordered=True,
    ),
    _entry(
        "signal", rows.signal_line, Unit.DISTANCE, "signal line|macd signal", "시그널|시그널선|신호선", *_MACD,
        warm_up=lambda fast, slow, signal: int(slow + signal) - 2, is_ordered=True,
    ),
    _entry(
        "histogram", histogram, Unit.DISTANCE, "macd histogram|hist", "히스토그램|MACD 히스토그램", *_MACD,
        warm_up=lambda fast, slow, signal: int(slow + signal) - 2, is_ordered=True,
    ),
    _entry(
        "upper", rows.upper_band, Unit.PRICE, "upper band|bollinger upper|upper bollinger band|bollinger upper band",
        "볼린저상단|볼린저 상단|볼린저밴드 상단|볼린저 밴드 상단|상단밴드|상단 밴드", *_BAND, warm_up=_less_one,
    ),
    _entry(
        "middle", average, Unit.PRICE, "middle band|bollinger middle|middle bollinger band",
        "볼린저중앙|볼린저 중앙|볼린저밴드 중심선|볼린저 밴드 중심선|중심선", _period("band", 20), warm_up=_less_one,
    ),
    _entry(
        "lower", rows.lower_band, Unit.PRICE, "lower band|bollinger lower|lower bollinger band|bollinger lower band",
        "볼린저하단|볼린저 하단|볼린저밴드 하단|볼린저 밴드 하단|하단밴드|하단 밴드", *_BAND, warm_up=_less_one,
    ),
    _entry(
        "stoch", percent_k, Unit.INDEX, "stochastic|%k|stochastic k", "스토캐스틱|스토캐스틱K|%K",
        _period("stoch", 14, high=100), warm_up=lambda k: int(k) - 1,
    ),
    _entry(
        "%d", rows.percent_d, Unit.INDEX, "stochastic d|slow stochastic", "%D|스토캐스틱D", *_STOCH,
        warm_up=lambda k, d: int(k + d) - 2,
    ),
    _entry("roc", change, Unit.PERCENT, "rate of change|momentum", "변화율|등락률|ROC", _period("roc", 20, low=1),
           warm_up=_first),
    _entry("zscore", distance, Unit.DEVIATIONS, "z-score", "표준점수|Z점수|제트스코어", _period("zscore", 20),
           warm_up=_less_one),
    _entry("atr", rows.true_range_average, Unit.DISTANCE, "average true range", "ATR|평균진폭",
           _period("atr", 14, low=1), warm_up=_first),
    _entry("adx", rows.directional_index, Unit.INDEX, "average directional index", "ADX|평균방향지수",
           _period("adx", 14), warm_up=lambda period: 2 * int(period) - 1),
    _entry("cci", rows.channel_index, Unit.CCI, "commodity channel index", "CCI|상품채널지수", _period("cci", 20),
           warm_up=_less_one),
    _entry("mfi", rows.money_flow, Unit.INDEX, "money flow index", "MFI|자금흐름지수", _period("mfi", 14),
           warm_up=_first),
    _entry("williams", rows.williams, Unit.WILLIAMS, "williams %r|%r|williams r", "윌리엄스|윌리엄스 %R|윌리엄스%R",
           _period("williams", 14), warm_up=_less_one),
    _entry("keltner_upper", rows.keltner_upper, Unit.PRICE, "keltner upper|upper keltner", "켈트너상단|켈트너 상단",
           *_KELTNER, warm_up=_first),
    _entry("keltner_lower", rows.keltner_lower, Unit.PRICE, "keltner lower|lower keltner", "켈트너하단|켈트너 하단",
           *_KELTNER, warm_up=_first),
    _entry("tenkan", rows.middle_of_range, Unit.PRICE, "conversion line|tenkan sen", "전환선", _period("tenkan", 9),
           warm_up=_less_one),
    _entry("kijun", rows.middle_of_range, Unit.PRICE, "base line|kijun sen", "기준선", _period("kijun", 26),
           warm_up=_less_one),
    _entry(
        "senkou_a", rows.leading_span_a, Unit.PRICE, "leading span a|senkou span a", "선행스팬1|선행스팬 1|선행스팬A",
        _period("tenkan", 9), _period("kijun", 26),
        warm_up=lambda conversion, base: int(max(conversion, base) + base) - 1,
    ),
    _entry(
        "senkou_b", rows.leading_span_b, Unit.PRICE, "leading span b|senkou span b", "선행스팬2|선행스팬 2|선행스팬B",
        _period("kijun", 26), _period("senkou", 52), warm_up=lambda base, period: int(base + period) - 1,
    ),
    _entry("vwap", rows.session_vwap, Unit.PRICE, "session vwap", "거래량가중평균|VWAP"),
    _entry("rolling_vwap", rows.rolling_vwap, Unit.PRICE, "", "이동VWAP|이동 VWAP", _period("vwap", 20),
           warm_up=_less_one),
    _entry("highest", rows.highest_high, Unit.PRICE, "highest high", "최고가|최고값", _period("highest", 20, low=1),
           warm_up=_less_one),
    _entry("lowest", rows.lowest_low, Unit.PRICE, "lowest low", "최저가|최저값", _period("lowest", 20, low=1),
           warm_up=_less_one),
    _entry("slope", rows.slope, Unit.DISTANCE, "linear regression slope|regression slope",
           "기울기|회귀기울기|회귀 기울기", _period("slope", 20), warm_up=_less_one),
    _entry("rank", rows.rank, Unit.INDEX, "percentile rank|percentile", "백분위|백분위순위|백분위 순위",
           _period("rank", 100, low=5), warm_up=_less_one),
    _entry("volsma", rows.average_volume, Unit.VOLUME, "average volume|volume sma|volume average|volume moving average",
           "평균거래량|평균 거래량|거래량이동평균|거래량 이동평균", _period("volsma", 20), warm_up=_less_one),
    _entry(
        "supertrend", side, Unit.SIDE, "super trend", "슈퍼트렌드", _period("supertrend", 10, high=100),
        Argument(name="supertrend_width", low=0.25, high=10, textbook=3.0, is_whole=False), warm_up=_first,
    ),
)  # fmt: skip
#: Every entry by its key, in the order they are listed.
CATALOGUE: Mapping[str, Entry] = MappingProxyType({entry.key: entry for entry in _ENTRIES})
