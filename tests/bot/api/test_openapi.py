"""The OpenAPI document is complete: every operation has words, a key, its problems, and examples that are true."""

from collections.abc import Iterator
from typing import Any, cast

import jsonschema
import pytest
from pydantic import BaseModel

from bot.api import responses
from bot.api.app import build_api
from bot.api.problem_details import Problem
from bot.api.request_parsing import start_of
from bot.api.requests import OptimizationRequest
from bot.context import BotContext

# Nothing is asked of the office while the document is made.
DOCUMENT = build_api(cast(BotContext, None)).openapi()


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation with its id."""
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            yield operation["operationId"], operation


@pytest.mark.parametrize(("name", "operation"), list(operations()), ids=[name for name, _ in operations()])
def test_an_operation_is_told_completely(name: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    assert operation["security"] == [{"ApiKey": []}]
    assert {"401", "403", "503"} <= set(operation["responses"])
    problems = [answer for status, answer in operation["responses"].items() if int(status) >= 400]
    assert all(list(answer["content"]) == ["application/problem+json"] for answer in problems)
    assert all(parameter["description"] for parameter in operation.get("parameters", []))


def test_every_reference_leads_somewhere() -> None:
    text, schemas = str(DOCUMENT), DOCUMENT["components"]["schemas"]
    named = {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}

    assert named <= set(schemas)
    assert "HTTPValidationError" not in schemas


@pytest.mark.parametrize("kind", [Problem, responses.OptimizationResponse, responses.OptimizationProgress])
def test_examples_of_answers_are_answers(kind: type[BaseModel]) -> None:
    for example in DOCUMENT["components"]["schemas"][kind.__name__]["examples"]:
        assert kind.model_validate(example).model_dump(mode="json").keys() == kind.model_fields.keys()


def test_examples_of_requests_can_be_read_and_fit_the_schema() -> None:
    schema = DOCUMENT["components"]["schemas"]["OptimizationRequest"]
    for example in schema["examples"]:
        jsonschema.validate(example, {**schema, "components": DOCUMENT["components"]})
        assert start_of(OptimizationRequest.model_validate(example)).specs
