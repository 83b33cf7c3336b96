"""Authentication: every request carries a key, and a key has a role; other requests are refused outright."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from pymongo.errors import PyMongoError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.access import audit
from bot.access.roster import Denied
from bot.api.api_keys import KeyIdentity, find_key, owner_of
from bot.api.errors import BadKey, KeyTooSmall, NoKey, TooManyGuesses
from bot.api.guesses import FREE, Guesses, is_noted
from bot.api.problem_details import language_of, problem_response
from bot.context import BotContext
from bot.documents.audiences import seen_by
from bot.documents.audit_log import Outcome
from bot.documents.preferences import ChannelSettings, Detail
from bot.grammar.fields import BadFields
from bot.grammar.verbs import VERBS
from bot.origin import Origin
from bot.role import Role
from optimizer.errors import UserError
from optimizer.storage.embedded_mongo import MongoUnavailable
from optimizer.storage.outage import is_outage
from reports.render import Language, Renderer, renderer_of

log = logging.getLogger(__name__)

DOOR = "api"
_SCHEME = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    bearerFormat="obk_…",
    description="A key made with `optimize-bot keys add NAME role=viewer|runner|approver|admin`.",
)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Program that calls, with the language of its answers."""

    name: str
    role: Role
    language: Language

    @property
    def user_id(self) -> str:
        """Name of the caller where people are named."""
        return owner_of(self.name)

    @property
    def renderer(self) -> Renderer:
        """Renderer in the caller's language."""
        return renderer_of(self.language)

    async def visible(self, context: BotContext) -> Mapping[str, Any]:
        """Return the query for the studies that the caller may see."""
        return seen_by(await context.viewers.viewer(self.user_id, self.role))

    def require(self, verb: str) -> None:
        """Raise KeyTooSmall unless the caller's role may use this verb."""
        needs = VERBS[verb].role
        if self.role < needs:
            raise KeyTooSmall(what=verb, role=needs.name.lower(), key=self.name, own=self.role.name.lower())


class KeyCheck:
    """ASGI middleware that admits requests with a valid key, notes their caller, and refuses all others."""

    def __init__(self, app: ASGIApp, *, context: BotContext) -> None:
        self._app = app
        self._context = context
        self._guesses = Guesses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            return  # the API has no websockets
        headers = Headers(scope=scope)
        language = language_of(headers.get("accept-language", ""))
        try:
            key = await _read_key(headers)
        except UserError as error:
            refusal = await self._guessed(scope) if isinstance(error, BadKey) else error
            await problem_response(refusal, language)(scope, receive, send)
            return
        caller = Caller(name=key.key_name, role=key.role, language=language)
        scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)

    async def _guessed(self, scope: Scope) -> UserError:
        """Note a wrong key; many from one address are slowed down. Returns what is answered."""
        address = str((scope.get("client") or ("unknown",))[0])
        number = self._guesses.count(address)
        if is_noted(number):
            await self._note(address, number)
        is_answered = number <= FREE or await self._guesses.slow_down()
        return BadKey() if is_answered else TooManyGuesses()

    async def _note(self, address: str, number: int) -> None:
        """Add wrong keys to the audit and the log; without MongoDB they are in the log alone."""
        log.warning("wrong_api_keys address=%s n=%s", address, number)
        with suppress(PyMongoError):
            await audit.record(
                now=self._context.clock(), door=DOOR, user_id=owner_of("?"), channel_id="", outcome=Outcome.DENIED,
                text=f"wrong key n={number} from {address}", error=BadKey().as_document(), reason=str(BadKey()),
            )  # fmt: skip


async def _read_key(headers: Headers) -> KeyIdentity:
    """Return the identity of the key that a request sends. Raises NoKey, BadKey, MongoUnavailable."""
    scheme, _, text = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise NoKey
    try:
        key = await find_key(text.strip())
    except PyMongoError as error:
        if not is_outage(error):
            raise
        raise MongoUnavailable.silent() from error
    if key is None:
        raise BadKey
    return key


def _context(request: Request) -> BotContext:
    context: BotContext = request.app.state.context
    return context


def _caller(request: Request, _scheme: Annotated[object, Security(_SCHEME)]) -> Caller:
    caller: Caller = request.state.caller
    return caller


ContextDep = Annotated[BotContext, Depends(_context)]
CallerDep = Annotated[Caller, Depends(_caller)]


class RequireRole:
    """Dependency that requires the role of a verb. A refusal is recorded in the audit."""

    def __init__(self, verb: str) -> None:
        self._verb = verb

    async def __call__(self, request: Request, caller: CallerDep, context: ContextDep) -> Caller:
        """Return the caller. Raises KeyTooSmall."""
        try:
            caller.require(self._verb)
        except KeyTooSmall as error:
            text = f"{request.method} {request.url.path}"
            await record(caller, context, Outcome.DENIED, text=text, verb=self._verb, reason=str(error))
            raise
        return caller


async def record(
    caller: Caller, context: BotContext, outcome: Outcome, *, text: str, channel_id: str = "", **more: str
) -> None:
    """Add a caller's request to the audit; `more` are verb, study, reason and reference."""
    user = caller.user_id
    await audit.record(
        now=context.clock(), door=DOOR, user_id=user, channel_id=channel_id, text=text, outcome=outcome, **more
    )


@dataclass(kw_only=True)
class ApiCall:
    """Audit fields of a request, filled in while it runs."""

    text: str
    channel_id: str
    study: str


@asynccontextmanager
async def record_outcome(
    caller: Caller, context: BotContext, *, verb: str, text: str = "", channel_id: str = "", study: str = ""
) -> AsyncIterator[ApiCall]:
    """Run the block and add its outcome to the audit (a context manager)."""
    call = ApiCall(text=text, channel_id=channel_id, study=study)
    try:
        yield call
    except (UserError, BadFields) as error:
        outcome = Outcome.DENIED if isinstance(error, Denied) else Outcome.REFUSED
        await record(caller, context, outcome, verb=verb, reason=str(error), **vars(call))
        raise
    await record(caller, context, Outcome.DONE, verb=verb, **vars(call))


async def origin_of(caller: Caller, context: BotContext, channel_id: str = "", delivery: str = "") -> Origin:
    """Build a caller's origin: a Slack channel when it names one, else one without any channel."""
    channel = await ChannelSettings.find_one(ChannelSettings.channel_id == channel_id) if channel_id else None
    return Origin(
        channel_id=channel_id,
        user_id=caller.user_id,
        language=caller.language,
        public_language=(channel.language if channel else None) or context.services.settings.language,
        is_broadcast=bool(channel and channel.broadcast),
        is_brief=not (channel and channel.detail is Detail.FULL),
        role=caller.role,
        delivery=delivery,
    )
