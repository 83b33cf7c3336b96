"""Slack's Web API: a client with the bot's token, one with the tokens of several workspaces, or none."""

from collections.abc import MutableMapping
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.documents.current_workspace import HOME, workspace
from bot.runtime.settings import Settings

#: The error that stands in place of one of Slack's.
SLACK_IS_OFF = "slack_is_off"


class NoSlack(AsyncWebClient):
    """Client that refuses every call, as Slack refuses one that it cannot carry out."""

    async def api_call(self, api_method: str, **more: Any) -> Any:
        """Raise SlackApiError."""
        raise SlackApiError(f"{api_method}: Slack is off", {"ok": False, "error": SLACK_IS_OFF})


class WorkspacesClient(AsyncWebClient):
    """Client of a bot in several workspaces: every call has the token of the current one."""

    def __init__(self, tokens: MutableMapping[str, str], **options: Any) -> None:
        """`tokens` are by workspace, and change while the bot runs."""
        self.tokens = tokens
        super().__init__(**options)

    @property
    def token(self) -> str | None:
        """Token of the current workspace; None where the app is not installed."""
        return self.tokens.get(workspace())

    @token.setter
    def token(self, _: str | None) -> None:
        """Ignore the one token of the base class."""


def slack_client(settings: Settings) -> AsyncWebClient:
    """Return a client for the settings; raises MissingSetting and NotWithSocket when Slack's do not fit together."""
    if not settings.has_slack:
        return NoSlack()
    settings.require_slack()
    token = settings.slack_bot_token.get_secret_value() if settings.slack_bot_token else None
    if settings.has_installations:
        return WorkspacesClient({HOME: token} if token else {}, base_url=settings.slack_api_url)
    return AsyncWebClient(token=token, base_url=settings.slack_api_url)


def without_repeats(client: AsyncWebClient, *, timeout: int | None = None) -> AsyncWebClient:
    """Return a client like this one that never repeats a request by itself; `timeout` is in seconds."""
    options: dict[str, Any] = {"base_url": client.base_url, "timeout": timeout or client.timeout, "retry_handlers": []}
    if isinstance(client, WorkspacesClient):
        return WorkspacesClient(client.tokens, **options)
    return AsyncWebClient(token=client.token, **options)


def workspace_of(client: AsyncWebClient, team_id: str | None) -> str:
    """Return the workspace of a team's id: that team's where it installed the app, else the bot's own."""
    return team_id if team_id and isinstance(client, WorkspacesClient) and team_id in client.tokens else HOME
