"""Fallback to a direct message when the bot is not in the channel a study was requested in.

A slash command works in every channel, also where the bot is no member and may not post. Only Slack's refusal of
the root message shows it; then the whole conversation moves to a direct message. The outbox holds what is left to
do: a root that waits, or was refused in a channel, is checked again when the bot starts. Every step is idempotent.
"""

from collections.abc import Sequence
from dataclasses import replace

from slack_sdk.web.async_client import AsyncWebClient

from bot.access.people import People
from bot.delivery.outbox import Outbox
from bot.documents.conversations import Conversation, OutboxEntry, Sending, StudyGroup
from bot.origin import Origin
from bot.runtime.background import BackgroundTasks

#: Slack's error codes for a channel the bot cannot post to.
UNREACHABLE = {"not_in_channel", "channel_not_found", "is_archived", "restricted_action"}


class UnreachableChannels:
    """Moves conversations out of channels that Slack refuses."""

    def __init__(self, *, client: AsyncWebClient, outbox: Outbox, people: People, background: BackgroundTasks) -> None:
        self._client = client
        self._outbox = outbox
        self._people = people
        self._background = background

    async def open_direct(self, origin: Origin) -> Origin:
        """Return the origin moved to the user's direct conversation with the bot."""
        opened = await self._client.conversations_open(users=origin.user_id)
        channel_id = str(opened["channel"]["id"])
        return replace(origin, channel_id=channel_id, thread_ts="", public_language=origin.language, is_broadcast=False)

    def watch(self, root: str, names: Sequence[str], origin: Origin) -> None:
        """Move the conversation in the background if Slack refuses its root message; see `move_if_refused`."""
        self._background.run(self.move_if_refused(root, names, origin))

    async def recover(self) -> int:
        """Check the roots that an earlier run left unsent, or refused and not moved; returns how many."""
        waiting = {"sending": {"$in": [str(Sending.WAITING), str(Sending.SENDING)]}}
        refused = {"sending": str(Sending.REFUSED), "error": {"$in": sorted(UNREACHABLE)}}
        # Posts under another root move with it, and a direct conversation has no further fallback.
        roots = {"key": {"$regex": ":root$"}, "under": "", "channel_id": {"$not": {"$regex": "^D"}}}
        entries = await OutboxEntry.find({**roots, "$or": [waiting, refused]}).sort("order").to_list()
        for entry in entries:
            self._background.run(self._check(entry.key.removesuffix(":root")))
        return len(entries)

    async def move_if_refused(self, root: str, names: Sequence[str], origin: Origin) -> None:
        """Wait until the root message is sent; if Slack refuses the channel, move everything to a direct message.

        `root` is the name of the study or group the message belongs to, `names` are all studies that post under it.
        """
        entry = await self._outbox.wait_until_sent(f"{root}:root")
        if entry.sending is not Sending.REFUSED or entry.error not in UNREACHABLE:
            return
        there = await self.open_direct(origin)
        await self._outbox.post(
            f"{root}:moved", root, there.channel_id, origin.renderer.notice("moved", channel=origin.channel_id)
        )
        fields = {"$set": {"channel_id": there.channel_id, "language": there.public_language}}
        every = {"$in": [root, *names]}
        await Conversation.get_motor_collection().update_many({"study_name": every}, fields)
        await StudyGroup.get_motor_collection().update_many({"group_name": root}, fields)
        again = {"channel_id": there.channel_id, "thread_ts": "", "sending": str(Sending.WAITING), "error": ""}
        unsent = {"conversation": every, "sending": {"$ne": str(Sending.SENT)}}
        await OutboxEntry.get_motor_collection().update_many(unsent, {"$set": again})

    async def _check(self, root: str) -> None:
        group = await StudyGroup.find_one(StudyGroup.group_name == root)
        conversation = group or await Conversation.find_one(Conversation.study_name == root)
        if conversation is None:
            return
        person = await self._people.person(conversation.user_id)
        origin = Origin(
            channel_id=conversation.channel_id,
            user_id=conversation.user_id,
            language=person.language or conversation.language,
            public_language=conversation.language,
        )
        await self.move_if_refused(root, group.studies if group else (), origin)
