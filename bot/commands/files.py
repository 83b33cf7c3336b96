"""Studies as files in a thread: trials as CSV, everything as JSON or HTML, the heat-map of the best two parameters."""

import asyncio
import json
from pathlib import Path

from bot.commands.button_commands import DrawHeatmap
from bot.commands.common import upload
from bot.commands.results import facts_of
from bot.context import Answer, Office
from bot.delivery.trial_table import csv_text, trial_table
from bot.grammar.commands import Export, ExportFormat
from bot.origin import Place
from optimizer.errors import UserError
from optimizer.storage.documents import OptimizationStudy
from reports.charts.chart_list import REPORT
from reports.charts.draw_request import Order
from reports.json_document import json_document

HEATMAP = "heatmap"


class NoHeatmap(UserError):
    """A chart of two parameters needs two that were searched."""

    sentence = "`{study}` searched fewer than two parameters; there is no heat-map of one."


async def export(command: Export, place: Place, office: Office) -> Answer:
    """A study as a file."""
    study = await office.desk.service.find(command.study)
    if command.format is ExportFormat.HTML:
        study = await office.desk.service.get_study_results(study.study_name)
        file = await _drawn(study, REPORT, place, office)
    else:
        file = await _written(study, command.format, office)
    return await _handed_over(study, file, place, office)


async def draw_heatmap(command: DrawHeatmap, place: Place, office: Office) -> Answer:
    """The heat-map, drawn now if it was not before."""
    study = await office.desk.service.get_study_results(command.study)
    if study.summary is None or study.summary.surface is None:
        raise NoHeatmap(study=study.study_name)
    file = await _drawn(study, f"{HEATMAP}.png", place, office)
    _, alt_text = place.public_renderer.chart_words(HEATMAP)
    return await _handed_over(study, file, place, office, alt_text)


async def _handed_over(
    study: OptimizationStudy, file: Path, place: Place, office: Office, alt_text: str = ""
) -> Answer:
    title = f"{study.symbol} {study.strategy_name.upper()} {study.study_name} {file.name}"
    in_thread = await upload(office, study.study_name, file=str(file), title=title, place=place, alt_text=alt_text)
    return Answer(
        place.renderer.notice("handed_over", study_name=study.study_name, file=file.name, in_thread=in_thread)
    )


async def _drawn(study: OptimizationStudy, name: str, place: Place, office: Office) -> Path:
    """A file of the study's report; drawn anew, since more trials may have come since."""
    order = Order(facts=await facts_of(study, office), language=place.public_language)
    drawn = await office.desk.reporter.draw(order)
    return drawn.folder / name


async def _written(study: OptimizationStudy, kind: ExportFormat, office: Office) -> Path:
    trials = await office.desk.service.get_trials(study.study_name)
    folder = office.desk.reporter.folder_of(study.study_name)
    if kind is ExportFormat.JSON:
        document = json_document(await facts_of(study, office), trials)
        text = json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1)
        return await asyncio.to_thread(_write_text, folder / f"{study.study_name}.json", text)
    text = csv_text(trial_table(trials))
    return await asyncio.to_thread(_write_text, folder / f"{study.study_name}.csv", text)


def _write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path
