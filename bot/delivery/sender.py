"""Sending one outbox entry to Slack, and searching for it when its arrival is unknown."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.documents.conversations import Method, OutboxEntry

EVENT_TYPE = "optimize_bot"
_LONGEST_WAIT = 30.0
#: Errors of Slack that are worth a retry.
_PASSING = {
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
}
#: A file that Slack's storage refuses this often is given up.
_UPLOAD_ATTEMPTS = 8
#: Messages read back at a time, and pages, when looking for one that may have been sent.
_PAGE, _PAGES = 200, 25
#: Largest difference between Slack's clock and this one, in seconds.
_CLOCKS_APART = 3600.0

#: Expected failures of a call to Slack; everything else is a fault of the bot.
TROUBLE = (SlackClientError, aiohttp.ClientError, TimeoutError, ConnectionError)


class Sender:
    """Sends entries; knows nothing of their order or of the store."""

    def __init__(self, client: AsyncWebClient) -> None:
        # A client of its own: the default one repeats a request whose answer was lost, and so posts twice.
        self._client = AsyncWebClient(
            token=client.token, base_url=client.base_url, timeout=client.timeout, retry_handlers=[]
        )

    async def send(self, entry: OutboxEntry) -> str:
        """Post, edit or upload; returns the message's ts or the file's id.

        Raises one of TROUBLE, or FileNotFoundError when the file to upload is gone.
        """
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

    async def find(self, entry: OutboxEntry) -> str:
        """Return the ts of the entry's message if Slack has it already; an edit may simply be repeated."""
        if entry.method is Method.EDIT:
            return ""
        async for message in self._read_back(entry):
            if message.get("metadata", {}).get("event_payload", {}).get("key") == entry.key:
                return str(message["ts"])
            if any(file.get("name") == _file_name(entry) for file in message.get("files", ())):
                return str(message["ts"])
        return ""

    async def _upload(self, entry: OutboxEntry, target: str) -> str:
        content = await asyncio.to_thread(Path(entry.file).read_bytes)
        answer = await self._client.files_upload_v2(
            channel=entry.channel_id,
            thread_ts=target or None,
            content=content,
            filename=_file_name(entry),
            title=entry.title,
            alt_txt=entry.alt_text or None,
        )
        return str(answer["files"][0]["id"])

    async def _target(self, entry: OutboxEntry) -> str:
        """Return the ts that an edit changes, or that of a reply's thread; replies to a reply join its thread."""
        if not entry.under:
            return entry.thread_ts
        above = await OutboxEntry.find_one(OutboxEntry.key == entry.under)
        if above is None:
            return ""
        return above.ts if entry.method is Method.EDIT else await self._target(above) or above.ts

    async def _read_back(self, entry: OutboxEntry) -> AsyncIterator[dict[str, Any]]:
        target = await self._target(entry)
        oldest = f"{entry.created_at.timestamp() - _CLOCKS_APART:.6f}"
        where: dict[str, Any] = {"channel": entry.channel_id, "limit": _PAGE, "include_all_metadata": True}
        where |= {"ts": target} if target else {"oldest": oldest}
        read = self._client.conversations_replies if target else self._client.conversations_history
        cursor = ""
        for _ in range(_PAGES):
            answer = await read(**where, cursor=cursor or None)
            for message in answer["messages"]:
                yield message
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return


def wait_after(trouble: BaseException, entry: OutboxEntry) -> float | None:
    """Return the seconds to wait before a retry, or None when a retry is useless."""
    if isinstance(trouble, SlackRequestError):  # Slack's file storage refused the file
        return backoff(entry.attempts) if entry.attempts < _UPLOAD_ATTEMPTS else None
    # An answer that is no JSON comes from a proxy, and does not show what happened to the message.
    if not isinstance(trouble, SlackApiError) or not isinstance(trouble.response, AsyncSlackResponse):
        return backoff(entry.attempts)
    if trouble.response.status_code == 429:
        return float(trouble.response.headers.get("Retry-After", 1))
    if trouble.response.status_code >= 500 or reason_of(trouble) in _PASSING:
        return backoff(entry.attempts)
    return None


def reason_of(trouble: BaseException) -> str:
    """Return one word for the log and the document; never what a person wrote, never a token."""
    if not isinstance(trouble, SlackApiError) or not isinstance(trouble.response, AsyncSlackResponse):
        return type(trouble).__name__
    answer = trouble.response.data
    return str((isinstance(answer, dict) and answer.get("error")) or trouble.response.status_code)


def backoff(attempts: int) -> float:
    """Return the wait in seconds: a quarter at first, doubled each time, up to a limit."""
    return min(2.0 ** min(attempts, 5) / 4, _LONGEST_WAIT)


def _file_name(entry: OutboxEntry) -> str:
    return f"{entry.key.replace(':', '-')}{Path(entry.file).suffix}"
