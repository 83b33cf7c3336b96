"""What a Slack workspace holds: people, conversations, messages, files and views."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.slack.scopes import Kind

TEAM_ID = "T0TEAM001"
APP_ID = "A0APP0001"
TRIGGER_SECONDS = 3.0  # docs.slack.dev/interactivity/handling-user-interaction: trigger_id expires in 3 s

Json = dict[str, Any]


class Refusal(Exception):
    """An answer `{"ok": false, "error": code}`."""

    def __init__(self, code: str, *details: str, **extra: object) -> None:
        super().__init__(code, *details)
        self.code = code
        self.details = details
        self.extra = extra


class OlderSlack(Refusal):
    """The answer of a workspace that does not know the blocks of 2026 yet; no fault of the bot's."""


@dataclass(kw_only=True)
class User:
    """A person or a bot."""

    id: str
    name: str
    tz: str = "Europe/London"
    tz_offset: int = 0
    locale: str = "en-US"
    email: str = ""
    is_bot: bool = False
    is_admin: bool = False
    deleted: bool = False
    team_id: str = TEAM_ID  # another one for people whom Slack Connect brings

    def to_slack(self, *, with_email: bool = False, with_locale: bool = False) -> Json:
        """The `user` object of users.info."""
        name = self.name.capitalize()
        profile = {"real_name": name, "display_name": self.name, **({"email": self.email} if with_email else {})}
        return {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "real_name": name,
            "deleted": self.deleted,
            "tz": self.tz,
            "tz_label": self.tz,
            "tz_offset": self.tz_offset,
            "profile": profile,
            "is_admin": self.is_admin,
            "is_bot": self.is_bot,
            **({"locale": self.locale} if with_locale else {}),
        }


@dataclass(kw_only=True)
class Channel:
    """A conversation and its members' ids."""

    id: str
    name: str
    kind: Kind = Kind.CHANNELS
    members: set[str] = field(default_factory=set)
    is_archived: bool = False

    def to_slack(self, viewer: str) -> Json:
        """The `channel` object of conversations.info as `viewer` sees it."""
        is_im = self.kind is Kind.IM
        names: Json = {"user": next(iter(self.members - {viewer}), viewer)} if is_im else {"name": self.name}
        return {
            "id": self.id,
            **names,
            "is_channel": self.kind is Kind.CHANNELS,
            "is_group": self.kind is Kind.GROUPS,
            "is_private": self.kind is not Kind.CHANNELS,
            "is_im": is_im,
            "is_mpim": self.kind is Kind.MPIM,
            "is_member": viewer in self.members,
            "is_archived": self.is_archived,
            "num_members": len(self.members),
            "context_team_id": TEAM_ID,
        }


@dataclass(kw_only=True)
class Message:
    """A message as history shows it; `past` keeps the texts and blocks it had before its edits."""

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    bot_id: str = ""
    thread_ts: str = ""
    metadata: Json | None = None
    files: list[Json] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    subtype: str = ""
    unfurls: Json = field(default_factory=dict)  # what an app shows under links, by address
    edited_ts: str = ""
    #: The user an ephemeral message is shown to.
    only_for: str = ""
    past: list[Json] = field(default_factory=list)

    @property
    def is_reply(self) -> bool:
        """Whether it stands in a thread under another message."""
        return bool(self.thread_ts) and self.thread_ts != self.ts

    def to_slack(self) -> Json:
        """The message object of conversations.history."""
        known: Json = {
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": self.text,
            "team": TEAM_ID,
            "blocks": self.blocks,
            "bot_id": self.bot_id,
            "app_id": APP_ID if self.bot_id else "",
            "thread_ts": self.thread_ts,
            "metadata": self.metadata,
            "files": self.files,
            "attachments": [{"from_url": url, **shown} for url, shown in self.unfurls.items()],
            "subtype": self.subtype,
            "edited": {"user": self.user, "ts": self.edited_ts} if self.edited_ts else None,
            "reactions": [
                {"name": name, "users": list(who), "count": len(who)} for name, who in self.reactions.items()
            ],
        }
        return {key: value for key, value in known.items() if value or key == "text"}

    @classmethod
    def of(cls, channel: str, message: Json) -> "Message":
        """A message from its JSON, as any Slack Web API gives it."""
        return cls(
            channel=channel,
            ts=message["ts"],
            user=message.get("user") or "",
            text=message.get("text") or "",
            bot_id=message.get("bot_id") or "",
            thread_ts=message.get("thread_ts") or "",
            subtype=message.get("subtype") or "",
            blocks=message.get("blocks") or [],
            metadata=message.get("metadata") or None,
            files=message.get("files") or [],
            reactions={each["name"]: list(each["users"]) for each in message.get("reactions") or []},
            edited_ts=(message.get("edited") or {}).get("ts", ""),
        )


@dataclass(kw_only=True)
class File:
    """An upload: announced, then sent, then completed."""

    id: str
    name: str
    size: int
    user: str
    title: str = ""
    alt_text: str = ""
    content: bytes | None = None
    is_complete: bool = False
    channels: list[str] = field(default_factory=list)

    def to_slack(self, origin: str) -> Json:
        """The `file` object of files.info."""
        url = f"{origin}/files-pri/{self.id}/{self.name}"
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": "image/png" if self.name.endswith(".png") else "application/octet-stream",
            "size": len(self.content or b""),
            "user": self.user,
            "alt_txt": self.alt_text,
            "url_private": url,
            "url_private_download": url,
            "permalink": f"{origin}/files/{self.user}/{self.id}/{self.name}",
            "channels": list(self.channels),
        }


