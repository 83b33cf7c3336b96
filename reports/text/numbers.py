"""Numbers as a person would write them: at most three significant digits, and the same decimals beside each other.

Rounding may make two numbers look equal, never swap them or change a sign; sentences compare rounded numbers.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from optimizer.domain.space import Value, tidy

MISSING = "–"
MINUS = "−"
#: Significant digits of a number with decimals.
DIGITS = 3

#: Goals whose values are fractions and are read as percentages; the others are plain ratios.
PERCENT_GOALS = frozenset({"return", "cagr", "maxdd", "winrate"})

_PERSON = re.compile(r"[UW][A-Z0-9]{6,}")


def rounded(value: float, places: int, beside: Iterable[float] = ()) -> str:
    """`value` with at most `places` decimals, fewer where it or a number `beside` it has three digits without them."""
    return _text(value, min(_places(number, places) for number in (value, *beside)))


def ratio(value: float | None, *beside: float | None) -> str:
    """A plain ratio such as a Sharpe ratio: two decimals."""
    return MISSING if value is None else rounded(value, 2, _known(beside))


def percent(value: float | None, *beside: float | None, places: int = 1) -> str:
    """A fraction as a percentage: 0.123 is 12.3%."""
    return MISSING if value is None else rounded(value * 100, places, (other * 100 for other in _known(beside))) + "%"


def signed_percent(value: float | None, *beside: float | None) -> str:
    """A return, with its sign: +12.3%."""
    text = percent(value, *beside)
    return f"+{text}" if value is not None and value > 0 and any(digit in "123456789" for digit in text) else text


def signed(value: float) -> str:
    """A difference with its sign and at most one decimal: +1, −0.5."""
    return f"{round(value, 1):+g}".replace("-", MINUS)


def thousandths(value: float) -> str:
    """A small difference with three decimals: −0.004."""
    return rounded(value, 3, ())


def fine(value: float) -> str:
    """A score that is compared in its fourth decimal: 0.2489."""
    return f"{value:.4f}"


def price(value: float) -> str:
    """A price or a volume as a file has it, with at most six digits."""
    return f"{value:g}".replace("-", MINUS)


def share(value: float | None, *beside: float | None) -> str:
    """A fraction of a whole as a whole percentage; 100% and 0% only where they are exact."""
    if value is not None and 0.99 < value < 1.0:
        return percent(min(value, 0.999))
    return probability(value) if value not in (None, 0.0, 1.0) else percent(value, places=0)


def probability(value: float | None) -> str:
    """A probability as a whole percentage, never certain: <1%, 26%, >99%."""
    if value is None:
        return MISSING
    whole = round(value * 100)
    return "<1%" if whole < 1 else ">99%" if whole > 99 else f"{whole}%"


def goal_value(value: float | None, goal: str, *beside: float | None) -> str:
    """A value of a goal, as a percentage where the goal is a fraction."""
    return percent(value, *beside) if goal in PERCENT_GOALS else ratio(value, *beside)


def length_parts(n_bars: int, periods_per_year: float) -> tuple[str, str]:
    """Length of a run of bars as (number, unit), the unit `day(s)`, `month(s)` or `year(s)`: 18 months."""
    months = n_bars / periods_per_year * 12
    if months < 2:
        number, unit = str(max(round(months * 365.25 / 12), 1)), "day"
    elif round(months) < 24:
        number, unit = str(round(months)), "month"
    else:
        number, unit = tidy(round(months / 12, 1)), "year"
    return number, noun(1 if number == "1" else 2, unit, f"{unit}s")


def count(value: int) -> str:
    """A whole number with thousands apart: 5,376."""
    return f"{value:,}"


def money(value: float) -> str:
    """An amount without its currency: 10,000 or 2,500.5."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def capitalized(text: str) -> str:
    """A text with its first letter large, the others as they are."""
    return text[:1].upper() + text[1:]


def noun(n: int, one: str, many: str) -> str:
    """The form of a noun for a count, in languages with two forms."""
    return one if n == 1 else many


def plural(n: int, one: str, many: str) -> str:
    """A count with its noun: 1 trial, 5,376 trials."""
    return f"{count(n)} {noun(n, one, many)}"


def duration(seconds: float, units: Mapping[str, str]) -> str:
    """A duration with a language's `units` by `s`, `min` and `h`: 1 h 5 min."""
    return " ".join(number + units[unit] for number, unit in duration_parts(seconds))


def plain(value: Value) -> str:
    """A number, or a choice, as it was typed but for the minus sign: 10, −2.5, revert."""
    return value if isinstance(value, str) else tidy(value).replace("-", MINUS)


def day(value: date | datetime | None) -> str:
    """A calendar day, ISO."""
    if value is None:
        return MISSING
    return value.date().isoformat() if isinstance(value, datetime) else value.isoformat()


def duration_parts(seconds: float) -> tuple[tuple[str, str], ...]:
    """A duration as at most two (number, unit) pairs, units `s`, `min`, `h`: 1 h 5 min, 18 s, 0.4 s."""
    if seconds < 9.95:
        return ((rounded(seconds, 1), "s"),)
    whole = timedelta(seconds=round(seconds))
    if whole < timedelta(minutes=2):
        return ((str(int(whole.total_seconds())), "s"),)
    minutes = round(whole.total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    parts = ((str(hours), "h"), (str(rest), "min"))
    return tuple(part for part in parts if part[0] != "0")


def assignments(params: Mapping[str, Value]) -> str:
    """A parameter set as a person types it: period=14 oversold=28."""
    return " ".join(f"{name}={value if isinstance(value, str) else tidy(value)}" for name, value in params.items())


def progress_bar(done: int, total: int, width: int = 12) -> str:
    """`▓▓▓░░░`: full only when all is done, empty only when nothing is."""
    filled = 0 if total <= 0 else min(width, width * done // total)
    filled = max(filled, 1) if done else filled
    return "▓" * filled + "░" * (width - filled)


def is_slack_user(name: str) -> bool:
    """Whether a name is a Slack user id, which Slack shows as a mention."""
    return _PERSON.fullmatch(name) is not None


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _places(value: float, most: int) -> int:
    """Decimals that leave a number at most DIGITS significant digits."""
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return max(min(most, DIGITS - whole), 0)


def _text(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", MINUS)
