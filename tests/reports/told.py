"""Reading messages and pages back: their words, their numbers, and what numbers the facts hold."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from html.parser import HTMLParser

from pydantic import BaseModel

from reports.text.caps import cap_miss
from reports.text.message import Block, Message
from reports.text.numbers import length_parts

#: Long series that only charts draw: with them in the pool any number would be found somewhere.
_DRAWN = {"curve", "surface", "scatter", "bootstrap_sharpes", "returns", "dates", "neighbours"}
#: Numbers of the method, not of the study: levels of intervals and plateaus, the risk-free rate.
METHOD = {"90%", "80%", "0", "98%", "5%", "95%"}

_DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
#: A month of a year, as each language writes it.
_MONTH = re.compile(r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d{4})\b|(\d{4})년 (\d{1,2})월")
_NAMES = re.compile(r"`/optimize [^`]*`|<@\w+>|@U\w+|`[^`=]*`|#(?=\d)|opt-7f3a|U012AB3CD")
#: Probabilities near certainty.
_BOUND = re.compile(r"(?:&lt;|<)1%|(?:&gt;|>)99%")
_NUMBER = re.compile(r"[+−]?\d[\d,]*(?:\.\d+)?(?:e−\d+)?%?")


@dataclass(frozen=True)
class Shown:
    """A number as it stands in a text."""

    text: str

    @property
    def value(self) -> float:
        """The number it shows; a percentage as a fraction."""
        number = float(self.text.rstrip("%").replace("−", "-").replace(",", "").lstrip("+"))
        return number / 100 if self.text.endswith("%") else number

    @property
    def precision(self) -> float:
        """Half a unit of the last digit."""
        digits = self.text.rstrip("%").partition("e")[0].partition(".")[2]
        unit = 10.0 ** -len(digits) / (100 if self.text.endswith("%") else 1)
        return unit * 0.5 * (1 + 1e-9)

    def is_of(self, value: float) -> bool:
        """Whether it is that number, rounded, not with the other sign."""
        return self.value * value >= 0 and abs(self.value - value) <= self.precision + 1e-12


def texts(messages: Iterable[Message]) -> Iterator[str]:
    """Every text a reader sees, fallbacks included."""
    for message in messages:
        yield message.text
        for block in message.blocks:
            yield from _block_texts(block)


def page_text(page: str) -> str:
    """What a reader sees of an HTML page."""
    reader = _Reader()
    reader.feed(page)
    return "\n".join(reader.seen)


def numbers_in(text: str) -> list[Shown]:
    """The numbers of a text, without those inside names, dates and commands."""
    return [Shown(found) for found in _NUMBER.findall(_BOUND.sub(" ", _NAMES.sub(" ", _plain(text))))]


def _plain(text: str) -> str:
    return _MONTH.sub(" ", _DATE.sub(" ", text))


def months_in(text: str) -> set[str]:
    """The months a text names, as 2011-10."""
    return {_as_iso(found) for found in _MONTH.finditer(text)}


def _as_iso(found: re.Match[str]) -> str:
    if found[2]:
        return datetime.strptime(found[0], "%b %Y").strftime("%Y-%m")
    return f"{found[3]}-{int(found[4]):02}"


def dates_in(text: str) -> set[str]:
    """The days a text names."""
    return set(_DATE.findall(text))


def pool(facts: object) -> set[float]:
    """Every number the facts hold, losses also without their sign, and lengths of time as people read them."""
    leaves = (value for value in _leaves(facts) if isinstance(value, int | float) and not isinstance(value, bool))
    found = {float(value) for value in leaves}
    return found | {abs(value) for value in found} | {float(number) for number in _derived(facts)}


def _derived(facts: object) -> Iterator[str | float]:
    """Lengths of time, and the distance to a cap."""
    for part in facts if isinstance(facts, tuple) else (facts,):
        summary = getattr(part, "summary", None)
        if summary is None:
            continue
        walked = len(summary.walk_forward.returns) if summary.walk_forward else 0
        for n_bars in (summary.window.n_holdout, summary.luck.n_bars_needed or 0, walked):
            yield length_parts(n_bars, summary.window.periods_per_year)[0]
            yield n_bars
        if summary.unmet and summary.unmet.cap:
            miss = float(cap_miss(summary.unmet.cap, summary.unmet.nearest.in_sample))
            yield from (miss, miss / 100)


def days(facts: object) -> set[str]:
    """Every day the facts hold."""
    found = (value for value in _leaves(facts) if isinstance(value, date))
    return {(value.date() if isinstance(value, datetime) else value).isoformat() for value in found}


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            if name not in _DRAWN:
                yield from _leaves(getattr(value, name))
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _leaves(getattr(value, field.name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, tuple | list):
        yield len(value)
        for item in value:
            yield from _leaves(item)
    elif not isinstance(value, Enum):
        yield value


def _block_texts(block: Block) -> Iterator[str]:
    for key, value in block.items():
        if key == "text" and isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _block_texts(value)
        elif isinstance(value, list):
            for item in _flat(value):
                yield from _block_texts(item)


def _flat(items: list[object]) -> Iterator[Block]:
    for item in items:
        if isinstance(item, dict):
            yield item
        elif isinstance(item, list):
            yield from _flat(item)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style", "code")
        self.seen += [value for name, value in attrs if name == "alt" and value]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "code")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.seen.append(data)
