"""Many symbols in one request: one table, one file, and nobody else waits; and the lists that name them."""

import csv
import io
from pathlib import Path

import pytest

from bot.documents.conversations import MOST_IN_THREAD, StudyGroup
from bot.documents.preferences import Watchlist
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.driver import collection_of
from tests.scenarios.conftest import Stage
from tests.scenarios.test_own_bars import import_bars
from tests.slack.strict import StrictSlack
from tests.slack.workspace import Message

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("shared", ["strict"], indirect=True),
]
MEMBERS = [f"GRP{number:02d}" for number in range(MOST_IN_THREAD + 2)]


async def _list_of(name: str) -> list[str]:
    found = await Watchlist.find_one(Watchlist.name == name)
    return found.symbols if found else []


async def _done(stage: Stage, *, n: int) -> Message:
    channel = await stage.slack.channel_id()

    async def look() -> Message | None:
        return next((m for m in await stage.slack.messages(channel) if f"All {n} are done" in str(m.blocks)), None)

    return await stage.slack.eventually(look, seconds=180, what="the table")


async def test_many_symbols_are_one_table_and_one_file(stage: Stage, tmp_path: Path) -> None:
    for symbol in MEMBERS:
        await import_bars(stage, tmp_path, symbol)
    await stage.tell(f"config @grp {','.join(MEMBERS)}", user="bob")

    told = await stage.tell("@grp SMA 12 folds=0 seed=34")
    assert f"{len(MEMBERS)} studies" in told
    assert "and 2 others" in told
    root = await _done(stage, n=len(MEMBERS))
    [sent] = await stage.answers(root)

    assert "the file in the thread has a row for each" in str(root.blocks)
    assert "12 " in str(root.blocks)
    [file] = sent.files
    assert isinstance(stage.slack, StrictSlack)
    rows = list(csv.DictReader(io.StringIO((stage.slack.workspace.files[file["id"]].content or b"").decode())))
    assert sorted(row["symbol"] for row in rows) == MEMBERS
    assert {row["state"] for row in rows} == {"complete"}
    studies = {study.symbol: study for study in await OptimizationStudy.find({"symbol": {"$in": MEMBERS}}).to_list()}
    for row in rows:
        summary = studies[row["symbol"]].summary
        assert summary is not None
        assert float(row["sharpe_ratio_in_sample"]) == summary.winner.in_sample.sharpe_ratio
        assert row["verdict"] == str(summary.verdict)


async def test_one_of_many_that_somebody_acts_on_speaks_for_itself(stage: Stage) -> None:
    study = await OptimizationStudy.find_one({"symbol": MEMBERS[0]})
    assert study is not None

    await stage.tell(f"more {study.study_name} 10", user="alice")
    root = await stage.root(study.study_name)

    async def look() -> bool | None:
        thread = await stage.slack.thread(root.channel, root.thread_ts or root.ts)
        return any("study_adopt" in str(message.blocks) for message in thread) or None

    await stage.slack.eventually(look, seconds=120, what="the result of the study alone")


async def test_a_group_whose_table_a_crash_prevented_is_opened_by_the_next_start(stage: Stage) -> None:
    found = await OptimizationStudy.find_one({"symbol": MEMBERS[1]})
    assert found is not None
    group = found.origin["group"]
    await collection_of(OptimizationStudy).update_one({"_id": found.id}, {"$set": {"status": "queued"}})
    await collection_of(StudyGroup).delete_one({"group_name": group})

    await stage.context.groups.recover()

    opened = await StudyGroup.find_one(StudyGroup.group_name == group)
    assert opened is not None
    assert len(opened.studies) == len(MEMBERS)
    await collection_of(OptimizationStudy).update_one({"_id": found.id}, {"$set": {"status": "complete"}})


async def test_a_list_of_a_thousand_comes_as_a_file(stage: Stage) -> None:
    assert isinstance(stage.slack, StrictSlack)
    bob = await stage.slack.user_id("bob")
    text = "symbol,weight\n" + "".join(f"T{number},1\n" for number in range(1000))
    file = stage.slack.attach(bob, "thousand.csv", text.encode())

    await stage.act.mention("config @thousand", bot_user=stage.slack.bot_user, user="bob", files=[file])

    async def look() -> bool | None:
        return len(await _list_of("thousand")) == 1000 or None

    await stage.slack.eventually(look, what="the list")
    assert "1,000 symbols" in await stage.tell("config", user="bob")


async def test_a_list_is_changed_by_what_comes_and_goes(stage: Stage) -> None:
    await stage.tell("config @moving AAPL,MSFT,IBM", user="bob")
    await stage.tell("config @moving +goog,fb -ibm", user="bob")
    wrong = await stage.tell("config @moving -MSFY", user="bob")

    assert await _list_of("moving") == ["AAPL", "MSFT", "GOOG", "FB"]
    assert "The list has no `MSFY`, so nothing was changed. Did you mean `MSFT`?" in wrong


async def test_a_file_that_cannot_be_a_list_is_named_and_changes_nothing(stage: Stage) -> None:
    assert isinstance(stage.slack, StrictSlack)
    bob = await stage.slack.user_id("bob")
    await stage.tell("config @kept AAPL", user="bob")
    for content, said in ((b"AAPL\n<!channel>\n", "line 2"), (b"\xff\xfe\x00", "UTF-8"), (b"", "0 symbols")):
        file = stage.slack.attach(bob, "odd.txt", content)
        await stage.act.mention("config @kept", bot_user=stage.slack.bot_user, user="bob", files=[file])

        async def look(said: str = said) -> bool | None:
            return any(said in each.text + str(each.blocks) for each in stage.slack.workspace.ephemerals) or None

        await stage.slack.eventually(look, what=said)
    assert await _list_of("kept") == ["AAPL"]
