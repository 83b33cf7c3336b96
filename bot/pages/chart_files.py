"""Charts of a finished study: drawn by the chart process when a page first needs them."""

import asyncio
from pathlib import Path

from bot.commands.results import facts_of
from bot.context import BotContext
from bot.pages.errors import NoSuchPage
from optimizer.storage.documents import OptimizationStudy
from optimizer.supervisor import begin
from reports.charts.chart_list import REPORT, expected
from reports.charts.draw_request import DrawRequest
from reports.render import Language


class ChartFiles:
    """Finds charts, or has them drawn once for all requests that wait for them."""

    def __init__(self, context: BotContext) -> None:
        self._context = context
        self._drawing: dict[tuple[str, Language], asyncio.Task[None]] = {}

    async def find(self, study: OptimizationStudy, chart: str, language: Language) -> Path:
        """Return the file of one chart; raises NoSuchPage for a chart the study does not have, and Unavailable."""
        if study.summary is None or chart not in expected(study.summary):
            raise NoSuchPage
        folder = self._context.services.chart_process.drawn_folder_of(study.study_name, language)
        if not _is_drawn(folder, study):
            await self._draw(study, language)
        return folder / f"{chart}.png"

    async def _draw(self, study: OptimizationStudy, language: Language) -> None:
        key = (study.study_name, language)
        if key not in self._drawing:
            self._drawing[key] = begin(self._draw_all(study, language))
            self._drawing[key].add_done_callback(lambda _: self._drawing.pop(key))
        # A closed connection must not stop the drawing that others wait for.
        await asyncio.shield(self._drawing[key])

    async def _draw_all(self, study: OptimizationStudy, language: Language) -> None:
        request = DrawRequest(facts=await facts_of(study, self._context), language=language)
        await self._context.services.chart_process.draw(request)


def _is_drawn(folder: Path, study: OptimizationStudy) -> bool:
    """Check whether all charts of the study's latest end exist: the report is written last."""
    report = folder / REPORT
    assert study.completed_at is not None, "a study with a summary has ended"
    return report.exists() and report.stat().st_mtime >= study.completed_at.timestamp()
