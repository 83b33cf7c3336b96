"""The strict Slack as a test uses it: seeded, inspected, and unforgiving at the end."""

from collections.abc import Awaitable, Callable

from tests.slack import acks
from tests.slack.inspection import APP_TOKEN, BOT_TOKEN, CHANNEL, PEOPLE, Seen, manifest_scopes
from tests.slack.mrkdwn import entities
from tests.slack.response_urls import ResponseUrl
from tests.slack.scopes import Kind
from tests.slack.server import SlackServer
from tests.slack.workspace import TEAM_ID, Channel, File, Json, Message, Token, User, Workspace

BOT_USER = "U0BOT0001"
BOT_ID = "B0BOT0001"


def seeded(scopes: frozenset[str], team_id: str = TEAM_ID) -> Workspace:
    """A workspace with `PEOPLE`, the bot, and three channels; `elsewhere` is one the bot is not in."""
    workspace = Workspace(team_id=team_id)
    workspace.users[BOT_USER] = User(id=BOT_USER, name="optimizer", is_bot=True, team_id=team_id)
    for number, (name, (tz, offset, locale)) in enumerate(PEOPLE.items(), start=1):
        user = User(id=f"U0{name.upper()}{number}", name=name, tz=tz, tz_offset=offset, locale=locale, team_id=team_id)
        user.email, user.is_admin = f"{name}@example.com", name == "bob"
        workspace.users[user.id] = user
    everyone = set(workspace.users)
    for channel in (
        Channel(id="C0QUANT01", name=CHANNEL, members=set(everyone)),
        Channel(id="C0ELSE001", name="elsewhere", members=everyone - {BOT_USER}),
        Channel(id="G0DESK001", name="desk", kind=Kind.GROUPS, members=set(everyone)),
    ):
        workspace.channels[channel.id] = channel
    workspace.groups["S0RUNNERS"] = {"U0ALICE1", "U0KIM3"}
    workspace.tokens[BOT_TOKEN] = Token(token=BOT_TOKEN, user=BOT_USER, bot_id=BOT_ID, scopes=scopes)
    workspace.tokens[APP_TOKEN] = Token(
        token=APP_TOKEN, user=BOT_USER, bot_id="", scopes=frozenset({"connections:write"}), is_app_level=True
    )
    return workspace


class StrictSlack(SlackServer):
    """The server with a seeded workspace; `scopes` are the manifest's unless a test takes some away."""

    bot_token = BOT_TOKEN
    app_token = APP_TOKEN
    bot_user = BOT_USER

    def __init__(self, scopes: frozenset[str] | None = None, *, team_id: str = TEAM_ID) -> None:
        super().__init__(seeded(manifest_scopes() if scopes is None else scopes, team_id))

    async def __aenter__(self) -> "StrictSlack":
        await super().__aenter__()
        return self

    async def channel_id(self, name: str = CHANNEL) -> str:
        """The id of a channel."""
        return self.workspace.channel(name).id

    async def user_id(self, name: str) -> str:
        """The id of a person."""
        return self.workspace.user(name).id

    async def messages(self, channel: str) -> list[Message]:
        """Root messages of a channel, oldest first."""
        return self.workspace.history(channel)

    async def thread(self, channel: str, ts: str) -> list[Message]:
        """A root and its replies, oldest first."""
        return self.workspace.replies(channel, ts)

    async def private(self, user: str) -> list[Message]:
        """What only this user was shown, oldest first."""
        return [each for each in self.workspace.ephemerals if each.only_for == user]

    async def modals(self, user: str) -> list[Json]:
        """The modals open for this user, the topmost last."""
        return [each.to_slack() for each in acks.stack(self.workspace, user)]

    async def home(self, user: str) -> Json | None:
        """The home tab published for this user."""
        mine = [each for each in self.workspace.views.values() if each.user == user and each.payload["type"] == "home"]
        return mine[-1].to_slack() if mine else None

    async def download(self, file: Json) -> bytes:
        """The bytes of a file in a message."""
        return self.workspace.files[file["id"]].content or b""

    async def say(self, user: str, channel: str, text: str, *, thread_ts: str = "") -> Message:
        """A person writes a message."""
        return self.workspace.say(user, channel, text, thread_ts=thread_ts)

    def distrust(self, text: str) -> None:
        """A person typed this: no mention, broadcast or link in it may come back alive."""
        self.strictness.hostile.extend(entities(text))

    def attach(self, user: str, name: str, content: bytes) -> Json:
        """A file of a person's, as a message has it."""
        file = File(
            id=f"F0OWN{len(self.workspace.files):04d}", name=name, size=len(content), user=user, content=content
        )
        self.workspace.files[file.id] = file
        return file.to_slack(self.origin)

    async def trigger_id(self, user: str) -> str:
        """A fresh trigger id of an act of this user."""
        return self.workspace.new_trigger(user)

    def new_response_url(self, user: str, channel: str, *, message_ts: str = "") -> ResponseUrl:
        """A response URL for an act."""
        return self.response_urls.new(user, channel, message_ts=message_ts)

    def address(self, url: ResponseUrl) -> str:
        """Where the bot posts to it."""
        return f"{self.origin}/response/{url.id}"

    def take_ack(self, url: ResponseUrl | None, payload: Json, answer: Json) -> None:
        """Do what the body of an ack asks for; what Slack would refuse is a violation."""
        acks.take(self, url, payload, answer)

    async def eventually(
        self, look: Callable[[], Awaitable[Seen | None]], *, seconds: float = 60.0, what: str = ""
    ) -> Seen:
        """Look until there is something to see, and give it."""
        return await self.ledger.eventually(look, seconds=seconds, what=what)

    def assert_no_violations(self) -> None:
        """Fail with the whole list when the bot did what it must not; the list starts anew then."""
        found = list(self.violations)
        self.violations.clear()
        assert not found, f"{len(found)} violations of Slack's rules:\n" + "\n".join(f"  {each}" for each in found)
