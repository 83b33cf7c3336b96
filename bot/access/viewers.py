"""Audiences that people, keys and channels belong to. The rule that uses them is `bot/documents/audiences.py`."""

import asyncio
from collections.abc import AsyncIterator

from bot.access.people import People
from bot.documents.audiences import REQUESTER, Viewer, audience_channels, channel_audience
from bot.documents.current_workspace import workspace
from bot.documents.sessions import KEY_OWNER, ApiKey
from bot.role import Role
from optimizer.errors import UserError
from optimizer.storage.documents import WORKSPACE

_DIRECT = "D"


class NotForThisChannel(UserError):
    """Raised where everyone in a channel would read what not all of them may see. Facts: study."""


class Viewers:
    """Finds the audiences of people, and the audience of what is requested somewhere."""

    def __init__(self, people: People, *, local_user: str = "") -> None:
        self._people = people
        self._local_user = local_user

    async def audience_in(self, channel_id: str) -> str:
        """Return the audience of what is requested in a channel; while Slack does not answer, its members."""
        if channel_id.startswith(_DIRECT):
            return REQUESTER
        is_open = not channel_id or (await self._people.channel(channel_id)).is_public
        return WORKSPACE if is_open else channel_audience(channel_id)

    async def viewer(self, user_id: str, role: Role) -> Viewer:
        """Return a person or key as a viewer."""
        if user_id and user_id == self._local_user:
            return Viewer(user_id=user_id, sees_everything=True)
        channels = {channel_audience(channel_id) async for channel_id in self._channels_of(user_id)}
        private = {REQUESTER} if role >= Role.APPROVER else set()
        return Viewer(user_id=user_id, audiences=frozenset({WORKSPACE} | private | channels), team=workspace())

    async def _channels_of(self, user_id: str) -> AsyncIterator[str]:
        """Yield the channels among the audiences that somebody is in; those of a key were granted to it."""
        if user_id.startswith(KEY_OWNER):
            key = await ApiKey.find_one({"key_name": user_id.removeprefix(KEY_OWNER), "revoked_at": None})
            for channel_id in key.channels if key else ():
                yield channel_id
            return
        names = await audience_channels()
        channels = await asyncio.gather(*(self._people.channel(name) for name in names))
        for name, channel in zip(names, channels, strict=True):
            if channel.is_public or user_id in channel.members:
                yield name
