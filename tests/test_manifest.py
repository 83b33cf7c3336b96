"""The manifest asks for what the bot uses and for nothing else, and holds together as Slack demands.

The bot's sources are read, not run: Web API methods by their names on a client, events, commands and
shortcuts by the literals they are registered with. A registration without a literal is an error here,
since nobody could check it.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient

from bot.ops.creation_link import creation_link
from tests.slack.scopes import APP_LEVEL, EVENTS, PER_KIND, PLAIN, Kind, scope_for

ROOT = Path(__file__).parents[1]

#: Where the bot works: public channels, private ones it was asked into, direct messages.
KINDS = (Kind.CHANNELS, Kind.GROUPS, Kind.IM)
#: The bot opens conversations with people only, and need not ask who is in them.
KINDS_OF = {"write": (Kind.IM,), "read": (Kind.CHANNELS, Kind.GROUPS)}

METHODS = {name.replace(".", "_"): name for name in (*PLAIN, *PER_KIND)}
COMPOSED = {
    "files_upload_v2": ("files.getUploadURLExternal", "files.completeUploadExternal"),
    "say": ("chat.postMessage",),
}
#: Attributes of a client that are no Web API methods.
PARTS_OF_A_CLIENT = frozenset({"api_call", "base_url", "default_params", "retry_handlers"})
#: Events of apps that were made as assistants, to which new apps cannot subscribe.
OF_OLDER_APPS = {"assistant_thread_started"}
REGISTERING = {"event": "events", "command": "commands", "shortcut": "shortcuts", "message_shortcut": "shortcuts"}


@dataclass
class Used:
    """What some sources use of Slack."""

    methods: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    commands: set[str] = field(default_factory=set)
    shortcuts: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    reads_files: bool = False

    @property
    def scopes(self) -> set[str]:
        """The bot scopes these sources need."""
        needed = {scope for method in self.methods - APP_LEVEL for scope in _scopes(method)}
        needed |= {EVENTS[each] for each in self.events if each in EVENTS}
        needed |= {"im:history"} if "message" in self.events else set()
        needed |= {"files:read"} if self.reads_files else set()
        return (needed | ({"commands"} if self.commands or self.shortcuts else set())) - {""}


def _scopes(method: str) -> Iterator[str]:
    return (scope_for(method, kind) for kind in KINDS_OF.get(PER_KIND.get(method, ""), KINDS))


def used_by(*sources: str) -> Used:
    """What the sources use of Slack's Web API and what they listen to."""
    used = Used()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Attribute):
                _note_method(node.attr, used)
            if isinstance(node, ast.Call):
                _note_call(node, used)
            if isinstance(node, ast.Constant) and node.value == "url_private":
                used.reads_files = True
    return used


def _note_method(name: str, used: Used) -> None:
    if name in METHODS:
        used.methods.add(METHODS[name])
    elif name in COMPOSED:
        used.methods.update(COMPOSED[name])
    elif hasattr(AsyncWebClient, name) and "_" in name.strip("_") and name not in PARTS_OF_A_CLIENT:
        used.unknown.add(name)


def _note_call(call: ast.Call, used: Used) -> None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in COMPOSED:
        used.methods.update(COMPOSED[name])
    if not isinstance(call.func, ast.Attribute):
        return
    if name == "api_call":
        method = _literal(call, used)
        (used.methods if method in METHODS.values() else used.unknown).add(method)
    elif name in REGISTERING and _is_app(call.func.value):
        getattr(used, REGISTERING[name]).add(_literal(call, used))


