"""The only writer to Slack: what must be said is stored, then sent in order, then marked with its ts.

A crash between sending and marking leaves an entry in the state SENDING; before such an entry is sent
again its place is read and searched for the entry's key, which every post carries as metadata (and
every file in its name). Channels wait for their own rate limit and outage, never for another's.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from pymongo.errors import BulkWriteError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.documents import Method, OutboxEntry, Sending
from optimizer.patience import patiently
from optimizer.study import Clock, utc_now

log = logging.getLogger(__name__)

EVENT_TYPE = "optimize_bot"
#: Slack takes about one message a second and channel.
CHANNEL_SECONDS = 1.0
_LONGEST_WAIT = 30.0
#: Answers of Slack that mean: later.
_PASSING = {
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
}
#: Messages read back when looking for one that may have been sent.
_LOOK_BACK = 200


class Outbox:
    """Stores what must be said and sees that it is said exactly once."""

    def __init__(
        self, client: AsyncWebClient, *, clock: Clock = utc_now, channel_seconds: float = CHANNEL_SECONDS
    ) -> None:
        self._client = client
        self._clock = clock
        self._channel_seconds = channel_seconds
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._sent = asyncio.Event()
        self._is_open = False

    async def put(self, entries: Sequence[OutboxEntry]) -> None:
        """Store entries, in this order after all earlier ones; keys that are there already stay as they are."""
        first = int(self._clock().timestamp() * 1e6)
        for place, entry in enumerate(entries):
            entry.order = first + place
        documents = [entry.model_dump(exclude={"id", "revision_id"}) for entry in entries]
        try:
            await OutboxEntry.get_motor_collection().insert_many(documents, ordered=False)
        except BulkWriteError as failure:
            if any(error["code"] != 11000 for error in (failure.details or {})["writeErrors"]):
                raise
        self._wake({entry.channel_id for entry in entries})

    async def ts_of(self, key: str) -> str:
        """The ts of a sent entry, or an empty string."""
        entry = await OutboxEntry.find_one(OutboxEntry.key == key)
        return entry.ts if entry else ""

    async def until_sent(self, key: str) -> OutboxEntry:
        """Wait until an entry is sent or refused."""
        while True:
            self._sent.clear()
            entry = await OutboxEntry.find_one(OutboxEntry.key == key)
            if entry is not None and entry.sending in (Sending.SENT, Sending.REFUSED):
                return entry
            await self._sent.wait()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Outbox"]:
        """Carry on with what an earlier run left, and stop sending at the end of the block."""
        self._is_open = True
        unsent = {"sending": {"$in": [str(Sending.WAITING), str(Sending.SENDING)]}}
        self._wake(set(await OutboxEntry.get_motor_collection().distinct("channel_id", unsent)))
        try:
            yield self
        finally:
            self._is_open = False
            for task in self._senders.values():
                task.cancel()
            await asyncio.gather(*self._senders.values(), return_exceptions=True)

    def _wake(self, channels: set[str]) -> None:
        for channel in channels if self._is_open else ():
            task = self._senders.get(channel)
            if task is None or task.done():
                self._senders[channel] = asyncio.create_task(self._send_all(channel))

    async def _send_all(self, channel_id: str) -> None:
        while (entry := await patiently(lambda: self._next(channel_id), what="outbox")) is not None:
            await patiently(partial(self._send_until_done, entry), what="outbox")
            self._sent.set()
            await asyncio.sleep(self._channel_seconds)

    async def _next(self, channel_id: str) -> OutboxEntry | None:
        unsent = {"channel_id": channel_id, "sending": {"$in": [str(Sending.WAITING), str(Sending.SENDING)]}}
        return await OutboxEntry.find(unsent).sort("order").first_or_none()

    async def _send_until_done(self, entry: OutboxEntry) -> None:
        while True:
            try:
                ts = await self._find_sent(entry) if entry.sending is Sending.SENDING else ""
                if not ts:
                    await entry.set({"sending": str(Sending.SENDING), "attempts": entry.attempts + 1})
                    ts = await self._send(entry)
            except SlackApiError as failure:
                wait = _retry_after(failure, entry.attempts)
                if wait is None:
                    reason = str(failure.response.get("error", ""))
                    log.warning("slack_refused key=%s error=%s", entry.key, reason)
                    await entry.set({"sending": str(Sending.REFUSED), "error": reason})
                    return
            except (aiohttp.ClientError, TimeoutError, ConnectionError) as failure:
                log.info("slack_unreachable key=%s error=%s", entry.key, type(failure).__name__)
                wait = _backoff(entry.attempts)
            else:
                await entry.set({"sending": str(Sending.SENT), "ts": ts})
                return
            await asyncio.sleep(wait)

    async def _send(self, entry: OutboxEntry) -> str:
        target = await self._target(entry)
        if entry.method is Method.UPLOAD:
            return await self._upload(entry, target)
        message: dict[str, Any] = {"channel": entry.channel_id, "text": entry.text, "blocks": entry.blocks}
        if entry.method is Method.EDIT:
            await self._client.chat_update(**message, ts=target)
            return target
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": entry.key}}
        posted = await self._client.chat_postMessage(
            **message,
            thread_ts=target or None,
            reply_broadcast=entry.broadcast or None,
            metadata=metadata,
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(posted["ts"])

    async def _upload(self, entry: OutboxEntry, target: str) -> str:
        content = await asyncio.to_thread(Path(entry.file).read_bytes)
        answer = await self._client.files_upload_v2(
            channel=entry.channel_id,
            thread_ts=target or None,
            content=content,
            filename=_file_name(entry),
            title=entry.title,
        )
        return str(answer["files"][0]["id"])

    async def _target(self, entry: OutboxEntry) -> str:
        """What an edit changes, or the root of the thread of a reply; replies to a reply stand beside it."""
        if not entry.under:
            return entry.thread_ts
        above = await OutboxEntry.find_one(OutboxEntry.key == entry.under)
        if above is None:
            return ""
        return above.ts if entry.method is Method.EDIT else await self._target(above) or above.ts

    async def _find_sent(self, entry: OutboxEntry) -> str:
        """The ts of the entry's message if Slack has it already; an edit may simply be made again."""
        if entry.method is Method.EDIT:
            return ""
        for message in await self._read_back(entry):
            if message.get("metadata", {}).get("event_payload", {}).get("key") == entry.key:
                return str(message["ts"])
            if any(file.get("name") == _file_name(entry) for file in message.get("files", ())):
                return str(message["ts"])
        return ""

    async def _read_back(self, entry: OutboxEntry) -> list[dict[str, Any]]:
        target = await self._target(entry)
        where: dict[str, Any] = {"channel": entry.channel_id, "limit": _LOOK_BACK, "include_all_metadata": True}
        oldest = f"{entry.created_at.timestamp() - 60:.6f}"
        if target:
            answer = await self._client.conversations_replies(ts=target, **where)
        else:
            answer = await self._client.conversations_history(oldest=oldest, **where)
        return list(answer["messages"])


def post(
    key: str,
    conversation: str,
    channel_id: str,
    *,
    text: str,
    blocks: Sequence[dict[str, Any]],
    now: datetime,
    **more: Any,
) -> OutboxEntry:
    """An entry that posts a message."""
    return OutboxEntry(
        key=key,
        conversation=conversation,
        channel_id=channel_id,
        text=text,
        blocks=list(blocks),
        created_at=now,
        **more,
    )


def _file_name(entry: OutboxEntry) -> str:
    return f"{entry.key.replace(':', '-')}{Path(entry.file).suffix}"


def _retry_after(failure: SlackApiError, attempts: int) -> float | None:
    """Seconds to wait before trying again, or None when trying again is useless."""
    if failure.response.status_code == 429:
        return float(failure.response.headers.get("Retry-After", 1))
    if failure.response.status_code >= 500 or failure.response.get("error") in _PASSING:
        return _backoff(attempts)
    return None


def _backoff(attempts: int) -> float:
    return min(2.0 ** min(attempts, 5) / 4, _LONGEST_WAIT)
