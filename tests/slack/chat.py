"""`chat.*`, `reactions.*` and suggested prompts: what the bot says, edits, takes back and shows under links.

Source of the errors: docs.slack.dev/reference/methods, one page a method.
"""

from collections.abc import Mapping

from tests.slack.blocks import check_message_blocks
from tests.slack.request import Method, Request, check_words, posted
from tests.slack.scopes import Kind
from tests.slack.shapes import array, shape, string
from tests.slack.workspace import Json, Message, Refusal

PROMPTS = array(shape({"title": string(75), "message": string(2000)}), most=4)


def post_message(request: Request) -> Json:
    """chat.postMessage, also into a thread and broadcast from it."""
    channel = request.writable()
    content = request.checked_content()
    thread_ts = str(request.args.get("thread_ts") or "")
    is_broadcast = bool(thread_ts) and request.flag("reply_broadcast")
    if request.flag("reply_broadcast") and not thread_ts:
        raise Refusal("invalid_arguments", "reply_broadcast without thread_ts")
    _need_customize(request)
    subtype = "thread_broadcast" if is_broadcast else ""
    message = posted(request, channel, **content, thread_ts=thread_ts, subtype=subtype)
    return {"channel": channel.id, "ts": message.ts, "message": message.to_slack()}


def _need_customize(request: Request) -> None:
    if any(request.args.get(name) for name in ("username", "icon_emoji", "icon_url")):
        request.need("chat:write.customize")


def post_ephemeral(request: Request) -> Json:
    """chat.postEphemeral: kept out of history."""
    channel, user = request.writable(), request.user()
    if user.id not in channel.members:
        raise Refusal("user_not_in_channel", f"{user.name} is not in {channel.name}")
    content = request.checked_content()
    message = Message(
        channel=channel.id,
        ts=request.workspace.new_ts(),
        user=request.token.user,
        bot_id=request.token.bot_id,
        thread_ts=str(request.args.get("thread_ts") or ""),
        only_for=user.id,
        **content,
    )
    request.workspace.ephemerals.append(message)
    return {"message_ts": message.ts}


def update(request: Request) -> Json:
    """chat.update: the bot's own messages; blocks that are not sent again are gone, metadata stays."""
    channel = request.channel()
    message = request.workspace.message(channel.id, request.text("ts"))
    if message.user != request.token.user:
        raise Refusal("cant_update_message", f"written by {message.user}")
    content = request.checked_content()
    message.past.append({"text": message.text, "blocks": message.blocks, "edited_ts": message.edited_ts})
    for name, value in content.items():
        setattr(message, name, value)
    message.edited_ts = request.workspace.new_ts()
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": message.to_slack()}


def unfurl(request: Request) -> Json:
    """chat.unfurl: what stands under links of a message, each of which the message holds."""
    unfurls = request.args.get("unfurls")
    if not isinstance(unfurls, dict) or not unfurls:
        raise Refusal("missing_unfurls")
    by_id = [bool(request.args.get(name)) for name in ("unfurl_id", "source")]
    by_place = [bool(request.args.get(name)) for name in ("channel", "ts")]
    if not (all(by_id) and not any(by_place)) and not (all(by_place) and not any(by_id)):
        raise Refusal("invalid_arguments", "either `channel` and `ts`, or `unfurl_id` and `source`")
    for content in unfurls.values():
        if set(content) - {"blocks", "preview"} or (flaws := check_message_blocks(content.get("blocks"))):
            raise Refusal("invalid_unfurls_format", *map(str, flaws))
        check_words(request, content)
    if all(by_id):
        return {}
    message = request.workspace.message(request.channel().id, request.text("ts"), code="cannot_unfurl_message")
    if any(url not in message.text for url in unfurls):
        raise Refusal("cannot_unfurl_url", "no such link in the message")
    message.unfurls |= unfurls
    return {}


def suggest_prompts(request: Request) -> Json:
    """assistant.threads.setSuggestedPrompts: at most four in a direct conversation."""
    channel = request.channel("channel_id")
    prompts = request.args.get("prompts")
    if channel.kind is not Kind.IM:
        raise Refusal("channel_not_found", "no direct conversation")
    request.complain(PROMPTS(prompts, "/prompts"), "invalid_prompts")
    request.workspace.prompts[channel.id] = dict(request.args)
    return {}


def delete(request: Request) -> Json:
    """chat.delete: the bot's own messages."""
    channel = request.channel()
    message = request.workspace.message(channel.id, request.text("ts"))
    if message.user != request.token.user:
        raise Refusal("cant_delete_message", f"written by {message.user}")
    del request.workspace.messages[channel.id, message.ts]
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(request: Request) -> Json:
    """chat.getPermalink."""
    channel = request.channel()
    message = request.workspace.message(channel.id, request.text("message_ts"))
    thread = f"?thread_ts={message.thread_ts}" if message.is_reply else ""
    link = f"https://quant-test.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}{thread}"
    return {"channel": channel.id, "permalink": link}


def _reacted(request: Request) -> tuple[Message, str]:
    message = request.workspace.message(request.channel().id, request.text("timestamp"))
    return message, request.text("name", code="invalid_name").strip(":")


def add_reaction(request: Request) -> Json:
    """reactions.add: once a name and user."""
    message, name = _reacted(request)
    who = message.reactions.setdefault(name, [])
    if request.token.user in who:
        raise Refusal("already_reacted", name)
    who.append(request.token.user)
    return {}


def remove_reaction(request: Request) -> Json:
    """reactions.remove."""
    message, name = _reacted(request)
    if request.token.user not in message.reactions.get(name, []):
        raise Refusal("no_reaction", name)
    message.reactions[name].remove(request.token.user)
    if not message.reactions[name]:
        del message.reactions[name]
    return {}


def get_reactions(request: Request) -> Json:
    """reactions.get of a message."""
    message = request.workspace.message(request.channel().id, request.text("timestamp"))
    return {"type": "message", "channel": message.channel, "message": message.to_slack()}


METHODS: Mapping[str, Method] = {
    "assistant.threads.setSuggestedPrompts": suggest_prompts,
    "chat.delete": delete,
    "chat.getPermalink": get_permalink,
    "chat.postEphemeral": post_ephemeral,
    "chat.postMessage": post_message,
    "chat.unfurl": unfurl,
    "chat.update": update,
    "reactions.add": add_reaction,
    "reactions.get": get_reactions,
    "reactions.remove": remove_reaction,
}
