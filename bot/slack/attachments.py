"""Files that people attach to a message, read with the bot's own token."""

from functools import partial
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.origin import Attachment
from optimizer.errors import Phrase, UserError

#: Largest file that is read, in bytes; a list of ten thousand symbols has a tenth.
MOST_BYTES = 1_000_000
_SECONDS = aiohttp.ClientTimeout(total=20)


class UnreadableAttachment(UserError):
    """Raised for an attached file that cannot be read as text. Facts: file, reason."""


def attachment_of(event: dict[str, Any], client: AsyncWebClient) -> Attachment | None:
    """Return the first file of a message."""
    files = event.get("files") or []
    if not files:
        return None
    name = files[0].get("name") or files[0]["id"]
    return Attachment(name=name, read=partial(_read, name, files[0].get("url_private") or "", client))


async def _read(name: str, url: str, client: AsyncWebClient) -> str:
    """Return a file's text; the token goes to Slack alone."""
    if not _is_slack(url, client.base_url):
        raise UnreadableAttachment(file=name, reason=Phrase("file_elsewhere"))
    headers = {"Authorization": f"Bearer {client.token}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=_SECONDS, trust_env=True) as session,
            session.get(url, headers=headers, allow_redirects=False) as answer,
        ):
            # Without the scope Slack leads to its page for signing in.
            if answer.status != 200 or answer.content_type == "text/html":
                raise UnreadableAttachment(file=name, reason=Phrase("file_scope_missing"))
            content = await answer.content.read(MOST_BYTES + 1)
    except (aiohttp.ClientError, TimeoutError):
        raise UnreadableAttachment(file=name, reason=Phrase("file_not_delivered")) from None
    if len(content) > MOST_BYTES:
        raise UnreadableAttachment(file=name, reason=Phrase("file_too_large", megabytes=MOST_BYTES // 1_000_000))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableAttachment(file=name, reason=Phrase("file_not_text")) from None


def _is_slack(url: str, base_url: str) -> bool:
    there, api = urlsplit(url), urlsplit(base_url)
    is_ours = (there.scheme, there.netloc) == (api.scheme, api.netloc)
    return is_ours or (there.scheme == "https" and (there.hostname or "").endswith(".slack.com"))
