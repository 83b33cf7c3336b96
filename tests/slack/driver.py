"""The people of the workspace: they type commands, press buttons, fill in modals and write messages.

Source: the payloads' reference, docs.slack.dev/reference/interaction-payloads and
docs.slack.dev/interactivity/implementing-slash-commands. The Slack Web API sends none of this, so
with every Slack, ours or another, it is the test that acts; what it needs of the Slack (trigger ids,
stored messages and views, response URLs) it asks for by the `Slack` protocol.
"""

import itertools
import time
from collections.abc import Sequence

from tests.slack.forms import Value, chosen_of, element_of, message_state, pressed, values_of
from tests.slack.inspection import CHANNEL, Slack
from tests.slack.mrkdwn import escape
from tests.slack.response_urls import ResponseUrl
from tests.slack.wire import Delivery, Kind, Wire
from tests.slack.workspace import APP_ID, TEAM_ID, Json, Message

TEAM: Json = {"id": TEAM_ID, "domain": "quant-test"}


class Driver:
    """Acts as people by name (`alice`) in channels by name (`quant`); each act gives its `Delivery`."""

    def __init__(self, slack: Slack, wire: Wire, *, team_id: str = TEAM_ID) -> None:
        self.slack = slack
        self.team = {**TEAM, "id": team_id}
        self.wire = wire
        self._events = itertools.count(1)

    async def command(
        self, text: str, *, user: str = "alice", channel: str = CHANNEL, command: str = "/optimize", as_is: bool = False
    ) -> Delivery:
        """Type a slash command; `as_is` sends the text unescaped, which Slack never does."""
        sent = text if as_is else self._typed(text)
        payload, url = await self.command_payload(sent, user=user, channel=channel, command=command)
        return await self._deliver(Kind.COMMAND, payload, url)

    async def command_payload(
        self, text: str, *, user: str = "alice", channel: str = CHANNEL, command: str = "/optimize"
    ) -> tuple[Json, ResponseUrl]:
        """What Slack would send for a command, not sent yet."""
        user_id, channel_id = await self.slack.user_id(user), await self._channel_id(channel)
        url = self.slack.new_response_url(user_id, channel_id)
        payload = {
            "token": "legacy",
            "team_id": self.team["id"],
            "team_domain": TEAM["domain"],
            "channel_id": channel_id,
            "channel_name": channel,
            "user_id": user_id,
            "user_name": user,
            "command": command,
            "text": text,
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "response_url": self.slack.address(url),
            "trigger_id": await self.slack.trigger_id(user_id),
        }
        return payload, url

    async def click(self, message: Message, action: str, *, user: str = "alice", choose: str = "") -> Delivery:
        """Press what has this action_id or label in a message, choosing an option's value in a menu.

        A choice of an overflow menu may be named by the first word of its value alone.
        """
        block, element, choose = chosen_of(message.blocks, action, choose)
        user_id = await self.slack.user_id(user)
        url = self.slack.new_response_url(user_id, message.channel, message_ts=message.ts)
        payload = await self._interaction("block_actions", user_id, user)
        container = {"type": "message", "message_ts": message.ts, "channel_id": message.channel}
        payload |= {
            "container": {**container, "is_ephemeral": bool(message.only_for), "thread_ts": message.thread_ts},
            "channel": {"id": message.channel, "name": CHANNEL},
            "message": message.to_slack(),
            "state": {"values": message_state(message.blocks)},
            "response_url": self.slack.address(url),
            "actions": [pressed(block, element, choose)],
        }
        return await self._deliver(Kind.INTERACTION, payload, url)

    async def click_in_view(
        self, view: Json, action: str, *, user: str = "alice", choose: str = "", values: dict[str, Value] | None = None
    ) -> Delivery:
        """Press or choose something in a modal or on the home tab; `values` are what else is filled in."""
        block, element = element_of(view["blocks"], action)
        user_id = await self.slack.user_id(user)
        payload = await self._interaction("block_actions", user_id, user)
        payload |= {
            "container": {"type": "view", "view_id": view["id"]},
            "view": {
                **view,
                "state": {"values": values_of(view, {**(values or {}), **({action: choose} if choose else {})})},
            },
            "actions": [pressed(block, element, choose)],
        }
        return await self._deliver(Kind.INTERACTION, payload, None)

    async def submit(self, view: Json, *, user: str = "alice", **values: Value) -> Delivery:
        """Submit a modal with values by block_id or action_id; the others keep what they were prefilled with."""
        return await self._of_view("view_submission", view, user, values)

    async def close(self, view: Json, *, user: str = "alice") -> Delivery:
        """Close a modal; Slack tells the bot only with `notify_on_close`."""
        assert view.get("notify_on_close"), "Slack would say nothing: the view has no notify_on_close"
        return await self._of_view("view_closed", view, user, {})

    async def _of_view(self, kind: str, view: Json, user: str, values: dict[str, Value]) -> Delivery:
        payload = await self._interaction(kind, await self.slack.user_id(user), user)
        payload |= {"view": {**view, "state": {"values": values_of(view, values)}}, "response_urls": []}
        self.slack.distrust(" ".join(each for each in values.values() if isinstance(each, str)))
        if kind == "view_closed":
            payload |= {"is_cleared": False}
        return await self._deliver(Kind.INTERACTION, payload, None)

    async def shortcut(self, message: Message, callback_id: str, *, user: str = "alice") -> Delivery:
        """Choose a shortcut from a message's menu."""
        user_id = await self.slack.user_id(user)
        url = self.slack.new_response_url(user_id, message.channel, message_ts=message.ts)
        payload = await self._interaction("message_action", user_id, user)
        payload |= {
            "callback_id": callback_id,
            "message_ts": message.ts,
            "channel": {"id": message.channel, "name": CHANNEL},
            "message": message.to_slack(),
            "response_url": self.slack.address(url),
        }
        return await self._deliver(Kind.INTERACTION, payload, url)

    async def mention(
        self,
        text: str,
        *,
        bot_user: str,
        user: str = "alice",
        channel: str = CHANNEL,
        thread_ts: str = "",
        files: Sequence[Json] = (),
        before: str = "",
    ) -> Delivery:
        """Write a message that mentions the bot, in a channel or a thread; `files` are attached to it.

        `before` is said in front of the mention.
        """
        user_id, channel_id = await self.slack.user_id(user), await self._channel_id(channel)
        said = await self.slack.say(
            user_id, channel_id, f"{before}<@{bot_user}> {self._typed(text)}", thread_ts=thread_ts
        )
        return await self.event("app_mention", self._of_message(said) | ({"files": list(files)} if files else {}))

    async def direct_message(self, text: str, *, channel: str, user: str = "alice", thread_ts: str = "") -> Delivery:
        """Write to the bot in a direct conversation, given by id."""
        said = await self.slack.say(await self.slack.user_id(user), channel, self._typed(text), thread_ts=thread_ts)
        return await self.event("message", {**self._of_message(said), "channel_type": "im"})

    async def open_home(self, *, user: str = "alice", channel: str = "D0HOME001") -> Delivery:
        """Look at the bot's home tab."""
        view = await self.slack.home(await self.slack.user_id(user))
        event = {"user": await self.slack.user_id(user), "channel": channel, "tab": "home"}
        return await self.event("app_home_opened", event | ({"view": view} if view else {}))

    async def open_messages(self, *, user: str = "alice", channel: str) -> Delivery:
        """Look at the messages with the bot, which is how an agent is opened; the channel is given by id."""
        event = {"user": await self.slack.user_id(user), "channel": channel, "tab": "messages"}
        return await self.event("app_home_opened", event)

    async def share(self, url: str, *, user: str = "alice", channel: str = CHANNEL) -> tuple[Message, Delivery]:
        """Write a message with a link to the bot's pages; gives the message and the event's delivery."""
        said = await self.slack.say(await self.slack.user_id(user), await self._channel_id(channel), f"<{url}>")
        links = [{"url": url, "domain": url.split("/")[2]}]
        event = {"user": said.user, "channel": said.channel, "message_ts": said.ts, "links": links}
        return said, await self.event("link_shared", {**event, "is_bot_user_member": True})

    def _typed(self, text: str) -> str:
        """What Slack makes of a typed text: its control characters escaped, and nobody may unescape them."""
        self.slack.distrust(text)
        return escape(text)

    @staticmethod
    def _of_message(said: Message) -> Json:
        thread = {"thread_ts": said.thread_ts} if said.is_reply else {}
        return {"user": said.user, "text": said.text, "ts": said.ts, "channel": said.channel, **thread}

    async def event(self, kind: str, event: Json, *, event_id: str = "", retry: int = 0) -> Delivery:
        """Deliver an event; the same `event_id` with a `retry` number is Slack's redelivery."""
        number = next(self._events)
        payload = {
            "token": "legacy",
            "team_id": self.team["id"],
            "api_app_id": APP_ID,
            "type": "event_callback",
            "event_id": event_id or f"Ev{number:08d}",
            "event_time": int(time.time()),
            "event": {"type": kind, "event_ts": f"{time.time():.6f}", "team": self.team["id"], **event},
            "authorizations": [{"team_id": self.team["id"], "user_id": event.get("user", ""), "is_bot": True}],
        }
        return await self._deliver(Kind.EVENT, payload, None, retry=retry)

    async def redeliver(self, delivery: Delivery, kind: Kind, *, retry: int = 1) -> Delivery:
        """Deliver the same again, as Slack does when it saw no ack."""
        return await self._deliver(kind, delivery.payload, delivery.response_url, retry=retry, again=delivery.id)

    async def _interaction(self, kind: str, user_id: str, name: str) -> Json:
        return {
            "type": kind,
            "token": "legacy",
            "api_app_id": APP_ID,
            "team": self.team,
            "user": {"id": user_id, "username": name, "name": name, "team_id": self.team["id"]},
            "action_ts": f"{time.time():.6f}",
            "trigger_id": await self.slack.trigger_id(user_id),
            "is_enterprise_install": False,
            "enterprise": None,
        }

    async def _deliver(
        self, kind: Kind, payload: Json, url: ResponseUrl | None, *, retry: int = 0, again: str = ""
    ) -> Delivery:
        delivery = await self.wire.deliver(kind, payload, retry=retry, again=again)
        delivery.payload, delivery.response_url = payload, url
        delivery.trigger_id = str(payload.get("trigger_id", ""))
        if delivery.is_acked and kind is not Kind.EVENT:
            self.slack.take_ack(url, payload, delivery.answer)
        return delivery

    async def _channel_id(self, channel: str) -> str:
        is_id = channel[:1] in "CDG" and channel.isupper()
        return channel if is_id else await self.slack.channel_id(channel)
