"""Words of rules in both languages, apart from the names of quantities: one table a language.

A phrase stands for a kind of token and, of some kinds, for a value. Spaces within a phrase match any space.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from types import MappingProxyType
from typing import Any

from optimizer.strategies.rules.quantity_catalogue import CATALOGUE, Entry
from optimizer.strategies.rules.tree import Sign


class Kind(StrEnum):
    """Kind of a token."""

    QUANTITY = auto()  # key of the catalogue
    SYMBOL = auto()  # symbol before a dot
    NUMBER = auto()
    SIGN = auto()  # a comparison
    WHICH = auto()  # a verb that may be a state or a crossing: both signs
    SIDE = auto()  # field of Rule
    WHEN = auto()
    AND = auto()
    OR = auto()
    NOT = auto()
    BETWEEN = auto()
    MOVES = auto()  # True for a rise
    FOR = auto()
    BARS = auto()
    AGO = auto()
    TIMEFRAME = auto()  # word of a timeframe
    RANGE = auto()
    MARK = auto()
    NOISE = auto()
    OPEN = auto()
    CLOSE = auto()
    BRACKET = auto()
    UNBRACKET = auto()
    COMMA = auto()
    COLON = auto()
    PLUS = auto()
    MINUS = auto()
    PERCENT = auto()
    END = auto()  # of a side: a semicolon or a new line


@dataclass(frozen=True)
class Meaning:
    """What a phrase stands for."""

    kind: Kind
    value: Any = None


_BELOW, _ABOVE = (Sign.BELOW, Sign.CROSSES_BELOW), (Sign.ABOVE, Sign.CROSSES_ABOVE)
_EITHER_WAY = (Sign.CROSSES_ABOVE, Sign.CROSSES_BELOW)


def _table(*rows: tuple[Kind, Any, str]) -> Mapping[str, Meaning]:
    return MappingProxyType({phrase: Meaning(kind, value) for kind, value, all_ in rows for phrase in all_.split("|")})


#: Signs that both languages share.
SIGNS: Mapping[str, Meaning] = MappingProxyType(
    {
        **_table(
            (Kind.SIGN, Sign.AT_MOST, "<=|=<|≤"),
            (Kind.SIGN, Sign.AT_LEAST, ">=|=>|≥"),
            (Kind.SIGN, Sign.BELOW, "<"),
            (Kind.SIGN, Sign.ABOVE, ">"),
            (Kind.OPEN, None, "("),
            (Kind.CLOSE, None, ")"),
            (Kind.BRACKET, None, "["),
            (Kind.UNBRACKET, None, "]"),
            (Kind.COMMA, None, ","),
            (Kind.COLON, None, ":"),
            (Kind.RANGE, None, "..|...|~"),
            (Kind.MARK, None, "'"),
            (Kind.PLUS, None, "+"),
            (Kind.MINUS, None, "-|−"),
            (Kind.PERCENT, None, "%"),
            (Kind.END, None, ";|\n|."),
            (Kind.AND, None, "&|&&"),
        ),
        "|": Meaning(Kind.OR),
        "||": Meaning(Kind.OR),
    }
)
ENGLISH = _table(
    (Kind.SIDE, "buy", "buy|go long|enter long|long|enter"),
    (Kind.SIDE, "sell", "sell|exit|exit long|close long"),
    (Kind.SIDE, "short", "short|sell short|go short|enter short"),
    (Kind.SIDE, "cover", "cover|buy to cover|exit short|close short"),
    (Kind.WHEN, None, "when|if|whenever"),
    (Kind.AND, None, "and"),
    (Kind.OR, None, "or"),
    (Kind.NOT, None, "not|isn't"),
    (Kind.SIGN, Sign.BELOW, "below|under|beneath|less than|lower than|smaller than"),
    (Kind.SIGN, Sign.ABOVE, "above|over|greater than|higher than|more than|bigger than|exceeds"),
    (Kind.SIGN, Sign.AT_MOST, "at most|no more than|less than or equal to|not more than"),
    (Kind.SIGN, Sign.AT_LEAST, "at least|no less than|greater than or equal to|not less than"),
    (Kind.SIGN, Sign.CROSSES_ABOVE, "crosses above|cross above|crosses over|crossing above|crossed above"),
    (Kind.SIGN, Sign.CROSSES_BELOW, "crosses below|cross below|crosses under|crossing below|crossed below"),
    (Kind.WHICH, _BELOW, "falls below|drops below|goes below|dips below|moves below|falls under|breaks below"),
    (Kind.WHICH, _ABOVE, "rises above|goes above|climbs above|moves above|breaks above|gets above"),
    (Kind.WHICH, _EITHER_WAY, "crosses|cross"),
    (Kind.BETWEEN, None, "between"),
    (Kind.MOVES, True, "rises|rising|increases|has risen|is rising"),
    (Kind.MOVES, False, "falls|falling|decreases|has fallen|is falling"),
    (Kind.FOR, None, "for"),
    (Kind.BARS, None, "bars|bar|days|day|d|candles|candle|sessions|periods|period|consecutive bars|consecutive days|"
                      "bars in a row|days in a row"),
    (Kind.AGO, None, "ago|earlier|before"),
    (Kind.TIMEFRAME, "1w", "weekly|on weekly|on the weekly"),
    (Kind.TIMEFRAME, "1mo", "monthly|on monthly|on the monthly"),
    (Kind.TIMEFRAME, "1d", "daily|on daily|on the daily"),
    (Kind.TIMEFRAME, "1h", "hourly|on hourly|on the hourly"),
    (Kind.PERCENT, None, "percent"),
    (Kind.NOISE, None, "is|are|its|the|a|an|of|value|to|then|chart|than"),
)  # fmt: skip
KOREAN = _table(
    (Kind.SIDE, "buy", "매수|매수한다|매수하고|사기|산다|사고|롱|롱 진입|매수 진입"),
    (Kind.SIDE, "sell", "매도|매도한다|매도하고|팔기|판다|팔고|청산|롱 청산|매수 청산"),
    (Kind.SIDE, "short", "공매도|공매도한다|숏|숏 진입"),
    (Kind.SIDE, "cover", "숏 청산|공매도 청산|환매수|환매"),
    (Kind.WHEN, None, "이면|면|으면|하면|라면|일 때|할 때|때|일때|할때|인 경우|경우|시"),
    (Kind.AND, None, "이고|고|하고|이며|며|하며|면서|이면서|하면서|그리고|및|으며|이자"),
    (Kind.OR, None, "이거나|거나|하거나|또는|혹은|으거나|이나"),
    (Kind.NOT, None, "아님|아니"),
    (Kind.SIGN, Sign.BELOW, "아래|밑|미만|하회|작|낮|적|아래에 있|밑에 있"),
    (Kind.SIGN, Sign.ABOVE, "위|초과|상회|크|높|많|위에 있|클|높을"),
    (Kind.SIGN, Sign.AT_MOST, "이하"),
    (Kind.SIGN, Sign.AT_LEAST, "이상"),
    (Kind.SIGN, Sign.CROSSES_ABOVE, "상향 돌파|상향돌파|골든크로스|골든 크로스|위로 돌파|위로 교차|상향 교차"),
    (Kind.SIGN, Sign.CROSSES_BELOW, "하향 돌파|하향돌파|데드크로스|데드 크로스|아래로 돌파|아래로 교차|하향 교차"),
    (Kind.WHICH, _BELOW, "내려가|내려오|떨어지|아래로 내려가|아래로 내려오|아래로 떨어지|밑으로 내려가|밑돌|이탈"),
    (Kind.WHICH, _ABOVE, "올라가|올라서|오르|위로 올라가|위로 올라서|위로 오르|웃돌|넘으|넘|돌파"),
    (Kind.WHICH, _EITHER_WAY, "교차"),
    (Kind.BETWEEN, None, "사이|사이에 있"),
    (Kind.MOVES, True, "상승"),
    (Kind.MOVES, False, "하락"),
    (Kind.FOR, None, "연속|동안|연속으로|동안 계속"),
    (Kind.BARS, None, "봉|일|거래일|개봉|개 봉|일간"),
    (Kind.AGO, None, "전|이전"),
    (Kind.TIMEFRAME, "1w", "주봉"),
    (Kind.TIMEFRAME, "1mo", "월봉"),
    (Kind.TIMEFRAME, "1d", "일봉"),
    (Kind.TIMEFRAME, "1h", "시간봉"),
    (Kind.PERCENT, None, "퍼센트|프로"),
    (Kind.NOISE, None, "이|가|은|는|을|를|의|에|에서|보다|도|와|과|로|으로|중|인|선|값|값이|다|발생"),
)  # fmt: skip


def names_of(entry: Entry, *, is_korean: bool) -> tuple[str, ...]:
    """Words of a quantity in a language; the English ones are understood in both."""
    return (*entry.korean, *entry.english) if is_korean else entry.english


def written_name(entry: Entry, *, is_korean: bool) -> str:
    """Word that a quantity is written with."""
    return entry.korean[0] if is_korean else entry.english[0]


def phrases(*, is_korean: bool) -> dict[str, Meaning]:
    """Every phrase of a language, those of the catalogue among them; Latin letters in lower case."""
    named = {
        name.lower(): Meaning(Kind.QUANTITY, entry.key)
        for entry in CATALOGUE.values()
        for name in names_of(entry, is_korean=is_korean)
    }
    return {**(KOREAN if is_korean else ENGLISH), **SIGNS, **named}
