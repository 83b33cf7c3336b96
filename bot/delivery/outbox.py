"""Outbox: the only writer to Slack. Messages are stored, then sent in order, then marked with their ts.

A crash between sending and marking leaves an entry in the state SENDING; before such an entry is sent
again its channel or thread is searched for the entry's key, which every post carries as metadata (and
every file in its name). Channels wait for their own rate limit and outage, never for another's.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

from pymongo.errors import BulkWriteError
from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery.sender import TROUBLE, Sender, reason_of, wait_after
from bot.documents.conversations import OutboxEntry, Sending
from optimizer.clock import Clock, utc_now
from optimizer.storage.outage import patiently
from reports.text.message import Message

log = logging.getLogger(__name__)

#: Slack accepts about one message per second and channel.
CHANNEL_SECONDS = 1.0
#: Seconds between two searches for entries of other processes, and for senders that ended too early.
POLL_SECONDS = 2.0
_UNSENT = {"sending": {"$in": [str(Sending.WAITING), str(Sending.SENDING)]}}


class Outbox:
    """Stores messages and sends each exactly once."""

    def __init__(
        self, client: AsyncWebClient, *, clock: Clock = utc_now, channel_seconds: float = CHANNEL_SECONDS
    ) -> None:
        self._sender = Sender(client)
        self._clock = clock
        self._channel_seconds = channel_seconds
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._woken: set[str] = set()
        self._awaited: dict[str, asyncio.Event] = {}  # by key: set when the entry is sent or refused
        self._last_order = 0
        self._is_open = False

    async def put(self, entries: Sequence[OutboxEntry]) -> None:
        """Store entries, in this order after all earlier ones; keys that exist already stay as they are.

        An entry without a channel is of a request from outside Slack, such as a schedule made in a terminal.
        """
        entries = [entry for entry in entries if entry.channel_id]
        if not entries:
            return
        for entry in entries:
            entry.order = self._next_order()
        documents = [entry.model_dump(exclude={"id", "revision_id"}) for entry in entries]
        try:
            await OutboxEntry.get_motor_collection().insert_many(documents, ordered=False)
        except BulkWriteError as failure:
            if any(error["code"] != 11000 for error in (failure.details or {})["writeErrors"]):
                raise
        self._wake({entry.channel_id for entry in entries})

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
    async def open(self) -> AsyncIterator["Outbox"]:
        """Send what an earlier run left, and stop sending at the end of the block."""
        last = await OutboxEntry.find(_UNSENT).sort("-order").first_or_none()
        self._last_order = max(self._last_order, last.order if last else 0)
        self._is_open = True
        polling = asyncio.create_task(self._poll())
        try:
            yield self
        finally:
            self._is_open = False
            tasks = [polling, *self._senders.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _next_order(self) -> int:
        """Return an order after all earlier ones, also when the clock goes back."""
        self._last_order = max(self._last_order + 1, int(self._clock().timestamp() * 1e6))
        return self._last_order

    async def _poll(self) -> None:
        """Wake the senders of all channels with unsent entries, whichever process stored them."""
        while True:
            self._wake(set(await patiently(self._waiting_channels, what="outbox")))
            await asyncio.sleep(POLL_SECONDS)

    async def _waiting_channels(self) -> list[str]:
        channels: list[str] = await OutboxEntry.get_motor_collection().distinct("channel_id", _UNSENT)
        return channels

    def _wake(self, channels: set[str]) -> None:
        for channel in channels if self._is_open else ():
            self._woken.add(channel)
            task = self._senders.get(channel)
            if task is None or task.done():
                self._senders[channel] = asyncio.create_task(self._send_all(channel))

    async def _send_all(self, channel_id: str) -> None:
        # Woken while the query found nothing: the entry may be newer than the query.
        while channel_id in self._woken:
            self._woken.discard(channel_id)
            while (entry := await patiently(lambda: self._next(channel_id), what="outbox")) is not None:
                await patiently(partial(self._send_until_done, entry), what="outbox")
                self._wake_waiters(entry.key)
                await asyncio.sleep(self._channel_seconds)

    async def _next(self, channel_id: str) -> OutboxEntry | None:
        return await OutboxEntry.find({"channel_id": channel_id} | _UNSENT).sort("order").first_or_none()

    async def _send_until_done(self, entry: OutboxEntry) -> None:
        while True:
            try:
                ts = await self._sender.find(entry) if entry.sending is Sending.SENDING else ""
                if not ts:
                    await entry.set({"sending": str(Sending.SENDING), "attempts": entry.attempts + 1})
                    ts = await self._sender.send(entry)
            except (*TROUBLE, FileNotFoundError) as trouble:
                wait = None if isinstance(trouble, FileNotFoundError) else wait_after(trouble, entry)
                if wait is None:
                    await self._refuse(entry, reason_of(trouble))
                    return
                log.info("slack_waits key=%s error=%s seconds=%s", entry.key, reason_of(trouble), wait)
            else:
                await entry.set({"sending": str(Sending.SENT), "ts": ts})
                return
            await asyncio.sleep(wait)

    async def _refuse(self, entry: OutboxEntry, reason: str) -> None:
        """Give an entry up, so that those behind it are sent."""
        log.warning("slack_refused key=%s error=%s", entry.key, reason)
        await entry.set({"sending": str(Sending.REFUSED), "error": reason})


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
    """Build an entry that posts a message."""
    return OutboxEntry(
        key=key,
        conversation=conversation,
        channel_id=channel_id,
        text=text,
        blocks=list(blocks),
        created_at=now,
        **more,
    )
