"""Suggested prompts where the bot is opened as an agent: commands to begin with, in the person's language.

A workspace without Slack's agents refuses them, which nobody notices.
"""

import logging
from collections.abc import Sequence
from typing import Any

from bot.context import BotContext
from bot.role import Role
from bot.runtime.slack_errors import TROUBLE, answer_of, fault_of
from reports.render import renderer_of

log = logging.getLogger(__name__)

#: What is suggested, by the least role that may do it: keys of `agent.jinja`.
SUGGESTED: Sequence[tuple[str, Role]] = (
    ("start", Role.RUNNER),
    ("status", Role.VIEWER),
    ("top", Role.VIEWER),
    ("help", Role.NOBODY),
)


class AgentPrompts:
    """Suggests commands to whoever opens the bot as an agent."""

    def __init__(self, context: BotContext) -> None:
        self._context = context

    async def on_opened(self, event: dict[str, Any]) -> None:
        """Suggest commands where the messages with the bot were opened (a listener of Bolt)."""
        if event.get("tab") == "messages" and event.get("channel"):
            await self._suggest(event["user"], event["channel"])

    async def on_thread_started(self, event: dict[str, Any]) -> None:
        """Suggest commands in a thread of an app that was made as an assistant, the form before agents."""
        thread = event["assistant_thread"]
        await self._suggest(thread["user_id"], thread["channel_id"], thread_ts=thread["thread_ts"])

    async def _suggest(self, user_id: str, channel_id: str, **where: str) -> None:
        role = await self._context.access.role_of(user_id)
        person = await self._context.people.person(user_id)
        words = renderer_of(person.language or self._context.services.settings.language)
        titles, messages = words.labels("agent", "titles"), words.labels("agent", "messages")
        keys = [key for key, least in SUGGESTED if role >= least]
        prompts = [{"title": titles[key], "message": messages[key]} for key in keys]
        try:
            suggesting = self._context.client.assistant_threads_setSuggestedPrompts(
                channel_id=channel_id, prompts=prompts, title=titles["all"], **where
            )
            await answer_of(suggesting)
        except TROUBLE as trouble:
            log.info("prompts_not_suggested channel=%s error=%s", channel_id, fault_of(trouble).code)
