"""Errors as problem documents: the sentence that Slack would show, with the field it is about.

Source of the form: RFC 9457, Problem Details for HTTP APIs; `errors` is its example's extension.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from bot.access.roster import Denied
from bot.api import errors
from bot.commands.start import TooManyWaiting
from bot.grammar.fields import BadFields
from optimizer.domain.results.regime_results import DidNotTrade, TooFewForRegimes
from optimizer.errors import NoBars, NoTimeframe, SomethingBroke, Unavailable, UnknownSymbol, UserError
from optimizer.outlook.signal_facts import TooFewForSignals
from optimizer.studies.finding import SeveralStudies, UnknownStudy
from optimizer.studies.service import AlreadyFinished, NotFinished, NothingLeft
from reports.exports.refusals import NoRules, NotExpressible
from reports.render import LANGUAGES, Language, renderer_of
from reports.text.terminal import unmarked

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:optimize-bot:problem:"
#: Seconds after which a refused request may be sent again.
RETRY_SECONDS = 10

#: Statuses that every route may answer with: keys are checked first, and wrong ones slowed down.
_EVERYWHERE = frozenset(
    (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
)
#: HTTP status of each error class; other classes have that of their nearest base class.
STATUSES: Mapping[type[UserError], HTTPStatus] = {
    errors.NoKey: HTTPStatus.UNAUTHORIZED,
    errors.BadKey: HTTPStatus.UNAUTHORIZED,
    errors.TooManyGuesses: HTTPStatus.TOO_MANY_REQUESTS,
    Denied: HTTPStatus.FORBIDDEN,
    UnknownStudy: HTTPStatus.NOT_FOUND,
    SeveralStudies: HTTPStatus.CONFLICT,
    UnknownSymbol: HTTPStatus.NOT_FOUND,
    NoBars: HTTPStatus.NOT_FOUND,
    NoTimeframe: HTTPStatus.NOT_FOUND,
    errors.NoSuchPath: HTTPStatus.NOT_FOUND,
    errors.WrongMethod: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.NotOffered: HTTPStatus.NOT_ACCEPTABLE,
    NotFinished: HTTPStatus.CONFLICT,
    AlreadyFinished: HTTPStatus.CONFLICT,
    NothingLeft: HTTPStatus.CONFLICT,
    NoRules: HTTPStatus.CONFLICT,
    NotExpressible: HTTPStatus.CONFLICT,
    TooFewForSignals: HTTPStatus.CONFLICT,
    TooFewForRegimes: HTTPStatus.CONFLICT,
    DidNotTrade: HTTPStatus.CONFLICT,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.NotJsonType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.NotJson: HTTPStatus.BAD_REQUEST,
    errors.NotANumberOfJson: HTTPStatus.BAD_REQUEST,
    errors.HalfACharacter: HTTPStatus.BAD_REQUEST,
    errors.NamedTwice: HTTPStatus.BAD_REQUEST,
    errors.TooDeep: HTTPStatus.BAD_REQUEST,
    TooManyWaiting: HTTPStatus.TOO_MANY_REQUESTS,
    errors.TooManyStreams: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    SomethingBroke: HTTPStatus.INTERNAL_SERVER_ERROR,
    UserError: HTTPStatus.UNPROCESSABLE_ENTITY,
}


class FieldProblem(BaseModel):
    """Problem of one field."""

    pointer: str = Field(
        description="Where: a JSON pointer into the body (`#/window/start`), or `?name` for a parameter of the address."
    )
    kind: str = Field(description="Name of the error, the same in every language.")
    detail: str = Field(description="What is wrong and how to fix it, in the requested language.")
    nearest: str | None = Field(default=None, description="The nearest right value, where one is known.")


class Problem(BaseModel):
    """Problem of a request that was not done (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:optimize-bot:problem:UnknownStrategy",
                    "title": "Unprocessable Entity",
                    "status": 422,
                    "detail": "There is no strategy called `rsy`. Did you mean `rsi`?",
                    "errors": [
                        {
                            "pointer": "#/strategy",
                            "kind": "UnknownStrategy",
                            "detail": "There is no strategy called `rsy`. Did you mean `rsi`?",
                            "nearest": "rsi",
                        }
                    ],
                }
            ]
        }
    )

    type: str = Field(description="Names the kind of problem, the same in every language.")
    title: str
    status: int
    detail: str = Field(description="What is wrong and how to fix it, in the requested language.")
    errors: list[FieldProblem] = Field(default_factory=list, description="What is wrong with each field.")


def status_of(error: UserError) -> HTTPStatus:
    """Return the HTTP status of an error."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem_response(error: UserError, language: Language, *, headers: Mapping[str, str] | None = None) -> Response:
    """Build the response to a request that cannot be done."""
    return _response(_problem(error, language), {**_headers(status_of(error)), **(headers or {})})


def fields_problem(bad: BadFields, language: Language) -> Response:
    """Build the response to a request with wrong fields; a single wrong field is the problem itself."""
    each = list(bad.errors.values())
    whole = each[0] if len(each) == 1 else errors.SeveralFields(n=len(each))
    problem = _problem(whole, language)
    problem.status, problem.title = HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.UNPROCESSABLE_ENTITY.phrase
    problem.errors = [_field_problem(pointer, error, language) for pointer, error in bad.errors.items()]
    return _response(problem, {})


def language_of(accepted: str) -> Language:
    """Choose the best language for an Accept-Language header; English when none fits (RFC 9110, 12.5.4)."""
    wanted = [word.partition("-")[0] for word, weight in weights(accepted) if weight > 0]
    return next((known for word in wanted for known in LANGUAGES if word == known), "en")


def weights(header: str) -> list[tuple[str, float]]:
    """Return the values of an Accept header with their weights, the highest first (RFC 9110, 12.4.2)."""
    return sorted(_weights(header), key=lambda pair: -pair[1])


def sentence(error: UserError, language: Language) -> str:
    """Return an error as plain text."""
    return unmarked(renderer_of(language).error(error))


def _problem(error: UserError, language: Language) -> Problem:
    status = status_of(error)
    return Problem(
        type=_TYPE + type(error).__name__, title=status.phrase, status=status, detail=sentence(error, language)
    )


def _field_problem(pointer: str, error: UserError, language: Language) -> FieldProblem:
    near = str(error.facts.get("nearest") or "") or None
    where = pointer if pointer.startswith("?") else f"#{pointer}"
    return FieldProblem(pointer=where, kind=type(error).__name__, detail=sentence(error, language), nearest=near)


def _headers(status: HTTPStatus) -> dict[str, str]:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": 'Bearer realm="optimize-bot"'}
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE:
            return {"Retry-After": str(RETRY_SECONDS)}
        case _:
            return {}


def _response(problem: Problem, headers: Mapping[str, str]) -> Response:
    return Response(problem.model_dump_json(), problem.status, dict(headers), MEDIA_TYPE)


def _weights(header: str) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for part in header.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        found.append((name, _weight(weight)))
    return found


def _weight(text: str) -> float:
    digits = text.replace(".", "", 1)
    return float(text) if digits.isascii() and digits.isdecimal() else 0.0


def error_responses(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Describe these statuses, and those of every route, for OpenAPI."""
    every = sorted(_EVERYWHERE.union(statuses))
    schema = {"$ref": "#/components/schemas/Problem"}
    return {int(s): {"description": s.phrase, "content": {MEDIA_TYPE: {"schema": schema}}} for s in every}
