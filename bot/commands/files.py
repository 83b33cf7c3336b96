"""Studies as files in a thread: their trials, everything of them, the winner as a program, and the heat-map."""

import asyncio
import json
from pathlib import Path

from bot.commands.button_commands import DrawHeatmap
from bot.commands.common import find_result, find_visible, is_open_here, upload
from bot.commands.results import facts_of
from bot.context import NO_ANSWER, Answer, BotContext, Listeners
from bot.delivery.program_files import program_of, write_result_table
from bot.delivery.trial_table import csv_text, trial_table
from bot.grammar.commands import Export, ExportFormat
from bot.origin import Origin
from optimizer.errors import UserError
from optimizer.storage.documents import OptimizationStudy
from reports.charts.chart_list import REPORT
from reports.charts.draw_request import DrawRequest
from reports.json_document import json_document

HEATMAP = "heatmap"


class NoHeatmap(UserError):
    """Raised for a study that searched fewer than two parameters. Facts: study."""


async def export(command: Export, origin: Origin, context: BotContext) -> Answer:
    """Send a study as a file; where others would see one that is not for them, to the user alone."""
    if command.format in (ExportFormat.CSV, ExportFormat.JSON):
        study = await find_visible(command.study, origin, context)
        file = await _write_file(study, command.format, context)
    else:
        study = await find_result(command.study, origin, context)
        file = await _make_file(study, command, origin, context)
    return await _send_file(study, file, origin, context)


async def _make_file(study: OptimizationStudy, command: Export, origin: Origin, context: BotContext) -> Path:
    """Make a file that only a finished study has."""
    if command.format is ExportFormat.HTML:
        return await _draw_file(study, REPORT, origin, context)
    folder = context.services.chart_process.folder_of(study.study_name)
    if command.format.is_table:
        return await write_result_table(study, command.format, command.file, folder, context.services)
    program = await program_of(study, command.format, context.services)
    return await asyncio.to_thread(_write_text, folder / program.file, program.text)


async def draw_heatmap(command: DrawHeatmap, origin: Origin, context: BotContext) -> Answer:
    """Send the heat-map, drawn now if it was not before."""
    study = await find_result(command.study, origin, context)
    if study.summary is None or study.summary.surface is None:
        raise NoHeatmap(study=study.study_name)
    file = await _draw_file(study, f"{HEATMAP}.png", origin, context)
    _, alt_text = origin.public_renderer.chart_words(HEATMAP)
    return await _send_file(study, file, origin, context, alt_text)


async def _send_file(
    study: OptimizationStudy, file: Path, origin: Origin, context: BotContext, alt_text: str = ""
) -> Answer:
    if not is_open_here(study, origin):
        origin = await context.unreachable.open_direct(origin)
    title = f"{study.symbol} {study.strategy_name.upper()} {study.study_name} {file.name}"
    in_thread = await upload(context, study.study_name, file=str(file), title=title, origin=origin, alt_text=alt_text)
    if not origin.channel_id:  # a terminal, whose outbox writes the file and names it
        return NO_ANSWER
    return Answer(
        origin.renderer.notice(
            "handed_over", study_name=study.study_name, file=file.name, in_thread=in_thread, is_direct=origin.is_direct
        )
    )


async def _draw_file(study: OptimizationStudy, name: str, origin: Origin, context: BotContext) -> Path:
    """Draw a file of the study's report again, since trials may have been added."""
    request = DrawRequest(facts=await facts_of(study, context), language=origin.public_language)
    drawn = await context.services.chart_process.draw(request)
    return drawn.folder / name


async def _write_file(study: OptimizationStudy, kind: ExportFormat, context: BotContext) -> Path:
    trials = await context.services.studies.get_trials(study.study_name)
    folder = context.services.chart_process.folder_of(study.study_name)
    if kind is ExportFormat.JSON:
        document = json_document(await facts_of(study, context), trials)
        text = json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1)
        return await asyncio.to_thread(_write_text, folder / f"{study.study_name}.json", text)
    text = csv_text(trial_table(trials))
    return await asyncio.to_thread(_write_text, folder / f"{study.study_name}.csv", text)


def _write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path


LISTENERS: Listeners = {
    Export: export,
    DrawHeatmap: draw_heatmap,
}
