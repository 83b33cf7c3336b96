"""optuna-dashboard under the same sign-in, read-only.

Its page requests absolute addresses, so it is mounted at the root beside ours: /dashboard, /api/studies, /api/meta,
/csv, /static. It runs in two threads of its own, never on the event loop.
"""

import asyncio
import re
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi_typing import WSGIApp
from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.pages.errors import NoSuchPage, ReadOnly
from bot.pages.session_guard import SessionGuard
from optimizer.lazy import LazyModule, load_modules
from optimizer.storage.study_queries import Query
from optimizer.studies.service import OptimizationService

PATHS = (
    "/dashboard",
    "/dashboard/{rest:path}",
    "/api/meta",
    "/api/studies",
    "/api/studies/{rest:path}",
    "/csv/{rest:path}",
    "/static/{rest:path}",
)
_THREADS = 2
if TYPE_CHECKING:
    import optuna_dashboard

    from bot.pages import optuna_storage
else:
    # They import Optuna and scikit-learn, which takes a second: only at the first look at the dashboard.
    optuna_dashboard, optuna_storage = LazyModule("optuna_dashboard"), LazyModule("bot.pages.optuna_storage")
_STUDY = re.compile(r"/(?:api/studies|csv)/([0-9]{1,16})(?:/|$)")
_LISTS = ("/api/studies", "/api/studies/")


class Dashboard:
    """The WSGI app behind the session guard, with the requested studies loaded."""

    def __init__(self, guard: SessionGuard, studies: OptimizationService) -> None:
        self._guard = guard
        self._studies = studies
        self._app: ASGIApp | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, dispatch: Receive, send: Send) -> None:
        """Handle one connection (ASGI). Raises SignInNeeded, NotAllowed, ReadOnly and UnknownStudy."""
        request = Request(scope)
        visitor = await self._guard.require_visitor(request)
        if request.method not in ("GET", "HEAD"):
            raise ReadOnly
        await self._prepare(request, await self._guard.visible(visitor))
        app = await self._get_app()
        await app(_with_encodings(scope), dispatch, _cache_static(request, send))

    @cached_property
    def _storage(self) -> "optuna_storage.DashboardStorage":
        return optuna_storage.DashboardStorage(self._studies)

    async def _prepare(self, request: Request, among: Query) -> None:
        after = request.query_params.get("after", "0")
        if not re.fullmatch(r"[0-9]{1,9}", after) or ".." in request.url.path or ".." in request.scope["path"]:
            raise NoSuchPage
        await asyncio.to_thread(load_modules, "bot.pages.optuna_storage")
        found = _STUDY.match(request.url.path)
        if found is None:
            if request.url.path in _LISTS:
                await self._storage.list_newest(among)
        elif await self._storage.load(int(found[1]), among):
            self._app = None  # the library caches trials as long as its app exists

    async def _get_app(self) -> ASGIApp:
        async with self._making:
            if self._app is None:
                self._app = await asyncio.to_thread(self._make_app)
            return self._app

    def _make_app(self) -> ASGIApp:
        # Its own types name the same protocol.
        return cast(ASGIApp, WSGIMiddleware(cast(WSGIApp, optuna_dashboard.wsgi(self._storage)), workers=_THREADS))


def _with_encodings(scope: Scope) -> Scope:
    """Add the accept-encoding header, which the library requires."""
    has_encodings = any(name == b"accept-encoding" for name, _ in scope["headers"])
    return scope if has_encodings else {**scope, "headers": [*scope["headers"], (b"accept-encoding", b"identity")]}


def _cache_static(request: Request, send: Send) -> Send:
    """Let a browser cache the library's own files for a day: they are large and do not change while the bot runs."""
    if not request.url.path.startswith("/static/"):
        return send

    async def send_cached(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
            MutableHeaders(scope=message)["Cache-Control"] = "private, max-age=86400"
        await send(message)

    return send_cached
