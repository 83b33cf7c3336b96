"""The URLs with which a listener answers an act: five uses in thirty minutes.

Source: docs.slack.dev/interactivity/handling-user-interaction (message responses).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.slack.workspace import Json, Refusal

USES = 5
SECONDS = 30 * 60.0


@dataclass(kw_only=True)
class Reply:
    """What was sent to a response URL, or as the body of an ack."""

    body: Json
    at: float

    @property
    def text(self) -> str:
        """The text fallback."""
        return str(self.body.get("text", ""))

    @property
    def is_ephemeral(self) -> bool:
        """Whether only the asker sees it."""
        return self.body.get("response_type") == "ephemeral"


@dataclass(kw_only=True)
class ResponseUrl:
    """One URL: for whom, where, about which message, and what came in."""

    id: str
    user: str
    channel: str
    message_ts: str = ""
    born: float
    uses: int = USES
    takes_anything: bool = False  # of a payload that no Slack would send
    replies: list[Reply] = field(default_factory=list)


Apply = Callable[["ResponseUrl", Json], None]


class ResponseUrls:
    """All response URLs of a workspace; `apply` carries a reply out where there is a workspace to carry it out in."""

    def __init__(self, apply: Apply | None = None) -> None:
        self._urls: dict[str, ResponseUrl] = {}
        self._apply = apply

    def new(self, user: str, channel: str, *, message_ts: str = "") -> ResponseUrl:
        """A URL for one act of a user."""
        made = ResponseUrl(
            id=f"{len(self._urls) + 1:06d}", user=user, channel=channel, message_ts=message_ts, born=time.monotonic()
        )
        self._urls[made.id] = made
        return made

    def __getitem__(self, url_id: str) -> ResponseUrl:
        return self._urls[url_id]

    def receive(self, url_id: str, body: object) -> Json:
        """Take a reply; Refusal as Slack answers when the URL is unknown, old or used up."""
        url = self._urls.get(url_id)
        if url is None:
            raise Refusal("no_such_url", url_id)
        if url.takes_anything:
            url.replies.append(Reply(body=body if isinstance(body, dict) else {}, at=time.monotonic()))
            return {"ok": True}
        if time.monotonic() - url.born > SECONDS:
            raise Refusal("expired_url", url_id)
        if len(url.replies) >= url.uses:
            raise Refusal("used_url", f"{url.uses} uses")
        if not isinstance(body, dict):
            raise Refusal("invalid_payload", "not a JSON object")
        return self.reply(url, body)

    def reply(self, url: ResponseUrl, body: Json) -> Json:
        """Keep a reply and carry it out."""
        check_response_type(body)
        if self._apply:
            self._apply(url, body)
        url.replies.append(Reply(body=body, at=time.monotonic()))
        return {"ok": True}

    def of(self, user: str) -> list[ResponseUrl]:
        """The URLs of this user's acts."""
        return [each for each in self._urls.values() if each.user == user]

    def replies(self) -> list[Reply]:
        """Every reply, in the order it came."""
        return sorted((each for url in self._urls.values() for each in url.replies), key=lambda each: each.at)


def check_response_type(body: Mapping[str, object]) -> None:
    """Refuse a reply that leaves to the client who sees it; an edit or a deletion need not say."""
    if body.get("replace_original") or body.get("delete_original"):
        return
    if body.get("response_type") not in ("ephemeral", "in_channel"):
        raise Refusal("no_response_type", f"response_type is {body.get('response_type')!r}")
