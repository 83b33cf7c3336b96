"""The OpenAPI document: what FastAPI derives from the routes, and what it cannot see."""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bot.api.problem_details import RETRY_SECONDS, Problem
from bot.api.responses import OptimizationProgress, OptimizationResponse, StudyTrials

Document = dict[str, Any]

#: Models that no route declares, and those whose examples would lose every null.
_WHOLE: tuple[type[BaseModel], ...] = (Problem, StudyTrials, OptimizationResponse, OptimizationProgress)
#: Operations that take the study name of a start's response.
_FOLLOWING = ("progress", "best", "trials", "events", "cancel", "pause", "resume")
_HEADERS: Mapping[str, Document] = {
    "401": {"WWW-Authenticate": {"description": "Scheme of the key.", "schema": {"type": "string"}}},
    "429": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}, "example": RETRY_SECONDS}},
    "503": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}, "example": RETRY_SECONDS}},
}


def operation_id(route: APIRoute) -> str:
    """Return the name of a route's function, which generated clients use."""
    return route.name


def describe(api: FastAPI) -> Document:
    """Return the whole document; built once and kept by the app."""
    if api.openapi_schema is None:
        api.openapi_schema = _build(api)
    return api.openapi_schema


def _build(api: FastAPI) -> Document:
    document = get_openapi(
        title=api.title,
        version=api.version,
        description=api.description,
        routes=api.routes,
        tags=api.openapi_tags,
        servers=api.servers or None,
    )
    _, schemas = models_json_schema(
        [(model, "serialization") for model in _WHOLE], ref_template="#/components/schemas/{model}"
    )
    document["components"]["schemas"] |= schemas["$defs"]
    for operation in _operations(document):
        for status, response in operation["responses"].items():
            response.setdefault("headers", {}).update(_HEADERS.get(status, {}))
    _link(document)
    return document


def _operations(document: Document) -> Iterator[Document]:
    for path in document["paths"].values():
        yield from path.values()


def _link(document: Document) -> None:
    """Link the response of a start to the operations on its study."""
    start = next(operation for operation in _operations(document) if operation["operationId"] == "optimize")
    answer = start["responses"]["202"]
    answer["links"] = {
        name: {"operationId": name, "parameters": {"study_name": "$response.body#/study_name"}} for name in _FOLLOWING
    }
    answer["headers"]["Idempotency-Replayed"] = {
        "description": "`true` if this answer was given before; only for requests with an `Idempotency-Key`.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    }
