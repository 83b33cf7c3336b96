"""Slack's settings: none of them, all of them, and one without its partner."""

import pytest

from bot.runtime.settings import MissingSetting, Settings
from bot.runtime.slack_client import NoSlack, slack_client


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
        slack_client(settings_of(**{given: "xo-1"}))

    assert refused.value.facts["name"] == missing


def test_both_tokens_give_a_client() -> None:
    client = slack_client(settings_of(SLACK_BOT_TOKEN="xoxb-1", SLACK_APP_TOKEN="xapp-1"))

    assert client.token == "xoxb-1"
