"""HTTP server: one FastAPI app at one port for Slack's requests, monitoring, the API and the pages."""

import asyncio
import errno
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI, Request, Response
from slack_bolt.adapter.fastapi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from starlette.requests import ClientDisconnect
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.api.app import ROOT, build_api
from bot.context import BotContext
from bot.ops import prometheus
from bot.ops.health_checks import INSTALL_PATH
from bot.ops.readiness import what_is_wrong
from bot.runtime.http_protocol import BACKLOG, Doors, answer_nobody, quiet_log
from bot.runtime.settings import Settings
from bot.runtime.slack_account import SlackAccount
from bot.slack.installing import REDIRECT_PATH
from bot.slack.payloads import is_known_shape
from bot.slack.request_guard import LONGEST_BODY, ReplayGuard
from optimizer.errors import Phrase, Unavailable
from optimizer.supervisor import begin

log = logging.getLogger(__name__)

#: Longer than the minute that proxies keep a connection: a request on a connection being closed is lost.
_KEEP_ALIVE_SECONDS = 75
_SLACK_PATH = "/slack/events"
#: Why an address cannot be listened to, by the system's error number.
_REASONS: dict[int | None, Phrase] = {
    errno.EADDRINUSE: Phrase("address_in_use"),
    errno.EACCES: Phrase("permission_denied"),
}


class PortTaken(Unavailable):
    """Raised when the address cannot be bound. Facts: host, port, reason."""


def build_web(context: BotContext, account: SlackAccount) -> FastAPI:
    """Build the app without Slack's route."""
    web = FastAPI(openapi_url=None, exception_handlers={ClientDisconnect: answer_nobody})
    _add_monitoring_routes(web, context, account)
    web.add_middleware(ServingOnly, may_serve=context.may_serve)
    web.router.routes.append(_mount(ROOT, build_api(context)))
    return web


def _mount(root: str, app: FastAPI) -> Mount:
    """Mount an app at all paths that begin with `root`."""
    mount = Mount(root, app)
    # A path may contain a line break, which `.` does not match: such a path must not bypass the app's middleware.
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


def add_slack_route(web: FastAPI, app: AsyncApp, signing_secret: str) -> None:
    """Add the route for Slack's requests, whose signature, time and shape are checked, and those of installing."""
    handler, guard = AsyncSlackRequestHandler(app), ReplayGuard(signing_secret)

    @web.post(_SLACK_PATH)
    async def events(request: Request) -> Response:
        body = await _read_body(request)
        if not guard.accepts(request.headers, body):
            return Response(status_code=401)
        if not is_known_shape(request.headers, body):
            log.warning("request_of_unknown_shape length=%s", len(body))
            return Response(status_code=400)
        return await handler.handle(request)

    async def install(request: Request) -> Response:
        return await handler.handle(request)

    for path in (INSTALL_PATH, REDIRECT_PATH) if app.oauth_flow else ():
        web.get(path)(install)


class ServingOnly:
    """ASGI middleware that lets nothing be changed while another bot may have the lease.

    Slack's requests are let through: the dispatcher refuses them in words.
    """

    def __init__(self, app: ASGIApp, *, may_serve: Callable[[], bool]) -> None:
        self._app = app
        self._may_serve = may_serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        is_change = scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS")
        if is_change and scope["path"] != _SLACK_PATH and not self._may_serve():
            await Response(status_code=503, headers={"Retry-After": "5"})(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _add_monitoring_routes(web: FastAPI, context: BotContext, account: SlackAccount) -> None:
    @web.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @web.get("/readyz")
    async def readyz(response: Response) -> dict[str, object]:
        wrong = await what_is_wrong(context, account)
        response.status_code = 503 if wrong else 200
        return {"status": "not_ready" if wrong else "ready", "wrong": wrong}

    @web.get("/metrics")
    async def metrics() -> Response:
        return Response(await prometheus.exposition(context.services), media_type=prometheus.CONTENT_TYPE)


@asynccontextmanager
async def listen(web: FastAPI, settings: Settings, *, doors: Doors | None = None) -> AsyncIterator[int]:
    """Serve inside the block and yield the port, also when a free one was requested. Raises PortTaken."""
    config = uvicorn.Config(
        web,
        http=(doors or Doors()).protocol(),
        ws="none",
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    server = _Server(config)
    with _bind(settings.host, settings.port) as bound, quiet_log():
        port = int(bound.getsockname()[1])
        serving = begin(server.serve(sockets=[bound]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        log.info("listening host=%s port=%s", settings.host, port)
        try:
            yield port
        finally:
            server.should_exit = True
            await serving


def _bind(host: str, port: int) -> socket.socket:
    # Named as TCP, or asyncio does not switch Nagle's algorithm off, and every answer waits 40 ms for its second half.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError as failure:
        bound.close()
        reason = _REASONS.get(failure.errno, Phrase("as_written", text=failure.strerror or type(failure).__name__))
        raise PortTaken(host=host, port=port, reason=reason) from failure
    return bound


async def _read_body(request: Request) -> bytes:
    """Return the body, empty when it is longer than any of Slack's."""
    length = request.headers.get("content-length", "")
    return await request.body() if length.isdecimal() and int(length) <= LONGEST_BODY else b""


class _Server(uvicorn.Server):
    """Server that leaves the signals to the program it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