@dataclass(kw_only=True)
class View:
    """A modal that is open or a home tab that is shown."""

    id: str
    user: str
    payload: Json
    hash: str
    root_id: str
    previous_id: str = ""
    is_open: bool = True

    def to_slack(self) -> Json:
        """The `view` object of views.open and of interaction payloads."""
        blocks = [{"block_id": f"b{index}", **each} for index, each in enumerate(self.payload.get("blocks", []))]
        filled: Json = {"private_metadata": "", "callback_id": "", "external_id": "", "state": {"values": {}}}
        return {
            **filled,
            **self.payload,
            "blocks": blocks,
            "id": self.id,
            "team_id": TEAM_ID,
            "hash": self.hash,
            "root_view_id": self.root_id,
            "previous_view_id": self.previous_id or None,
            "app_id": APP_ID,
        }


@dataclass(frozen=True, kw_only=True)
class Token:
    """What a token may do, and as whom."""

    token: str
    user: str
    bot_id: str
    scopes: frozenset[str]
    is_app_level: bool = False


@dataclass(kw_only=True)
class Trigger:
    """A trigger id: one view, within three seconds of the user's act."""

    id: str
    user: str
    born: float
    is_used: bool = False


class Workspace:
    """The state of one workspace, with the look-ups that refuse what is not there."""

    def __init__(self, now: Callable[[], float] = time.time, *, team_id: str = TEAM_ID) -> None:
        self.now = now
        self.team_id = team_id
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: dict[tuple[str, str], Message] = {}
        self.ephemerals: list[Message] = []
        self.files: dict[str, File] = {}
        self.views: dict[str, View] = {}
        self.tokens: dict[str, Token] = {}
        self.revoked: set[str] = set()  # tokens that the Web API refuses; answers by response_url need none
        self.triggers: dict[str, Trigger] = {}
        self.prompts: dict[str, Json] = {}  # suggested in direct conversations, by channel
        self.knows_new_blocks = True  # those of 2026; an older workspace answers `invalid_blocks`
        self.groups: dict[str, set[str]] = {}
        self._numbers = itertools.count(1)
        self._last_ts = 0

    def new_id(self, prefix: str) -> str:
        """An id nobody has yet, such as `F00000007`."""
        return f"{prefix}{next(self._numbers):08d}"

    def new_ts(self) -> str:
        """A timestamp later than every one before; the id of a message."""
        self._last_ts = max(self._last_ts + 1, int(self.now() * 1_000_000))
        seconds, micro = divmod(self._last_ts, 1_000_000)
        return f"{seconds}.{micro:06d}"

    def user(self, id_or_name: str) -> User:
        """A user by id or by name; `user_not_found` otherwise."""
        return _one(self.users.values(), id_or_name, "user_not_found")

    def channel(self, id_or_name: str) -> Channel:
        """A conversation by id or by name; `channel_not_found` otherwise."""
        return _one(self.channels.values(), id_or_name, "channel_not_found")

    def message(self, channel: str, ts: str, *, code: str = "message_not_found") -> Message:
        """The message with this ts; `code` otherwise."""
        if (channel, ts) not in self.messages:
            raise Refusal(code, f"no message {ts} in {channel}")
        return self.messages[channel, ts]

    def history(self, channel: str) -> list[Message]:
        """Root messages and broadcast replies, oldest first."""
        every = self._in_channel(channel)
        return [each for each in every if not each.is_reply or each.subtype == "thread_broadcast"]

    def replies(self, channel: str, ts: str) -> list[Message]:
        """The root and its replies, oldest first."""
        return [each for each in self._in_channel(channel) if ts in (each.ts, each.thread_ts)]

    def _in_channel(self, channel: str) -> Iterator[Message]:
        return (self.messages[key] for key in sorted(self.messages) if key[0] == channel)

    def add(self, message: Message) -> Message:
        """Put a message into its conversation; the root of a new thread learns its own `thread_ts`."""
        if message.thread_ts:
            root = self.message(message.channel, message.thread_ts, code="thread_not_found")
            root.thread_ts = root.ts
        self.messages[message.channel, message.ts] = message
        return message

    def say(self, user: str, channel: str, text: str, *, thread_ts: str = "") -> Message:
        """A person writes a message."""
        who, where = self.user(user), self.channel(channel)
        return self.add(Message(channel=where.id, ts=self.new_ts(), user=who.id, text=text, thread_ts=thread_ts))

    def direct(self, users: Iterable[str]) -> Channel:
        """The direct conversation of these users, opened when it is new."""
        members = set(users)
        kind = Kind.IM if len(members) <= 2 else Kind.MPIM
        for each in self.channels.values():
            if each.kind is kind and each.members == members:
                return each
        opened = Channel(id=self.new_id("D"), name="", kind=kind, members=members)
        self.channels[opened.id] = opened
        return opened

    def new_trigger(self, user: str) -> str:
        """A trigger id as an act of this user gives it."""
        number = next(self._numbers)
        trigger = Trigger(id=f"{number}.{TEAM_ID}.trigger", user=self.user(user).id, born=time.monotonic())
        self.triggers[trigger.id] = trigger
        return trigger.id

    def take_trigger(self, trigger_id: str) -> Trigger:
        """Use a trigger id up; refused when unknown, used before or older than three seconds."""
        if trigger_id not in self.triggers:
            raise Refusal("invalid_trigger_id")
        trigger = self.triggers[trigger_id]
        if trigger.is_used:
            raise Refusal("exchanged_trigger_id")
        if time.monotonic() - trigger.born > TRIGGER_SECONDS:
            raise Refusal("expired_trigger_id")
        trigger.is_used = True
        return trigger


Named = TypeVar("Named", User, Channel)


def _one(every: Iterable[Named], id_or_name: str, code: str) -> Named:
    for each in every:
        if id_or_name and id_or_name in (each.id, each.name):
            return each
    raise Refusal(code, f"{id_or_name!r}")
