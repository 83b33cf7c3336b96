"""Readers of single values: numbers, dates, symbols, ids. Each raises a UserError that offers the nearest value."""

import calendar
import re
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from bot.grammar.errors import (
    NotADate,
    NotARange,
    NotASchedule,
    NotAStudy,
    NotASymbol,
    NotWhole,
    NotYesOrNo,
    PercentOutOfRange,
    TextTooLong,
    UnitMissing,
)
from optimizer.domain.space import tidy
from optimizer.errors import NotANumber, OutOfRange

MAX_SYMBOL = 20
MAX_BPS = 1_000
#: A positive number of basis points below this is only taken with its unit.
LEAST_BARE_BPS = Decimal("0.5")

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,12}(?:\.[0-9]{1,40})?|\.[0-9]{1,40})")
_WITH_UNIT = re.compile(r"(?P<number>[^a-z%]+)(?P<unit>%|bps?)", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_RANGE = re.compile(r"(?P<low>[^.~:|]*(?:\.[0-9]+)?)(?:\.{2,3}|~)(?P<high>[^~:|]*?)(?::(?P<step>[^:]*))?")
_DASHED = re.compile(r"([0-9.]+)-([0-9.]+)(:[0-9.]+)?")
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{1,2}))?(?:-([0-9]{1,2}))?")
_SYMBOL = re.compile(r"(?=[\^.=-]?[A-Z0-9])[A-Z0-9^](?:[A-Z0-9.^=-]*[A-Z0-9])?")
#: A pair of currencies as exchanges write it; the second one is USDT, EUR, KRW or the like.
_PAIR = re.compile(r"^([A-Z0-9]{2,10})/([A-Z]{3,5})$")
_LIST_NAME = re.compile(r"@[a-z0-9][a-z0-9_-]{0,29}")
_ID = re.compile(r"(?:(?P<kind>opt|sch)-)?(?P<digits>[0-9a-f]{1,32})")
_YES = ("yes", "y", "true", "on", "1", "예", "네")
_NO = ("no", "n", "false", "off", "0", "아니오")


def read_decimal(name: str, text: str) -> Decimal:
    """Read a number such as `12`, `-0.5`, `1,000` or `20%` (without the sign). Raises NotANumber."""
    plain = text.removesuffix("%")
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    if not _NUMBER.fullmatch(plain):
        raise NotANumber(name=name, value=text)
    return Decimal(plain)


def read_number(name: str, text: str, *, low: float, high: float) -> float:
    """Read a number from `low` to `high`. Raises NotANumber, OutOfRange."""
    value = float(read_decimal(name, text))
    if not low <= value <= high:
        raise _out_of_range(name, text, low, high)
    return value


def read_whole(name: str, text: str, *, low: int, high: int) -> int:
    """Read a whole number from `low` to `high`; thousands may have commas. Raises NotANumber, NotWhole, OutOfRange."""
    value = read_decimal(name, text)
    if not low <= value <= high:
        raise _out_of_range(name, text, low, high)
    if value != int(value):
        near = min(max(int(value.to_integral_value(ROUND_HALF_UP)), low), high)
        raise NotWhole(name=name, value=text, nearest=near)
    return int(value)


def _out_of_range(name: str, text: str, low: float, high: float) -> OutOfRange:
    near = low if read_decimal(name, text) < low else high
    return OutOfRange(name=name, low=tidy(low), high=tidy(high), value=text, nearest=tidy(near))


def read_basis_points(name: str, text: str) -> float:
    """Read basis points from 0 to 1,000: `10`, `10bp`, `10bps` and `0.1%` are 10.

    A bare positive number below 0.5 is refused, for it may be meant in percent or as a fraction. Raises NotANumber,
    UnitMissing, OutOfRange.
    """
    found = _WITH_UNIT.fullmatch(text)
    number, unit = (found["number"], found["unit"].lower()) if found else (text, "")
    value = read_decimal(name, number)
    if not unit and 0 < value < LEAST_BARE_BPS:
        plain = plain_number(value)
        raise UnitMissing(
            name=name, value=text, nearest=f"{plain}%", bps=f"{plain}bps", percent=plain_number(100 * value)
        )
    points = value * 100 if unit == "%" else value
    if not 0 <= points <= MAX_BPS:
        low, high = ("0%", f"{MAX_BPS // 100}%") if unit == "%" else (0, MAX_BPS)
        raise OutOfRange(name=name, low=low, high=high, value=text, nearest=low if points < 0 else high)
    return float(points)


def basis_points_text(points: float) -> str:
    """Write basis points as text that reads back to the same float, with the unit where it could be doubted."""
    return plain_number(points) + ("bps" if 0 < points < LEAST_BARE_BPS else "")


def read_percent(name: str, text: str, *, low: float, high: float, takes_fraction: bool = False) -> float:
    """Read a percentage as a fraction: `20` and `20%` are 0.2.

    With `takes_fraction`, for measures of which less than one percent is absurd, `0.2` is 0.2 as well; elsewhere it is
    refused, for it may mean either. `low` and `high` are in percent. Raises NotANumber, PercentOutOfRange.
    """
    percent = read_decimal(name, text)
    is_fraction = 0 < abs(percent) < 1 and not text.endswith("%")
    if is_fraction and takes_fraction:
        percent, is_fraction = percent * 100, False
    if is_fraction or not low <= percent <= high:
        near = min(max(float(percent * 100 if is_fraction else percent), low), high)
        raise PercentOutOfRange(name=name, low=tidy(low), high=tidy(high), value=text, nearest=tidy(near))
    return float(percent / 100)


