"""Charts and the HTML report of one study, written to a folder."""

from collections.abc import Sequence
from pathlib import Path

from optimizer.domain.study_results import TrialRecord
from reports.charts.chart_list import REPORT, for_thread
from reports.charts.draw_request import Written
from reports.charts.gallery import pictures
from reports.facts import StudyFacts
from reports.render import Language, renderer_of


def draw(facts: StudyFacts, trials: Sequence[TrialRecord], language: Language, folder: Path) -> Written:
    """Write every chart as PNG, and at last the report that holds them all; files that are there are replaced."""
    assert facts.summary is not None, "only a finished study is drawn"
    drawn = pictures(facts, trials, language)
    folder.mkdir(parents=True, exist_ok=True)
    for name, png in drawn.items():
        _replace(folder / f"{name}.png", png)
    _replace(folder / REPORT, renderer_of(language).report(facts, trials, drawn).encode())
    telling = for_thread(facts.summary, drawn)
    return Written(
        files=(*(f"{name}.png" for name in drawn), REPORT), for_thread=tuple(f"{name}.png" for name in telling)
    )


def _replace(file: Path, content: bytes) -> None:
    """Whoever reads the file meanwhile has the old or the new one, whole."""
    fresh = file.with_name(f".{file.name}")
    fresh.write_bytes(content)
    fresh.replace(file)
