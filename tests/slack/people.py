"""`auth.*`, `users.*`, `usergroups.*`, `conversations.*`: who and where.

Source of the errors: docs.slack.dev/reference/methods, one page a method.
"""

from collections.abc import Mapping, Sequence

from tests.slack.request import Method, Request
from tests.slack.scopes import Kind, scope_for
from tests.slack.workspace import Channel, Json, Message, Refusal

TYPES = {"public_channel": Kind.CHANNELS, "private_channel": Kind.GROUPS, "im": Kind.IM, "mpim": Kind.MPIM}


def api_test(request: Request) -> Json:
    """api.test: gives its arguments back."""
    return {"args": request.args}


def auth_test(request: Request) -> Json:
    """auth.test: whose token this is."""
    user = request.workspace.users[request.token.user]
    return {
        "url": "https://quant-test.slack.com/",
        "team": "Quant Test",
        "team_id": request.workspace.team_id,
        "user": user.name,
        "user_id": user.id,
        "bot_id": request.token.bot_id,
        "is_enterprise_install": False,
    }


def team_info(request: Request) -> Json:
    """team.info."""
    return {"team": {"id": request.workspace.team_id, "name": "Quant Test", "domain": "quant-test"}}


def bots_info(request: Request) -> Json:
    """bots.info."""
    user = request.workspace.users[request.token.user]
    return {"bot": {"id": request.token.bot_id, "name": user.name, "user_id": user.id, "deleted": False}}


def _seen(request: Request, user_id: str) -> Json:
    with_email = "users:read.email" in request.token.scopes
    user = request.workspace.users[user_id]
    return user.to_slack(with_email=with_email, with_locale=request.flag("include_locale"))


def users_info(request: Request) -> Json:
    """users.info; the locale only with `include_locale`, the address only with its scope."""
    return {"user": _seen(request, request.user().id)}


def users_list(request: Request) -> Json:
    """users.list, in pages."""
    members, cursor = _page(request, sorted(request.workspace.users))
    return {"members": [_seen(request, each) for each in members], **cursor}


def users_lookup(request: Request) -> Json:
    """users.lookupByEmail."""
    email = request.text("email", code="users_not_found")
    for user in request.workspace.users.values():
        if user.email == email:
            return {"user": _seen(request, user.id)}
    raise Refusal("users_not_found", email)


def usergroups_list(request: Request) -> Json:
    """usergroups.list."""
    groups = sorted(request.workspace.groups.items())
    return {"usergroups": [{"id": each, "handle": each.lower(), "user_count": len(who)} for each, who in groups]}


def usergroups_users(request: Request) -> Json:
    """usergroups.users.list."""
    group = request.text("usergroup", code="no_such_subteam")
    if group not in request.workspace.groups:
        raise Refusal("no_such_subteam", group)
    return {"users": sorted(request.workspace.groups[group])}


def conversations_info(request: Request) -> Json:
    """conversations.info."""
    return {"channel": request.readable().to_slack(request.token.user)}


def _conversations(request: Request) -> list[Channel]:
    names = str(request.args.get("types") or "public_channel").split(",")
    unknown = [name for name in names if name.strip() not in TYPES]
    if unknown:
        raise Refusal("invalid_types", *unknown)
    kinds = {TYPES[name.strip()] for name in names}
    for kind in sorted(kinds):
        request.need(scope_for(request.method, kind))
    every = request.workspace.channels.values()
    is_ours = [each for each in every if each.kind is Kind.CHANNELS or request.token.user in each.members]
    return sorted((each for each in is_ours if each.kind in kinds), key=lambda each: each.id)


def conversations_list(request: Request) -> Json:
    """conversations.list, in pages."""
    channels, cursor = _page(request, _conversations(request))
    return {"channels": [each.to_slack(request.token.user) for each in channels], **cursor}


def users_conversations(request: Request) -> Json:
    """users.conversations: where the bot is a member."""
    mine = [each for each in _conversations(request) if request.token.user in each.members]
    channels, cursor = _page(request, mine)
    return {"channels": [each.to_slack(request.token.user) for each in channels], **cursor}