def _is_app(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("app", "bolt")


def _literal(call: ast.Call, used: Used) -> str:
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value
    used.unknown.add(ast.unparse(call))
    return ""


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
    return parsed


@pytest.fixture(scope="module")
def bot() -> Used:
    return used_by(*(path.read_text(encoding="utf-8") for path in sorted((ROOT / "bot").rglob("*.py"))))


def scopes_of(manifest: dict[str, Any]) -> set[str]:
    return set(manifest["oauth_config"]["scopes"]["bot"])


def test_every_method_the_bot_calls_is_known_to_the_local_slack(bot: Used) -> None:
    assert bot.unknown == set()


def test_the_manifest_asks_for_the_scopes_the_bot_needs(manifest: dict[str, Any], bot: Used) -> None:
    assert bot.scopes - scopes_of(manifest) == set()


def test_the_manifest_asks_for_no_other_scope(manifest: dict[str, Any], bot: Used) -> None:
    assert scopes_of(manifest) - bot.scopes == set()


def test_the_link_that_creates_the_app_has_the_manifest_in_it(manifest: dict[str, Any]) -> None:
    link = creation_link()
    query = dict(parse_qsl(urlsplit(link).query))

    assert link.startswith("https://api.slack.com/apps?")
    assert query["new_app"] == "1"
    assert yaml.safe_load(query["manifest_yaml"]) == manifest
    assert f"]({link})" in (ROOT / "README.md").read_text(), "write the README's link anew: creation_link()"
    assert len(link) < 4_000, "browsers and chat programs cut longer ones"


def test_the_manifest_subscribes_to_what_the_bot_listens_to(manifest: dict[str, Any], bot: Used) -> None:
    subscribed = {each.partition(".")[0] for each in manifest["settings"]["event_subscriptions"]["bot_events"]}

    assert subscribed == bot.events - OF_OLDER_APPS


def test_the_manifest_offers_the_commands_and_shortcuts_the_bot_answers(manifest: dict[str, Any], bot: Used) -> None:
    commands = {each["command"] for each in manifest["features"]["slash_commands"]}
    shortcuts = {each["callback_id"] for each in manifest["features"].get("shortcuts", [])}

    assert commands == bot.commands
    assert shortcuts == bot.shortcuts


def test_every_event_is_known_and_has_its_scope(manifest: dict[str, Any]) -> None:
    for event in manifest["settings"]["event_subscriptions"]["bot_events"]:
        assert EVENTS[event] in scopes_of(manifest) | {""}


def test_the_home_tab_is_shown_when_the_bot_fills_it(manifest: dict[str, Any], bot: Used) -> None:
    assert manifest["features"]["app_home"]["home_tab_enabled"] is ("app_home_opened" in bot.events)


def test_a_bot_user_interactivity_and_socket_mode_go_together(manifest: dict[str, Any]) -> None:
    settings, features = manifest["settings"], manifest["features"]

    assert settings["socket_mode_enabled"] is True
    assert settings["interactivity"]["is_enabled"] is True
    assert features["bot_user"]["display_name"]
    assert features["app_home"]["messages_tab_enabled"] is True
    assert features["app_home"]["messages_tab_read_only_enabled"] is False, "people write to the bot there"
    assert {"app_mentions:read", "commands"} <= scopes_of(manifest)


def test_words_keep_to_the_lengths_slack_allows(manifest: dict[str, Any]) -> None:
    display, features = manifest["display_information"], manifest["features"]

    assert 1 <= len(display["name"]) <= 35
    assert len(display["description"]) <= 140
    assert 174 <= len(display["long_description"]) <= 4000
    assert re.fullmatch("#[0-9a-f]{6}", display["background_color"])
    assert len(features["bot_user"]["display_name"]) <= 80
    for command in features["slash_commands"]:
        assert re.fullmatch(r"/[a-z0-9_-]{1,31}", command["command"])
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
    for shortcut in features.get("shortcuts", []):
        assert shortcut["type"] == "message"
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["callback_id"]) <= 255
        assert len(shortcut["description"]) <= 150


def test_only_keys_slack_knows_stand_in_the_manifest(manifest: dict[str, Any]) -> None:
    assert set(manifest) <= {"_metadata", "display_information", "features", "oauth_config", "settings"}
    assert set(manifest["features"]) <= {
        "agent_view",
        "app_home",
        "bot_user",
        "shortcuts",
        "slash_commands",
        "unfurl_domains",
    }
    assert set(manifest["settings"]) <= {
        "allowed_ip_address_ranges",
        "event_subscriptions",
        "interactivity",
        "org_deploy_enabled",
        "socket_mode_enabled",
        "token_rotation_enabled",
    }
    assert set(manifest["oauth_config"]) <= {"redirect_urls", "scopes"}


SAMPLE = """
def register(app, client):
    app.command("/optimize")(start)
    app.message_shortcut("optimize_this")(shortcut)
    app.event("app_mention")(mentioned)
    app.event("message")(direct)

async def start(ack, client, say):
    await say(text="x")
    await client.files_upload_v2(content=b"")
    await session.get(file["url_private"])
    await client.conversations_replies(channel="C", ts="1")
    await client.api_call("users.info", params={})
"""


def test_sources_are_read_for_what_they_use() -> None:
    used = used_by(SAMPLE)

    assert used.commands == {"/optimize"}
    assert used.shortcuts == {"optimize_this"}
    assert used.events == {"app_mention", "message"}
    assert used.scopes == {
        "app_mentions:read",
        "channels:history",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "im:history",
        "users:read",
    }
    assert used.unknown == set()


@pytest.mark.parametrize(
    "source",
    ["app.event(name)(f)", "client.admin_users_list()", "client.api_call(method)", "client.api_call('chat.shout')"],
)
def test_what_cannot_be_checked_is_not_let_pass(source: str) -> None:
    assert used_by(source).unknown
