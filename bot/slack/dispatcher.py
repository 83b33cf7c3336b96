"""Dispatcher: from a request of Slack to its answer. Checks the role, runs the command, records it in the audit."""

import logging
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

from bot.access import audit
from bot.access.roster import Denied, NotYours, require
from bot.commands import registry
from bot.commands.registry import Command, RunTyped, Share, ShowDecision
from bot.context import Answer, BotContext
from bot.documents.audit_log import Outcome
from bot.documents.preferences import ChannelSettings, Detail
from bot.documents.saved_rules import saved_rules
from bot.grammar.errors import TwoReadings
from bot.grammar.parsing import parse
from bot.grammar.understanding.understand import Reading, understand
from bot.ops.json_log import request_of
from bot.origin import Attachment, Origin
from bot.slack import buttons
from bot.slack.loose_requests import UNKNOWN_NAMES, read_again, with_reading
from optimizer.errors import Phrase, ProviderDown, SomethingBroke, UserError
from optimizer.storage.embedded_mongo import MongoUnavailable
from optimizer.storage.outage import is_outage
from reports import actions
from reports.render import Language, Renderer, renderer_of
from reports.text.message import Message

log = logging.getLogger(__name__)

#: Languages of users in channels that are remembered, for what is said while neither MongoDB nor Slack answers.
_REMEMBERED = 1000
#: Entry point of messages that mention the bot, whose answers are posted in their threads.
MENTION = "mention"


@dataclass(frozen=True, kw_only=True)
class CommandRequest:
    """One request of a user: text to be parsed, or the command of a button."""

    door: str  # entry point: command, button, mention, message
    channel_id: str
    user_id: str
    team_id: str = ""
    thread_ts: str = ""
    delivery: str = ""
    trigger_id: str = ""
    text: str = ""
    attachment: Attachment | None = None
    command: Command | None = None

    @property
    def is_addressed(self) -> bool:
        """True for a message whose text mentions the bot."""
        return self.door in (MENTION, "message")