def conversations_members(request: Request) -> Json:
    """conversations.members, in pages."""
    members, cursor = _page(request, sorted(request.readable().members))
    return {"members": members, **cursor}


def conversations_open(request: Request) -> Json:
    """conversations.open with users: a direct conversation."""
    users = [each for each in request.text("users", code="users_list_not_supplied").split(",") if each]
    for each in users:
        if each not in request.workspace.users:
            raise Refusal("user_not_found", each)
    request.need(scope_for(request.method, Kind.IM if len(users) == 1 else Kind.MPIM))
    return {"channel": {"id": request.workspace.direct({*users, request.token.user}).id}}


def conversations_close(request: Request) -> Json:
    """conversations.close: nothing is lost by it."""
    channel = request.channel()
    request.need(scope_for(request.method, channel.kind))
    return {}


def conversations_join(request: Request) -> Json:
    """conversations.join of a public channel."""
    channel = request.channel()
    if channel.kind is not Kind.CHANNELS:
        raise Refusal("method_not_supported_for_channel_type", channel.kind)
    channel.members.add(request.token.user)
    return {"channel": channel.to_slack(request.token.user)}


def _member(request: Request) -> Channel:
    channel = request.readable()
    if request.token.user not in channel.members:
        raise Refusal("not_in_channel", channel.name)
    return channel


def _between(request: Request, messages: Sequence[Message]) -> list[Message]:
    """Those between `oldest` and `latest`, ends included only with `inclusive`."""
    oldest, latest = str(request.args.get("oldest") or "0"), str(request.args.get("latest") or "9" * 20)
    ends = (oldest, latest) if request.flag("inclusive") else ()
    return [each for each in messages if oldest < each.ts < latest or each.ts in ends]


def _shown(request: Request, messages: Sequence[Message]) -> list[Json]:
    """Metadata comes only with `include_all_metadata`: forgetting it finds nothing, as in Slack."""
    shown = [each.to_slack() for each in messages]
    if not request.flag("include_all_metadata"):
        for each in shown:
            each.pop("metadata", None)
    return shown


def history(request: Request) -> Json:
    """conversations.history, newest first, in pages."""
    channel = _member(request)
    messages, cursor = _page(request, _between(request, request.workspace.history(channel.id))[::-1])
    return {"messages": _shown(request, messages), "has_more": bool(cursor), **cursor}


def replies(request: Request) -> Json:
    """conversations.replies: the root, then the replies, oldest first, in pages."""
    channel = _member(request)
    root = request.workspace.message(channel.id, request.text("ts"), code="thread_not_found")
    thread = request.workspace.replies(channel.id, root.ts)
    messages, cursor = _page(request, [root, *_between(request, [each for each in thread if each is not root])])
    return {"messages": _shown(request, messages), "has_more": bool(cursor), **cursor}


def _page(request: Request, items: Sequence[object]) -> tuple[list, Json]:  # type: ignore[type-arg]
    """One page of `limit` (default 100, at most 999) and the cursor of the next, when there is one."""
    limit, start = request.number("limit", 100), 0
    if not 1 <= limit <= 999:
        raise Refusal("invalid_limit", str(limit))
    if cursor := str(request.args.get("cursor") or ""):
        if not cursor.removeprefix("next:").isdecimal():
            raise Refusal("invalid_cursor", cursor)
        start = int(cursor.removeprefix("next:"))
    end = start + limit
    following = {"response_metadata": {"next_cursor": f"next:{end}"}} if end < len(items) else {}
    return list(items[start:end]), following


METHODS: Mapping[str, Method] = {
    "api.test": api_test,
    "auth.test": auth_test,
    "bots.info": bots_info,
    "conversations.close": conversations_close,
    "conversations.history": history,
    "conversations.info": conversations_info,
    "conversations.join": conversations_join,
    "conversations.list": conversations_list,
    "conversations.members": conversations_members,
    "conversations.open": conversations_open,
    "conversations.replies": replies,
    "team.info": team_info,
    "usergroups.list": usergroups_list,
    "usergroups.users.list": usergroups_users,
    "users.conversations": users_conversations,
    "users.info": users_info,
    "users.list": users_list,
    "users.lookupByEmail": users_lookup,
}
