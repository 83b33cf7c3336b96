"""Studies over HTTP: start, list, inspect, follow, stop."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Annotated, TypeVar

import aiohttp
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.sse import EventSourceResponse
from slack_sdk.errors import SlackApiError

from bot.api import content_types, responses
from bot.api.auth import Caller, ContextDep, RequireRole, origin_of, record_outcome
from bot.api.errors import ChannelNotGranted, NotInChannel, SlackOff, TooManyStreams
from bot.api.idempotency import make_claim, run_once
from bot.api.pagination import CURSOR_SHAPE, cursor_of, read_cursor
from bot.api.problem_details import error_responses
from bot.api.request_body import StrictRoute
from bot.api.request_parsing import start_of
from bot.api.requests import STRATEGY_WORDS, SYMBOL_SHAPE, OptimizationRequest
from bot.commands import registry
from bot.commands.start import plan_all, store_and_submit
from bot.context import BotContext
from bot.delivery.progress import follow, read_progress
from bot.documents.audiences import channel_audience
from bot.documents.saved_rules import saved_rules
from bot.grammar.commands import Cancel, Command, Pause, Resume, Start
from bot.grammar.errors import NobodyToShareWith
from bot.grammar.fields import BadFields
from bot.grammar.formatting import start_text
from bot.grammar.values import read_symbol
from bot.origin import Origin
from bot.runtime.slack_client import SLACK_IS_OFF
from bot.runtime.slack_errors import fault_of
from bot.schedules.universes import select
from optimizer.domain.study_results import StudyState, Verdict
from optimizer.domain.universe import distinct
from optimizer.errors import (
    BadData,
    BadValue,
    BarsEnd,
    EmptySpace,
    GridTooLarge,
    MissingKey,
    NoBars,
    NoTimeframe,
    TooFewBars,
    UnknownSource,
    UnknownTimeframe,
    UnknownWord,
    UserError,
)
from optimizer.storage.documents import WORKSPACE
from optimizer.storage.study_queries import page_of_studies
from optimizer.strategies.regimes.errors import TooLittleStress
from optimizer.strategies.registry import find_strategy

log = logging.getLogger(__name__)

router = APIRouter(prefix="/backtests/optimize", tags=["studies"], route_class=StrictRoute)

MAX_PAGE = 100
#: Seconds to wait for Slack's check of the channel, and its errors where the bot is not a member.
_SLACK_SECONDS, _OUTSIDE = 3.0, ("not_in_channel", "channel_not_found")
#: Most open event streams per key.
MAX_STREAMS = 32

StudyName = Annotated[
    str,
    Path(
        description="A study's name, with or without `opt-`, or a unique beginning of it.",
        examples=["opt-7f3a"],
        max_length=40,
    ),
]
Viewer = Annotated[Caller, Depends(RequireRole("status"))]
Runner = Annotated[Caller, Depends(RequireRole("start"))]
Stopper = Annotated[Caller, Depends(RequireRole("cancel"))]
Read = TypeVar("Read")


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    summary="Start a study",
    responses=error_responses(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
    ),
)
async def optimize(
    wanted: OptimizationRequest,
    caller: Runner,
    context: ContextDep,
    response: Response,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Sent again with the same body within a day, it returns the first answer and starts nothing.",
            min_length=1,
            max_length=200,
        ),
    ] = None,
) -> responses.OptimizationResponse:
    """Check everything, store a study for each symbol and hand it to the workers. Answers before they have finished."""
    async with record_outcome(caller, context, verb="start", channel_id=wanted.slack_channel or "") as call:
        call.text = wanted.model_dump_json(exclude_defaults=True)
        start = start_of(wanted, await saved_rules())
        call.text = start_text(start)
        if wanted.slack_channel is not None:
            await _require_channel(wanted.slack_channel, caller, context)

        async def start_for(delivery: str) -> responses.OptimizationResponse:
            return await _start_all(start, wanted, await origin_of(caller, context, call.channel_id, delivery), context)

        if idempotency_key is None:
            answer = await start_for("")
        else:
            claim = make_claim(caller.name, idempotency_key, wanted, context.clock())
            async with context.claiming:
                answer, is_repeated = await run_once(claim, responses.OptimizationResponse, start_for)
            response.headers["Idempotency-Replayed"] = "true" if is_repeated else "false"
        call.study = answer.study_name
    return answer


async def _require_channel(channel_id: str, caller: Caller, context: BotContext) -> None:
    """Raise where the bot or the key may not write.

    If Slack does not answer, a channel that is not known to be public is refused; otherwise the outbox waits.
    """
    try:
        async with asyncio.timeout(_SLACK_SECONDS):
            await context.client.conversations_history(channel=channel_id, limit=1)
    except (SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
        if (reason := fault_of(failure).code) == SLACK_IS_OFF:
            raise BadFields({"/slack_channel": SlackOff(channel=channel_id)}) from failure
        if reason in _OUTSIDE:
            raise BadFields({"/slack_channel": NotInChannel(channel=channel_id)}) from failure
        log.warning("channel_not_checked channel=%s error=%s", channel_id, reason)
    key = await context.viewers.viewer(caller.user_id, caller.role)
    is_granted = channel_audience(channel_id) in key.audiences
    if not is_granted and await context.viewers.audience_in(channel_id) != WORKSPACE:
        raise BadFields({"/slack_channel": ChannelNotGranted(channel=channel_id, key=caller.name)})


async def _start_all(
    start: Start, wanted: OptimizationRequest, origin: Origin, context: BotContext
) -> responses.OptimizationResponse:
    """Start as a command would; errors of the bars are reported at the field that chose them."""
    try:
        plans = await plan_all(await select(start, context.services), origin, context)
    except (BadData, BadValue, UnknownWord, MissingKey) as error:
        raise BadFields({_field_of(error, wanted): error}) from error
    async with context.starting:
        started = await store_and_submit(plans, start, origin, context)
    studies = [
        responses.started_study(study, plan.seconds, origin.renderer)
        for study, plan in zip(started.studies, started.plans, strict=True)
    ]
    universes = distinct(plan.universe for plan in started.plans)
    return responses.OptimizationResponse(**dict(studies[0]), studies=studies, universes=universes)


#: Field that an error of the plan is about, where it is not the symbol.
_FIELDS: Mapping[type[UserError], str] = {
    NoTimeframe: "/timeframe",
    UnknownTimeframe: "/timeframe",
    UnknownSource: "/source",
    MissingKey: "/source",
    BarsEnd: "/window",
    TooFewBars: "/window",
    NoBars: "/window",
    EmptySpace: "/search_space",
    GridTooLarge: "/search_space",
    NobodyToShareWith: "/mode",
    TooLittleStress: "/by_regime",
}


def _field_of(error: UserError, wanted: OptimizationRequest) -> str:
    """Return the pointer to the field that an error of the plan is about."""
    if type(error) in _FIELDS:
        return _FIELDS[type(error)]
    symbol = str(error.facts.get("symbol") or error.facts.get("word") or "").upper()
    symbols = [each.upper() for each in wanted.symbols or ()]
    return f"/symbols/{symbols.index(symbol)}" if symbol in symbols else "/symbols" if symbols else "/symbol"


@router.get("/studies", summary="List studies", responses=error_responses(HTTPStatus.UNPROCESSABLE_ENTITY))
async def studies(
    caller: Annotated[Caller, Depends(RequireRole("list"))],
    context: ContextDep,
    *,
    symbol: Annotated[
        str | None, Query(description="Only of this symbol.", examples=["AAPL"], json_schema_extra=SYMBOL_SHAPE)
    ] = None,
    strategy: Annotated[
        str | None, Query(description="Only of this strategy.", examples=["rsi"], json_schema_extra=STRATEGY_WORDS)
    ] = None,
    status: Annotated[list[StudyState] | None, Query(description="Only in one of these states.")] = None,
    verdict: Annotated[list[Verdict] | None, Query(description="Only with one of these verdicts.")] = None,
    limit: Annotated[int, Query(description="Studies on a page.", ge=1, le=MAX_PAGE)] = 20,
    cursor: Annotated[
        str | None, Query(description="`next_cursor` of the page before.", json_schema_extra=CURSOR_SHAPE)
    ] = None,
) -> responses.StudyPage:
    """Return the newest first. Studies that are started meanwhile move nothing on later pages."""
    wanted = {
        "symbol": [_query("symbol", read_symbol, symbol)] if symbol is not None else [],
        "strategy_name": [_query("strategy", find_strategy, strategy).key] if strategy is not None else [],
        "status": [str(state) for state in status or ()],
        "summary.verdict": [str(each) for each in verdict or ()],
    }
    older_than = _query("cursor", read_cursor, cursor) if cursor is not None else None
    among = await caller.visible(context)
    lines = await page_of_studies(wanted, older_than=older_than, limit=limit + 1, among=among)
    more = cursor_of(lines[limit - 1].id) if len(lines) > limit else None
    return responses.StudyPage(items=[responses.item_of(line) for line in lines[:limit]], next_cursor=more)


def _query(name: str, read: Callable[[str], Read], text: str) -> Read:
    """Read a parameter of the address; its error is reported at that parameter."""
    try:
        return read(text)
    except UserError as error:
        raise BadFields({f"?{name}": error}) from error


_ONE = error_responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
_RESULT = error_responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)


@router.get("/{study_name}", summary="Progress of a study", responses=_ONE)
async def progress(study_name: StudyName, caller: Viewer, context: ContextDep) -> responses.OptimizationProgress:
    """Return its state, the best set so far, the time left, and the ten newest trials."""
    among = await caller.visible(context)
    return responses.progress_of(await read_progress(context.services, study_name, among), caller.language)


@router.get("/{study_name}/best", summary="The winner of a finished study", responses=_RESULT)
async def best(
    study_name: StudyName, caller: Annotated[Caller, Depends(RequireRole("show"))], context: ContextDep
) -> responses.OptimizationResult:
    """Return the winner's parameters, with the verdict and the evidence for it."""
    study = await context.services.studies.get_study_results(study_name, among=await caller.visible(context))
    assert study.summary is not None
    return responses.result_of(study, study.summary)


