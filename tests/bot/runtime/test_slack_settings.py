"""Slack's settings: none of them, all of them, and one without its partner."""

import pytest
from pydantic import ValidationError

from bot.documents.current_workspace import in_workspace
from bot.runtime.settings import MissingSetting, NotWithSocket, Settings
from bot.runtime.slack_client import NoSlack, WorkspacesClient, slack_client, without_repeats, workspace_of

GIVEN = {
    "SLACK_BOT_TOKEN": "xoxb-1-of-the-bot",
    "SLACK_APP_TOKEN": "xapp-1-of-the-app",
    "SLACK_SIGNING_SECRET": "0123456789abcdef",
}


def settings_of(**tokens: str) -> Settings:
    """Settings with these tokens and without a file."""
    return Settings(_env_file=None, **tokens)


def test_empty_tokens_are_missing_ones() -> None:
    settings = settings_of(SLACK_BOT_TOKEN="", SLACK_APP_TOKEN=" ", SLACK_SIGNING_SECRET="")

    assert not settings.has_slack
    assert isinstance(slack_client(settings), NoSlack)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"),
        ("SLACK_APP_TOKEN", "SLACK_BOT_TOKEN"),
        ("SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN"),
    ],
)
def test_one_token_without_its_partner_is_an_error_that_names_the_other(given: str, missing: str) -> None:
    with pytest.raises(MissingSetting) as refused:
        slack_client(settings_of(**{given: GIVEN[given]}))

    assert refused.value.facts["name"] == missing


INSTALLING = {
    "SLACK_CLIENT_ID": "1234.5678",
    "SLACK_CLIENT_SECRET": "0123456789abcdef",
    "OPTIMIZE_BOT_TOKEN_KEY": "A" * 43 + "=",
    "SLACK_SIGNING_SECRET": GIVEN["SLACK_SIGNING_SECRET"],
}


@pytest.mark.parametrize("missing", INSTALLING)
def test_what_several_workspaces_need_is_all_there_or_named(missing: str) -> None:
    with pytest.raises(MissingSetting) as refused:
        slack_client(settings_of(**{**INSTALLING, missing: ""}))

    assert refused.value.facts["name"] == missing


def test_several_workspaces_are_served_over_http_alone() -> None:
    with pytest.raises(NotWithSocket):
        slack_client(settings_of(**INSTALLING, SLACK_APP_TOKEN=GIVEN["SLACK_APP_TOKEN"]))


def test_a_client_of_several_workspaces_has_the_token_of_the_current_one() -> None:
    client = slack_client(settings_of(**INSTALLING, SLACK_BOT_TOKEN=GIVEN["SLACK_BOT_TOKEN"]))
    assert isinstance(client, WorkspacesClient)
    client.tokens["T0OTHER"] = "xoxb-of-the-other"

    assert client.token == without_repeats(client).token == GIVEN["SLACK_BOT_TOKEN"]
    with in_workspace("T0OTHER"):
        assert client.token == without_repeats(client).token == "xoxb-of-the-other"
    with in_workspace("T0NOBODY"):
        assert client.token is None
    assert workspace_of(client, "T0OTHER") == "T0OTHER"
    assert workspace_of(client, "T0NOBODY") == workspace_of(client, None) == ""


def test_both_tokens_give_a_client() -> None:
    client = slack_client(settings_of(**{name: GIVEN[name] for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")}))

    assert client.token == GIVEN["SLACK_BOT_TOKEN"]


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("SLACK_BOT_TOKEN", "xapp-1-of-the-app", "begins with xoxb-"),
        ("SLACK_APP_TOKEN", "xoxb-1-of-the-bot", "begins with xapp-"),
        ("SLACK_SIGNING_SECRET", "secret", "6 characters, and at least 16"),
        ("SLACK_SIGNING_SECRET", "0123456789abcde 0", "a space"),
        ("SLACK_BOT_TOKEN", "xoxb-1-of-the-bot\n", "a line break"),
        ("OPTIMIZE_BOT_TOKEN_KEY", "short", "5 characters, and at least 44"),
        ("OPTIMIZE_BOT_TOKEN_KEY", "x" * 44, "32 random bytes"),
        ("OPTIMIZE_BOT_TOKEN_KEY", "A" * 43 + "=," + "A" * 42, "32 random bytes"),
        ("SLACK_CLIENT_SECRET", "secret", "6 characters, and at least 16"),
        ("SLACK_API_URL", "slack.com/api", "the whole address"),
        ("OPTIMIZE_BOT_SOURCES", ",", "at least one source"),
        ("OPTIMIZE_BOT_SOURCES", " ", "set and empty"),
        ("MONGODB_URI", "", "set and empty"),
        ("OPTIMIZE_BOT_ADMINS", "", "set and empty"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_not_repeated(name: str, value: str, match: str) -> None:
    with pytest.raises(ValidationError, match=match) as refused:
        settings_of(**{name: value})

    assert [fault["loc"] for fault in refused.value.errors()] == [(name,)]
    assert "of-the-" not in str(refused.value.errors(include_input=False)[0]["msg"])
