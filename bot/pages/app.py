"""App of the pages: routes, signing in and out, the three buttons, and errors as pages."""

import logging
import re
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote, unquote

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp

from bot.access import audit
from bot.access.sign_in import SESSION_LIVES, NotMyLink, SignIn, SignInNeeded
from bot.context import BotContext
from bot.documents.audit_log import Outcome
from bot.grammar.commands import Cancel, Command, Pause, Resume
from bot.pages.dashboard import PATHS, Dashboard
from bot.pages.errors import NoSuchPage, NotThisWay, status_of
from bot.pages.session_guard import SecurityHeaders, SessionGuard, language_of
from bot.pages.views import PageViews
from bot.runtime.http_protocol import answer_nobody
from bot.runtime.seldom import Seldom
from bot.slack.dispatcher import CommandRequest, Dispatcher
from optimizer.errors import SomethingBroke, UserError
from optimizer.storage.embedded_mongo import MongoUnavailable
from optimizer.storage.outage import is_outage
from reports.render import renderer_of

log = logging.getLogger(__name__)

#: Entry point of requests from a page.
DOOR = "page"
_ACTIONS: Mapping[str, type[Cancel | Pause | Resume]] = {"cancel": Cancel, "pause": Pause, "resume": Resume}
#: Cookie with the page requested before signing in.
_WANTED = "optimize-bot-wanted"
_WANTED_SECONDS = 900
_OURS = re.compile(r"/(board|studies|plans|forecasts|data|regimes|dashboard)(/[\w./-]*)?(\?[\w=&%.+-]*)?", re.ASCII)


def build_pages(context: BotContext) -> ASGIApp:
    """Build the app that is mounted at the root, after every other route; opens nothing."""
    sign_in = SignIn.of(context.services.settings.home, context.clock)
    guard = SessionGuard(context, sign_in)
    pages = Pages(context, sign_in, guard)
    return SecurityHeaders(pages.app(), is_secure=guard.is_secure)


