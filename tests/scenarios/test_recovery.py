"""A bot killed in the middle of a study: the next one finishes it, with the same trials and one result."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bot_process import bot_process
from tests.bot_process import mongo_client as _client
from tests.scenarios.conftest import charts_in
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire
from tests.slack.workspace import Message
from tests.undisturbed import Table, row_of, run_undisturbed

pytestmark = pytest.mark.server

N_TRIALS = 1500
COMMAND = f"IBM MACD {N_TRIALS} seed=11 folds=0"
SHARED = f"IBM,MSFT MACD {N_TRIALS} seed=11 folds=0 mode=shared"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a study was, and what came of it."""

    study: dict[str, Any]
    trials: Table
    n_results: int


@pytest.mark.usefixtures("documents")
@pytest.mark.parametrize(("command", "kills"), [(COMMAND, 1), (SHARED, 1)], ids=["one symbol", "one set for two"])
async def test_killed_study_ends_with_the_same_trials_and_one_result(tmp_path: Path, command: str, kills: int) -> None:
    disturbed = await _run_to_the_end(tmp_path / "disturbed", command, kills=kills)
    undisturbed = await run_undisturbed(disturbed.study, tmp_path / "disturbed")

    assert disturbed.trials == undisturbed
    assert len(disturbed.trials) == N_TRIALS
    assert disturbed.n_results == 1


async def _run_to_the_end(home: Path, command: str, *, kills: int) -> Outcome:
    async with StrictSlack() as slack, bot_process(home, slack) as bot:
        async with HttpWire(bot.url, patience=30) as wire:
            delivery = await Driver(slack, wire).command(command)
            assert delivery.status == 200
            for kill in range(kills):
                # Somewhere in the middle: later each time, and never before the first or after the last trial.
                await _wait_for_trials(home, (kill + 1) * N_TRIALS // (kills + 2))
                bot.kill()
                await bot.start()
            root, _ = await _told(slack)
            await asyncio.sleep(2.0)
            study, trials = await asyncio.to_thread(_documents, home)
        assert bot.stop() == 0
        slack.assert_no_violations()
        verdicts = [m for m in (await slack.thread(root.channel, root.ts))[1:] if "study_adopt" in str(m.blocks)]
        return Outcome(study=study, trials=trials, n_results=len(verdicts))


async def _told(slack: StrictSlack) -> tuple[Message, list[Message]]:
    channel = await slack.channel_id()

    async def look() -> tuple[Message, list[Message]] | None:
        roots = await slack.messages(channel)
        replies = (await slack.thread(channel, roots[0].ts))[1:] if roots else []
        return (roots[0], replies) if charts_in(replies) else None

    return await slack.eventually(look, seconds=120, what="a result with its chart")


async def _wait_for_trials(home: Path, least: int) -> None:
    """Wait until so many trials are stored; the study must not be over then."""
    with _client(home) as client:
        database = client.optimize_bot
        while (stored := await asyncio.to_thread(database.optimization_trials.count_documents, {})) < least:
            await asyncio.sleep(0.02)
        assert stored < N_TRIALS, "the study was over before the kill: it proves nothing"


def _documents(home: Path) -> tuple[dict[str, Any], Table]:
    """The one study and its trials."""
    with _client(home) as client:
        (study,) = client.optimize_bot.optimization_studies.find()
        trials = client.optimize_bot.optimization_trials.find().sort("trial_number", 1)
        return study, [row_of(trial) for trial in trials]
