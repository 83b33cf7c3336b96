"""What the drawing process is asked for: the facts and trials of one study, in a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from optimizer.spec import TrialRecord
from reports.render import Language
from reports.summary import StudyFacts

_FILE = "facts.json"


@dataclass(frozen=True, kw_only=True)
class Order:
    """A study to draw."""

    facts: StudyFacts
    trials: tuple[TrialRecord, ...]
    language: Language


_ADAPTER = TypeAdapter(Order)


def write_order(facts: StudyFacts, trials: Sequence[TrialRecord], language: Language, folder: Path) -> None:
    """Leave the order in the folder that charts and report will be written to."""
    folder.mkdir(parents=True, exist_ok=True)
    order = Order(facts=facts, trials=tuple(trials), language=language)
    (folder / _FILE).write_bytes(_ADAPTER.dump_json(order))


def read_order(folder: Path) -> Order:
    """The order left in a folder."""
    return _ADAPTER.validate_json((folder / _FILE).read_bytes())
