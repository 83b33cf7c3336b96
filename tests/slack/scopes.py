"""Which scope each Web API method and each event needs.

Source: the facts box ("Required scopes") of each page under docs.slack.dev/reference/methods and
docs.slack.dev/reference/events. One table serves the local Slack, which refuses a call without its
scope, and the test of the manifest, which refuses a scope without its call.
"""

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """Conversations as scopes tell them apart."""

    CHANNELS = "channels"
    GROUPS = "groups"
    IM = "im"
    MPIM = "mpim"


#: One scope for the method whatever it is used on; an empty string needs none.
PLAIN: Mapping[str, str] = {
    "api.test": "",
    "assistant.threads.setSuggestedPrompts": "assistant:write",
    "auth.test": "",
    "apps.connections.open": "connections:write",
    "bots.info": "users:read",
    "chat.delete": "chat:write",
    "chat.getPermalink": "",
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.unfurl": "links:write",
    "chat.update": "chat:write",
    "conversations.join": "channels:join",
    "files.completeUploadExternal": "files:write",
    "files.delete": "files:write",
    "files.getUploadURLExternal": "files:write",
    "files.info": "files:read",
    "reactions.add": "reactions:write",
    "reactions.get": "reactions:read",
    "reactions.remove": "reactions:write",
    "team.info": "team:read",
    "usergroups.list": "usergroups:read",
    "usergroups.users.list": "usergroups:read",
    "users.info": "users:read",
    "users.list": "users:read",
    "users.lookupByEmail": "users:read.email",
    "views.open": "",
    "views.publish": "",
    "views.push": "",
    "views.update": "",
}

#: One scope for each kind of conversation the method is used on: `<kind>:<right>`.
PER_KIND: Mapping[str, str] = {
    "conversations.close": "write",
    "conversations.history": "history",
    "conversations.info": "read",
    "conversations.list": "read",
    "conversations.members": "read",
    "conversations.open": "write",
    "conversations.replies": "history",
    "users.conversations": "read",
}

#: `conversations.open` and `close` of a public or private channel need the managing right.
RENAMED: Mapping[str, str] = {"channels:write": "channels:manage"}

#: Methods an app-level token (`xapp-`) is for.
APP_LEVEL = frozenset({"apps.connections.open"})

EVENTS: Mapping[str, str] = {
    "app_home_opened": "",
    "app_mention": "app_mentions:read",
    "app_uninstalled": "",
    "assistant_thread_started": "",
    "link_shared": "links:read",
    "member_joined_channel": "channels:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "reaction_added": "reactions:read",
    "tokens_revoked": "",
    "user_change": "users:read",
}


def scope_for(method: str, kind: Kind = Kind.CHANNELS) -> str:
    """The scope a method needs on this kind of conversation, or an empty string; KeyError when unknown."""
    if method in PLAIN:
        return PLAIN[method]
    scope = f"{kind}:{PER_KIND[method]}"
    return RENAMED.get(scope, scope)


def is_known(method: str) -> bool:
    """Whether the local Slack has this method."""
    return method in PLAIN or method in PER_KIND
