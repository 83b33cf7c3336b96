"""Groups: studies of several symbols under one root message, with a table that fills as they finish.

Each study of a small group has its own conversation in the root's thread, which starts with one message; its progress
is shown in the table. Of a large one the table shows the best, and a file in the thread has a row for each.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery.group_table import group_facts, group_table
from bot.delivery.outbox import Outbox
from bot.delivery.quiet_hours import channel_settings, is_held
from bot.delivery.trial_table import csv_text
from bot.documents.conversations import Method, Precedence, StudyGroup
from bot.documents.current_workspace import in_workspace
from bot.origin import StudyOrigin
from bot.runtime.slack_errors import TROUBLE, answer_of
from optimizer.clock import Clock
from optimizer.domain.study_results import OPEN
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.driver import collection_of
from optimizer.storage.outage import patiently
from optimizer.storage.study_queries import studies_named, without_charts
from reports.render import renderer_of
from reports.text.message import Message

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
#: Wait between two edits of a table: its age divided by this, and at least this many seconds.
_AGE_SHARE, _LEAST_SECONDS = 8.0, 2.0
#: More than a request may have.
_MOST_IN_A_GROUP = 100_000
_IS_OPEN = {"status": {"$in": [str(state) for state in OPEN]}}


@dataclass
class _LastEdit:
    """Last edit of a table."""

    at: float = 0.0
    message: Message | None = None


class Groups:
    """Opens groups, keeps their tables up to date, and posts the final table."""

    def __init__(self, *, outbox: Outbox, client: AsyncWebClient, folder: Path, clock: Clock) -> None:
        """`folder` has the reports, and so the files of large groups."""
        self._outbox = outbox
        self._client = client
        self._folder = folder
        self._clock = clock
        self._last_edits: dict[str, _LastEdit] = {}

    @staticmethod
    def new_name() -> str:
        """Return a new name for a group."""
        return f"grp-{secrets.token_hex(4)}"

    async def open(self, name: str, studies: Sequence[OptimizationStudy]) -> None:
        """Post the table of these studies, which were requested together; a second call changes nothing."""
        origin = StudyOrigin.of(studies[0])
        group = StudyGroup(
            group_name=name,
            channel_id=origin.channel_id,
            team=studies[0].team,
            user_id=origin.user_id,
            language=origin.language,
            command=origin.command,
            studies=[study.study_name for study in studies],
            created_at=self._clock(),
        )
        if await StudyGroup.find_one(StudyGroup.group_name == name) is None:
            await group.insert()
        await self._outbox.post(
            f"{name}:root",
            name,
            group.channel_id,
            self._table(group, studies),
            team=group.team,
            thread_ts=origin.thread_ts,
            precedence=Precedence.ROOT,
        )

    async def recover(self) -> None:
        """Open the groups whose studies were stored just before a crash."""
        here = {"origin.channel_id": {"$gt": ""}, **_IS_OPEN}
        names = set(await collection_of(OptimizationStudy).distinct("origin.group", here)) - {"", None}
        known = await StudyGroup.find({"group_name": {"$in": list(names)}}).to_list()
        for name in names - {group.group_name for group in known}:
            await self.open(name, await without_charts({"origin.group": name}, limit=_MOST_IN_A_GROUP))

    async def tick(self) -> None:
        """Update every open group once, waiting out an outage of MongoDB."""
        await patiently(self._update_all, what="groups")

    async def tell_end(self, group_name: str) -> None:
        """Post the final table at once if every study of a group has ended; again, it changes nothing."""
        group = await StudyGroup.find_one({"group_name": group_name, "is_told": False})
        if group is not None and await _have_ended(group):
            await self._post_end(group)

    async def _update_all(self) -> None:
        for group in await StudyGroup.find({"is_told": False}).to_list():
            with in_workspace(group.team):
                await self._update(group)

    async def _update(self, group: StudyGroup) -> None:
        if await _have_ended(group):
            await self._post_end(group)
        elif self._is_due(group):
            await self._edit_table(group)

    async def _post_end(self, group: StudyGroup) -> None:
        if is_held(await channel_settings(group.channel_id), group.created_at, self._clock()):
            return
        studies, name = await studies_named(group.studies), group.group_name
        await self._outbox.post(
            f"{name}:final",
            name,
            group.channel_id,
            self._table(group, studies),
            under=f"{name}:root",
            method=Method.EDIT,
        )
        if group.is_large:
            await self._post_file(group, studies)
        await group.set({"is_told": True})
        self._last_edits.pop(name, None)

    async def _post_file(self, group: StudyGroup, studies: Sequence[OptimizationStudy]) -> None:
        name = group.group_name
        file = self._folder / name / f"{name}.csv"
        await asyncio.to_thread(_write, file, csv_text(group_table(studies)))
        title = renderer_of(group.language).notice("group_file", n=len(studies)).text
        await self._outbox.post(
            f"{name}:file",
            name,
            group.channel_id,
            Message(title, []),
            under=f"{name}:root",
            method=Method.UPLOAD,
            file=str(file),
            title=title,
        )

    def _is_due(self, group: StudyGroup) -> bool:
        shown = self._last_edits.setdefault(group.group_name, _LastEdit())
        age = (self._clock() - group.created_at).total_seconds()
        return asyncio.get_running_loop().time() - shown.at >= max(_LEAST_SECONDS, age / _AGE_SHARE)

    async def _edit_table(self, group: StudyGroup) -> None:
        shown, root_ts = self._last_edits[group.group_name], await self._outbox.ts_of(f"{group.group_name}:root")
        message = self._table(group, await studies_named(group.studies))
        if not root_ts or message == shown.message or not self._outbox.take_room(group.channel_id):
            return
        shown.at, shown.message = asyncio.get_running_loop().time(), message
        try:
            words: dict[str, Any] = {"text": message.text, "blocks": message.blocks}
            await answer_of(self._client.chat_update(channel=group.channel_id, ts=root_ts, **words))
        except TROUBLE as failure:
            # The last edit goes through the outbox and shows more.
            log.info("table_not_shown group=%s error=%s", group.group_name, type(failure).__name__)

    def _table(self, group: StudyGroup, studies: Sequence[OptimizationStudy]) -> Message:
        facts = group_facts(studies, by=group.user_id, is_large=group.is_large, now=self._clock())
        return renderer_of(group.language).render("group", group=facts)


async def _have_ended(group: StudyGroup) -> bool:
    among = {"study_name": {"$in": group.studies}}
    return await collection_of(OptimizationStudy).find_one(among | _IS_OPEN, {"_id": True}) is None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
