"""A small Bolt bot that uses every road between Slack and a bot once, for testing the roads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond, AsyncSay
from slack_sdk.web.async_client import AsyncWebClient

from tests.slack.inspection import APP_TOKEN, SIGNING_SECRET
from tests.slack.workspace import Json


def text(words: str, kind: str = "plain_text") -> Json:
    """A text object."""
    return {"type": kind, "text": words}


def form(words: str) -> Json:
    """A modal with one input and one menu."""
    options = [{"text": text(name.upper()), "value": name} for name in ("rsi", "sma")]
    return {
        "type": "modal",
        "callback_id": "new_study",
        "notify_on_close": True,
        "title": text("New study"),
        "submit": text("Start"),
        "blocks": [
            {"type": "section", "text": text(words)},
            {
                "type": "input",
                "block_id": "symbol",
                "label": text("Symbol"),
                "element": {"type": "plain_text_input", "action_id": "symbol", "initial_value": "AAPL"},
            },
            {
                "type": "input",
                "block_id": "strategy",
                "label": text("Strategy"),
                "dispatch_action": True,
                "element": {"type": "static_select", "action_id": "strategy", "options": options},
            },
        ],
    }


def buttons() -> list[Json]:
    """A Cancel button under a sentence."""
    button = {"type": "button", "action_id": "cancel", "value": "opt-7f3a", "text": text("Cancel"), "style": "danger"}
    return [
        {"type": "section", "text": text("*running*", "mrkdwn")},
        {"type": "actions", "block_id": "controls", "elements": [button]},
    ]


async def start(ack: AsyncAck, command: Json, respond: AsyncRespond, client: AsyncWebClient) -> None:
    """A modal for the bare command; otherwise a private word, a root message, a reply, a later word."""
    if not command["text"]:
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=form("What shall I try?"))
        return
    await ack(response_type="ephemeral", text="understood")
    sent = await client.chat_postMessage(channel=command["channel_id"], text="running", blocks=buttons())
    await client.chat_postMessage(channel=command["channel_id"], text="plan", thread_ts=sent["ts"])
    await respond(response_type="ephemeral", text="started")


async def misbehave(ack: AsyncAck, command: Json) -> None:
    """An ack that comes too late, or without a response type."""
    if command["text"] == "late":
        await asyncio.sleep(4)
    await ack("no response_type here")


async def cancel(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
    """The button is replaced by who pressed it."""
    await ack()
    words = f"cancelled by <@{body['user']['id']}>"
    await client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text=words)


async def choose(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
    """The modal changes with what is chosen in it."""
    await ack()
    view, chosen = body["view"], body["actions"][0]["selected_option"]["value"]
    await client.views_update(view_id=view["id"], hash=view["hash"], view=form(f"You chose {chosen}"))


async def submit(ack: AsyncAck, view: Json) -> None:
    """One symbol is refused at its field."""
    if view["state"]["values"]["symbol"]["symbol"]["value"] == "NOPE":
        await ack(response_action="errors", errors={"symbol": "I have no bars for NOPE."})
    else:
        await ack()


async def closed(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
    """A word to whoever closed the modal."""
    await ack()
    await client.chat_postMessage(channel=body["user"]["id"], text="closed")


async def optimize_this(ack: AsyncAck, shortcut: Json, client: AsyncWebClient) -> None:
    """A modal about the message."""
    await ack()
    await client.views_open(trigger_id=shortcut["trigger_id"], view=form(shortcut["message"]["text"]))


async def mentioned(event: Json, say: AsyncSay) -> None:
    """An answer in the thread."""
    await say(text="yes?", thread_ts=event.get("thread_ts") or event["ts"])


async def direct(event: Json, say: AsyncSay) -> None:
    """An echo."""
    await say(text=f"you said {event['text']}")


async def home(event: Json, client: AsyncWebClient) -> None:
    """The home tab."""
    await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": buttons()})


def build(client: AsyncWebClient) -> AsyncApp:
    """The bot; its Web API is wherever `client` points."""
    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET)
    app.command("/optimize")(start)
    app.command("/misbehave")(misbehave)
    app.action("cancel")(cancel)
    app.action("strategy")(choose)
    app.view("new_study")(submit)
    app.view_closed("new_study")(closed)
    app.message_shortcut("optimize_this")(optimize_this)
    app.event("app_mention")(mentioned)
    app.event("message")(direct)
    app.event("app_home_opened")(home)
    return app


@asynccontextmanager
async def over_http(client: AsyncWebClient) -> AsyncIterator[str]:
    """The bot behind HTTP on loopback; gives the URL Slack would post to."""
    runner = web.AppRunner(build(client).web_app("/slack/events"), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def over_socket(client: AsyncWebClient) -> AsyncIterator[None]:
    """The bot connected by Socket Mode; the app-level token has a client of its own."""
    opener = AsyncWebClient(token=APP_TOKEN, base_url=client.base_url)
    handler = AsyncSocketModeHandler(build(client), APP_TOKEN, web_client=opener)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]
