"""Installing the app in further workspaces, through Bolt's own OAuth flow, and what happens when one removes it."""

from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import urljoin, urlsplit

from slack_bolt.async_app import AsyncApp, AsyncBoltContext
from slack_bolt.oauth.async_callback_options import AsyncCallbackOptions, AsyncFailureArgs, AsyncSuccessArgs
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.response import BoltResponse

from bot.context import BotContext
from bot.documents.current_workspace import enter
from bot.documents.recurring import Schedule
from bot.ops.health_checks import INSTALL_PATH, SCOPES
from bot.runtime.installations import STATE_LIVES, Installations, OAuthStates
from bot.runtime.slack_client import workspace_of
from reports.render import renderer_of

REDIRECT_PATH = "/slack/oauth_redirect"
#: Of a page of one sentence.
_HEADERS: dict[str, str | Sequence[str]] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'",
}


def oauth_settings(context: BotContext, installations: Installations) -> AsyncOAuthSettings:
    """Return the settings of Bolt's flow, with the pages of this bot."""
    settings = context.services.settings
    client_id, client_secret = settings.slack_client_id, settings.slack_client_secret
    assert client_id is not None, "the settings are complete"
    assert client_secret is not None, "the settings are complete"
    return AsyncOAuthSettings(
        client_id=client_id.get_secret_value(),
        client_secret=client_secret.get_secret_value(),
        scopes=SCOPES,
        user_scopes=(),
        redirect_uri=f"{settings.public_url}{REDIRECT_PATH}" if settings.public_url else None,
        install_path=INSTALL_PATH,
        redirect_uri_path=REDIRECT_PATH,
        install_page_rendering_enabled=False,
        authorization_url=urljoin(settings.slack_api_url, "/oauth/v2/authorize"),
        installation_store=installations,
        state_store=OAuthStates(context.clock),
        state_expiration_seconds=int(STATE_LIVES.total_seconds()),
        callback_options=AsyncCallbackOptions(success=_Pages(context).installed, failure=_Pages(context).failed),
    )


class _Pages:
    """Ends of an installation in the browser."""

    def __init__(self, context: BotContext) -> None:
        self._settings = context.services.settings

    async def installed(self, args: AsyncSuccessArgs) -> BoltResponse:
        """Lead to the bot's home tab in the workspace."""
        site = urlsplit(self._settings.slack_api_url)
        query = f"app={args.installation.app_id}&team={args.installation.team_id}"
        address = f"{site.scheme}://{site.netloc}/app_redirect?{query}"
        return BoltResponse(status=302, body="", headers={"Location": address})

    async def failed(self, args: AsyncFailureArgs) -> BoltResponse:
        """Say why nothing was installed, and what to do."""
        words = renderer_of(self._settings.language).notice("not_installed", reason=args.reason).text
        page = f"<!doctype html><title>Optimizer</title><p>{escape(words)}</p>"
        return BoltResponse(status=args.suggested_status_code, body=page, headers=_HEADERS)


class Uninstalling:
    """Listeners that keep workspaces apart: each request works for its own, and a removed one is forgotten."""

    def __init__(self, context: BotContext, installations: Installations) -> None:
        self._context = context
        self._installations = installations

    def register(self, app: AsyncApp) -> None:
        """Register the listeners with Bolt."""
        finish = self._context.background.finish
        app.use(self.enter_workspace)
        app.event("app_uninstalled")(finish(self.on_uninstalled))
        app.event("tokens_revoked")(finish(self.on_tokens_revoked))

    async def enter_workspace(self, context: AsyncBoltContext, next: Any) -> None:
        """Work for the workspace of the request from here on."""
        enter(workspace_of(self._context.client, context.team_id))
        await next()

    async def on_tokens_revoked(self, event: dict[str, Any], context: AsyncBoltContext) -> None:
        """Forget the workspace when it was the bot's token; a person's own is never asked for."""
        if (event.get("tokens") or {}).get("bot"):
            await self.on_uninstalled(context)

    async def on_uninstalled(self, context: AsyncBoltContext) -> None:
        """Forget a workspace: its token, its schedules, and its studies that did not end."""
        team = workspace_of(self._context.client, context.team_id)
        if not team:
            return
        await self._installations.async_delete_bot(enterprise_id=None, team_id=team)
        for schedule in await Schedule.find({"team": team, "removed_at": None}).to_list():
            await self._context.schedules.remove(schedule, by="")
        studies = self._context.services.studies
        for study in await studies.unfinished():
            if study.team == team:
                await studies.cancel(study.study_name)
