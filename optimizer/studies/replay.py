"""Comparison of a recomputed study with the stored one, to the last bit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from optimizer.domain.study_results import TrialRecord

#: What differs between two runs of the same trial without meaning anything: times, and words for what is compared.
_OF_THE_RUN = {"started_at", "duration", "reason"}
_MISSING = "–"


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

    A part of a summary that the version which stored it did not have is not compared.
    """
    if isinstance(stored, BaseModel) and isinstance(fresh, BaseModel):
        common = stored.model_fields_set
        return _between(
            stored.model_dump(mode="json", include=common), fresh.model_dump(mode="json", include=common), ""
        )
    return _between(_plain(stored), _plain(fresh), "")


def _plain(value: Sequence[TrialRecord] | BaseModel) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return {"trials": [record.model_dump(mode="json", exclude=_OF_THE_RUN) for record in value]}


def _between(was: Any, now: Any, path: str) -> Difference | None:
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        names = dict.fromkeys((*was, *now))
        steps = ((was.get(name, _MISSING), now.get(name, _MISSING), f"{path}.{name}".lstrip(".")) for name in names)
    elif isinstance(was, list) and isinstance(now, list):
        length = max(len(was), len(now))
        steps = ((_at(was, i), _at(now, i), f"{path}[{i}]") for i in range(length))
    else:
        return None if was == now else Difference(field=path, was=repr(was), now=repr(now))
    return next((found for step in steps if (found := _between(*step)) is not None), None)


def _at(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else _MISSING


def _key(record: TrialRecord) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(record.params.items()))
