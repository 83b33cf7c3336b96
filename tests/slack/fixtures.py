"""The fixtures of the local Slacks; a `conftest.py` takes them by importing their names."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
import pytest_asyncio

from tests.slack.emulate import Emulated
from tests.slack.inspection import manifest_scopes
from tests.slack.strict import StrictSlack


@pytest.fixture
def bot_scopes() -> frozenset[str]:
    """What the workspace lets the bot do: the manifest's scopes, unless a test overrides this."""
    return manifest_scopes()


@pytest_asyncio.fixture
async def slack(bot_scopes: frozenset[str]) -> AsyncIterator[StrictSlack]:
    """A strict Slack for one test, which fails when the bot did what it must not."""
    async with StrictSlack(bot_scopes) as running:
        yield running
        running.assert_no_violations()


@pytest_asyncio.fixture(params=["strict", "emulate"])
async def any_slack(
    request: pytest.FixtureRequest, bot_scopes: frozenset[str]
) -> AsyncIterator[StrictSlack | Emulated]:
    """The strict Slack, and then the one nobody here wrote; both fail the test on what they refused."""
    opening: AbstractAsyncContextManager[StrictSlack | Emulated] = (
        StrictSlack(bot_scopes) if request.param == "strict" else Emulated(bot_scopes)
    )
    async with opening as running:
        yield running
        running.assert_no_violations()
