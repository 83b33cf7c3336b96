"""Outbox: the only writer to Slack. Messages are stored, sent by precedence and in order, and marked with their ts.

A crash between sending and marking leaves an entry in the state SENDING; before such an entry is sent
again its channel or thread is searched for the entry's key, which every post carries as metadata (and
every file in its name). Channels wait for their own rate limit and outage, never for another's.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

from pymongo.errors import BulkWriteError
from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery.block_support import BlockSupport, is_about_blocks, older_fields
from bot.delivery.quiet_hours import channel_settings, is_quiet
from bot.delivery.sender import NoRoot, NotInstalled, Sender
from bot.documents.conversations import Conversation, Method, OutboxEntry, Precedence, Sending, Telling, lane_of
from bot.documents.current_workspace import in_workspace, of_workspace, workspace
from bot.runtime.pacing import BURST, NOTHING_AHEAD, AheadInChannel, ChannelPace, ChannelQueue
from bot.runtime.slack_account import SlackAccount
from bot.runtime.slack_errors import TROUBLE, Reach, SlackFault, fault_of
from optimizer.clock import Clock, utc_now
from optimizer.storage.driver import aggregate, collection_of
from optimizer.storage.outage import patiently
from optimizer.supervisor import Backoff, Supervisor, begin_alone
from reports.text.message import Message
from reports.text.plain_blocks import has_new_blocks

log = logging.getLogger(__name__)

#: Slack accepts about one message per second and channel.
CHANNEL_SECONDS = 1.0
#: Seconds between two searches for entries of other processes, and for senders that ended too early.
POLL_SECONDS = 2.0
#: Seconds between two looks whether this bot may send.
_PERMISSION_SECONDS = 0.25
#: Longest pause between two attempts to send an entry, in seconds.
_LONGEST_PAUSE = 8.0
#: Most characters of a message that is sent without its blocks.
_PLAIN_LENGTH = 3000
#: Why an entry is given up, by what sending it raised.
_GIVEN_UP: Mapping[type[Exception], str] = {
    NoRoot: "no_root",
    FileNotFoundError: "no_file",
    NotInstalled: "not_installed",
}
_UNSENT = {"sending": {"$in": [str(Sending.WAITING), str(Sending.SENDING)]}}


def _queries(channel_id: str) -> dict[str, dict[str, Any]]:
    """Return the query of each count of ChannelQueue."""
    here = {"channel_id": channel_id}
    return {
        "n_answers": {**here, **_UNSENT, "precedence": {"$lte": Precedence.ANSWER}},
        "n_others": {**here, **_UNSENT, "precedence": {"$gt": Precedence.ANSWER}},
        "n_held": {**here, "sending": str(Sending.HELD)},
    }


class Outbox:
    """Stores messages and sends each exactly once."""

    def __init__(
        self,
        client: AsyncWebClient,
        *,
        clock: Clock = utc_now,
        channel_seconds: float = CHANNEL_SECONDS,
        burst: int = BURST,
        account: SlackAccount | None = None,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        """`may_send` is asked before each call: a bot that has lost its lease sends nothing more."""
        self._sender = Sender(client)
        self._account = account or SlackAccount(client)
        self.block_support = BlockSupport(self._account, clock)
        self._may_send = may_send
        self._clock = clock
        self._paces = defaultdict[str, ChannelPace](lambda: ChannelPace(channel_seconds, burst=burst))
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._backoffs: dict[str, Backoff] = {}  # of channels whose sender broke
        self._woken: set[str] = set()
        self._awaited: dict[str, asyncio.Event] = {}  # by key: set when the entry is sent or refused
        self._last_order = 0
        self._is_open = False

    async def put(self, entries: Sequence[OutboxEntry]) -> None:
        """Store entries, in this order after all earlier ones of their precedence; keys that exist stay as they are.

        An entry without a channel is of a request from outside Slack, such as a schedule made in a terminal.
        """
        entries = [entry for entry in entries if entry.channel_id]
        if not entries:
            return
        for entry in entries:
            entry.order = self._next_order()
            if entry.is_unasked and is_quiet(await channel_settings(entry.channel_id), self._clock()):
                entry.sending = Sending.HELD
        documents = [entry.model_dump(exclude={"id", "revision_id"}) for entry in entries]
        try:
            await collection_of(OutboxEntry).insert_many(documents, ordered=False)
        except BulkWriteError as failure:
            if any(error["code"] != 11000 for error in (failure.details or {})["writeErrors"]):
                raise
        self._wake({entry.lane for entry in entries})

    async def post(
        self,
        key: str,
        conversation: str,
        channel_id: str,
        message: Message,
        *,
        blocks: Sequence[dict[str, Any]] | None = None,
        **more: Any,
    ) -> None:
        """Store one message to be posted; `blocks` replace the message's own, `more` are fields of the entry."""
        entry = post_entry(
            key,
            conversation,
            channel_id,
            text=message.text,
            blocks=message.blocks if blocks is None else blocks,
            now=self._clock(),
            **more,
        )
        await self.put([entry])

    async def ts_of(self, key: str) -> str:
        """Return the ts of a sent entry, or an empty string."""
        entry = await OutboxEntry.find_one(OutboxEntry.key == key)
        return entry.ts if entry else ""

    async def release(self, channel_id: str, *, before: datetime, under: str) -> None:
        """Let what was held in a channel up to `before` go, in the thread of the entry `under` if that was posted."""
        collection = collection_of(OutboxEntry)
        held = {"channel_id": channel_id, "sending": str(Sending.HELD), "created_at": {"$lte": before}}
        await collection.update_many({**held, "under": "", "thread_ts": ""}, {"$set": {"under": under}})
        free = {"sending": str(Sending.WAITING), "precedence": Precedence.REST}
        if (await collection.update_many(held, {"$set": free})).modified_count:
            self._wake({lane_of(workspace(), channel_id)})

    def _pace_in(self, channel_id: str) -> ChannelPace:
        return self._paces[lane_of(workspace(), channel_id)]

    async def ahead_of_result(self, channel_id: str, study_name: str) -> AheadInChannel:
        """Return what goes to a channel before a new study's result: what waits, and one result of each open study."""
        waiting = await OutboxEntry.find(_queries(channel_id)["n_answers"]).count()
        is_open = {"channel_id": channel_id, "telling": str(Telling.FOLLOWING), "study_name": {"$ne": study_name}}
        n_open = await collection_of(Conversation).count_documents(is_open, hint="telling_1")
        pace, n = self._pace_in(channel_id), waiting + n_open
        return AheadInChannel(n_messages=n, seconds=pace.seconds_for(n + 1)) if n else NOTHING_AHEAD

    async def queue_of(self, channel_id: str) -> ChannelQueue:
        """Return what waits for a channel."""
        counts = {f: await OutboxEntry.find(query).count() for f, query in _queries(channel_id).items()}
        return ChannelQueue(**counts, seconds=self._pace_in(channel_id).seconds_for(counts["n_answers"]))

    def take_room(self, channel_id: str) -> bool:
        """Count an edit that may be lost and return True, if it keeps nothing waiting that is stored."""
        pace = self._pace_in(channel_id)
        is_free = pace.wait_for(Precedence.REST) <= 0
        if is_free:
            pace.take()
        return is_free

    async def wait_until_sent(self, key: str) -> OutboxEntry:
        """Wait until an entry is sent or refused, and return it."""
        while True:
            settled = self._awaited.setdefault(key, asyncio.Event())
            entry = await OutboxEntry.find_one(OutboxEntry.key == key)
            if entry is not None and entry.sending in (Sending.SENT, Sending.REFUSED):
                self._wake_waiters(key)
                return entry
            await settled.wait()

    def _wake_waiters(self, key: str) -> None:
        """Wake the waiters of this entry; each re-reads it."""
        if (settled := self._awaited.pop(key, None)) is not None:
            settled.set()

    @asynccontextmanager
    async def open(self, supervisor: Supervisor | None = None) -> AsyncIterator["Outbox"]:
        """Send what an earlier run left, and stop sending at the end of the block."""
        await self.block_support.load()
        last = await OutboxEntry.find(_UNSENT).sort("-order").first_or_none()
        self._last_order = max(self._last_order, last.order if last else 0)
        self._is_open = True
        try:
            async with (supervisor or Supervisor()).repeat("outbox", self._look, every=POLL_SECONDS):
                yield self
        finally:
            self._is_open = False
            senders = list(self._senders.values())
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)

    def _next_order(self) -> int:
        """Return an order after all earlier ones, also when the clock goes back."""
        self._last_order = max(self._last_order + 1, int(self._clock().timestamp() * 1e6))
        return self._last_order

    async def _look(self) -> None:
        """Wake the senders of all channels with unsent entries, whichever process stored them."""
        self._wake(set(await patiently(self._waiting_channels, what="outbox")))

    async def _waiting_channels(self) -> list[str]:
        """Return the lanes with unsent entries."""
        unsent: list[dict[str, Any]] = [
            {"$match": _UNSENT},
            {"$group": {"_id": {"team": "$team", "channel_id": "$channel_id"}}},
        ]
        places = [found["_id"] async for found in aggregate(OutboxEntry, unsent)]
        return [lane_of(place.get("team") or "", place["channel_id"]) for place in places]

    def _wake(self, channels: set[str]) -> None:
        for channel in channels if self._is_open else ():
            self._woken.add(channel)
            self._paces[channel].wake()
            task, now = self._senders.get(channel), asyncio.get_running_loop().time()
            if (task is None or task.done()) and now >= self._backoffs.setdefault(channel, Backoff()).until:
                self._senders[channel] = begin_alone(self._send_all(channel), name="sender")

    async def _send_all(self, lane: str) -> None:
        team, _, channel_id = lane.rpartition("/")
        self._backoffs[lane].extend(asyncio.get_running_loop().time())  # counts unless it comes to its end
        with in_workspace(team):
            # Woken while the query found nothing: the entry may be newer than the query.
            while lane in self._woken:
                self._woken.discard(lane)
                while (entry := await patiently(lambda: self._next(channel_id), what="outbox")) is not None:
                    await self._send_in_turn(entry)
        del self._backoffs[lane]

    async def _send_in_turn(self, entry: OutboxEntry) -> None:
        """Send the next entry of a lane, or wait as long as its pace asks; another may be the next then."""
        pace = self._paces[entry.lane]
        if (seconds := pace.wait_for(entry.precedence)) > 0:
            await pace.pause(seconds)
            return
        pace.take()
        await patiently(partial(self._send_until_done, entry), what="outbox")
        self._backoffs[entry.lane].times = 0
        self._wake_waiters(entry.key)

    async def _next(self, channel_id: str) -> OutboxEntry | None:
        here = {"channel_id": channel_id, **of_workspace(), **_UNSENT}
        return await OutboxEntry.find(here).sort("precedence", "order").first_or_none()

    async def _send_until_done(self, entry: OutboxEntry) -> None:
        began: float | None = None  # of the waiting for an error that Slack does not document
        is_rewritten = False  # because Slack refused its new blocks
        while True:
            try:
                ts = await self._send(entry)
            except (NoRoot, FileNotFoundError, NotInstalled) as cause:
                await self._refuse(entry, _GIVEN_UP[type(cause)])
                return
            except TROUBLE as trouble:
                fault, now = fault_of(trouble), asyncio.get_running_loop().time()
                began = (began or now) if fault.reach is Reach.UNKNOWN else None
                if is_about_blocks(fault, entry):
                    is_rewritten = True
                    await entry.set(older_fields(entry))
                elif fault.reach in (Reach.MESSAGE, Reach.CHANNEL) or (began and now - began >= fault.patience):
                    if not await self._shorten(entry, fault):
                        await self._refuse(entry, fault.code)
                        return
                    is_rewritten = False
                else:
                    await self._wait(entry, fault)
            else:
                # Before it is marked: while it is not, what fails here leads to a search, not to a second post.
                if is_rewritten or has_new_blocks(entry.blocks):
                    await self.block_support.learn(accepts=not is_rewritten)
                await entry.set({"sending": str(Sending.SENT), "ts": ts})
                self._account.accept(entry.channel_id)
                return

    async def _send(self, entry: OutboxEntry) -> str:
        """Send an entry, unless Slack has it already; returns its ts. Waits while this bot may not send."""
        await self._permission()
        ts = await self._sender.find(entry) if entry.sending is Sending.SENDING else ""
        if not ts:
            sending = {"sending": str(Sending.SENDING), "attempts": entry.attempts + 1}
            await entry.set(sending | self.block_support.changes(entry))
            await self._permission()
            ts = await self._sender.send(entry)
        return ts

    async def _permission(self) -> None:
        while not self._may_send():
            await asyncio.sleep(_PERMISSION_SECONDS)

    async def _wait(self, entry: OutboxEntry, fault: SlackFault) -> None:
        if fault.reach is Reach.BOT:
            self._account.report(entry.channel_id, fault)
        seconds = backoff(entry.attempts) if fault.retry_after is None else fault.retry_after
        if fault.retry_after is not None:
            self._paces[entry.lane].empty(seconds)
        log.info("slack_waits key=%s error=%s seconds=%s", entry.key, fault.code, seconds)
        await asyncio.sleep(seconds)

    async def _shorten(self, entry: OutboxEntry, fault: SlackFault) -> bool:
        """Make plain text of a message that Slack refuses, so that a thread keeps its root and people their answer."""
        is_direct = entry.channel_id.startswith("D")  # elsewhere the conversation can still move
        is_about_it = fault.reach is Reach.MESSAGE or (fault.reach is Reach.UNKNOWN and is_direct)
        if not is_about_it or entry.method is not Method.POST or not entry.blocks or not entry.text:
            return False
        log.error("slack_refused_blocks key=%s error=%s", entry.key, fault.code)
        await entry.set({"blocks": [], "text": entry.text[:_PLAIN_LENGTH]})
        return True

    async def _refuse(self, entry: OutboxEntry, reason: str) -> None:
        """Give an entry up, so that those behind it are sent."""
        log.error("slack_refused key=%s error=%s", entry.key, reason)
        await entry.set({"sending": str(Sending.REFUSED), "error": reason})


def backoff(attempts: int) -> float:
    """Return the pause before the next attempt in seconds: half a second at first, doubled up to a limit."""
    return min(2.0 ** min(attempts, 5) / 4, _LONGEST_PAUSE)


def post_entry(
    key: str,
    conversation: str,
    channel_id: str,
    *,
    text: str,
    blocks: Sequence[dict[str, Any]],
    now: datetime,
    **more: Any,
) -> OutboxEntry:
    """Build an entry that posts a message, in the current workspace unless `more` names another."""
    more.setdefault("team", workspace())
    return OutboxEntry(
        key=key,
        conversation=conversation,
        channel_id=channel_id,
        text=text,
        blocks=list(blocks),
        created_at=now,
        **more,
    )
