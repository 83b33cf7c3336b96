"""Items: the parts of a loosely written text, each with every reading that it may have."""

from dataclasses import dataclass
from enum import StrEnum, auto


class Kind(StrEnum):
    """What a part of a text says."""

    SYMBOL = auto()
    STRATEGY = auto()
    TRIALS = auto()
    WORD = auto()  # an option, a flag or an overlay, as the grammar writes it
    GOAL = auto()
    CADENCE = auto()  # `weekly mon`, or only `weekly`
    CLOCK = auto()  # `09:00`
    SCHEDULE = auto()  # that it is to be repeated
    JOIN = auto()  # `and`
    BEST = auto()  # asks for the best: to be searched, or already known
    SHOW = auto()  # asks to be told
    INSTEAD = auto()  # that one of two is not wanted: the one `before` or `behind` it
    DAYS = auto()  # a number of bars beside a strategy
    FILL = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class Item:
    """A part of a text: several `readings` where a person alone knows which is meant."""

    kind: Kind
    text: str
    readings: tuple[str, ...] = ()

    @property
    def value(self) -> str:
        """The first reading."""
        return self.readings[0] if self.readings else ""