def percent_text(fraction: float) -> str:
    """Return a fraction as the percentage that reads back to the same float; with `%` where it is ambiguous."""
    percent = Decimal(repr(fraction)) * 100
    return plain_number(percent) + ("%" if 0 < abs(percent) < 1 else "")


def plain_number(value: float | Decimal) -> str:
    """Return a number in plain digits that reads back to exactly the same float."""
    number = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True)
class NumberRange:
    """Typed range, or one value when both ends are equal."""

    low: float
    high: float
    step: float | None = None

    def from_fraction(self) -> "NumberRange":
        """Return the range in percent where it was typed as a fraction: 0.08 is 8."""
        step = None if self.step is None else round(100 * self.step, 10)
        return NumberRange(round(100 * self.low, 10), round(100 * self.high, 10), step)


def read_number_range(name: str, text: str, *, like: tuple[float, float]) -> NumberRange:
    """Read `14`, `10..20` or `10..20:2` (also `10...20` and `10~20`); `like` is the example of an error.

    Raises NotARange; the parameter itself checks which values are allowed.
    """
    try:
        if found := _RANGE.fullmatch(text):
            low, high = (float(read_decimal(name, found[end])) for end in ("low", "high"))
            return NumberRange(low, high, float(read_decimal(name, found["step"])) if found["step"] else None)
        value = float(read_decimal(name, text))
    except NotANumber:
        dashed = _DASHED.fullmatch(text)
        near = f"{dashed[1]}..{dashed[2]}{dashed[3] or ''}" if dashed else ""
        raise NotARange(name=name, value=text, low=tidy(like[0]), high=tidy(like[1]), nearest=near) from None
    return NumberRange(value, value)


def read_date(name: str, text: str, *, is_end: bool = False) -> date:
    """Read `2015-01-31`, or `2015-01` and `2015` as the first (with `is_end` the last) day. Raises NotADate."""
    found = _DATE.fullmatch(text)
    if not found:
        raise NotADate(name=name, value=text)
    year, month = int(found[1]), int(found[2] or (12 if is_end else 1))
    try:
        last = calendar.monthrange(year, month)[1]
        return date(year, month, int(found[3] or (last if is_end else 1)))
    except ValueError:
        raise NotADate(name=name, value=text) from None


def read_yes(name: str, text: str) -> bool:
    """Read yes or no. Raises NotYesOrNo."""
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise NotYesOrNo(name=name, value=text)


def read_text(name: str, text: str, *, limit: int) -> str:
    """Return a person's text unchanged. Raises TextTooLong when too long."""
    if len(text) > limit:
        raise TextTooLong(name=name, limit=limit)
    return text.strip()


def is_symbol(text: str) -> bool:
    """Check whether a word has the shape of a symbol (a leading `$` is a habit and no part of it)."""
    return _symbol_of(text) is not None


def read_symbol(text: str) -> str:
    """Return a symbol in upper case: letters and digits with `.` `-` `^` `=`; `BTC/USDT` becomes `BTC-USDT`.

    Raises NotASymbol.
    """
    symbol = _symbol_of(text)
    if symbol is None:
        near = re.sub(r"[^A-Z0-9.^=-]+", "-", text.upper()).strip(".-=")
        raise NotASymbol(word=text, nearest=near if _symbol_of(near) else "")
    return symbol


def _symbol_of(text: str) -> str | None:
    symbol = _PAIR.sub(r"\1-\2", text.removeprefix("$").upper())
    fits = len(symbol) <= MAX_SYMBOL and _SYMBOL.fullmatch(symbol) and ".." not in symbol
    return symbol if fits else None


def read_list_name(text: str) -> str:
    """Return the name of a watch list with its `@`, in lower case. Raises NotASymbol."""
    if not _LIST_NAME.fullmatch(text.lower()):
        raise NotASymbol(word=text, nearest="")
    return text.lower()


def read_symbol_or_list(text: str) -> str:
    """Return a symbol, or the name of a watch list as `@name` in lower case. Raises NotASymbol."""
    return read_list_name(text) if text.startswith("@") else read_symbol(text)


def read_study(text: str) -> str:
    """Return a study's id, or its beginning, with its prefix: `7F3A` is `opt-7f3a`; any other word is its name.

    Raises NotAStudy for the id of a schedule.
    """
    if text.lower().startswith("sch-"):
        raise NotAStudy(word=text)
    digits = _digits_of(text, "opt")
    return f"opt-{digits}" if digits else text


def read_schedule_id(text: str) -> str:
    """Return a schedule's id, or its beginning, with its prefix: `2b` is `sch-2b`. Raises NotASchedule."""
    digits = _digits_of(text, "sch")
    if not digits:
        raise NotASchedule(word=text)
    return f"sch-{digits}"


def is_study_id(text: str) -> bool:
    """Check whether a word could be a study's id."""
    return bool(_digits_of(text, "opt"))


def _digits_of(text: str, prefix: str) -> str:
    found = _ID.fullmatch(text.lower())
    return found["digits"] if found and found["kind"] in (None, prefix) else ""