@router.get(
    "/{study_name}/trials",
    summary="Every trial of a study",
    response_class=Response,
    responses={
        **error_responses(HTTPStatus.NOT_FOUND, HTTPStatus.NOT_ACCEPTABLE, HTTPStatus.UNPROCESSABLE_ENTITY),
        200: {
            "description": "The trials by number, in the format that `Accept` prefers; JSON by default.",
            "content": {
                content_types.JSON: {"schema": {"$ref": "#/components/schemas/StudyTrials"}},
                content_types.CSV: {"schema": {"type": "string"}},
                content_types.PARQUET: {"schema": {"type": "string", "format": "binary"}},
            },
        },
    },
)
async def trials(
    study_name: StudyName,
    request: Request,
    caller: Annotated[Caller, Depends(RequireRole("export"))],
    context: ContextDep,
) -> Response:
    """Return parameters and measures of each trial."""
    form = content_types.choose_form(request.headers.get("accept", ""))
    study = await context.services.studies.find(study_name, among=await caller.visible(context))
    return await content_types.write_response(
        form, study.study_name, await context.services.studies.get_trials(study.study_name)
    )


async def _resolve_study(study_name: StudyName, caller: Viewer, context: ContextDep) -> str:
    """Return the full name of a study before a stream begins."""
    return (await context.services.studies.find(study_name, among=await caller.visible(context))).study_name


