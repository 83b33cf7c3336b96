"""Groups: studies of several symbols under one root message, with a table that fills as they finish.

Each study has its own conversation in the root's thread, which starts with one message; its progress
is shown in the table.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery.facts import study_facts
from bot.delivery.outbox import Outbox
from bot.documents.conversations import Method, StudyGroup
from bot.origin import Origin
from optimizer.clock import Clock
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.outage import patiently
from optimizer.storage.study_queries import without_charts
from reports.render import renderer_of
from reports.text.message import Message

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
#: Wait between two edits of a table: its age divided by this, and at least this many seconds.
_AGE_SHARE, _LEAST_SECONDS = 8.0, 2.0


@dataclass
class _LastEdit:
    """Last edit of a table."""

    at: float = 0.0
    message: Message | None = None


class Groups:
    """Opens groups, keeps their tables up to date, and posts the final table."""

    def __init__(self, *, outbox: Outbox, client: AsyncWebClient, clock: Clock) -> None:
        self._outbox = outbox
        self._client = client
        self._clock = clock
        self._last_edits: dict[str, _LastEdit] = {}

    @staticmethod
    def new_name() -> str:
        """Return a new name for a group."""
        return f"grp-{secrets.token_hex(4)}"

    async def open(self, name: str, studies: Sequence[OptimizationStudy], origin: Origin, command: str) -> None:
        """Post the table of these studies, whose threads follow under it."""
        group = StudyGroup(
            group_name=name,
            channel_id=origin.channel_id,
            user_id=origin.user_id,
            language=origin.public_language,
            command=command,
            studies=[study.study_name for study in studies],
            created_at=self._clock(),
        )
        await group.insert()
        message = self._table(group, studies)
        await self._outbox.post(
            f"{name}:root",
            name,
            group.channel_id,
            message,
            thread_ts=origin.thread_ts,
        )

    async def follow(self) -> None:
        """Keep every open table up to date until cancelled."""
        while True:
            await patiently(self.tick, what="groups")
            await asyncio.sleep(TICK_SECONDS)

    async def tick(self) -> None:
        """Update every open group once."""
        for group in await StudyGroup.find({"is_told": False}).to_list():
            members = {"study_name": {"$in": group.studies}}
            found = await without_charts(members, limit=len(group.studies))
            by_name = {study.study_name: study for study in found}
            studies = [by_name[name] for name in group.studies if name in by_name]
            if all(study.status.is_finished for study in studies):
                await self._post_final_table(group, studies)
            else:
                await self._edit_table(group, studies)

    async def _post_final_table(self, group: StudyGroup, studies: Sequence[OptimizationStudy]) -> None:
        message, name = self._table(group, studies), group.group_name
        await self._outbox.post(
            f"{name}:final",
            name,
            group.channel_id,
            message,
            under=f"{name}:root",
            method=Method.EDIT,
        )
        await group.set({"is_told": True})
        self._last_edits.pop(name, None)

    async def _edit_table(self, group: StudyGroup, studies: Sequence[OptimizationStudy]) -> None:
        shown, now = self._last_edits.setdefault(group.group_name, _LastEdit()), asyncio.get_running_loop().time()
        age = (self._clock() - group.created_at).total_seconds()
        if now - shown.at < max(_LEAST_SECONDS, age / _AGE_SHARE):
            return
        message, root_ts = self._table(group, studies), await self._outbox.ts_of(f"{group.group_name}:root")
        if not root_ts or message == shown.message:
            return
        shown.at, shown.message = now, message
        try:
            await self._client.chat_update(
                channel=group.channel_id, ts=root_ts, text=message.text, blocks=message.blocks
            )
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
            # The last edit goes through the outbox and shows more.
            log.info("table_not_shown group=%s error=%s", group.group_name, type(failure).__name__)

    def _table(self, group: StudyGroup, studies: Sequence[OptimizationStudy]) -> Message:
        facts = [study_facts(study, now=self._clock()) for study in studies]
        return renderer_of(group.language).render("group", studies=facts, by=group.user_id)
