"""Comparison of a recomputed study with the stored one: trials to the last bit, summaries up to rounding.

The engine adds in one order on every processor. Measures and statistics are sums of NumPy's and of a BLAS, which add
in as many lanes as the processor has: another machine gives other last digits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from optimizer.domain.study_results import Luck, StudySummary, TrialRecord

#: What differs between two runs of the same trial without meaning anything: times, and words for what is compared.
_OF_THE_RUN = {"started_at", "duration", "reason"}
#: Parts of a summary that follow from the rules for words.
_JUDGEMENT = {"verdict", "suggestion", "case", "notes"}
#: Parts that early versions drew from the sampler's path, and intervals that did not know how few trades there were.
_OF_EARLY_VERSIONS = {"luck", "walk_forward", "sharpe_interval", "drawdown_interval", "bootstrap_sharpes"}
#: Part of the luck of versions that ranked sets with the same trades by their rounding.
_OF_ROUNDING = {"pbo"}
_MISSING = "–"
_TRIALS = "trials"
#: Differences of numbers of a summary, relative and absolute, that are rounding.
_ROUNDING, _NOTHING = 1e-9, 1e-12


@dataclass(frozen=True, kw_only=True)
class Difference:
    """First value that differs: its path, and both values as text with all digits."""

    field: str
    was: str
    now: str


def in_order_of(stored: Sequence[TrialRecord], fresh: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Fresh trials with the stored numbers, if both tried the same sets in another order.

    Only a study that was extended until its whole grid was tried has such an order.
    """
    numbers = {_key(record): record.number for record in stored}
    if len(fresh) != len(stored) or {_key(record) for record in fresh} != set(numbers):
        return list(fresh)
    renumbered = [record.model_copy(update={"number": numbers[_key(record)]}) for record in fresh]
    return sorted(renumbered, key=lambda record: record.number)


def first_difference(
    stored: Sequence[TrialRecord] | BaseModel, fresh: Sequence[TrialRecord] | BaseModel
) -> Difference | None:
    """First difference between two lists of trials or two summaries; None if they are equal.

    A part of a summary that the version which stored it did not have is not compared, and neither is what early
    versions computed in another way, with the verdict that followed.
    """
    path = "" if isinstance(stored, BaseModel) else _TRIALS
    return _between(_plain(stored, like=stored), _plain(fresh, like=stored), path)


def _plain(value: Any, *, like: Any) -> Any:
    """A value in types of JSON, with those parts of models that `like` has."""
    if isinstance(value, BaseModel) and isinstance(like, BaseModel):
        names = like.model_fields_set - _left_out(like)
        kept = (name for name in type(like).model_fields if name in names)
        return {name: _plain(getattr(value, name), like=getattr(like, name)) for name in kept}
    if isinstance(value, list | tuple) and isinstance(like, list | tuple):
        return [_plain(item, like=like[i] if i < len(like) else item) for i, item in enumerate(value)]
    return to_jsonable_python(value)


def _left_out(like: BaseModel) -> set[str]:
    if isinstance(like, TrialRecord):
        return _OF_THE_RUN
    if isinstance(like, Luck):
        return set() if like.counts_ties else _OF_ROUNDING
    if not isinstance(like, StudySummary) or like.tries is not None:
        return set()
    return _JUDGEMENT | _OF_EARLY_VERSIONS


def _between(was: Any, now: Any, path: str) -> Difference | None:
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        names = dict.fromkeys((*was, *now))
        steps = ((was.get(name, _MISSING), now.get(name, _MISSING), f"{path}.{name}".lstrip(".")) for name in names)
    elif isinstance(was, list) and isinstance(now, list):
        length = max(len(was), len(now))
        steps = ((_at(was, i), _at(now, i), f"{path}[{i}]") for i in range(length))
    elif was == now or _are_rounded(was, now, path):
        return None
    else:
        return Difference(field=path, was=repr(was), now=repr(now))
    return next((found for step in steps if (found := _between(*step)) is not None), None)


def _are_rounded(was: Any, now: Any, path: str) -> bool:
    if path.startswith(_TRIALS) or not (isinstance(was, float) and isinstance(now, float)):
        return False
    return math.isclose(was, now, rel_tol=_ROUNDING, abs_tol=_NOTHING)


def _at(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else _MISSING


def _key(record: TrialRecord) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(record.params.items()))
