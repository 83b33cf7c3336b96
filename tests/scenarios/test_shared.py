"""`mode=shared`: one parameter set for several symbols, from the signed command to the table in the thread."""

import csv
import io
import json
from dataclasses import dataclass

import pytest
import pytest_asyncio

from optimizer.domain.study_results import StudyState, StudySummary
from optimizer.storage.documents import BacktestRecord
from reports.text.numbers import ratio, signed_percent
from tests.scenarios.conftest import Stage, serving
from tests.slack.workspace import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")

COMMAND = "MSFT,AAPL,IBM RSI 40 mode=shared seed=71 folds=2"


@dataclass(frozen=True)
class Finished:
    """A shared study that is over."""

    name: str
    root: Message
    summary: StudySummary


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def study(shared: Stage) -> Finished:
    """One for the module."""
    name, root = await (await serving(shared)).finished(COMMAND)
    summary = (await shared.context.services.studies.get_study_results(name)).summary
    assert summary is not None
    return Finished(name, root, summary)


async def test_one_study_answers_for_all_symbols(stage: Stage, study: Finished) -> None:
    found = await stage.context.services.studies.find(study.name)
    roots = [m for m in await stage.slack.messages(study.root.channel) if study.name in str(m.blocks)]

    assert len(roots) == 1
    assert "AAPL,IBM,MSFT RSI" in str(roots[0].blocks)
    assert "the median of 3 symbols" in str(roots[0].blocks)
    assert found.symbol == "AAPL,IBM,MSFT"
    assert len(set(found.data_hashes)) == 3
    assert found.data_hash not in found.data_hashes


async def test_the_table_shows_each_symbols_stored_numbers(stage: Stage, study: Finished) -> None:
    rows = _table(await stage.detailed(await stage.verdict(study.root)))
    assert study.summary.shared is not None
    parts = study.summary.shared.by_symbol

    assert [row[0] for row in rows[1:]] == ["AAPL", "IBM", "MSFT", "Median", "Equal-weight portfolio"]
    for row, part in zip(rows[1:], parts, strict=False):
        ours, buy_and_hold = part.winner.out_of_sample, part.buy_and_hold.out_of_sample
        assert ours is not None
        assert buy_and_hold is not None
        assert row[2] == ratio(ours.sharpe_ratio, buy_and_hold.sharpe_ratio)
        assert row[4] == signed_percent(ours.total_return)
    assert study.summary.winner.out_of_sample is not None
    assert rows[5][4] == signed_percent(study.summary.winner.out_of_sample.total_return)


def _table(message: Message) -> list[list[str]]:
    assert "The shared set on each symbol" in str(message.blocks)
    [table] = [block for block in message.blocks if block["type"] in ("table", "data_table")]
    return [[cell["text"] for cell in row] for row in table["rows"]]


async def test_what_was_posted_is_what_a_replay_computes(stage: Stage, study: Finished) -> None:
    await stage.tell(f"replay {study.name}")

    assert await _said(stage, study.root, "match the stored ones exactly")


async def test_trades_of_a_kept_backtest_name_their_symbol(stage: Stage, study: Finished) -> None:
    kept = await BacktestRecord.find(BacktestRecord.study == study.name).to_list()

    assert len(kept) == 10
    assert {trade["symbol"] for trade in kept[0].trades} == {"AAPL", "IBM", "MSFT"}
    assert len(kept[0].equity) == len(kept[0].dates) == study.summary.window.n_bars


async def test_trades_of_a_shared_set_name_their_symbol_and_there_is_no_program_of_it(
    stage: Stage, study: Finished
) -> None:
    await stage.tell(f"export {study.name} trades")

    async def exported() -> bytes | None:
        files = [f for m in await stage.answers(study.root) for f in m.files if f["name"].endswith(".csv")]
        return await stage.slack.download(files[0]) if files else None

    content = await stage.slack.eventually(exported, seconds=120, what="the file")
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert {row["symbol"] for row in rows} == {"AAPL", "IBM", "MSFT"}
    told = await stage.tell(f"export {study.name} python")
    assert "`python` cannot do `mode=shared`" in told
    assert f"`export {study.name} trades`" in told


async def test_show_and_export_tell_of_all_symbols(stage: Stage, study: Finished) -> None:
    told = await stage.tell(f"show {study.name}")
    await stage.tell(f"export {study.name} json")

    async def exported() -> bytes | None:
        files = [f for m in await stage.answers(study.root) for f in m.files if f["name"].endswith(".json")]
        return await stage.slack.download(files[0]) if files else None

    document = json.loads(await stage.slack.eventually(exported, seconds=120, what="the file"))
    assert "Its portfolio" in told
    assert study.summary.shared is not None
    assert f"gained on {study.summary.shared.n_gaining} of 3 symbols" in told
    assert document["study"]["symbols"] == ["AAPL", "IBM", "MSFT"]
    assert [part["symbol"] for part in document["shared"]["by_symbol"]] == ["AAPL", "IBM", "MSFT"]


@pytest.mark.parametrize("symbol", ["AAPL", "MSFT"])
async def test_the_leaderboard_of_each_symbol_has_it(stage: Stage, study: Finished, symbol: str) -> None:
    assert study.name in await stage.tell(f"top {symbol} all")
    assert study.name not in await stage.tell("top GOOG all")


async def test_more_trials_go_on_after_the_first_ones(stage: Stage) -> None:
    name, _ = await stage.finished("IBM,MSFT RSI 12 mode=shared folds=0 seed=72")
    before = await stage.context.services.studies.get_trials(name)
    await stage.tell(f"more {name} 8")

    async def again() -> bool | None:
        found = await stage.context.services.studies.find(name)
        return True if found.status is StudyState.COMPLETE and found.trials_completed == 20 else None

    await stage.slack.eventually(again, seconds=120, what="20 trials")
    assert (await stage.context.services.studies.get_trials(name))[:12] == before


async def test_the_same_symbols_in_another_order_are_the_same_study(stage: Stage) -> None:
    one, other = [await stage.tell(f"{symbols} RSI 40 mode=shared dry") for symbols in ("IBM,MSFT", "MSFT,IBM")]

    assert "Plan for *IBM,MSFT RSI*" in one
    assert one == other


async def test_a_plan_names_all_symbols_and_the_command_that_starts_it(stage: Stage) -> None:
    plan = await stage.tell("MSFT,AAPL RSI 40 mode=shared dry")

    assert "Plan for *AAPL,MSFT RSI*" in plan
    assert "`/optimize AAPL,MSFT rsi 40 mode=shared`" in plan


async def test_a_watch_list_of_one_symbol_has_nobody_to_share_with(stage: Stage) -> None:
    await stage.tell("config @alone IBM", user="bob")

    assert "`mode=shared` needs several symbols" in await stage.tell("@alone RSI 40 mode=shared")


async def _said(stage: Stage, root: Message, words: str) -> bool:
    async def look() -> bool | None:
        replies = await stage.slack.thread(root.channel, root.ts)
        return True if any(words in m.text + str(m.blocks) for m in replies) else None

    return await stage.slack.eventually(look, seconds=120, what=words)
