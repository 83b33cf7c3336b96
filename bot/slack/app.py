"""The Bolt app: requests are acknowledged in time, and answered where they were sent.

Slack requires the acknowledgement within three seconds, so an answer that takes longer than a moment is
sent to the `response_url` instead. There is one error listener: it gives a fault a reference into the
log; errors that a person can fix are worded before they reach it.
"""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest, AsyncRespond
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.context import Answer, Audience, BotContext
from bot.grammar.understanding.understand import warm
from bot.runtime.installations import Installations
from bot.runtime.slack_account import Authorization, SlackAccount
from bot.slack import buttons
from bot.slack.agent_prompts import AgentPrompts
from bot.slack.attachments import attachment_of
from bot.slack.buttons import Press
from bot.slack.dispatcher import MENTION, CommandRequest, Dispatcher
from bot.slack.form_events import Forms
from bot.slack.home_tab import Home
from bot.slack.installing import Uninstalling, oauth_settings
from bot.slack.link_unfurls import LinkUnfurls
from optimizer.supervisor import begin
from reports.actions import MENU
from reports.render import renderer_of
from reports.text.message import Message

log = logging.getLogger(__name__)

#: Answers that take longer than this are acknowledged first and sent later.
ACK_SECONDS = 0.25
#: Bolt sends an acknowledgement with its next look for one: an answer sent at once could overtake it.
_HEAD_START_SECONDS = 0.05
#: Remembered event ids: Slack delivers an event again when it saw no acknowledgement.
_REMEMBERED = 500


@dataclass(frozen=True)
class SlackDoors:
    """What Slack lets the bot in with: its client, its account, and the workspaces that installed the app."""

    client: AsyncWebClient
    account: SlackAccount
    installations: Installations | None = None


def build_app(context: BotContext, home: Home, doors: SlackDoors, signing_secret: str | None) -> AsyncApp:
    """Build the app with every listener; opens nothing and sends nothing."""
    client, installations, language = doors.client, doors.installations, context.services.settings.language
    app = AsyncApp(
        name="optimize-bot",  # without a name Bolt would search the sources of the whole stack for one
        # Without a token Bolt leaves it to `authorize`, or it would ask Slack in front of the first acknowledgement.
        client=AsyncWebClient(base_url=client.base_url, timeout=client.timeout),
        authorize=Authorization(doors.account, installations),  # type: ignore[arg-type]  # it may return None
        oauth_settings=oauth_settings(context, installations) if installations else None,
        user_facing_authorize_error_message=renderer_of(language).notice("not_installed_here").text,
        signing_secret=signing_secret or "",
        request_verification_enabled=bool(signing_secret),
    )
    warm()
    if installations:
        Uninstalling(context, installations).register(app)
    listeners, finish = Listeners(context), context.background.finish
    app.command("/optimize")(finish(listeners.on_command))
    for action_id in (*buttons.COMMANDS, MENU):
        app.action(action_id)(finish(listeners.on_button))
    Forms(context, listeners.dispatcher).register(app)
    unfurls, prompts = LinkUnfurls(context, listeners.dispatcher), AgentPrompts(context)

    async def on_opened(event: dict[str, Any]) -> None:
        await home.on_opened(event)
        await prompts.on_opened(event)

    app.event("app_home_opened")(finish(on_opened))
    app.event("link_shared")(finish(unfurls.on_shared))
    app.event("assistant_thread_started")(finish(prompts.on_thread_started))
    app.event("app_mention")(finish(listeners.on_mention))
    app.event("message")(finish(listeners.on_direct_message))
    app.error(listeners.on_error)
    return app


