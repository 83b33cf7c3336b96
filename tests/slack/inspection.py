"""What a test may ask of a Slack, whoever wrote it: the strict one here, or `emulate`."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

import yaml

from tests.slack.faults import Faults
from tests.slack.ledger import Ledger
from tests.slack.response_urls import ResponseUrl
from tests.slack.workspace import Json, Message

Seen = TypeVar("Seen")

BOT_TOKEN = "xoxb-test-token"
APP_TOKEN = "xapp-test-token"
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
MANIFEST = Path(__file__).parents[2] / "manifest.yml"

#: Everyone in the seeded workspace, with time zone, offset in seconds and locale. Bob is its admin.
PEOPLE = {
    "alice": ("America/New_York", -18_000, "en-US"),
    "bob": ("Europe/London", 0, "en-GB"),
    "kim": ("Asia/Seoul", 32_400, "ko-KR"),
}
CHANNEL = "quant"


def manifest_scopes() -> frozenset[str]:
    """The bot scopes our manifest asks for, which is all a workspace would give the bot."""
    manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    return frozenset(manifest["oauth_config"]["scopes"]["bot"])


class Slack(Protocol):
    """A workspace with a bot in it, seeded with `PEOPLE` in the channel `CHANNEL`."""

    bot_token: str
    bot_user: str
    ledger: Ledger
    faults: Faults

    @property
    def api_url(self) -> str:
        """The base URL for the bot's client, with its trailing slash."""
        ...

    async def channel_id(self, name: str = CHANNEL) -> str:
        """The id of a channel."""
        ...

    async def user_id(self, name: str) -> str:
        """The id of a person."""
        ...

    async def messages(self, channel: str) -> list[Message]:
        """Root messages of a channel (by id), oldest first."""
        ...

    async def thread(self, channel: str, ts: str) -> list[Message]:
        """A root and its replies, oldest first."""
        ...

    async def private(self, user: str) -> list[Message]:
        """What only this user (by id) was shown, oldest first."""
        ...

    async def modals(self, user: str) -> list[Json]:
        """The modals open for this user, the topmost last."""
        ...

    async def home(self, user: str) -> Json | None:
        """The home tab published for this user."""
        ...

    async def download(self, file: Json) -> bytes:
        """The bytes of a file in a message."""
        ...

    async def say(self, user: str, channel: str, text: str, *, thread_ts: str = "") -> Message:
        """A person (by id) writes a message."""
        ...

    def distrust(self, text: str) -> None:
        """A person typed this: no mention, broadcast or link in it may come back alive."""
        ...

    async def trigger_id(self, user: str) -> str:
        """A fresh trigger id of an act of this user."""
        ...

    def new_response_url(self, user: str, channel: str, *, message_ts: str = "") -> ResponseUrl:
        """A response URL for an act."""
        ...

    def address(self, url: ResponseUrl) -> str:
        """Where the bot posts to it."""
        ...

    def take_ack(self, url: ResponseUrl | None, payload: Json, answer: Json) -> None:
        """Do what the body of an ack asks for."""
        ...

    async def eventually(
        self, look: Callable[[], Awaitable[Seen | None]], *, seconds: float = 60.0, what: str = ""
    ) -> Seen:
        """Look until there is something to see, and give it; AssertionError after `seconds`."""
        ...

    def assert_no_violations(self) -> None:
        """Fail with the whole list of what this Slack refused; the list starts anew then."""
        ...
