"""Several workspaces behind one Web API, and the pages on which a person lets the app into one of them.

Source: docs.slack.dev/authentication/installing-with-oauth, docs.slack.dev/reference/methods/oauth.v2.access.
"""

import secrets
from types import TracebackType
from urllib.parse import urlencode

from aiohttp import encode_basic_auth, web

from tests.slack.inspection import manifest_scopes
from tests.slack.server import UPLOAD_BYTES
from tests.slack.strict import BOT_ID, BOT_USER, StrictSlack
from tests.slack.workspace import APP_ID, Json, Token

CLIENT_ID, CLIENT_SECRET = "1234567890.0987654321", "0123456789abcdef0123456789abcdef"


class Grid:
    """Workspaces that an app may be installed in; each of them knows nothing of the others."""

    def __init__(self, *workspaces: StrictSlack) -> None:
        self.workspaces = {each.workspace.team_id: each for each in workspaces}
        self.redirect_uri = ""  # as the app's page at Slack has it
        self.origin = ""
        self._codes: dict[str, str] = {}  # the team by the code that stands for a person's consent
        self._runner: web.AppRunner | None = None
        for slack in workspaces:
            slack.workspace.tokens.clear()

    @property
    def api_url(self) -> str:
        """The base URL for a client, with its trailing slash."""
        return f"{self.origin}/api/"

    async def __aenter__(self) -> "Grid":
        app = web.Application(client_max_size=UPLOAD_BYTES)
        app.router.add_get("/oauth/v2/authorize", self._authorize)
        app.router.add_post("/api/oauth.v2.access", self._access)
        app.router.add_route("*", "/api/{method}", self._call)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner:
            await self._runner.cleanup()

    def tokens(self, team_id: str) -> list[str]:
        """The tokens that a workspace has given out."""
        return list(self.workspaces[team_id].workspace.tokens)

    def revoke(self, team_id: str) -> None:
        """Refuse every token of a workspace from now on."""
        self.workspaces[team_id].workspace.revoked |= set(self.tokens(team_id))

    async def _authorize(self, request: web.Request) -> web.Response:
        """Let the app into the workspace that `team` names, as a person does who presses Allow."""
        asked = request.query
        if asked.get("client_id") != CLIENT_ID or set(asked["scope"].split(",")) - manifest_scopes():
            return web.Response(status=400, text="bad_client_id or invalid_scope")
        if asked.get("user_scope"):
            return web.Response(status=400, text="the app asks for rights of a person")
        code = secrets.token_hex(16)
        self._codes[code] = asked["team"]
        query = urlencode({"code": code, "state": asked["state"]})
        raise web.HTTPFound(f"{asked.get('redirect_uri') or self.redirect_uri}?{query}")

    async def _access(self, request: web.Request) -> web.Response:
        """oauth.v2.access: a code and the app's secret for a token, once."""
        sent = await request.post()
        if request.headers.get("Authorization") != encode_basic_auth(CLIENT_ID, CLIENT_SECRET):
            return web.json_response({"ok": False, "error": "bad_client_secret"})
        if (team_id := self._codes.pop(str(sent.get("code")), "")) not in self.workspaces:
            return web.json_response({"ok": False, "error": "invalid_code"})
        return web.json_response(self._installed(team_id))

    def _installed(self, team_id: str) -> Json:
        workspace = self.workspaces[team_id].workspace
        token = f"xoxb-{team_id}-{secrets.token_hex(12)}"
        workspace.tokens[token] = Token(token=token, user=BOT_USER, bot_id=BOT_ID, scopes=manifest_scopes())
        return {
            "ok": True,
            "app_id": APP_ID,
            "authed_user": {"id": workspace.user("bob").id},
            "scope": ",".join(sorted(manifest_scopes())),
            "token_type": "bot",
            "access_token": token,
            "bot_user_id": BOT_USER,
            "team": {"id": team_id, "name": f"Desk {team_id}"},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    async def _call(self, request: web.Request) -> web.StreamResponse:
        """Hand a call to the workspace whose token it has."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        for slack in self.workspaces.values():
            if token in slack.workspace.tokens:
                return await slack.api(request)
        return web.json_response({"ok": False, "error": "invalid_auth"})
