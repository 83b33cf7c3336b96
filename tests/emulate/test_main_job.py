"""The main job again, in a Slack that nobody here wrote.

It stands in a folder of its own because documents belong to one database a process: this bot must have ended before
the one of the scenarios starts.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.scenarios.conftest import Stage, opened, settings_for
from tests.scenarios.test_main_job import (
    test_command_is_acknowledged_at_once_and_answered_in_its_thread,
    test_unknown_strategy_is_told_privately_and_starts_nothing,
)
from tests.slack.emulate import Emulated
from tests.slack.fixtures import pytest_collection_modifyitems

__all__ = [
    "pytest_collection_modifyitems",
    "test_command_is_acknowledged_at_once_and_answered_in_its_thread",
    "test_unknown_strategy_is_told_privately_and_starts_nothing",
]

pytestmark = pytest.mark.asyncio(loop_scope="session")
#: emulate has no user groups, by which the other tests' people have their roles.
NOBODY_NAMED = {"admins": (), "approvers": (), "runners": (), "viewers": ()}


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["emulate"])
async def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot of its own, where anyone may start studies."""
    async with Emulated() as slack:
        settings = settings_for(tmp_path_factory.mktemp("emulated"), slack).model_copy(update=NOBODY_NAMED)
        async with opened(slack, settings) as stage:
            yield stage
        slack.assert_no_violations()
