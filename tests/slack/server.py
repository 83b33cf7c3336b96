"""The Web API itself, on 127.0.0.1 and a free port: arguments, tokens, faults, and the table of methods.

In an answer everything is as Slack says it; whatever the bot should not have done is in `violations`
besides. `text` fallbacks, escaping, broadcasts and `response_type` are asked for although Slack would
let them pass; `Strictness` says which.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType

from aiohttp import web

from tests.slack import chat, people, uploads, views
from tests.slack.arguments import arguments_of
from tests.slack.faults import RATE_LIMITED, Fault, Faults, Lost
from tests.slack.ledger import Call, Ledger, Violation
from tests.slack.request import Method, Request, Strictness, checked_content
from tests.slack.response_urls import ResponseUrl, ResponseUrls
from tests.slack.scopes import APP_LEVEL, PER_KIND, PLAIN, is_known
from tests.slack.socket_mode import SocketMode
from tests.slack.workspace import Json, Message, OlderSlack, Refusal, Token, Workspace

METHODS: Mapping[str, Method] = {**chat.METHODS, **people.METHODS, **uploads.METHODS, **views.METHODS}
POSTS = frozenset({"chat.postMessage", "chat.update", "chat.postEphemeral"})
UPLOAD_BYTES = 64 * 1024 * 1024


class SlackServer:
    """A running Web API over one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.ledger = Ledger()
        self.faults = Faults()
        self.strictness = Strictness()
        self.response_urls = ResponseUrls(self._apply_reply)
        self.sockets = SocketMode(self.ledger)
        self.origin = ""
        self._runner: web.AppRunner | None = None

    @property
    def api_url(self) -> str:
        """The base URL for a client, with its trailing slash."""
        return f"{self.origin}/api/"

    @property
    def violations(self) -> list[Violation]:
        """Everything the bot should not have done."""
        return self.ledger.violations

    async def __aenter__(self) -> "SlackServer":
        app = web.Application(client_max_size=UPLOAD_BYTES)
        app.router.add_route("*", "/api/{method}", self.api)
        app.router.add_post("/upload/v1/{file}", self._upload)
        app.router.add_get("/files-pri/{file}/{name}", self._download)
        app.router.add_post("/response/{url}", self._respond)
        app.router.add_get("/link", self.sockets.connect)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.sockets.url = self.origin.replace("http", "ws") + "/link"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.sockets.close()
        if self._runner:
            await self._runner.cleanup()

    async def api(self, request: web.Request) -> web.StreamResponse:
        """Answer one call of the Web API."""
        method = request.match_info["method"]
        call = self.ledger.open(method, await arguments_of(request))
        fault = self.faults.meet(method)
        call.fault = str(fault or "")
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault and (fault.is_answer or fault.lost is Lost.REQUEST):
            return self._play(call, fault, request)
        return self._answer(call, fault, request)

    def _play(self, call: Call, fault: Fault, request: web.Request) -> web.StreamResponse:
        """Answer with the fault itself."""
        answer: Json = {"ok": False, "error": fault.error or "internal_error"}
        self.ledger.close(call, status=0 if fault.lost is Lost.REQUEST else fault.status, answer=answer)
        if fault.lost is Lost.REQUEST:
            return _drop(request)
        headers = {}
        if fault.retry_after:
            headers["Retry-After"] = str(fault.retry_after)
        if fault.retry_after and isinstance(fault.retry_after, int):
            self.faults.told_to_wait(call.method, call.channel, fault.retry_after)
        if fault.page is not None:
            return web.Response(status=fault.status, text=fault.page, content_type=fault.kind, headers=headers)
        return web.json_response(answer, status=fault.status, headers=headers)

    def _answer(self, call: Call, fault: Fault | None, request: web.Request) -> web.StreamResponse:
        """Carry the call out, or refuse it as Slack would."""
        if self.faults.is_early(call.method, call.channel, call.at):
            self.ledger.violate("ignored_retry_after", f"{call.channel} called too early", call.method)
        if call.method in POSTS and self.faults.is_too_fast(call.channel, call.at):
            return self._play(call, RATE_LIMITED, request)
        headers: dict[str, str] = {}
        try:
            token = self._token(call, request)
            headers["X-OAuth-Scopes"] = ",".join(sorted(token.scopes))
            answer = {"ok": True, **self._carry_out(call, token)}
        except Refusal as refusal:
            answer = self._refused(refusal, call.method)
        self.ledger.close(call, status=200, answer=answer)
        return _drop(request) if fault and fault.lost is Lost.ANSWER else web.json_response(answer, headers=headers)

    def _carry_out(self, call: Call, token: Token) -> Json:
        if not is_known(call.method):
            raise Refusal("unknown_method", call.method)
        if token.is_app_level is not (call.method in APP_LEVEL):
            raise Refusal("not_allowed_token_type", call.method)
        request = Request(
            method=call.method,
            args=dict(call.args),
            token=token,
            workspace=self.workspace,
            ledger=self.ledger,
            strictness=self.strictness,
            origin=self.origin,
        )
        request.need(PLAIN.get(call.method, ""))
        if call.method in PER_KIND:
            _need_any(token, PER_KIND[call.method], request)
        return self.sockets.open_url() if call.method in APP_LEVEL else METHODS[call.method](request)

    def _token(self, call: Call, request: web.Request) -> Token:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ") or str(call.args.pop("token", ""))
        if not sent:
            raise Refusal("not_authed")
        if sent not in self.workspace.tokens or sent in self.workspace.revoked:
            raise Refusal("invalid_auth")
        return self.workspace.tokens[sent]

    def _refused(self, refusal: Refusal, method: str) -> Json:
        if not isinstance(refusal, OlderSlack):
            self.ledger.violate(refusal.code, "; ".join(refusal.details), method)
        messages = [f"[ERROR] {detail}" for detail in refusal.details]
        return {"ok": False, "error": refusal.code, **refusal.extra, "response_metadata": {"messages": messages}}

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()
        call = self.ledger.open("upload", {"file": request.match_info["file"], "length": len(content)})
        fault = self.faults.meet("upload")
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault and (fault.is_answer or fault.lost is Lost.REQUEST):
            return self._play(call, fault, request)
        try:
            uploads.receive(self.workspace, request.match_info["file"], content)
        except Refusal as refusal:
            self.ledger.close(call, status=400, answer=self._refused(refusal, "upload"))
            return web.Response(status=400, text=refusal.code)
        self.ledger.close(call, status=200, answer={"ok": True})
        return web.Response(text=f"OK - {len(content)}")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        token = self.workspace.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        file = self.workspace.files.get(request.match_info["file"])
        if token is None or "files:read" not in token.scopes:
            return web.Response(status=401)
        return web.Response(body=file.content) if file and file.content is not None else web.Response(status=404)

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = self.ledger.open("response_url", {"url": request.match_info["url"], "body": body.decode()})
        if fault := self.faults.meet("response_url"):
            return self._play(call, fault, request)
        try:
            answer = self.response_urls.receive(request.match_info["url"], json.loads(body))
        except json.JSONDecodeError:
            answer = self._refused(Refusal("invalid_payload", "not JSON"), "response_url")
        except Refusal as refusal:
            answer = self._refused(refusal, "response_url")
        status = 200 if answer["ok"] else 404
        self.ledger.close(call, status=status, answer=answer)
        return web.json_response(answer, status=status)

    def _apply_reply(self, url: ResponseUrl, body: Json) -> None:
        """Do in the workspace what a reply to an act asks for."""
        if body.get("delete_original"):
            self.workspace.messages.pop((url.channel, url.message_ts), None)
            return
        content = checked_content(self._as_bot("response_url"), body)
        if body.get("replace_original") and (url.channel, url.message_ts) in self.workspace.messages:
            self._edit(self.workspace.messages[url.channel, url.message_ts], content)
        else:
            self._say(url, body, content)

    def _edit(self, message: Message, content: Json) -> None:
        message.past.append({"text": message.text, "blocks": message.blocks, "edited_ts": message.edited_ts})
        message.text, message.blocks = content["text"], content["blocks"]
        message.edited_ts = self.workspace.new_ts()

    def _say(self, url: ResponseUrl, body: Json, content: Json) -> None:
        bot = self.bot
        message = Message(
            channel=url.channel,
            ts=self.workspace.new_ts(),
            user=bot.user,
            bot_id=bot.bot_id,
            thread_ts=str(body.get("thread_ts") or ""),
            only_for="" if body.get("response_type") == "in_channel" else url.user,
            **content,
        )
        if message.only_for:
            self.workspace.ephemerals.append(message)
        else:
            self.workspace.add(message)

    @property
    def bot(self) -> Token:
        """The bot's token."""
        return next(token for token in self.workspace.tokens.values() if not token.is_app_level)

    def bot_with(self, *scopes: str) -> Token:
        """The bot's token with more scopes than the manifest asks for."""
        return replace(self.bot, scopes=self.bot.scopes | set(scopes))

    def _as_bot(self, method: str) -> Request:
        return Request(
            method=method,
            args={},
            token=self.bot,
            workspace=self.workspace,
            ledger=self.ledger,
            strictness=self.strictness,
            origin=self.origin,
        )


def _need_any(token: Token, right: str, request: Request) -> None:
    """At least one kind's scope; which one is asked once the conversation is known."""
    names = [f"{kind}:{right}" for kind in ("channels", "groups", "im", "mpim")]
    if right == "write":
        names.append("channels:manage")
    if not token.scopes & set(names):
        request.need(names[0])


def _drop(request: web.Request) -> web.StreamResponse:
    """Cut the connection without a word."""
    if request.transport:
        request.transport.close()
    return web.Response()
