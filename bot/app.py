"""The Bolt app: what Slack sends is parsed, acknowledged in time and handed to a listener.

An acknowledgement later than three seconds is none, so an answer that takes longer than a second is
sent to the `response_url` instead. There is one error listener: it words a UserError, and gives
anything else a reference that the log explains.
"""

import asyncio
import logging
import secrets
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot import commands
from bot.grammar import parse
from bot.grammar.commands import Cancel, Command, Help, OpenModal, Pause, Resume, Status
from bot.office import Answer, Office
from bot.place import Place
from optimizer.errors import SomethingBroke, UserError
from reports.message import Message
from reports.render import renderer_of

log = logging.getLogger(__name__)

#: Answers that take longer than this are announced first and sent after.
ACK_SECONDS = 1.0
#: Buttons and the command each one stands for; the button's value is the study's name.
BUTTONS: dict[str, type[Command]] = {
    "study_cancel": Cancel,
    "study_pause": Pause,
    "study_resume": Resume,
    "study_details": Status,
}


def build_app(office: Office, client: AsyncWebClient, signing_secret: str | None) -> AsyncApp:
    """The app with every listener; opens nothing and sends nothing."""
    app = AsyncApp(
        client=client, signing_secret=signing_secret or "", request_verification_enabled=bool(signing_secret)
    )
    desk = Listeners(office)
    app.command("/optimize")(desk.on_command)
    for action_id in BUTTONS:
        app.action(action_id)(desk.on_button)
    app.event("app_mention")(desk.on_mention)
    app.event("message")(desk.on_direct_message)
    app.error(desk.on_error)
    return app


class Listeners:
    """Bolt's side of the office."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def on_command(self, ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond) -> None:
        """`/optimize …`"""
        place = self._place(command["channel_id"], command["user_id"], command["team_id"], command["trigger_id"])
        answering = asyncio.create_task(self._answer(command.get("text", ""), place))
        done, _ = await asyncio.wait({answering}, timeout=ACK_SECONDS)
        if done:
            await ack(**_payload(answering.result()))
            return
        await ack(**_payload(Answer(place.renderer.notice("working"))))
        await respond(**_payload(await answering))

    async def on_button(
        self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond
    ) -> None:
        """A button under a study's message."""
        await ack()
        place = self._place(body["channel"]["id"], body["user"]["id"], (body.get("team") or {}).get("id", ""))
        command = BUTTONS[action["action_id"]](action["value"])  # type: ignore[call-arg]
        try:
            answer = await commands.answer(command, place, self._office)
        except UserError as error:
            answer = Answer(place.renderer.refusal(error))
        await respond(**_payload(answer), replace_original=False)

    async def on_mention(self, event: dict[str, Any], client: AsyncWebClient) -> None:
        """`@optimizer …` in a channel or a thread."""
        await self._converse(event, client)

    async def on_direct_message(self, event: dict[str, Any], client: AsyncWebClient) -> None:
        """The same grammar in a direct message, without the mention."""
        if event.get("channel_type") == "im" and not event.get("bot_id") and event.get("subtype") is None:
            await self._converse(event, client)

    async def on_error(self, error: Exception, request: AsyncBoltRequest) -> None:
        """The last resort of every listener."""
        reference = secrets.token_hex(3)
        log.error("listener_broke reference=%s", reference, exc_info=error)
        respond = request.context.respond
        if respond is not None:
            message = renderer_of(self._office.desk.settings.language).refusal(SomethingBroke(reference=reference))
            await respond(**_payload(Answer(message)), replace_original=False)

    async def _converse(self, event: dict[str, Any], client: AsyncWebClient) -> None:
        thread_ts = event.get("thread_ts", "")
        place = self._place(event["channel"], event["user"], event.get("team", ""), event["ts"], thread_ts)
        study = await self._office.conversations.at(event["channel"], thread_ts) if thread_ts else None
        answer = await self._answer(event["text"], place, study=study)
        await client.chat_postEphemeral(
            channel=place.channel_id,
            user=place.user_id,
            thread_ts=thread_ts or None,
            text=answer.message.text,
            blocks=answer.message.blocks,
        )

    async def _answer(self, text: str, place: Place, *, study: str | None = None) -> Answer:
        renderer = place.renderer
        try:
            command = parse(text, study=study)
            if isinstance(command, OpenModal):
                return await commands.answer(Help(), place, self._office)
            return await commands.answer(command, place, self._office)
        except UserError as error:
            return Answer(renderer.refusal(error))

    def _place(self, channel_id: str, user_id: str, team_id: str, delivery: str = "", thread_ts: str = "") -> Place:
        return Place(
            channel_id=channel_id,
            user_id=user_id,
            team_id=team_id,
            thread_ts=thread_ts,
            delivery=delivery,
            language=self._office.desk.settings.language,
        )


def _payload(answer: Answer) -> dict[str, Any]:
    message: Message = answer.message
    kind = "in_channel" if answer.is_public else "ephemeral"
    return {"text": message.text, "blocks": message.blocks, "response_type": kind}