class Dispatcher:
    """Answers the requests of every entry point of Slack and of the pages."""

    def __init__(self, context: BotContext) -> None:
        self._context = context
        self._languages: OrderedDict[tuple[str, str], Language] = OrderedDict()  # by user and channel

    async def dispatch(self, request: CommandRequest) -> Answer:
        """Answer a request, with a worded refusal when it cannot be done."""
        began = time.monotonic()
        with request_of(request.user_id):
            answer = await self._dispatch(request)
            log.info("answered door=%s refused=%s", request.door, answer.is_refusal)
        metrics = self._context.services.metrics
        metrics.answered(time.monotonic() - began)
        if isinstance(answer.error, ProviderDown):
            metrics.provider_failed(str(answer.error.facts["provider"]))
        return answer

    async def _dispatch(self, request: CommandRequest) -> Answer:
        if not self._context.may_serve():
            away = MongoUnavailable.silent()
            return Answer(self.known_renderer(request).refusal(away), is_refusal=True, error=away)
        origin = await self.origin_of(request)
        reading: Reading | None = None
        try:
            reading = await self._read(request)
            reading, answer = await self._run(reading, request, origin)
        except UserError as error:
            command = reading.command if reading else None
            outcome = Outcome.DENIED if isinstance(error, Denied) else Outcome.REFUSED
            await self.record(request, outcome, command=command, reason=str(error), error=_storable(error))
            return Answer(refusal(error, origin.renderer), is_refusal=True, error=error)
        await self.record(request, Outcome.DONE, command=reading.command)
        return with_reading(answer, reading, origin.renderer)

    async def _run(self, reading: Reading, request: CommandRequest, origin: Origin) -> tuple[Reading, Answer]:
        """Run what was read; where a word of it is no symbol and no study, what else the text may mean."""
        try:
            return reading, await self.authorize_and_run(reading.command, origin)
        except UNKNOWN_NAMES as error:
            again = await self._read_again(request, reading, error)
            if again is None:
                raise
        return again, await self.authorize_and_run(again.command, origin)

    async def authorize_and_run(self, command: Command, origin: Origin) -> Answer:
        """Run a command if the user's role is high enough."""
        require(
            origin.role, needs=registry.required_role(command), what=registry.verb_name(command), user_id=origin.user_id
        )
        if isinstance(command, Share):
            return await self._share(command, origin)
        return await registry.answer(command, origin, self._context)

    async def _share(self, command: Share, origin: Origin) -> Answer:
        """Repeat a private answer to everyone in the channel, in the channel's language; of a study its decision."""
        shown = replace(origin, language=origin.public_language, is_overheard=not origin.is_direct)
        shared = ShowDecision(command.study) if command.study else parse(command.shared, rules=await saved_rules())
        answer = await self.authorize_and_run(shared, shown)
        url = await self._context.conversations.link_to(command.study) if command.study else ""
        mark = shown.renderer.notice("shared", by=origin.user_id, url=url)
        blocks = [*buttons.remove_button(answer.message.blocks, actions.SHARE), *mark.blocks]
        key = f"share:{origin.channel_id}:{origin.delivery}"
        await self._context.outbox.post(
            key, key, origin.channel_id, answer.message, blocks=blocks, thread_ts=origin.thread_ts
        )
        return Answer(origin.renderer.notice("shared_done"))

    async def origin_of(self, request: CommandRequest) -> Origin:
        """Build the origin of a request: language, role, and the channel's settings."""
        context = self._context
        person = await context.people.person(request.user_id)
        channel = await ChannelSettings.find_one(ChannelSettings.channel_id == request.channel_id)
        own = person.language if request.channel_id.startswith("D") else None
        public = (channel.language if channel else None) or own or context.services.settings.language
        self._languages[request.user_id, request.channel_id] = person.language or public
        while len(self._languages) > _REMEMBERED:
            self._languages.popitem(last=False)
        return Origin(
            channel_id=request.channel_id,
            user_id=request.user_id,
            team_id=request.team_id,
            thread_ts=request.thread_ts,
            language=person.language or public,
            public_language=public,
            is_broadcast=bool(channel and channel.broadcast),
            is_brief=not (channel and channel.detail is Detail.FULL),
            role=await context.access.role_of(request.user_id, request.team_id),
            trigger_id=request.trigger_id,
            delivery=request.delivery,
            is_overheard=request.door == MENTION and not request.channel_id.startswith("D"),
            attachment=request.attachment,
        )

    def known_renderer(self, request: CommandRequest) -> Renderer:
        """Return the renderer of the user's last request here; asks nobody."""
        language = self._languages.get((request.user_id, request.channel_id))
        return renderer_of(language or self._context.services.settings.language)

    async def report_fault(self, request: CommandRequest, error: Exception) -> tuple[str, Message]:
        """Record an unexpected fault; returns its reference for the log and the message for the user."""
        reference = secrets.token_hex(3)
        shown: UserError = SomethingBroke(reference=reference)
        if is_outage(error):  # the audit is in MongoDB too: nothing can be recorded
            shown = MongoUnavailable.silent()
        else:
            await self.record(request, Outcome.BROKE, reference=reference)
        return reference, self.known_renderer(request).refusal(shown)

    async def record(
        self, request: CommandRequest, outcome: Outcome, *, command: Command | None = None, **more: Any
    ) -> None:
        """Add the request to the audit."""
        await audit.record(
            now=self._context.clock(),
            door=request.door,
            user_id=request.user_id,
            channel_id=request.channel_id,
            team_id=request.team_id,
            text=request.text,
            outcome=outcome,
            verb=registry.verb_name(command) if command else "",
            study=str(getattr(command, "study", None) or ""),
            **more,
        )

    async def _read(self, request: CommandRequest) -> Reading:
        """Return the command of a button, or of a text as far as it is understood. Raises UserError."""
        if isinstance(request.command, RunTyped):
            return Reading(parse(request.command.text, rules=await saved_rules()))
        if request.command:
            return Reading(request.command)
        return understand(
            request.text,
            study=await self._study_of_thread(request),
            rules=await saved_rules(),
            is_addressed=request.is_addressed,
        )

    async def _read_again(self, request: CommandRequest, before: Reading, error: UserError) -> Reading | None:
        if request.command:
            return None
        return read_again(
            request.text,
            before,
            error,
            study=await self._study_of_thread(request),
            rules=await saved_rules(),
            is_addressed=request.is_addressed,
        )

    async def _study_of_thread(self, request: CommandRequest) -> str | None:
        if not request.thread_ts:
            return None
        return await self._context.conversations.find_by_thread(request.channel_id, request.thread_ts)


def _storable(error: UserError) -> dict[str, Any]:
    """Return the error for the audit, as text, since a typed number may be too large for the database."""
    facts = {name: value if isinstance(value, Phrase) else str(value) for name, value in error.facts.items()}
    return type(error)(**facts).as_document()


def refusal(error: UserError, renderer: Renderer) -> Message:
    """Word an error as a refusal."""
    if isinstance(error, NotYours):
        return renderer.notice("not_yours", study_name=error.facts["study"], owner=error.facts["owner"])
    if isinstance(error, TwoReadings):
        return renderer.render("two_readings", x=error.facts)
    return renderer.refusal(error)
