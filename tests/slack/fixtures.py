"""The fixtures of the strict Slack; a `conftest.py` takes them by importing their names."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.slack.strict import StrictSlack


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[StrictSlack]:
    """A strict Slack for one test, which fails when the bot did what it must not."""
    async with StrictSlack() as running:
        yield running
        running.assert_no_violations()
