"""One Web API call on its way to a method: its arguments, who asks, and the checks methods share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.slack.blocks import NEW_KINDS, TEXT_CHARACTERS, check_message_blocks, mrkdwn_texts, walk_strings
from tests.slack.ledger import Ledger
from tests.slack.mrkdwn import Mention, leaks, mentions, raw_characters
from tests.slack.scopes import Kind, scope_for
from tests.slack.shapes import Flaw
from tests.slack.workspace import Channel, File, Json, Message, OlderSlack, Refusal, Token, User, Workspace

METADATA_CHARACTERS = 8_000  # Slack names no figure with `metadata_too_large`; ours is well under what it takes


@dataclass(kw_only=True)
class Strictness:
    """What a test allows or forbids beyond Slack."""

    #: Texts a user typed to do harm; no answer may hold them unescaped.
    hostile: list[str] = field(default_factory=list)
    may_broadcast: bool = False
    needs_text: bool = True


@dataclass(kw_only=True)
class Request:
    """A call whose token is known."""

    method: str
    args: Json
    token: Token
    workspace: Workspace
    ledger: Ledger
    strictness: Strictness
    origin: str

    def text(self, name: str, *, code: str = "invalid_arguments") -> str:
        """A required argument as a string; `code` when it is absent."""
        value = self.args.get(name)
        if value in (None, ""):
            raise Refusal(code, f"missing required field: {name}")
        return str(value)

    def flag(self, name: str) -> bool:
        """An optional boolean argument, in any spelling Slack takes."""
        return str(self.args.get(name, "")).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        """An optional whole number."""
        return int(self.args.get(name) or default)

    def need(self, scope: str) -> None:
        """Refuse without this scope."""
        if scope and scope not in self.token.scopes:
            provided = ",".join(sorted(self.token.scopes))
            raise Refusal("missing_scope", f"needs {scope}", needed=scope, provided=provided)

    def channel(self, name: str = "channel") -> Channel:
        """The conversation an argument names by id."""
        channel_id = self.text(name, code="channel_not_found")
        if channel_id not in self.workspace.channels:
            raise Refusal("channel_not_found", f"{channel_id!r} is no conversation's id")
        return self.workspace.channels[channel_id]

    def readable(self) -> Channel:
        """A conversation the token may read: the scope of its kind, and membership when it is private."""
        channel = self.channel()
        self.need(scope_for(self.method, channel.kind))
        if self.token.user not in channel.members and channel.kind is not Kind.CHANNELS:
            raise Refusal("channel_not_found", "the bot is no member")
        return channel

    def writable(self, name: str = "channel") -> Channel:
        """A conversation the bot may post to; a user's id stands for the direct conversation."""
        target = str(self.args.get(name) or "")
        if target in self.workspace.users:
            return self.workspace.direct({target, self.token.user})
        channel = self.channel(name)
        if channel.is_archived:
            raise Refusal("is_archived", channel.name)
        is_open = channel.kind is Kind.CHANNELS and "chat:write.public" in self.token.scopes
        if self.token.user not in channel.members and not is_open:
            raise Refusal("not_in_channel", f"the bot is not in {channel.name}")
        return channel

    def user(self, name: str = "user") -> User:
        """The user an argument names by id."""
        user_id = self.text(name, code="user_not_found")
        if user_id not in self.workspace.users:
            raise Refusal("user_not_found", f"{user_id!r} is no user's id")
        return self.workspace.users[user_id]

    def file(self, file_id: str) -> File:
        """A file that has been shared or uploaded."""
        if file_id not in self.workspace.files:
            raise Refusal("file_not_found", file_id)
        return self.workspace.files[file_id]

    def checked_content(self) -> Json:
        """The `text`, `blocks` and `metadata` of a message, refused where Slack would refuse them."""
        return checked_content(self, self.args)

    def complain(self, flaws: Iterator[Flaw], code: str) -> None:
        """Write down what Slack would let pass and we do not."""
        self.ledger.complain(flaws, code, self.method)


Method = Callable[[Request], Json]


