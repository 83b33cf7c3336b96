"""Messages between the bot and the drawing process: a folder with the facts of one study, and the files drawn there.

The trials travel as MongoDB sent them, so that the process that talks to people need not look at each.
"""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from optimizer.domain.study_request import Frozen
from optimizer.domain.study_results import TrialRecord
from optimizer.storage.trial_documents import unpacked
from reports.facts import StudyFacts
from reports.languages import Language

_FACTS, _TRIALS = "facts.json", "trials.bson"


class Draw(Frozen):
    """Draw what is ordered in a folder."""

    folder: Path


class Written(Frozen):
    """Names of the files in the folder."""

    files: tuple[str, ...]
    for_thread: tuple[str, ...]  # the two charts that matter most for the verdict


@dataclass(frozen=True, kw_only=True)
class DrawRequest:
    """A study to draw, and for whom."""

    facts: StudyFacts
    language: Language


_ADAPTER = TypeAdapter(DrawRequest)


def write_draw_request(request: DrawRequest, packed_trials: bytes, folder: Path) -> None:
    """Leave the order in the folder that charts and report will be written to."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _TRIALS).write_bytes(packed_trials)
    (folder / _FACTS).write_bytes(_ADAPTER.dump_json(request))


def read_draw_request(folder: Path) -> tuple[DrawRequest, list[TrialRecord]]:
    """The order left in a folder, and the trials of its study."""
    request = _ADAPTER.validate_json((folder / _FACTS).read_bytes())
    return request, unpacked((folder / _TRIALS).read_bytes())
