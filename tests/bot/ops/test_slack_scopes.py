"""What `doctor` says of the bot's scopes, against a Slack that grants fewer."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.ops.health_checks import EXTRA_SCOPES, SCOPES, HealthReport, probe_slack
from bot.runtime.settings import Settings
from tests.slack.inspection import SIGNING_SECRET, manifest_scopes
from tests.slack.strict import StrictSlack


def test_the_manifest_asks_for_exactly_these() -> None:
    assert {*SCOPES, *EXTRA_SCOPES} == manifest_scopes()


@pytest.mark.parametrize(
    ("missing", "health"),
    [
        (frozenset(), HealthReport.GOOD),
        (frozenset({"links:write"}), HealthReport.WARNING),  # the bot works, links are not shown
        (frozenset({"assistant:write", "links:read"}), HealthReport.WARNING),
        (frozenset({"links:read", "files:write"}), HealthReport.BAD),
    ],
)
async def test_a_missing_scope_is_named(missing: frozenset[str], health: HealthReport) -> None:
    async with StrictSlack(manifest_scopes() - missing) as slack:
        settings = Settings.model_validate(
            {
                "OPTIMIZE_BOT_HOME": Path("unused"),
                "SLACK_API_URL": slack.api_url,
                "SLACK_BOT_TOKEN": SecretStr(slack.bot_token),
                "SLACK_SIGNING_SECRET": SecretStr(SIGNING_SECRET),
            }
        )
        *_, scopes = await probe_slack(settings)

    assert scopes.health is health
    assert not missing or all(scope in str(scopes.result.facts) for scope in missing)
