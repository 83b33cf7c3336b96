"""Who is told first: roots and decisions before stories and charts, and the end of a study without a poll."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.access.people import People
from bot.cli.composition import make_context
from bot.commands.registry import answer
from bot.delivery.outbox import Outbox
from bot.delivery.told_at_once import run_and_tell
from bot.documents.conversations import Conversation, Telling
from bot.grammar.parsing import parse
from bot.origin import Origin
from bot.role import Role
from bot.runtime.processes import ChildProcesses, start_children
from bot.runtime.services import open_services
from bot.schedules.forecast_scoring import keep_of_study
from optimizer.storage.documents import OptimizationStudy
from optimizer.studies.scheduler import STUDY_KIND
from tests.scenarios.conftest import opened, settings_for
from tests.slack.ledger import Call
from tests.slack.strict import StrictSlack

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("other_bots_keep_theirs")]

N_AT_ONCE = 12
_QUANT = "C0QUANT01"


def key_of(call: Call) -> str:
    """The outbox's key of a post; empty for anything else."""
    metadata = call.args.get("metadata")
    return str(metadata["event_payload"]["key"]) if isinstance(metadata, dict) else ""


async def test_roots_and_decisions_of_many_studies_go_before_any_story_or_chart(tmp_path: Path) -> None:
    async with StrictSlack() as slack:
        settings = settings_for(tmp_path / "home", slack, OPTIMIZE_BOT_RUNNERS="*")
        async with opened(slack, settings) as stage:
            texts = [f"AAPL RSI 20 folds=0 seed={seed}" for seed in range(N_AT_ONCE)]
            await asyncio.gather(*(stage.act.command(text, user="alice") for text in texts))
            async with asyncio.timeout(240):
                # What waits is said as long as it does.
                while "after that" not in await stage.tell("status"):
                    await asyncio.sleep(0.1)
                while await Conversation.find({"telling": str(Telling.TOLD)}).count() < N_AT_ONCE:
                    await asyncio.sleep(0.2)
        keys = [key for call in slack.ledger.of("chat.postMessage") if call.is_ok and (key := key_of(call))]
        slack.assert_no_violations()

    roots = [i for i, key in enumerate(keys) if key.endswith(":root")]
    first_story = next((i for i, key in enumerate(keys) if re.search(r":end-\d+-[1-9]", key)), len(keys))
    decisions = [i for i, key in enumerate(keys) if re.search(r":end-\d+-0", key)]
    assert len(roots) == N_AT_ONCE
    assert len(set(keys)) == len(keys)
    assert max(roots) < first_story
    assert sum(i < first_story for i in decisions) > N_AT_ONCE / 2


@asynccontextmanager
async def _no_worker_left(children: ChildProcesses) -> AsyncIterator[None]:
    """A worker that outlives the server warns whoever watches a terminal of an outage."""
    yield
    assert children.mongod is not None
    assert children.mongod.has_ended
    assert children.pool.pids == []


async def test_the_end_of_a_study_is_told_by_its_worker_though_nobody_polls(tmp_path: Path) -> None:
    async with StrictSlack() as slack:
        settings = settings_for(tmp_path / "home", slack)
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        async with (
            start_children(settings) as children,
            _no_worker_left(children),
            open_services(settings, children) as services,
            Outbox(client).open() as outbox,
        ):
            context = make_context(services, client, outbox, People(client))
            told = run_and_tell(
                services.studies,
                context.conversations,
                context.groups,
                context.may_serve,
                keep=partial(keep_of_study, services=services),
            )
            await services.jobs.start({STUDY_KIND: told})
            origin = Origin(channel_id=_QUANT, user_id=await slack.user_id("alice"), role=Role.RUNNER)
            await answer(parse("AAPL RSI 20 folds=0"), origin, context)
            [study] = await OptimizationStudy.find_all().to_list()
            conversation = await Conversation.find_one(Conversation.study_name == study.study_name)
            assert conversation is not None

            async def decision() -> Call | None:
                return next((call for call in slack.ledger.calls if ":end-" in key_of(call)), None)

            await slack.eventually(decision, seconds=120, what="the decision")
            async with asyncio.timeout(60):
                while (await outbox.queue_of(_QUANT)).n_others:
                    await asyncio.sleep(0.1)
        keys = [key for call in slack.ledger.of("chat.postMessage") if (key := key_of(call))]
    assert len(keys) == len(set(keys)) >= 2
