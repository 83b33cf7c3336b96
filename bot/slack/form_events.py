"""Events of the forms: changes of the fields, and submitting, with each field checked before anything is done."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from typing import Any

from pymongo.errors import PyMongoError
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError

from bot.commands.forms.form_plan import plan_blocks
from bot.commands.forms.rule_form import RULE_CALLBACK_ID, read_rule_form
from bot.commands.forms.schedule_form import SCHEDULE_CALLBACK_ID, read_schedule_form
from bot.commands.forms.start_form import (
    CALLBACK_ID,
    MORE_ACTION,
    PLAN_ACTION,
    STRATEGY_ACTION,
    Form,
    read_form,
    start_view,
)
from bot.commands.registry import Command, OpenForm
from bot.context import Answer, Audience, BotContext
from bot.grammar.commands import OpenModal, Start
from bot.grammar.fields import BadFields
from bot.runtime.slack_errors import TROUBLE, UNREACHABLE, fault_of
from bot.schedules.universes import plan_selection, select
from bot.slack.dispatcher import CommandRequest, Dispatcher
from bot.slack.symbol_in_text import find_ticker
from optimizer.errors import UserError
from reports.actions import NEW_STUDY
from reports.render import Renderer

log = logging.getLogger(__name__)

#: Seconds to check the bars before the submission is accepted; Slack waits for three seconds.
CHECK_SECONDS = 1.5
#: Seconds to read the user's language before errors are shown beside the fields.
LANGUAGE_SECONDS = 1.0
#: Seconds without another change after which the plan of a form is shown anew.
_CALM_SECONDS = 0.3
#: Field that shows errors of the bars.
_ABOUT_BARS = "symbol"
#: Most characters of an error beside a field.
_MAX_ERROR = 300


class NotInThatChannel(UserError):
    """Raised for a chosen channel that the bot is not in. Facts: channel."""


class Forms:
    """Listeners of the forms, of the button that opens it, and of the shortcut on messages."""

    def __init__(self, context: BotContext, dispatcher: Dispatcher) -> None:
        self._context = context
        self._dispatcher = dispatcher
        self._changes: dict[str, int] = {}  # by view: the number of its last change that is not shown yet

    def register(self, app: AsyncApp) -> None:
        """Register the listeners with Bolt."""
        finish = self._context.background.finish
        app.action(STRATEGY_ACTION)(finish(self.on_strategy))
        app.action(PLAN_ACTION)(finish(self.on_change))
        app.action(MORE_ACTION)(finish(self.on_more))
        app.action(NEW_STUDY)(finish(self.on_new_study))
        app.view(CALLBACK_ID)(finish(self.on_submit))
        app.view(SCHEDULE_CALLBACK_ID)(finish(self.on_schedule))
        app.view(RULE_CALLBACK_ID)(finish(self.on_save_rule))
        app.message_shortcut("optimize_this")(finish(self.on_shortcut))

    async def on_new_study(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Open the form: the button on the home tab."""
        await ack()
        channel_id = (body.get("channel") or {}).get("id", "")
        await self._dispatch(_command_request("button", body, channel_id, OpenModal()))

    async def on_shortcut(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Open the form with a message's symbol, or empty when it names none: the shortcut "Optimize this"."""
        await ack()
        text = str(body["message"].get("text", ""))
        known = await asyncio.to_thread(self._context.services.market.known_symbols)
        request = _command_request("shortcut", body, body["channel"]["id"], OpenForm(find_ticker(text, known)))
        await self._dispatch(request)

    async def on_strategy(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Replace the fields by those of the newly chosen strategy."""
        await ack()
        await self._show(body, self._next_change(body))

    async def on_more(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Show the fields behind "More" as well."""
        await ack()
        await self._show(body, self._next_change(body), is_full=True)

    async def on_change(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Show the plan of a changed form, of several quick changes that of the last."""
        await ack()
        change = self._next_change(body)
        await asyncio.sleep(_CALM_SECONDS)
        await self._show(body, change)

    def _next_change(self, body: Mapping[str, Any]) -> int:
        view_id = body["view"]["id"]
        self._changes[view_id] = self._changes.get(view_id, 0) + 1
        return self._changes[view_id]

    async def _show(self, body: Mapping[str, Any], change: int, *, is_full: bool = False) -> None:
        """Show the form that was filled in, with its plan, unless it was changed again meanwhile.

        Slack's own guard, the hash of the view, would refuse the last of two quick changes instead of the first.
        """
        view = body["view"]
        if self._changes.get(view["id"]) != change:
            return
        origin = await self._dispatcher.origin_of(_command_request("form", body, view["private_metadata"]))
        form = Form.from_state(view["state"])
        form = replace(form, is_full=is_full or form.is_full)
        plan = await plan_blocks(form, origin.renderer, self._context.services)
        fresh = start_view(form, origin.renderer, metadata=view["private_metadata"], plan=plan)
        if self._changes.get(view["id"]) != change:
            return
        del self._changes[view["id"]]
        try:
            await self._context.client.views_update(view_id=view["id"], view=fresh)
        except SlackApiError as refusal:
            if refusal.response.get("error") != "not_found":  # closed meanwhile
                raise

    async def on_submit(self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        """Start the study of the fields, or show the errors beside them."""
        request = _command_request("form", body, view["private_metadata"])
        try:
            start = read_form(_form_of(view))
            await self._check_bars(start)
        except BadFields as bad:
            await ack(response_action="errors", errors=_field_errors(bad.errors, await self._renderer_of(request)))
            return
        await ack()
        channel_id = view["private_metadata"] or await self._open_direct(request.user_id)
        await self._dispatch(_command_request("form", body, channel_id, start))

    async def on_schedule(self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        """Schedule the study of the form, or show the errors beside its fields."""
        request = _command_request("form", body, "")
        try:
            command, channel_id = read_schedule_form(view)
            await self._require_member(channel_id)
        except BadFields as bad:
            await ack(response_action="errors", errors=_field_errors(bad.errors, await self._renderer_of(request)))
            return
        await ack()
        await self._dispatch(_command_request("form", body, channel_id, command))

    async def on_save_rule(self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        """Save the rule of the form, or show the errors beside its fields."""
        request = _command_request("form", body, "")
        try:
            command = read_rule_form(view)
        except BadFields as bad:
            await ack(response_action="errors", errors=_field_errors(bad.errors, await self._renderer_of(request)))
            return
        await ack()
        await self._dispatch(_command_request("form", body, view["private_metadata"], command))

    async def _renderer_of(self, request: CommandRequest) -> Renderer:
        """Return the renderer of the user; what keeps the language from being read must not delay the errors."""
        try:
            async with asyncio.timeout(LANGUAGE_SECONDS):
                return (await self._dispatcher.origin_of(request)).renderer
        except (TimeoutError, PyMongoError):
            return self._dispatcher.known_renderer(request)

    async def _require_member(self, channel_id: str) -> None:
        """Raise BadFields for a channel that the bot cannot post to, as far as Slack says so in time."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._context.client.conversations_history(channel=channel_id, limit=1)
        except TROUBLE as trouble:
            if (fault := fault_of(trouble)).code in UNREACHABLE:
                raise BadFields({"channel": NotInThatChannel(channel=channel_id)}) from trouble
            log.warning("channel_not_checked channel=%s error=%s", channel_id, fault.code)

    async def _check_bars(self, start: Start) -> None:
        """Raise BadFields when the bars cannot carry the study, as far as that is known in time."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                services = self._context.services
                await plan_selection(await select(start, services), services)
        except UserError as error:
            raise BadFields({_ABOUT_BARS: error}) from error
        except (TimeoutError, PyMongoError) as cause:
            # The study itself reports the error, a little later.
            log.warning("bars_not_checked error=%s", type(cause).__name__)

    async def _dispatch(self, request: CommandRequest) -> None:
        answer = await self._dispatcher.dispatch(request)
        if answer.message.text:
            await self._post_answer(request, answer)

    async def _post_answer(self, request: CommandRequest, answer: Answer) -> None:
        """Post the answer where the form was opened, visible to the user only: a form cannot show it."""
        channel_id = request.channel_id or await self._open_direct(request.user_id)
        if answer.audience is Audience.CHANNEL or channel_id.startswith("D"):
            key = f"form:{request.delivery}"
            await self._context.outbox.post(key, key, channel_id, answer.message)
            return
        blocks = self._context.outbox.block_support.for_reply(answer.message.blocks)
        await self._context.client.chat_postEphemeral(
            channel=channel_id, user=request.user_id, text=answer.message.text, blocks=blocks
        )

    async def _open_direct(self, user_id: str) -> str:
        opened = await self._context.client.conversations_open(users=user_id)
        return str(opened["channel"]["id"])


def _form_of(view: Mapping[str, Any]) -> Form:
    """Read the form; raises BadFields when its strategy is unknown, as in a form of an older release."""
    try:
        return Form.from_state(view["state"])
    except UserError as error:
        raise BadFields({"strategy": error}) from error


def _command_request(
    door: str, body: Mapping[str, Any], channel_id: str, command: Command | None = None
) -> CommandRequest:
    return CommandRequest(
        door=door,
        channel_id=channel_id,
        user_id=body["user"]["id"],
        team_id=(body.get("team") or {}).get("id", ""),
        delivery=body.get("trigger_id", ""),
        trigger_id=body.get("trigger_id", ""),
        command=command,
    )


def _field_errors(errors: Mapping[str, UserError], renderer: Renderer) -> dict[str, str]:
    """Return errors as plain text: Slack shows no markup beside a field."""
    return {at: unescape(renderer.error(error)).replace("`", "")[:_MAX_ERROR] for at, error in errors.items()}