class Listeners:
    """Listeners of Bolt, in front of the dispatcher."""

    def __init__(self, context: BotContext) -> None:
        self._context = context
        self.dispatcher = Dispatcher(context)
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def on_command(self, ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond) -> None:
        """Answer `/optimize …`."""
        command_request = CommandRequest(
            door="command",
            channel_id=command["channel_id"],
            user_id=command["user_id"],
            team_id=command["team_id"],
            delivery=command["trigger_id"],
            trigger_id=command["trigger_id"],
            text=command.get("text", ""),
        )
        answering = begin(self.dispatcher.dispatch(command_request))
        done, _ = await asyncio.wait({answering}, timeout=ACK_SECONDS)
        if done:
            await ack(**self._payload(answering.result()))
            return
        # By the clock, whatever keeps the answer waiting: neither MongoDB nor Slack is asked for the language.
        words = self.dispatcher.known_renderer(command_request)
        await ack(**self._payload(Answer(words.notice("working"))))
        await asyncio.sleep(_HEAD_START_SECONDS)
        if payload := self._payload(await answering):  # an opened form is its own answer
            await respond(**payload)

    async def on_button(
        self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond
    ) -> None:
        """Answer a button under a message."""
        await ack()
        press = Press.of(action)
        if press.action_id not in buttons.COMMANDS:
            log.warning("unknown_choice action=%s", press.action_id)
            return
        command_request = CommandRequest(
            door="button",
            channel_id=body["channel"]["id"],
            user_id=body["user"]["id"],
            team_id=(body.get("team") or {}).get("id", ""),
            thread_ts=body["container"].get("thread_ts") or "",
            delivery=body.get("trigger_id", ""),
            trigger_id=body.get("trigger_id", ""),
            text=f"{press.action_id} {press.value}",
            command=press.command,
        )
        answer = await self.dispatcher.dispatch(command_request)
        if not answer.is_refusal and not press.is_lasting:
            await self._mark(command_request, body, press, respond)
        if payload := self._payload(answer):
            await respond(**payload, replace_original=False)

    async def _mark(
        self, command_request: CommandRequest, body: dict[str, Any], press: Press, respond: AsyncRespond
    ) -> None:
        """Replace a button by who pressed it, and when; an ephemeral message cannot be read back."""
        origin = await self.dispatcher.origin_of(command_request)
        words = origin.public_renderer.render(
            "pressed", label=press.label, by=command_request.user_id, at=self._context.clock()
        )
        message = body.get("message") or {}
        blocks = buttons.replace_button(message.get("blocks", []), press.action_id, words.blocks[0])
        if blocks:
            await respond(text=message.get("text", words.text), blocks=blocks, replace_original=True)

    async def on_mention(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        """Answer `@optimizer …` in a channel or a thread."""
        await self._reply(MENTION, event, body)

    async def on_direct_message(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        """Answer the same grammar in a direct message, without the mention."""
        if (
            event.get("channel_type") == "im"
            and not event.get("bot_id")
            and event.get("subtype") in (None, "file_share")
        ):
            await self._reply("message", event, body)

    async def on_error(self, error: Exception, request: AsyncBoltRequest, response: BoltResponse | None) -> None:
        """Report a fault of any listener; `response` is what is not acknowledged yet."""
        context = request.context
        command_request = CommandRequest(
            door="error",
            channel_id=context.channel_id or "",
            user_id=context.user_id or "",
            team_id=context.team_id or "",
            text=str(request.body.get("text", "")),
        )
        reference, message = await self.dispatcher.report_fault(command_request, error)
        log.error("listener_broke reference=%s", reference, exc_info=error)
        if context.respond is not None and context.response_url:
            await context.respond(**self._payload(Answer(message)), replace_original=False)
        # The request has arrived: without this Slack would show an error of its own as well.
        if response is not None:
            response.status, response.body = 200, ""

    async def _reply(self, door: str, event: dict[str, Any], body: dict[str, Any]) -> None:
        if self._is_duplicate(body.get("event_id", event["ts"])):
            return
        command_request = CommandRequest(
            door=door,
            channel_id=event["channel"],
            user_id=event["user"],
            team_id=event.get("team") or body.get("team_id", ""),
            thread_ts=event.get("thread_ts", ""),
            delivery=event["ts"],
            text=event["text"],
            attachment=attachment_of(event, self._context.client),
        )
        answer = await self.dispatcher.dispatch(command_request)
        if door == MENTION and answer.audience is Audience.USER:
            await self._post_ephemeral(command_request, answer.message)
        else:
            thread_ts = command_request.thread_ts or (command_request.delivery if door == MENTION else "")
            await self._post(command_request, answer.message, thread_ts)

    async def _post_ephemeral(self, command_request: CommandRequest, message: Message) -> None:
        await self._context.client.chat_postEphemeral(
            channel=command_request.channel_id,
            user=command_request.user_id,
            thread_ts=command_request.thread_ts or None,
            text=message.text,
            blocks=self._context.outbox.block_support.for_reply(message.blocks),
        )

    async def _post(self, command_request: CommandRequest, message: Message, thread_ts: str) -> None:
        key = f"answer:{command_request.channel_id}:{command_request.delivery}"
        await self._context.outbox.post(key, key, command_request.channel_id, message, thread_ts=thread_ts)

    def _payload(self, answer: Answer) -> dict[str, Any]:
        message: Message = answer.message
        if not message.text:
            return {}
        kind = "in_channel" if answer.audience is Audience.CHANNEL else "ephemeral"
        blocks = self._context.outbox.block_support.for_reply(message.blocks)
        return {"text": message.text, "blocks": blocks, "response_type": kind}

    def _is_duplicate(self, event_id: str) -> bool:
        """Check whether this event was delivered before."""
        if event_id in self._seen:
            return True
        self._seen[event_id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return False
