"""Numbers as people read them, without telling anything the exact number does not.

Rounding here never changes a sign or an order: a number gets more decimals until the shown one lies
on the same side of zero, and of every number it is set against, as the exact one.
"""

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from optimizer.domain.space import Value, tidy

MISSING = "–"
MINUS = "−"
MAX_PLACES = 6

#: Goals whose values are fractions and are read as percentages; the others are plain ratios.
PERCENT_GOALS = frozenset({"return", "cagr", "maxdd", "winrate"})

_PERSON = re.compile(r"[UW][A-Z0-9]{6,}")


def rounded(value: float, places: int, apart: Iterable[float] = ()) -> str:
    """`value` with at least `places` decimals, and as many more as keep it apart from zero and `apart`.

    Two numbers that differ by less than a millionth may come out alike, never the wrong way round.
    """
    others = (0.0, *apart)
    for digits in range(places, MAX_PLACES + 1):
        if all(_keeps_order(value, other, digits) for other in others):
            return _text(value, digits)
    return _tiny(value) if abs(value) < 0.5 * 10**-MAX_PLACES else _text(_inside(value, others), MAX_PLACES)


def ratio(value: float | None, *apart: float | None) -> str:
    """A plain ratio such as a Sharpe ratio: two decimals."""
    return MISSING if value is None else rounded(value, 2, _known(apart))


def percent(value: float | None, *apart: float | None, places: int = 1) -> str:
    """A fraction as a percentage: 0.123 is 12.3%."""
    return MISSING if value is None else rounded(value * 100, places, (other * 100 for other in _known(apart))) + "%"


def signed_percent(value: float | None, *apart: float | None) -> str:
    """A return, with its sign: +12.3%."""
    return ("+" if value is not None and value > 0 else "") + percent(value, *apart)


def share(value: float | None, *apart: float | None) -> str:
    """A fraction of a whole as a whole percentage; 100% and 0% are said only when they are exact."""
    return percent(value, 1.0, *apart, places=0)


def probability(value: float | None, *apart: float | None) -> str:
    """A probability with two decimals, never rounded to certainty."""
    return MISSING if value is None else rounded(value, 2, (1.0, *_known(apart)))


def goal_value(value: float | None, goal: str, *apart: float | None) -> str:
    """A value of a goal, as a percentage where the goal is a fraction."""
    return percent(value, *apart) if goal in PERCENT_GOALS else ratio(value, *apart)


def count(value: int) -> str:
    """A whole number with thousands apart: 5,376."""
    return f"{value:,}"


def noun(n: int, one: str, many: str) -> str:
    """The form of a noun for a count, in languages with two forms."""
    return one if n == 1 else many


def plural(n: int, one: str, many: str) -> str:
    """A count with its noun: 1 trial, 5,376 trials."""
    return f"{count(n)} {noun(n, one, many)}"


def duration(seconds: float, units: Mapping[str, str]) -> str:
    """A duration with a language's `units` by `s`, `min` and `h`: 1 h 5 min."""
    return " ".join(number + units[unit] for number, unit in duration_parts(seconds))


def plain(value: float) -> str:
    """A number as it was typed: 10, 2.5."""
    return tidy(value)


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


def _keeps_order(value: float, other: float, digits: int) -> bool:
    exact, shown = value - other, round(value, digits) - round(other, digits)
    return _sign(exact) == _sign(shown)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _inside(value: float, others: Iterable[float]) -> float:
    """`value` cut, not rounded, where rounding would carry it onto one of `others`."""
    unit = 10.0**MAX_PLACES
    above = any(other > value for other in others)
    return (math.floor if above else math.ceil)(value * unit) / unit


def _text(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", MINUS)


def _tiny(value: float) -> str:
    return f"{value:.0e}".replace("e-0", "e-").replace("-", MINUS)
