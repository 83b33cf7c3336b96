"""From what Slack sends to an answer: who asks, may they, what comes of it; every visit is noted in the audit."""

import secrets
from dataclasses import dataclass, replace
from typing import Any

from bot.access import audit
from bot.access.roster import Denied, NotYours, require
from bot.commands import registry
from bot.commands.registry import Command, Share
from bot.context import Answer, Office
from bot.delivery.outbox import post
from bot.documents.audit_log import Outcome
from bot.documents.preferences import ChannelSettings
from bot.grammar.parsing import parse
from bot.origin import Place
from bot.slack import buttons
from optimizer.errors import SomethingBroke, UserError
from optimizer.storage.embedded_mongo import MongoUnavailable
from optimizer.storage.outage import OUTAGE
from reports import actions
from reports.render import Renderer, renderer_of
from reports.text.message import Message


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One thing someone asked for: words that are still to be read, or a command that a button stands for."""

    door: str  # command, button, mention, message
    channel_id: str
    user_id: str
    team_id: str = ""
    thread_ts: str = ""
    delivery: str = ""
    trigger_id: str = ""
    said: str = ""
    command: Command | None = None


class Reception:
    """Receives visitors at every door of Slack."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def receive(self, visit: Visit) -> Answer:
        """The answer to a visitor, a refusal in words when they cannot have what they want."""
        place = await self.place_of(visit)
        command: Command | None = None
        try:
            command = visit.command or await self._read(visit)
            answer = await self.obey(command, place)
        except UserError as error:
            outcome = Outcome.DENIED if isinstance(error, Denied) else Outcome.REFUSED
            await self.note(visit, outcome, command=command, reason=str(error), error=_kept(error))
            return Answer(refusal(error, place.renderer), is_refusal=True, error=error)
        await self.note(visit, Outcome.DONE, command=command)
        return answer

    async def obey(self, command: Command, place: Place) -> Answer:
        """Do what is asked if the asker's role is great enough."""
        require(place.role, needs=registry.role_needed(command), what=registry.word_for(command), user_id=place.user_id)
        if isinstance(command, Share):
            return await self._share(command, place)
        return await registry.answer(command, place, self._office)

    async def _share(self, command: Share, place: Place) -> Answer:
        """Give a private answer again, to everyone in the channel and in the channel's language."""
        shown = replace(place, language=place.public_language)
        answer = await self.obey(parse(command.command_text), shown)
        mark = shown.renderer.notice("shared", by=place.user_id)
        blocks = [*buttons.without(answer.message.blocks, actions.SHARE), *mark.blocks]
        key, now = f"share:{place.channel_id}:{place.delivery}", self._office.clock()
        entry = post(key, key, place.channel_id, text=answer.message.text, blocks=blocks, now=now)
        entry.thread_ts = place.thread_ts
        await self._office.outbox.put([entry])
        return Answer(place.renderer.notice("shared_done"))

    async def place_of(self, visit: Visit) -> Place:
        """Where the visitor stands: language, role, and what the channel wants."""
        office = self._office
        person = await office.people.person(visit.user_id)
        channel = await ChannelSettings.find_one(ChannelSettings.channel_id == visit.channel_id)
        own = person.language if visit.channel_id.startswith("D") else None
        public = (channel.language if channel else None) or own or office.desk.settings.language
        return Place(
            channel_id=visit.channel_id,
            user_id=visit.user_id,
            team_id=visit.team_id,
            thread_ts=visit.thread_ts,
            language=person.language or public,
            public_language=public,
            is_broadcast=bool(channel and channel.broadcast),
            role=await office.access.role_of(visit.user_id),
            trigger_id=visit.trigger_id,
            delivery=visit.delivery,
        )

    async def broke(self, visit: Visit, error: Exception) -> tuple[str, Message]:
        """Note a fault of ours; returns its reference for the log and the words for the visitor."""
        reference = secrets.token_hex(3)
        told: UserError = SomethingBroke(reference=reference)
        if isinstance(error, OUTAGE):  # the audit is there too: nothing can be noted
            told = MongoUnavailable.silent()
        else:
            await self.note(visit, Outcome.BROKE, reference=reference)
        return reference, renderer_of(self._office.desk.settings.language).refusal(told)

    async def note(self, visit: Visit, outcome: Outcome, *, command: Command | None = None, **more: Any) -> None:
        """Add the visit to the audit."""
        await audit.note(
            now=self._office.clock(),
            door=visit.door,
            user_id=visit.user_id,
            channel_id=visit.channel_id,
            team_id=visit.team_id,
            said=visit.said,
            outcome=outcome,
            verb=registry.word_for(command) if command else "",
            study=str(getattr(command, "study", None) or ""),
            **more,
        )

    async def _read(self, visit: Visit) -> Command:
        study = None
        if visit.thread_ts:
            study = await self._office.conversations.at(visit.channel_id, visit.thread_ts)
        return parse(visit.said, study=study)


def _kept(error: UserError) -> dict[str, Any]:
    """The error for the audit; a number that someone typed may be too great for the database."""
    return {"kind": type(error).__name__, "facts": {name: str(value) for name, value in error.facts.items()}}


def refusal(error: UserError, renderer: Renderer) -> Message:
    """Why not, in words."""
    if isinstance(error, NotYours):
        return renderer.notice("not_yours", study_name=error.facts["study"], owner=error.facts["owner"])
    return renderer.refusal(error)
