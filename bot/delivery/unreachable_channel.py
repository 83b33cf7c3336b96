"""Fallback to a direct message where Slack refuses a study's conversation.

A slash command works in every channel, also where the bot is no member and may not post; a channel may be archived
while a study runs; and a root message may be refused itself. Then the whole conversation moves to a direct message,
with its root, so that nothing of it hangs loose. The outbox has what is left to do: its refused entries are looked
through again and again, also those of an earlier run. Every step is idempotent.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.access.people import People
from bot.delivery.outbox import Outbox
from bot.documents.conversations import Conversation, OutboxEntry, Sending, StudyGroup
from bot.documents.current_workspace import in_workspace
from bot.origin import Origin
from bot.runtime.slack_errors import BY_CODE, TROUBLE, Reach, answer_of, fault_of, field_of
from optimizer.clock import Clock
from optimizer.storage.driver import collection_of
from optimizer.storage.outage import patiently
from optimizer.supervisor import Backoff

log = logging.getLogger(__name__)

#: Seconds between two looks.
TICK_SECONDS = 1.0
#: Older entries that were refused are not moved any more.
_LOOK_BACK = timedelta(days=7)
#: Longest pause between two attempts to move one conversation, in seconds.
_LONGEST_PAUSE = 300.0
#: Refusals of one message that is not its conversation's root; the others are about the channel.
_NOT_ANYWHERE = "not_installed"  # the workspace removed the app
_OF_ONE_MESSAGE = ["no_root", "no_file", *(code for code, reach in BY_CODE.items() if reach is Reach.MESSAGE)]
#: Codes of a channel that the bot has not been invited to.
_NOT_INVITED = {"not_in_channel", "channel_not_found"}


class UnreachableChannels:
    """Moves conversations out of channels that Slack refuses."""

    def __init__(self, *, client: AsyncWebClient, outbox: Outbox, people: People, clock: Clock) -> None:
        self._client = client
        self._outbox = outbox
        self._people = people
        self._clock = clock
        self._backoffs: dict[str, Backoff] = {}

    async def open_direct(self, origin: Origin) -> Origin:
        """Return the origin moved to the user's direct conversation with the bot."""
        opened = await answer_of(self._client.conversations_open(users=origin.user_id))
        channel_id = str(field_of(field_of(opened, "channel"), "id"))
        return replace(origin, channel_id=channel_id, thread_ts="", public_language=origin.language, is_broadcast=False)

    async def look(self) -> None:
        """Move every conversation of which Slack refused the root or the channel."""
        now = asyncio.get_running_loop().time()
        for entry in await patiently(self._refused, what="refused"):
            backoff = self._backoffs.setdefault(entry.conversation, Backoff(longest=_LONGEST_PAUSE))
            if now < backoff.until:
                continue
            try:
                with in_workspace(entry.team):
                    await patiently(partial(self._move, entry), what="refused")
            except TROUBLE as trouble:
                log.warning("not_moved key=%s error=%s", entry.key, fault_of(trouble).code)
            # Also of one that nobody owns: it stays refused, and need not be looked at every second.
            backoff.extend(now)

    async def _refused(self) -> list[OutboxEntry]:
        """Return the entries for which their conversation has to move; a direct one has no further fallback."""
        moves = [{"key": {"$regex": ":root$"}}, {"error": {"$nin": _OF_ONE_MESSAGE}}]
        recent: dict[str, Any] = {"created_at": {"$gte": self._clock() - _LOOK_BACK}}
        recent["error"] = {"$ne": _NOT_ANYWHERE}
        query = {"sending": str(Sending.REFUSED), "channel_id": {"$not": {"$regex": "^D"}}, "$or": moves, **recent}
        return await OutboxEntry.find(query).sort("order").to_list()

    async def _move(self, entry: OutboxEntry) -> None:
        """Move the conversation or group of a refused entry to a direct message."""
        conversation = await Conversation.find_one(Conversation.study_name == entry.conversation)
        group_name = conversation.group if conversation and conversation.group else entry.conversation
        group = await StudyGroup.find_one(StudyGroup.group_name == group_name)
        owner = group or conversation
        if owner is None:  # a post of a schedule, or an answer
            return
        root, names = (group.group_name, group.studies) if group else (entry.conversation, [])
        there = await self._origin_of(owner)
        if not there.is_direct:
            there = await self.open_direct(there)
            await self._announce(root, entry, there)
        await self._move_documents(root, [root, *names], there)

    async def _origin_of(self, owner: Conversation | StudyGroup) -> Origin:
        person = await self._people.person(owner.user_id)
        return Origin(
            channel_id=owner.channel_id,
            user_id=owner.user_id,
            language=person.language or owner.language,
            public_language=owner.language,
        )

    async def _announce(self, root: str, entry: OutboxEntry, there: Origin) -> None:
        notice = "moved" if entry.error in _NOT_INVITED else "moved_refused"
        words = there.renderer.notice(notice, channel=entry.channel_id, code=entry.error)
        await self._outbox.post(f"{root}:moved", root, there.channel_id, words)

    async def _move_documents(self, root: str, names: Sequence[str], there: Origin) -> None:
        """Move what is unsent, and the roots again, since a reply in another channel needs one there."""
        every = {"$in": list(names)}
        fields = {"$set": {"channel_id": there.channel_id, "language": there.public_language}}
        await collection_of(Conversation).update_many({"study_name": every}, fields)
        await collection_of(StudyGroup).update_many({"group_name": root}, fields)
        again = {
            "channel_id": there.channel_id,
            "thread_ts": "",
            "sending": str(Sending.WAITING),
            "error": "",
            "ts": "",
        }
        unsent = {"conversation": every, "sending": {"$ne": str(Sending.SENT)}}
        roots = {"key": {"$in": [f"{name}:root" for name in names]}}
        here = {"channel_id": {"$ne": there.channel_id}}
        await collection_of(OutboxEntry).update_many({**here, "$or": [unsent, roots]}, {"$set": again})
