"""How a person is answered: muted, in a direct message, in their own time zone."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.documents.conversations import Conversation, OutboxEntry, Telling
from bot.documents.preferences import PersonSettings
from bot.documents.recurring import Schedule
from optimizer.storage.documents import WORKSPACE
from tests.scenarios.conftest import Stage

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def anew(stage: Stage) -> AsyncIterator[Stage]:
    """The bot, in which nobody has said how they want to be answered, before and after."""
    await PersonSettings.find_all().delete()
    yield stage
    await PersonSettings.find_all().delete()


async def told(stage: Stage, name: str) -> Conversation:
    """The conversation of a study once all of it is told."""

    async def look() -> Conversation | None:
        found = await Conversation.find_one(Conversation.study_name == name)
        return found if found and found.telling is Telling.TOLD else None

    return await stage.slack.eventually(look, seconds=240, what=f"the end of {name}")


async def keys_of(name: str) -> set[str]:
    """The parts of what was stored to be said of a study, without the numbers of its end."""
    entries = await OutboxEntry.find(OutboxEntry.conversation == name).to_list()
    return {entry.key.split(":")[1].split("-")[0] for entry in entries}


async def test_studies_of_a_muted_person_are_told_by_their_root_alone(anew: Stage) -> None:
    assert "one message" in await anew.tell("mute")
    name, root = await anew.start("AAPL RSI 8 folds=0 seed=801")
    await told(anew, name)
    assert await keys_of(name) == {"root", "final"}

    async def final() -> str | None:
        [message, *answers] = await anew.slack.thread(root.channel, root.ts)
        assert not answers
        return (
            str(message.blocks) if "out-of-sample" in str(message.blocks) or "Sharpe" in str(message.blocks) else None
        )

    assert await anew.slack.eventually(final, what="the decision in the root")
    assert "in full" in await anew.tell("unmute")
    name, _ = await anew.start("AAPL RSI 8 folds=0 seed=802")
    await told(anew, name)
    assert {"root", "end", "final"} <= await keys_of(name)


async def test_studies_of_somebody_who_prefers_it_are_told_directly_and_seen_by_all(anew: Stage) -> None:
    assert "`dm` is *yes*" in await anew.tell("preferences dm yes")
    name = await anew.study_of(await anew.act.command("AAPL RSI 8 folds=0 seed=803"))
    conversation = await told(anew, name)
    study = await anew.context.services.studies.find(name)
    assert conversation.channel_id.startswith("D")
    assert study.audience == WORKSPACE
    assert name in await anew.tell("list all", user="kim")


async def test_schedules_are_made_in_the_time_zone_that_a_person_prefers(anew: Stage) -> None:
    assert "Asia/Seoul" in await anew.tell("preferences tz seoul")
    await anew.tell("schedule IBM SMA 6 folds=0 seed=804 daily 03:00")
    schedule = await Schedule.find_one({"spec.seed": 804})
    assert schedule is not None
    assert schedule.time_zone == "Asia/Seoul"
    await anew.tell(f"unschedule {schedule.schedule_name}")
    assert "*slack*" in await anew.tell("preferences tz=slack")