class Pages:
    """Routes, and the handlers that are not mere views."""

    def __init__(self, context: BotContext, sign_in: SignIn, guard: SessionGuard) -> None:
        self._context = context
        self._sign_ins = sign_in
        self._guard = guard
        self._views = PageViews(context, guard)
        self._dispatcher = Dispatcher(context)
        self._forged = Seldom()

    def app(self) -> FastAPI:
        """Build the app with every route."""
        views = self._views
        dashboard = Dashboard(self._guard, self._context.services.studies)
        return FastAPI(
            openapi_url=None,
            exception_handlers={
                UserError: self._refuse, HTTPException: self._refuse_http, Exception: self._report_fault,
                PyMongoError: self._refuse_mongo, ClientDisconnect: answer_nobody,
            },
            routes=[
                Route("/", _redirect_to_board),
                Route("/favicon.ico", _no_icon),
                Route("/board", views.board),
                Route("/studies", views.studies),
                Route("/studies/{name}", views.study),
                Route("/studies/{name}/events", views.progress),
                Route("/studies/{name}/charts/{chart}", views.chart),
                Route("/studies/{name}/{act}", self._run_action, methods=["POST"]),
                Route("/plans", views.plans),
                Route("/forecasts", views.forecasts),
                Route("/data", views.data),
                Route("/regimes", views.regimes),
                Route("/pages/{name}", views.asset),
                Route("/sign-in", self._show_link, methods=["GET"]),
                Route("/sign-in", self._sign_in, methods=["POST"]),
                Route("/sign-out", self._sign_out, methods=["POST"]),
                *(Route(path, dashboard) for path in PATHS),
            ],
        )  # fmt: skip

    async def _show_link(self, request: Request) -> Response:
        """Show for whom a sign-in link is, and the button that uses it."""
        ticket = request.query_params.get("ticket", "")
        if not ticket:
            raise SignInNeeded
        link = await self._sign_ins.read(ticket)
        person = await self._context.people.person(link.user_id)
        language = person.language or self._context.services.settings.language
        name = person.name or link.user_id
        return await self._views.plain_page("sign_in.jinja", language, ticket=ticket, name=name)

    async def _sign_in(self, request: Request) -> Response:
        """Use the link up, as its button was pressed."""
        fields = await self._guard.form(request)
        ticket = fields.get("ticket", "")
        try:
            link = await self._sign_ins.read(ticket)
            person = await self._context.people.person(link.user_id)
            language = person.language or self._context.services.settings.language
            link, cookie = await self._sign_ins.redeem(ticket, language)
        except NotMyLink:
            if number := self._forged.due():
                log.warning("sign_in_forged n=%s", number)
            raise
        await self._record(link.user_id, link.team_id, "sign in")
        answer = RedirectResponse(_wanted_page(request), status_code=HTTPStatus.SEE_OTHER)
        answer.set_cookie(
            self._guard.cookie,
            cookie,
            max_age=int(SESSION_LIVES.total_seconds()),
            secure=self._guard.is_secure,
            httponly=True,
            samesite="lax",  # a link in Slack to a page opens it signed in
        )
        answer.delete_cookie(_WANTED)
        return answer

    async def _sign_out(self, request: Request) -> Response:
        """End the session for good."""
        visitor = await self._guard.require_visitor(request)
        await self._guard.signed_form(request, visitor)
        await visitor.session.delete()
        await self._record(visitor.user_id, visitor.session.team_id, "sign out")
        answer = RedirectResponse("/board", status_code=HTTPStatus.SEE_OTHER)
        answer.delete_cookie(self._guard.cookie, secure=self._guard.is_secure, httponly=True, samesite="lax")
        return answer

    async def _run_action(self, request: Request) -> Response:
        """Cancel, pause or resume a study, with the same words, checks and audit as the command in Slack."""
        visitor = await self._guard.require_visitor(request)
        await self._guard.signed_form(request, visitor)
        name, act = str(request.path_params["name"]), str(request.path_params["act"])
        if act not in _ACTIONS:
            raise NoSuchPage
        command: Command = _ACTIONS[act](name)
        command_request = CommandRequest(
            door=DOOR,
            channel_id="",
            user_id=visitor.user_id,
            team_id=visitor.session.team_id,
            text=f"{act} {name}",
            command=command,
        )
        answer = await self._dispatcher.dispatch(command_request)
        if answer.error is not None:
            raise answer.error
        return RedirectResponse(f"/studies/{name}", status_code=HTTPStatus.SEE_OTHER)

    async def _record(self, user_id: str, team_id: str, text: str) -> None:
        await audit.record(
            now=self._context.clock(), door=DOOR, user_id=user_id, channel_id="", team_id=team_id, text=text,
            outcome=Outcome.DONE, verb="web",
        )  # fmt: skip

    async def _refuse(self, request: Request, error: Exception) -> Response:
        """Show an error as a page; after signing in, a person is taken to the page they requested."""
        assert isinstance(error, UserError)
        visitor = self._guard.identified_visitor(request)
        language = visitor.language if visitor else language_of(request, self._context.services.settings.language)
        answer = await self._views.plain_page(
            "letter.jinja",
            language,
            visitor=visitor,
            status=status_of(error),
            sentence=renderer_of(language).error(error),
        )
        if isinstance(error, SignInNeeded) and request.method == "GET":
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            if _OURS.fullmatch(wanted):
                answer.set_cookie(
                    _WANTED, quote(wanted, safe=""), max_age=_WANTED_SECONDS, secure=self._guard.is_secure,
                    httponly=True, samesite="lax",
                )  # fmt: skip
        return answer

    async def _refuse_http(self, request: Request, error: Exception) -> Response:
        """Show the framework's own errors: an unknown address, a wrong method."""
        assert isinstance(error, HTTPException)
        kinds = {404: NoSuchPage(), 405: NotThisWay()}
        return await self._refuse(request, kinds.get(error.status_code, UserError(reason=str(error.detail))))

    async def _refuse_mongo(self, request: Request, error: Exception) -> Response:
        """Show that MongoDB is away, or a fault of ours that it has found."""
        if not is_outage(error):
            log.error("page_mongo_fault path=%s", request.url.path, exc_info=error)
            return await self._report_fault(request, error)
        return await self._refuse(request, MongoUnavailable.silent())

    async def _report_fault(self, request: Request, error: Exception) -> Response:
        """Show an unexpected fault; the server logs the fault, this line its reference."""
        reference = secrets.token_hex(3)
        log.error("page_broke reference=%s path=%s", reference, request.url.path)
        return await self._refuse(request, SomethingBroke(reference=reference))


async def _redirect_to_board(request: Request) -> Response:
    return RedirectResponse("/board")


async def _no_icon(request: Request) -> Response:
    """Answer the request for an icon that browsers send beside every page."""
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _wanted_page(request: Request) -> str:
    """Return the page requested before signing in, if it is one of ours."""
    wanted = unquote(request.cookies.get(_WANTED, ""))
    return wanted if _OURS.fullmatch(wanted) and ".." not in wanted else "/board"
