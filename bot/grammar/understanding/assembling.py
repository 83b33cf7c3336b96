"""Assembling: the items of a text into commands of the grammar, one per reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from bot.grammar.understanding.listings import listings
from bot.grammar.understanding.matching import Item, Kind
from bot.grammar.verbs import VERB_WORDS

#: Time of day that is offered where none was typed; nothing is scheduled by it alone.
USUAL_TIME = "07:00"
_USUAL_DAYS = {"weekly": "weekly mon", "monthly": "monthly 1"}
#: Words between things of which only one is meant.
OR = (
    "or",
    "또는",
    "이나",
    "아니면",
    "중에",
    "중에서",
    "중 하나",
    "중에 하나",
    "중에서 하나",
    "one of them",
    "either one",
)
#: More readings than this are not offered.
MOST_READINGS = 2


@dataclass(frozen=True, kw_only=True)
class Assembled:
    """Commands that a text may mean. `lacks` names what was not said and a single command was completed with."""

    commands: tuple[str, ...] = ()
    lacks: str = ""


def items_of(items: Sequence[Item], *kinds: Kind) -> list[Item]:
    """Return the items of some kinds, in their order."""
    return [item for item in items if item.kind in kinds]


def assemble(items: Sequence[Item]) -> Assembled:
    """Return every command that the items may mean, in the order of the grammar."""
    choices = [item.readings or ("",) for item in items]
    found: dict[str, str] = {}
    for chosen in product(*choices):
        for text, lacks in _texts([Item(i.kind, i.text, (v,)) for i, v in zip(items, chosen, strict=True)]):
            found.setdefault(text, lacks)
        if len(found) > MOST_READINGS + 2:
            break
    return Assembled(commands=tuple(found), lacks=next(iter(found.values()), ""))


def _texts(items: Sequence[Item]) -> list[tuple[str, str]]:
    """Return the commands of items with one reading each: two strategies are two commands."""
    symbols = list(dict.fromkeys(item.value for item in items_of(items, Kind.SYMBOL)))
    if len(symbols) > 1 and _is_choice(items):
        others = [item for item in items if item.kind is not Kind.SYMBOL]
        return [text for symbol in symbols for text in _texts([Item(Kind.SYMBOL, symbol, (symbol,)), *others])]
    strategies = list(dict.fromkeys(item.value for item in items_of(items, Kind.STRATEGY))) or [""]
    when, lacks = _when(items)
    listed = ",".join(symbols)
    words = ["schedule" if when else "start" if listed.lower() in VERB_WORDS else "", listed]
    return [(_joined([*words, strategy, *_options(items), when]), lacks) for strategy in strategies]


def _is_choice(items: Sequence[Item]) -> bool:
    """True where the symbols are joined by `or`."""
    said = [item for item in items if item.kind in (Kind.SYMBOL, Kind.JOIN)]
    return any(
        one.kind is Kind.SYMBOL and (other.text.strip() in OR or one.text.endswith("나"))
        for one, other in pairwise(said)
    )


def _joined(words: Sequence[str]) -> str:
    return " ".join(filter(None, words))


def _options(items: Sequence[Item]) -> list[str]:
    trials = [item.value for item in items_of(items, Kind.TRIALS)]
    goals = list(dict.fromkeys(item.value for item in items_of(items, Kind.GOAL)))
    words = [item.value for item in items_of(items, Kind.WORD)]
    lengths = [item.value for item in items_of(items, Kind.CADENCE) if "=" in item.value]
    return [*trials, *([f"goal={','.join(goals)}"] if goals else []), *dict.fromkeys(words), *lengths]


def _when(items: Sequence[Item]) -> tuple[str, str]:
    """Return the phrase of a schedule, empty for none, and what of it was not said."""
    cadences = [item.value for item in items_of(items, Kind.CADENCE) if "=" not in item.value]
    clocks = [item.value for item in items_of(items, Kind.CLOCK)]
    if not cadences and not clocks and not items_of(items, Kind.SCHEDULE):
        return "", ""
    cadence = cadences[0] if cadences else "weekly"
    is_vague = cadence in _USUAL_DAYS
    lacks = "day" if is_vague or not cadences else "" if clocks else "time"
    return _joined([_USUAL_DAYS.get(cadence, cadence), *cadences[1:], *(clocks or [USUAL_TIME])]), lacks


def company_names(symbols: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the symbols that have a name, each with it."""
    known = listings()
    return tuple((symbol, known[symbol].english[0]) for symbol in symbols if symbol in known)
