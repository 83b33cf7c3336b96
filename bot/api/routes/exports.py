"""The winner of a finished study over HTTP: as a program of another system, and what it did as a table."""

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from bot.api import content_types
from bot.api.auth import Caller, ContextDep, RequireRole
from bot.api.problem_details import error_responses
from bot.api.request_body import StrictRoute
from bot.api.routes.studies import StudyName
from bot.context import BotContext
from bot.delivery.program_files import program_of, write_result_table
from bot.grammar.commands import ExportFormat, TableFile
from reports.exports.limits import Target

router = APIRouter(prefix="/backtests/optimize", tags=["studies"], route_class=StrictRoute)

TargetName = Annotated[Target, Path(description="The system that the program is for.")]
Exporter = Annotated[Caller, Depends(RequireRole("export"))]

_PROBLEMS = error_responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
_TABLE = {
    **error_responses(
        HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.NOT_ACCEPTABLE, HTTPStatus.UNPROCESSABLE_ENTITY
    ),
    200: {
        "description": "The table in the format that `Accept` prefers; CSV by default.",
        "content": {
            content_types.CSV: {"schema": {"type": "string"}},
            content_types.PARQUET: {"schema": {"type": "string", "format": "binary"}},
        },
    },
}
_FILES = {content_types.CSV: TableFile.CSV, content_types.PARQUET: TableFile.PARQUET}


@router.get(
    "/{study_name}/programs/{target}",
    summary="The winner as a program",
    response_class=Response,
    responses={
        **_PROBLEMS,
        200: {
            "description": "Source text. What the system cannot express exactly is a problem that names it.",
            "content": {form: {"schema": {"type": "string"}} for form in (content_types.PYTHON, content_types.TEXT)},
        },
    },
)
async def program(study_name: StudyName, target: TargetName, caller: Exporter, context: ContextDep) -> Response:
    """Return a program that trades as the winner did: Python, backtesting.py, vectorbt, freqtrade or Pine Script."""
    study = await context.services.studies.get_study_results(study_name, among=await caller.visible(context))
    found = await program_of(study, ExportFormat(target), context.services)
    form = content_types.PYTHON if found.file.endswith(".py") else content_types.TEXT
    return _attachment(found.text.encode(), found.file, form)


@router.get("/{study_name}/trades", summary="The winner's trades", response_class=Response, responses=_TABLE)
async def trades(study_name: StudyName, request: Request, caller: Exporter, context: ContextDep) -> Response:
    """Return entry, exit, prices and return of each trade, computed again from the study's bars."""
    return await _table(study_name, ExportFormat.TRADES, request, caller, context)


@router.get("/{study_name}/positions", summary="The winner's positions", response_class=Response, responses=_TABLE)
async def positions(study_name: StudyName, request: Request, caller: Exporter, context: ContextDep) -> Response:
    """Return close, position and equity of each bar, computed again from the study's bars."""
    return await _table(study_name, ExportFormat.POSITIONS, request, caller, context)


async def _table(
    study_name: str, kind: ExportFormat, request: Request, caller: Caller, context: BotContext
) -> Response:
    form = content_types.choose_form(request.headers.get("accept", ""), tuple(_FILES))
    study = await context.services.studies.get_study_results(study_name, among=await caller.visible(context))
    folder = context.services.chart_process.folder_of(study.study_name)
    file = await write_result_table(study, kind, _FILES[form], folder, context.services)
    return _attachment(await asyncio.to_thread(file.read_bytes), file.name, form, {"Vary": "Accept"})


def _attachment(content: bytes, file: str, form: str, headers: dict[str, str] | None = None) -> Response:
    disposition = {"Content-Disposition": f'attachment; filename="{file}"'}
    return Response(content, headers={**(headers or {}), **disposition}, media_type=form)
