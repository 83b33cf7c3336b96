"""Sessions of pages: the signed-in visitor, the origin of forms, and the headers of every response."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.access.roster import require
from bot.access.sign_in import SignIn, SignInNeeded
from bot.context import BotContext
from bot.documents.audiences import Viewer, seen_by
from bot.documents.current_workspace import enter
from bot.documents.sessions import WebSession
from bot.pages.errors import Forged, FormTooLong
from bot.role import Role
from bot.runtime.settings import LOOPBACK
from bot.runtime.slack_client import workspace_of
from reports.render import LANGUAGES, Language, Renderer, renderer_of

#: Most bytes of a form.
LONGEST_FORM = 4096
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: browsers would then send no origin with a form, which is checked.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Signed-in person, with their current role."""

    session: WebSession
    role: Role
    form_token: str

    @property
    def user_id(self) -> str:
        """Slack id."""
        return self.session.user_id

    @property
    def language(self) -> Language:
        """Language of the pages."""
        return self.session.language

    @property
    def renderer(self) -> Renderer:
        """Renderer in that language."""
        return renderer_of(self.language)


class SessionGuard:
    """Admits people by their cookie."""

    def __init__(self, context: BotContext, sign_in: SignIn) -> None:
        self._context = context
        self._sign_in = sign_in
        self._address = context.services.settings.public_url
        self.is_secure = self._address.startswith("https://")
        #: Browsers accept a name with this prefix only from the host itself, over TLS.
        self.cookie = "__Host-optimize-bot" if self.is_secure else "optimize-bot"

    async def require_visitor(self, request: Request) -> Visitor:
        """Return the visitor; raises SignInNeeded without a session and NotAllowed without a role."""
        session = await self._sign_in.session(request.cookies.get(self.cookie, ""))
        if session is None:
            raise SignInNeeded
        request.state.session = session
        enter(workspace_of(self._context.client, session.team_id))
        role = await self._context.access.role_of(session.user_id, session.team_id)
        require(role, needs=Role.VIEWER, what="web", user_id=session.user_id)
        return self._visitor(session, role)

    async def visible(self, visitor: Visitor) -> Mapping[str, Any]:
        """Return the query for the studies and schedules that a visitor may see."""
        return seen_by(await self.viewer(visitor))

    async def viewer(self, visitor: Visitor) -> Viewer:
        """Return a visitor as a viewer of studies, schedules and forecasts."""
        return await self._context.viewers.viewer(visitor.user_id, visitor.role)

    def identified_visitor(self, request: Request) -> Visitor | None:
        """Return the visitor found earlier in this request, for the bar of an error page, or None."""
        session: WebSession | None = getattr(request.state, "session", None)
        return None if session is None else self._visitor(session, Role.NOBODY)

    def _visitor(self, session: WebSession, role: Role) -> Visitor:
        return Visitor(session=session, role=role, form_token=self._sign_in.form_token(session))

    async def form(self, request: Request) -> dict[str, str]:
        """Return the fields of a form that one of our pages sent; raises Forged and FormTooLong."""
        self._require_our_page(request)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LONGEST_FORM:
                raise FormTooLong
        return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=20))

    async def signed_form(self, request: Request, visitor: Visitor) -> dict[str, str]:
        """Return the fields of a form that carries the token of the visitor's session; raises as `form`."""
        fields = await self.form(request)
        if not self._sign_in.is_form_token(fields.get("token", ""), visitor.session):
            raise Forged
        return fields

    def _require_our_page(self, request: Request) -> None:
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
        if site not in ("same-origin", "none") or (origin is not None and not self._is_ours(origin, request)):
            raise Forged

    def _is_ours(self, origin: str, request: Request) -> bool:
        if self._address:
            return origin == self._address
        # Without a public address only this machine is served, under any of its names.
        host = request.headers.get("host", "")
        return origin == f"http://{host}" and urlsplit(origin).hostname in LOOPBACK


def language_of(request: Request, default: Language) -> Language:
    """Choose the language of a person who is not signed in: the first supported one that the browser names."""
    named = [word.strip()[:2].lower() for word in request.headers.get("accept-language", "").split(",")]
    return next((language for word in named for language in LANGUAGES if language == word), default)


class SecurityHeaders:
    """Middleware that adds the headers to every response that does not set its own."""

    def __init__(self, app: ASGIApp, *, is_secure: bool) -> None:
        self._app = app
        self._headers = HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if is_secure else {})

    async def __call__(self, scope: Scope, dispatch: Receive, send: Send) -> None:
        """Handle one connection (ASGI)."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, dispatch, send_with_headers)
