"""Whether the workspace shows the blocks of 2026, and each message as it shows it.

Messages are stored with the new blocks. The first one that is posted decides: a workspace that takes it gets the
others too, and one that answers `invalid_blocks` gets the picture of a chart and a plain table, the refused message
among them. A refusal is remembered for some days, since Slack brings new blocks to its workspaces one after another.
What is only shown to one person, in an answer whose refusal nobody would see, has no new block before that.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum, auto
from typing import Any

from bot.documents.conversations import Method, OutboxEntry
from bot.documents.current_workspace import workspace
from bot.documents.workspace_blocks import WorkspaceBlocks
from bot.runtime.slack_account import SlackAccount
from bot.runtime.slack_errors import SlackFault
from optimizer.clock import Clock
from optimizer.storage.driver import collection_of
from reports.text.message import Block
from reports.text.plain_blocks import has_new_blocks, plain_blocks

log = logging.getLogger(__name__)

#: Time after which a workspace that refused the blocks is asked again.
ASKED_AGAIN = timedelta(days=7)
#: Slack's codes for blocks that it does not know.
_REFUSALS = frozenset({"invalid_blocks", "invalid_blocks_format"})


class Standing(StrEnum):
    """What the workspace is known to show."""

    NEW = auto()  # the blocks of 2026
    OLD = auto()  # plain tables and pictures
    ASK = auto()  # not known: the next message that is posted tries


class BlockSupport:
    """What each workspace shows, of which the current one is meant; remembered in MongoDB."""

    def __init__(self, account: SlackAccount, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._known: dict[str, WorkspaceBlocks] = {}  # by workspace

    async def load(self) -> None:
        """Read what was remembered."""
        self._known = {found.team_id: found for found in await WorkspaceBlocks.find_all().to_list()}

    @property
    def standing(self) -> Standing:
        """What the workspace shows; `OLD` as long as Slack has not said which one it is."""
        if not self._team_id:
            return Standing.OLD
        known = self._known.get(self._team_id)
        if known is None or (not known.accepts and self._clock() - known.decided_at >= ASKED_AGAIN):
            return Standing.ASK
        return Standing.NEW if known.accepts else Standing.OLD

    def for_reply(self, blocks: Sequence[Block]) -> list[Block]:
        """Return the blocks for an answer whose refusal nobody would see."""
        return list(blocks) if self.standing is Standing.NEW else plain_blocks(blocks)

    def changes(self, entry: OutboxEntry) -> dict[str, Any]:
        """Return the fields of an entry that change for this workspace; none where it is sent as it is stored."""
        return older_fields(entry) if self.standing is Standing.OLD else {}

    async def learn(self, *, accepts: bool) -> None:
        """Remember what the workspace did with new blocks, unless that is known."""
        known = self._known.get(self._team_id)
        if not self._team_id or (known and known.accepts and accepts):
            return
        log.info("workspace_blocks accepts=%s", accepts)
        fields = {"accepts": accepts, "decided_at": self._clock()}
        query = {"team_id": self._team_id}
        await collection_of(WorkspaceBlocks).update_one(query, {"$set": fields}, upsert=True)
        self._known[self._team_id] = WorkspaceBlocks(team_id=self._team_id, **fields)

    async def ask_again(self) -> None:
        """Forget what the workspace does with new blocks: the next message that is posted decides anew."""
        await collection_of(WorkspaceBlocks).delete_one({"team_id": self._team_id})
        self._known.pop(self._team_id, None)

    @property
    def _team_id(self) -> str:
        return workspace() or self._account.who("team_id") or ""


def is_about_blocks(fault: SlackFault, entry: OutboxEntry) -> bool:
    """Return whether Slack may have refused an entry for its new blocks."""
    return fault.code in _REFUSALS and has_new_blocks(entry.blocks)


def older_fields(entry: OutboxEntry) -> dict[str, Any]:
    """Return the fields of an entry without new blocks: its file for a chart, a plain table for a sortable one."""
    if not has_new_blocks(entry.blocks):
        return {}
    if entry.file:
        return {"method": str(Method.UPLOAD), "blocks": []}
    return {"blocks": plain_blocks(entry.blocks)}