def checked_content(request: Request, content: Json) -> Json:
    """A message's content as it will be stored.

    Raises Refusal (no_text, msg_too_long, invalid_blocks, metadata_too_large …) as Slack does, and
    writes down what is stricter here: no text fallback, unescaped values, broadcasts, dead mentions.
    """
    text, blocks = content.get("text") or "", content.get("blocks") or []
    if not text and not blocks:
        raise Refusal("no_text")
    if len(text) > TEXT_CHARACTERS:
        raise Refusal("msg_too_long", f"text has {len(text)} characters, at most {TEXT_CHARACTERS}")
    if not request.workspace.knows_new_blocks:
        refuse_new_blocks(blocks)
    if flaws := check_message_blocks(blocks) if blocks else []:
        raise Refusal("invalid_blocks", *map(str, flaws))
    if not text and request.strictness.needs_text:
        request.ledger.violate("no_text_fallback", "a message with blocks and no `text`", request.method)
    check_files(request, blocks)
    check_words(request, {"text": text, "blocks": blocks})
    return {"text": text, "blocks": blocks, **_metadata(content)}


def refuse_new_blocks(blocks: list[Json]) -> None:
    """Answer as a workspace does that knows no block of 2026."""
    unknown = [str(block.get("type")) for block in blocks if block.get("type") in NEW_KINDS]
    if unknown:
        raise OlderSlack("invalid_blocks", *(f"unsupported type: {kind}" for kind in unknown))


def check_words(request: Request, content: Json) -> None:
    """Write down every unescaped value, broadcast and mention of nobody in what will be shown."""
    texts = [("/text", content.get("text") or ""), *mrkdwn_texts(content.get("blocks") or [], "/blocks")]
    for where, text in texts:
        request.complain(raw_characters(text, where), "unescaped")
        for mention in mentions(text, where):
            _check_mention(request, mention)
    for where, text in {**dict(walk_strings(content.get("blocks") or [], "/blocks")), **dict(texts)}.items():
        if not where.endswith(("/value", "/action_id", "/block_id")):
            request.complain(leaks(text, where, request.strictness.hostile), "hostile_text")


def check_files(request: Request, blocks: list[Json]) -> None:
    """Refuse an image of a Slack file that was never completed."""
    for place in (each for block in blocks for each in (block, block.get("accessory"), *_elements(block))):
        file_id = ((place or {}).get("slack_file") or {}).get("id")
        if file_id and not request.workspace.files.get(file_id, _NO_FILE).is_complete:
            raise Refusal("invalid_blocks", f"slack_file {file_id} is not there")


_NO_FILE = File(id="", name="", size=0, user="")


def _elements(block: Json) -> list[Json]:
    elements = block.get("elements") or []
    return [each for each in elements if isinstance(each, dict)]


def _check_mention(request: Request, mention: Mention) -> None:
    if mention.kind == "broadcast" and not request.strictness.may_broadcast:
        request.ledger.violate("broadcast", f"<!{mention.name}> at {mention.where}", request.method)
    known: dict[str, Any] = {
        "user": request.workspace.users,
        "channel": request.workspace.channels,
        "group": request.workspace.groups,
    }
    if mention.kind in known and mention.name not in known[mention.kind]:
        request.ledger.violate("unknown_mention", f"{mention.name} at {mention.where}", request.method)


def _metadata(content: Json) -> Json:
    """The message's metadata, when it has any: `event_type` and a flat `event_payload`."""
    metadata = content.get("metadata")
    if metadata is None:
        return {}
    if metadata and (set(metadata) - {"event_type", "event_payload", "entities"} or "event_type" not in metadata):
        raise Refusal("invalid_metadata_format", str(metadata))
    if metadata and not isinstance(metadata.get("event_payload"), dict):
        raise Refusal("invalid_metadata_format", "event_payload must be an object")
    if len(str(metadata)) > METADATA_CHARACTERS:
        raise Refusal("metadata_too_large", f"{len(str(metadata))} characters")
    return {"metadata": metadata or None}


def posted(request: Request, channel: Channel, **content: Any) -> Message:
    """Store a message the bot wrote."""
    message = Message(
        channel=channel.id,
        ts=request.workspace.new_ts(),
        user=request.token.user,
        bot_id=request.token.bot_id,
        **content,
    )
    return request.workspace.add(message)
