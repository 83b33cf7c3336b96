"""Caps as a person types them, and by how much a set misses one."""

from optimizer.domain.metrics import CAPS, FRACTIONS
from optimizer.domain.space import tidy
from optimizer.domain.study_request import Cap
from optimizer.domain.study_results import Measures
from reports.text import numbers


def miss_unit(cap: Cap) -> str:
    """Unit of a miss: `points` of a percentage, `plain` for other numbers."""
    return "points" if _is_percentage(cap) else "plain"


def cap_text(cap: Cap) -> str:
    """A cap as it is typed: `maxdd<20`, `sharpe>1`."""
    bound = tidy(round(cap.bound * 100, 9)) if _is_percentage(cap) else tidy(cap.bound)
    return f"{cap.goal}{'<' if cap.is_upper else '>'}{bound}"


def cap_value(cap: Cap, measures: Measures) -> str | None:
    """The measure that a cap bounds, a drawdown as its depth; None where a set has none."""
    value = _value(cap, measures)
    return None if value is None else _text(cap, value)


def cap_miss(cap: Cap, measures: Measures) -> str:
    """Distance of a measure from the cap's bound, without a sign or unit."""
    return _text(cap, abs((_value(cap, measures) or 0.0) - cap.bound)).removesuffix("%")


def _is_percentage(cap: Cap) -> bool:
    return CAPS[cap.goal] in FRACTIONS


def _value(cap: Cap, measures: Measures) -> float | None:
    value = getattr(measures, CAPS[cap.goal])
    return None if value is None else abs(value) if cap.goal == "maxdd" else float(value)


def _text(cap: Cap, value: float) -> str:
    if CAPS[cap.goal] == "n_trades":
        return numbers.count(round(value))
    return numbers.percent(value) if _is_percentage(cap) else numbers.ratio(value)