async def _reserve_stream(request: Request, caller: Viewer) -> AsyncIterator[None]:
    """Count a stream against the number that the caller may have open."""
    streams: Counter[str] = request.app.state.streams
    if streams[caller.name] >= MAX_STREAMS:
        raise TooManyStreams(key=caller.name, limit=MAX_STREAMS)
    streams[caller.name] += 1
    try:
        yield
    finally:
        streams[caller.name] -= 1


@router.get(
    "/{study_name}/events",
    summary="Follow a study",
    response_class=EventSourceResponse,
    responses=error_responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.TOO_MANY_REQUESTS),
)
async def events(
    name: Annotated[str, Depends(_resolve_study)],
    caller: Viewer,
    context: ContextDep,
    _slot: Annotated[None, Depends(_reserve_stream)],
) -> AsyncIterator[responses.OptimizationProgress]:
    """Send server-sent events, one for each batch of trials; the stream ends after the event with the study's end."""
    async for seen in follow(context.services, name):
        yield responses.progress_of(seen, caller.language)


async def _run_command(
    command: Command, study_name: str, caller: Caller, context: BotContext
) -> responses.OptimizationProgress:
    """Run a command about a study as if it had been typed; it is posted in the study's thread, if it has one."""
    verb = registry.verb_name(command)
    async with record_outcome(caller, context, verb=verb, text=f"{verb} {study_name}", study=study_name):
        await registry.answer(command, await origin_of(caller, context), context)
    among = await caller.visible(context)
    return responses.progress_of(await read_progress(context.services, study_name, among), caller.language)


@router.post("/{study_name}/cancel", summary="Stop a study", responses=_RESULT)
async def cancel(study_name: StudyName, caller: Stopper, context: ContextDep) -> responses.OptimizationProgress:
    """Stop a study; its trials are kept. Only one's own studies, unless the key's role is approver."""
    return await _run_command(Cancel(study_name), study_name, caller, context)


@router.post("/{study_name}/pause", summary="Pause a study", responses=_RESULT)
async def pause(study_name: StudyName, caller: Stopper, context: ContextDep) -> responses.OptimizationProgress:
    """Pause a study after its current batch; `resume` carries it on."""
    return await _run_command(Pause(study_name), study_name, caller, context)


@router.post("/{study_name}/resume", summary="Resume a study", responses=_RESULT)
async def resume(study_name: StudyName, caller: Stopper, context: ContextDep) -> responses.OptimizationProgress:
    """Continue a paused, cancelled or failed study after its last trial."""
    return await _run_command(Resume(study_name), study_name, caller, context)
