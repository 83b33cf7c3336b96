"""The bot's account in Slack: who it is there, and whether Slack accepts it.

Slack is asked at the start and then now and then, beside everything else: no acknowledgement waits for it.
What is wrong with the bot is logged once, with the remedy, and makes the bot unready until a call succeeds.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_sdk.web.async_client import AsyncWebClient

from bot.documents.current_workspace import workspace
from bot.runtime.installations import Installations
from bot.runtime.slack_client import without_repeats
from bot.runtime.slack_errors import TROUBLE, Reach, SlackFault, answer_of, fault_of

log = logging.getLogger(__name__)

#: Seconds between two looks while all is well, and while it is not.
CHECK_SECONDS, RECHECK_SECONDS = 60.0, 5.0
#: Seconds that a start waits for Slack.
START_SECONDS = 3.0
_CALL_SECONDS = 10
_OWN_CHECK = "auth.test"
_REMEDIES = {
    "missing_scope": "update the app with manifest.yml and install it again",
    "not_allowed_token_type": "copy the bot token (xoxb-) into SLACK_BOT_TOKEN and restart",
    "unknown_method": "install a newer version of this program",
    "method_deprecated": "install a newer version of this program",
    "deprecated_endpoint": "install a newer version of this program",
    "not_enabled": "update the app with manifest.yml",
    "ekm_access_denied": "an admin of the workspace has to let the app post again",
    "accesslimited": "an admin of the workspace has to allow this machine's address",
    "org_login_required": "wait for the end of the workspace's migration, then install the app again",
}
_INSTALL_AGAIN = "install the app again, copy its bot token into SLACK_BOT_TOKEN and restart"


class SlackAccount:
    """What Slack says of the bot itself."""

    def __init__(self, client: AsyncWebClient) -> None:
        # A client of its own, which neither waits long nor repeats a request.
        self._client = without_repeats(client, timeout=_CALL_SECONDS)
        self._identity: Mapping[str, Any] | None = None
        self._checked_at = 0.0
        self._troubles: dict[str, str] = {}  # the code by where it was met

    @property
    def token(self) -> str | None:
        """The bot's token; None where only further workspaces have installed the app."""
        return self._client.token

    @property
    def trouble(self) -> str:
        """Slack's code for what is wrong with the bot, `not_checked` before its first answer, or an empty string."""
        if self._identity is None and not self._troubles and self.token is not None:
            return "not_checked"
        return next(iter(self._troubles.values()), "")

    def who(self, field: str) -> str | None:
        """Return a field of Slack's answer about the bot, such as `bot_id`; None before there is one."""
        return self._identity.get(field) if self._identity else None

    async def check_at_start(self) -> None:
        """Ask Slack who the bot is, for a moment; a start does not wait for a Slack that is unwell."""
        try:
            await asyncio.wait_for(self.check(), START_SECONDS)
        except TimeoutError:
            log.warning("slack_not_checked error=TimeoutError")

    async def check(self) -> None:
        """Ask Slack who the bot is, unless it has said so a moment ago."""
        now = asyncio.get_running_loop().time()
        if self.token is None or (not self.trouble and now - self._checked_at < CHECK_SECONDS):
            return
        try:
            answer = await answer_of(self._client.auth_test())
        except TROUBLE as trouble:
            fault = fault_of(trouble)
            if fault.reach is Reach.BOT:
                self.report(_OWN_CHECK, fault)
            else:
                log.warning("slack_not_checked error=%s", fault.code)
            return
        self._identity, self._checked_at = answer, now
        self.accept(_OWN_CHECK)

    def report(self, where: str, fault: SlackFault) -> None:
        """Record that Slack refuses the bot; logged once for each code until Slack accepts it again.

        What is wrong in a further workspace does not make the bot unready for all the others.
        """
        if team := workspace():
            log.warning("slack_refuses_workspace team=%s code=%s needed=%s", team, fault.code, fault.needed or "-")
            return
        if fault.code not in self._troubles.values():
            remedy = _REMEDIES.get(fault.code, _INSTALL_AGAIN)
            log.error("slack_refuses_bot code=%s needed=%s remedy=%s", fault.code, fault.needed or "-", remedy)
        self._troubles[where] = fault.code

    def accept(self, where: str) -> None:
        """Record that Slack took a call where it was refused."""
        if self._troubles.pop(where, None) is not None and not self._troubles:
            log.info("slack_accepts_bot")


class Authorization(AsyncAuthorize):
    """Bolt's question who the bot is, answered from what is known: a listener never waits for Slack."""

    def __init__(self, account: SlackAccount, installations: Installations | None = None) -> None:
        self._account = account
        self._installations = installations

    async def __call__(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None, **_: Any
    ) -> AuthorizeResult | None:
        """Return the bot with its token in the workspace of a request; None where it has none."""
        if self._installations and (installed := self._installations.known(team_id or "")):
            return AuthorizeResult(
                enterprise_id=enterprise_id,
                team_id=team_id,
                bot_id=installed.bot_id,
                bot_user_id=installed.bot_user_id,
                bot_token=self._installations.token_of(installed.team_id),
            )
        if self._account.token is None:
            return None
        who = self._account.who
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            bot_id=who("bot_id"),
            bot_user_id=who("user_id"),
            bot_token=self._account.token,
        )
