"""The fixtures of the local Slacks; a `conftest.py` takes them by importing their names."""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
import pytest_asyncio

from tests.slack.emulate import Emulated, is_installed
from tests.slack.inspection import manifest_scopes
from tests.slack.strict import StrictSlack

NOT_HERE = "emulate is not installed (tests/slack/install_emulate.sh): {} tests run against the strict Slack only"


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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave emulate's tests out, with a word, on a machine without it; never where CI runs."""
    if is_installed() or os.environ.get("CI") == "true":
        return
    left_out = [item for item in items if _is_emulates(item)]
    items[:] = [item for item in items if item not in left_out]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        config.get_terminal_writer().line("\n" + NOT_HERE.format(len(left_out)))


def _is_emulates(item: pytest.Item) -> bool:
    called = getattr(item, "callspec", None)
    # Parameters may be arrays, which compare element by element: only words are looked at.
    return called is not None and any(value == "emulate" for value in called.params.values() if isinstance(value, str))
