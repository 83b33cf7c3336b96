"""Slack's Web API: a client with the bot's token, or one of a bot without Slack."""

from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.runtime.settings import Settings

#: The error that stands in place of one of Slack's.
SLACK_IS_OFF = "slack_is_off"


class NoSlack(AsyncWebClient):
    """Client that refuses every call, as Slack refuses one that it cannot carry out."""

    async def api_call(self, api_method: str, **more: Any) -> Any:
        """Raise SlackApiError."""
        raise SlackApiError(f"{api_method}: Slack is off", {"ok": False, "error": SLACK_IS_OFF})


def slack_client(settings: Settings) -> AsyncWebClient:
    """Return a client for the settings; raises MissingSetting when only some of Slack's are set."""
    if not settings.has_slack:
        return NoSlack()
    settings.require_slack()
    assert settings.slack_bot_token is not None, "require_slack checked it"
    return AsyncWebClient(token=settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url)
