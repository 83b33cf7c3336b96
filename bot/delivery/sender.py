"""Sending one outbox entry to Slack, and searching for it when its arrival is unknown."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient

from bot.documents.conversations import Method, OutboxEntry, Sending
from bot.documents.current_workspace import in_workspace
from bot.runtime.slack_client import without_repeats
from bot.runtime.slack_errors import NotSlack, answer_of, fault_of, field_of

EVENT_TYPE = "optimize_bot"
#: Messages read back at a time, and pages, when looking for one that may have been sent.
_PAGE, _PAGES = 200, 25
#: Largest difference between Slack's clock and this one, in seconds.
_CLOCKS_APART = 3600.0


class NoRoot(Exception):
    """Raised for a reply to a message, or an edit of one, that Slack does not have."""


class NotInstalled(Exception):
    """Raised for a message to a workspace that removed the app."""


class Sender:
    """Sends entries; knows nothing of their order or of the store."""

    def __init__(self, client: AsyncWebClient) -> None:
        # A client of its own: the default one repeats a request whose answer was lost, and so posts twice.
        self._client = without_repeats(client)

    async def send(self, entry: OutboxEntry) -> str:
        """Post, edit or upload, in the entry's workspace; returns the message's ts or the file's id.

        Raises one of TROUBLE, NoRoot, NotInstalled, or FileNotFoundError when the file to upload is gone.
        """
        with in_workspace(entry.team):
            self._require_installed(entry)
            return await self._send(entry)

    def _require_installed(self, entry: OutboxEntry) -> None:
        if entry.team and self._client.token is None:
            raise NotInstalled

    async def _send(self, entry: OutboxEntry) -> str:
        target = await self._target(entry)
        if entry.method is Method.UPLOAD:
            return await self._upload(entry, target)
        message: dict[str, Any] = {"channel": entry.channel_id, "text": entry.text, "blocks": entry.blocks}
        if entry.method is Method.EDIT:
            if not target:
                raise NoRoot
            field_of(await answer_of(self._client.chat_update(**message, ts=target)), "ts")
            return target
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": entry.key}}
        posting = self._client.chat_postMessage(
            **message,
            thread_ts=target or None,
            reply_broadcast=entry.broadcast or None,
            metadata=metadata,
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(field_of(await answer_of(posting), "ts"))

    async def find(self, entry: OutboxEntry) -> str:
        """Return the ts of the entry's message if Slack has it already; an edit may simply be repeated."""
        if entry.method is Method.EDIT:
            return ""
        with in_workspace(entry.team):
            self._require_installed(entry)
            async for message in self._read_back(entry):
                if message.get("metadata", {}).get("event_payload", {}).get("key") == entry.key:
                    return str(message["ts"])
                if any(file.get("name") == _file_name(entry) for file in message.get("files", ())):
                    return str(message["ts"])
        return ""

    async def _upload(self, entry: OutboxEntry, target: str) -> str:
        content = await asyncio.to_thread(Path(entry.file).read_bytes)
        uploading = self._client.files_upload_v2(
            channel=entry.channel_id,
            thread_ts=target or None,
            content=content,
            filename=_file_name(entry),
            title=entry.title,
            alt_txt=entry.alt_text or None,
        )
        try:
            files = field_of(await answer_of(uploading), "files")
        except SlackApiError as refusal:
            if fault_of(refusal).code != "file_not_found":
                raise
            # A proxy's page with status 200 looks like the storage's answer to the client: nothing has arrived.
            raise SlackRequestError("the file did not arrive") from refusal
        if not (isinstance(files, list) and isinstance(files[0], dict) and files[0].get("id")):
            raise NotSlack("success without a file's id")
        return str(files[0]["id"])

    async def _target(self, entry: OutboxEntry) -> str:
        """Return the ts that an edit changes, or that of a reply's thread; replies to a reply join its thread."""
        if not entry.under:
            return entry.thread_ts
        above = await OutboxEntry.find_one(OutboxEntry.key == entry.under)
        if above is None:
            return ""
        if above.sending is Sending.REFUSED:
            raise NoRoot
        return above.ts if entry.method is Method.EDIT else await self._target(above) or above.ts

    async def _read_back(self, entry: OutboxEntry) -> AsyncIterator[dict[str, Any]]:
        target = await self._target(entry)
        oldest = f"{entry.created_at.timestamp() - _CLOCKS_APART:.6f}"
        where: dict[str, Any] = {"channel": entry.channel_id, "limit": _PAGE, "include_all_metadata": True}
        where |= {"ts": target} if target else {"oldest": oldest}
        read = self._client.conversations_replies if target else self._client.conversations_history
        cursor = ""
        for _ in range(_PAGES):
            answer = await answer_of(read(**where, cursor=cursor or None))
            for message in field_of(answer, "messages", may_be_empty=True):
                yield message
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return


def _file_name(entry: OutboxEntry) -> str:
    return f"{entry.key.replace(':', '-')}{Path(entry.file).suffix}"
