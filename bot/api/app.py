"""The API as an app of its own, to be mounted: routes, middleware and error responses."""

import logging
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib import metadata
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from bot.api import responses
from bot.api.auth import Caller, KeyCheck, record
from bot.api.errors import TRIED, Fault, NoSuchPath, WrongMethod, error_of_fault
from bot.api.openapi import describe, operation_id
from bot.api.problem_details import fields_problem, problem_response
from bot.api.request_body import BodyLimit
from bot.api.requests import OptimizationRequest, SearchRange, SearchWindow, TradingAccount, TradingCosts
from bot.api.routes import catalogue, exports, forecast_routes, learned_signals, regime_routes, studies
from bot.context import BotContext
from bot.documents.audit_log import Outcome
from bot.grammar.fields import BadFields
from bot.runtime.http_protocol import answer_nobody
from optimizer.errors import SomethingBroke, UserError
from optimizer.storage.embedded_mongo import MongoUnavailable
from optimizer.storage.outage import is_outage
from reports.render import Language

log = logging.getLogger(__name__)

ROOT = responses.ROOT
_DESCRIPTION = """\
Start studies, follow them, and read their results: the same service, limits, roles and audit as in Slack.

Every request sends a key (`Authorization: Bearer KEY`). Errors are problem documents (RFC 9457) in English, or with
`Accept-Language: ko` in Korean. Fractions are fractions (0.12 is 12 %), times are UTC,
a measure that does not exist is null.
"""
_TAGS = [
    {"name": "studies", "description": "Start, follow, stop, and read results."},
    {"name": "catalogue", "description": "Strategies, goals and overlays that a request may name."},
    {"name": "forecasts", "description": "What the next bars may bring, and how earlier forecasts did."},
    {"name": "market data", "description": "The bars that studies run on."},
]
#: Known fields by their parent in the body, to offer the nearest to an unknown one.
_FIELDS: Mapping[str, Sequence[str]] = {
    "": tuple(OptimizationRequest.model_fields),
    "window": tuple(SearchWindow.model_fields),
    "costs": tuple(TradingCosts.model_fields),
    "account": tuple(TradingAccount.model_fields),
    "search_space": tuple(SearchRange.model_fields),
}


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, completed."""
        return describe(self)


def build_api(context: BotContext) -> FastAPI:
    """Build the API app."""
    api = _Api(
        title="Strategy optimizer",
        version=metadata.version("optimize-bot"),
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        middleware=[Middleware(KeyCheck, context=context), Middleware(BodyLimit)],
        exception_handlers=_HANDLERS,
    )
    api.state.context = context
    api.state.streams = Counter[str]()
    api.include_router(studies.router)
    api.include_router(exports.router)
    api.include_router(catalogue.router)
    api.include_router(forecast_routes.router)
    api.include_router(regime_routes.router)
    api.include_router(learned_signals.router)
    return api


async def _on_user_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, UserError)
    return problem_response(error, _language(request))


async def _on_bad_fields(request: Request, bad: Exception) -> Response:
    assert isinstance(bad, BadFields)
    return fields_problem(bad, _language(request))


async def _on_invalid(request: Request, invalid: Exception) -> Response:
    """Word the errors of pydantic, each field in this bot's sentences."""
    assert isinstance(invalid, RequestValidationError)
    errors: dict[str, UserError] = {}
    for fault in invalid.errors():
        errors.setdefault(_pointer(fault["loc"]), error_of_fault(fault, _known_fields(fault)))
    return fields_problem(BadFields(errors), _language(request))


async def _on_http(request: Request, refusal: Exception) -> Response:
    """Word the framework's own errors: an unknown path or method."""
    assert isinstance(refusal, HTTPException)
    is_there = refusal.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    error = WrongMethod(word=request.method) if is_there else NoSuchPath(word=request.url.path)
    return problem_response(error, _language(request), headers=refusal.headers)


async def _on_mongo(request: Request, error: Exception) -> Response:
    if not is_outage(error):
        return await _on_fault(request, error)
    log.warning("api_mongo_away error=%s", type(error).__name__)
    return problem_response(MongoUnavailable.silent(), _language(request))


async def _on_fault(request: Request, fault: Exception) -> Response:
    """Report an unexpected fault: the log has the traceback under the reference in the response."""
    reference = secrets.token_hex(3)
    log.error("api_broke reference=%s path=%s", reference, request.url.path, exc_info=fault)
    caller: Caller = request.state.caller
    text = f"{request.method} {request.url.path}"
    await record(caller, request.app.state.context, Outcome.BROKE, text=text, reference=reference)
    return problem_response(SomethingBroke(reference=reference), caller.language)


_HANDLERS: dict[int | type[Exception], Any] = {
    UserError: _on_user_error,
    BadFields: _on_bad_fields,
    RequestValidationError: _on_invalid,
    HTTPException: _on_http,
    PyMongoError: _on_mongo,
    ClientDisconnect: answer_nobody,
    Exception: _on_fault,
}


def _language(request: Request) -> Language:
    caller: Caller = request.state.caller
    return caller.language


def _pointer(location: Sequence[str | int]) -> str:
    """Return where pydantic found a fault: a pointer into the body, or `?name` for a parameter or header."""
    kind, *names = location
    if kind == "body":
        return "".join(f"/{str(name).replace('~', '~0').replace('/', '~1')}" for name in names if name not in TRIED)
    return f"?{names[0]}" if names else "?"


def _known_fields(fault: Fault) -> Sequence[str]:
    location = [str(name) for name in fault["loc"][1:-1]]
    return _FIELDS.get(location[0] if location else "", ())
