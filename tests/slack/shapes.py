"""Small checks that compose into the shape of a JSON value, each yielding what is wrong and where.

A place is a JSON pointer such as `/blocks/3/text`, as in Slack's own `response_metadata.messages`.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong at one place."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.reason} [json-pointer:{self.where}]"


Check = Callable[[object, str], Iterator[Flaw]]


def string(most: int, *, least: int = 1, pattern: str = "") -> Check:
    """A string of `least` to `most` characters that matches `pattern` whole, when one is given."""

    def check(value: object, where: str) -> Iterator[Flaw]:
        if not isinstance(value, str):
            yield Flaw(where, "must be a string")
        elif len(value) < least:
            yield Flaw(where, f"must be at least {least} characters")
        elif len(value) > most:
            yield Flaw(where, f"must be at most {most} characters, not {len(value)}")
        elif pattern and not re.fullmatch(pattern, value):
            yield Flaw(where, f"must look like {pattern}")

    return check


def one_of(*choices: object) -> Check:
    """One of the given constants, of the same type."""

    def check(value: object, where: str) -> Iterator[Flaw]:
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            yield Flaw(where, f"must be one of {', '.join(map(repr, choices))}, not {value!r}")

    return check


def whole(low: int, high: int) -> Check:
    """An integer from `low` to `high`."""

    def check(value: object, where: str) -> Iterator[Flaw]:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            yield Flaw(where, f"must be a whole number from {low} to {high}, not {value!r}")

    return check


def number(value: object, where: str) -> Iterator[Flaw]:
    """A number that JSON knows."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        yield Flaw(where, f"must be a finite number, not {value!r}")


def array(item: Check, *, least: int = 1, most: int) -> Check:
    """A list of `least` to `most` items, each passing `item`."""

    def check(value: object, where: str) -> Iterator[Flaw]:
        if not isinstance(value, list):
            yield Flaw(where, "must be a list")
            return
        if not least <= len(value) <= most:
            yield Flaw(where, f"must have {least} to {most} items, not {len(value)}")
        for index, each in enumerate(value):
            yield from item(each, f"{where}/{index}")

    return check


def shape(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None, *rules: Check) -> Check:
    """An object with the required keys, no key beyond the optional ones, and every rule kept.

    `type` is allowed everywhere; what it must be is the business of `by_type`.
    """
    known = {**(optional or {}), **required}

    def check(value: object, where: str) -> Iterator[Flaw]:
        if not isinstance(value, dict):
            yield Flaw(where, "must be an object")
            return
        yield from (Flaw(where, f"missing required field: {key}") for key in required if value.get(key) is None)
        yield from (Flaw(where, f"unknown field: {key}") for key in value if key not in known and key != "type")
        for key, each in known.items():
            if value.get(key) is not None:
                yield from each(value[key], f"{where}/{key}")
        for rule in rules:
            yield from rule(value, where)

    return check


def by_type(table: Mapping[str, Check]) -> Check:
    """An object whose `type` is in the table and which passes that entry."""

    def check(value: object, where: str) -> Iterator[Flaw]:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in table:
            yield Flaw(where, f"unsupported type: {kind!r}; here: {', '.join(sorted(table))}")
            return
        yield from table[kind](value, where)

    return check


def exactly_one(*keys: str) -> Check:
    """A rule for `shape`: one of the keys and only one."""

    def check(value: object, where: str) -> Iterator[Flaw]:
        if isinstance(value, dict) and sum(value.get(key) is not None for key in keys) != 1:
            yield Flaw(where, f"needs exactly one of {', '.join(keys)}")

    return check


def at_least_one(*keys: str) -> Check:
    """A rule for `shape`: one of the keys or more."""

    def check(value: object, where: str) -> Iterator[Flaw]:
        if isinstance(value, dict) and not any(value.get(key) for key in keys):
            yield Flaw(where, f"needs at least one of {', '.join(keys)}")

    return check


def distinct(key: str, *, inside: str = "") -> Check:
    """A rule: the values of `key` in a list (or in the list at `inside`) do not repeat."""

    def check(value: object, where: str) -> Iterator[Flaw]:
        items = value.get(inside) if isinstance(value, dict) else value
        seen: set[str] = set()
        for index, item in enumerate(items if isinstance(items, list) else ()):
            name = item.get(key) if isinstance(item, dict) else None
            if isinstance(name, str) and name in seen:
                yield Flaw(f"{where}/{inside}/{index}" if inside else f"{where}/{index}", f"{key} {name!r} repeats")
            elif isinstance(name, str):
                seen.add(name)

    return check


def anything(value: object, where: str) -> Iterator[Flaw]:
    """No demand."""
    del value, where
    return iter(())
