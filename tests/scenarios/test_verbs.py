"""Every verb through the signed request, and what a person is told."""

import csv
import io
import json

import pytest
import pytest_asyncio

from bot.delivery.thread import advance_telling
from bot.documents.audit_log import AuditEntry, Outcome
from bot.documents.conversations import Telling
from bot.documents.market_regimes import MarketRegime
from bot.documents.preferences import Watchlist
from optimizer.clock import utc_now
from optimizer.domain.study_results import StudyState
from optimizer.storage.documents import OptimizationTrial
from tests.scenarios.conftest import Stage, serving
from tests.slack.workspace import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")

Finished = tuple[str, Message]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def study(shared: Stage) -> Finished:
    """A finished study of alice's, and its root message."""
    return await (await serving(shared)).finished("AAPL RSI 30 folds=0 seed=31")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def other(shared: Stage) -> Finished:
    """Another one, on another window."""
    return await (await serving(shared)).finished("AAPL RSI 20 folds=0 years=4 seed=32")


async def test_whoami_tells_role_and_limits(stage: Stage) -> None:
    assert "runner" in await stage.tell("whoami")
    assert "admin" in await stage.tell("whoami", user="bob")


async def test_help_shows_what_the_asker_may_do(stage: Stage) -> None:
    runner, admin = await stage.tell("help"), await stage.tell("help", user="bob")

    assert "`audit [N]`" in admin
    assert "`audit [N]`" not in runner
    assert "`replay ID`" in runner


@pytest.mark.parametrize(
    ("topic", "word"),
    [
        ("rsi", "oversold"),
        ("goals", "sortino"),
        ("calmar", "Calmar"),
        ("options", "holdout=15"),
        ("seed", "seed=7"),
        ("overlays", "voltarget"),
        ("stop", "stop"),
        ("examples", "AAPL RSI 200 dry"),
        ("cancel", "cancel ID"),
    ],
)
async def test_help_knows_each_kind_of_topic(stage: Stage, topic: str, word: str) -> None:
    assert word in await stage.tell(f"help {topic}")


async def test_strategies_are_listed(stage: Stage) -> None:
    assert "supertrend" in await stage.tell("strategies")


async def test_status_and_list_tell_of_a_study(stage: Stage, study: Finished) -> None:
    name, _ = study

    assert name in await stage.tell(f"status {name}")
    assert name in await stage.tell("list mine")
    assert name not in await stage.tell("list mine", user="bob")
    assert name in await stage.tell("list all", user="bob")


async def test_show_tells_the_verdict_with_a_button_to_share(stage: Stage, study: Finished) -> None:
    told = await stage.tell(f"show {study[0].removeprefix('opt-')}")

    assert "on the unseen" in told
    assert "study_share" in told


async def test_top_leaves_out_what_is_unproven_unless_asked(stage: Stage, study: Finished) -> None:
    proven, everything = await stage.tell("top AAPL rsi"), await stage.tell("top AAPL rsi all")
    found = await stage.context.services.studies.find(study[0])
    assert found.summary is not None

    assert (study[0] in proven) == (found.summary.verdict in ("strong", "promising"))
    assert study[0] in everything


async def test_compare_warns_of_another_ground(stage: Stage, study: Finished, other: Finished) -> None:
    told = await stage.tell(f"compare {study[0]} {other[0]}")

    assert "Not directly comparable" in told
    assert study[0] in told
    assert other[0] in told


async def test_best_tells_the_winner_of_the_best_study(stage: Stage, study: Finished) -> None:
    assert "period=" in await stage.tell("best AAPL rsi")
    assert "No study of AAPL with supertrend has finished" in await stage.tell("best AAPL supertrend")


async def test_trials_are_exported_as_csv_with_all_their_digits(stage: Stage, study: Finished) -> None:
    name, root = study
    await stage.tell(f"export {name}")
    content = await _file(stage, root, f"{name}-file", ".csv")

    rows = list(csv.DictReader(io.StringIO(content.decode())))
    trials = {trial.number: trial for trial in await stage.context.services.studies.get_trials(name)}
    assert len(rows) == len(trials) == 30
    assert all(float(row["value"] or "nan") == trials[int(row["number"])].value for row in rows if row["value"])


async def test_a_study_is_exported_as_one_json_document(stage: Stage, study: Finished) -> None:
    name, root = study
    await stage.tell(f"export {name} json")

    document = json.loads(await _file(stage, root, f"{name}-file", ".json"))
    assert document["study"]["name"] == name
    assert len(document["trials"]) == 30


#: What is typed after `export ID` for a program or a table, the ending of its file, and words that it alone has.
EXPORTS = {
    "python": (".py", b"Needs pandas alone."),
    "backtesting": (".py", b"from backtesting import Backtest"),
    "vectorbt": (".py", b"import vectorbt"),
    "freqtrade": (".py", b"(IStrategy):"),
    "pine": (".pine", b"//@version=5"),
    "trades": (".csv", b"entry_time,exit_time,side,"),
    "positions": (".csv", b"time,close,position,equity"),
    "trades parquet": (".parquet", b"entry_time"),
    "positions parquet": (".parquet", b"position"),
}


@pytest.mark.parametrize("format", EXPORTS)
async def test_a_winner_is_exported_for_other_systems(stage: Stage, study: Finished, format: str) -> None:
    name, root = study
    ending, words = EXPORTS[format]
    await stage.tell(f"export {name} {format}")

    content = await _file(stage, root, f"{name}-file", ending, words)
    assert name.encode() in content or ending in (".csv", ".parquet")


async def test_exported_positions_end_where_the_winner_did(stage: Stage, study: Finished) -> None:
    name, root = study
    await stage.tell(f"export {name} positions")
    rows = list(
        csv.DictReader(io.StringIO((await _file(stage, root, f"{name}-file", ".csv", b"time,close,")).decode()))
    )

    found = await stage.context.services.studies.get_study_results(name)
    assert found.summary is not None
    assert len(rows) == found.summary.window.n_bars
    assert rows[0]["time"] == str(found.window.start_date)
    assert rows[-1]["time"] == str(found.window.end_date)
    assert {float(row["position"]) for row in rows} <= {0.0, 1.0}


async def test_what_a_system_cannot_do_is_refused_with_the_reason_and_what_can(stage: Stage) -> None:
    name, _ = await stage.finished("IBM RSI 12 folds=0 seed=33 stop=5..6")

    told = await stage.tell(f"export {name} pine")
    assert "`pine` cannot do `stop`" in told
    assert f"`export {name} python`" in told
    assert "똑같이 표현할 수 없습니다" in await stage.tell(f"export {name} pine", user="kim")


async def test_a_format_that_is_not_one_is_corrected(stage: Stage, study: Finished) -> None:
    assert f"export {study[0]} backtesting" in await stage.tell(f"export {study[0]} backtestin")


async def test_replay_proves_a_study_equal_in_its_thread(stage: Stage, study: Finished) -> None:
    await stage.tell(f"replay {study[0]}", user="kim")

    assert await _said(stage, study[1], "match the stored ones exactly")


async def test_replay_names_the_first_difference(stage: Stage, other: Finished) -> None:
    name, root = other
    trial = await OptimizationTrial.find_one({"study": name, "trial_number": 3})
    assert trial is not None
    await trial.set({"n_trades": trial.n_trades + 1})

    await stage.tell(f"replay {name}")

    assert await _said(stage, root, "trials[3].n_trades")


async def test_more_trials_go_on_after_the_first_ones(stage: Stage) -> None:
    name, root = await stage.finished("MSFT RSI 15 folds=0 seed=33")
    before = await stage.context.services.studies.get_trials(name)

    await stage.tell(f"more {name} 10")
    assert await _said(stage, root, "10 more trials")

    async def again() -> bool | None:
        found = await stage.context.services.studies.find(name)
        return True if found.status is StudyState.COMPLETE and found.trials_completed == 25 else None

    await stage.slack.eventually(again, seconds=120, what="25 trials")
    after = await stage.context.services.studies.get_trials(name)
    assert after[:15] == before


async def test_more_trials_asked_for_while_charts_are_drawn_are_told(stage: Stage) -> None:
    name, root = await stage.finished("MSFT RSI 15 folds=0 seed=34")
    drawing = await stage.context.conversations.find(name)
    assert drawing is not None
    await stage.tell(f"more {name} 10")

    await advance_telling(drawing, Telling.TOLD)  # what a drawing does that began before, when it ends

    async def told() -> bool | None:
        thread = await stage.slack.thread(root.channel, root.ts)
        return sum("study_adopt" in str(message.blocks) for message in thread) == 2 or None

    assert await stage.slack.eventually(told, seconds=120, what="the second result")


async def test_pause_resume_and_cancel_in_words_are_told_in_the_studys_thread(stage: Stage) -> None:
    name, root = await stage.start("IBM MACD 10000 stop take sampler=optuna folds=0 seed=38")

    await stage.tell(f"pause {name}")
    assert await _said(stage, root, "paused")
    await _is(stage, name, StudyState.PAUSED)
    await stage.tell(f"resume {name}")
    assert await _said(stage, root, "after trial")
    await _is(stage, name, StudyState.RUNNING)
    await stage.tell(f"cancel {name}")
    await _is(stage, name, StudyState.CANCELLED)


async def _is(stage: Stage, name: str, state: StudyState) -> None:
    async def look() -> bool | None:
        return (await stage.context.services.studies.find(name)).status is state or None

    await stage.slack.eventually(look, seconds=120, what=f"{name} {state}")


async def test_several_symbols_share_a_root_with_a_table(stage: Stage) -> None:
    told = await stage.tell("AAPL,MSFT,IBM SMA 12 folds=0 seed=34")
    assert "3 studies" in told
    channel = await stage.slack.channel_id()

    async def done() -> Message | None:
        return next((m for m in await stage.slack.messages(channel) if "All 3 are done" in str(m.blocks)), None)

    root = await stage.slack.eventually(done, seconds=120, what="the table")
    rows = next(block for block in root.blocks if block["type"] == "table")["rows"]
    assert [row[0]["text"] for row in rows[1:]] == ["AAPL", "MSFT", "IBM"]
    verdicts = [m for m in await stage.answers(root, least=6) if "study_adopt" in str(m.blocks)]
    assert len(verdicts) == 3


async def test_a_watch_list_stands_for_its_symbols(stage: Stage) -> None:
    await stage.tell("config @tech AAPL,MSFT", user="bob")
    plan = await stage.tell("@tech RSI 100 dry")
    unknown = await stage.tell("@tehc RSI 100 dry")

    assert "*AAPL*" in plan
    assert "*MSFT*" in plan
    assert "Did you mean `@tech`" in unknown


async def test_nobody_queues_more_than_their_share(stage: Stage) -> None:
    symbols = [f"S{n}" for n in range(2_001)]
    await Watchlist(name="toomany", symbols=symbols, changed_by="bob", changed_at=utc_now()).insert()
    before = await stage.n_studies()

    assert "the limit is 2000" in await stage.tell("@toomany RSI 100 seed=37", user="bob")
    assert await stage.n_studies() == before


async def test_dry_starts_nothing(stage: Stage) -> None:
    before = await stage.n_studies()

    assert "nothing was started" in await stage.tell("AAPL,IBM RSI 100 dry")
    assert await stage.n_studies() == before


async def test_a_private_study_is_told_in_a_direct_message(stage: Stage) -> None:
    delivery = await stage.act.command("IBM RSI 10 folds=0 seed=35 private", user="kim")
    name = await stage.study_of(delivery)
    conversation = await stage.context.conversations.find(name)
    assert conversation is not None

    assert conversation.channel_id.startswith("D")
    assert conversation.language == "ko"
    channel = await stage.slack.channel_id()
    assert not any(name in str(m.blocks) for m in await stage.slack.messages(channel))


async def test_data_tells_series_and_findings(stage: Stage, study: Finished) -> None:
    assert "AAPL" in await stage.tell("data")
    told = await stage.tell("data AAPL")

    assert "rich_text_preformatted" in told
    assert "daily bars" in told


async def test_a_regime_is_told_as_it_was_known_with_what_it_is_worth(stage: Stage) -> None:
    told = await stage.tell("regime AAPL as_of=2008-10-31")
    korean = await stage.tell("regime MSFT as_of=2008-10-31", user="kim")

    assert "*AAPL* is *volatile* since" in told
    assert "foretells no more" in told
    assert "변동" in korean
    assert "Which symbol" in await stage.tell("regime")
    assert "a label needs more than a year" in await stage.tell("regime AAPL as_of=2000-06-30")


async def test_a_forecast_is_a_range_and_no_promise(stage: Stage, study: Finished) -> None:
    told = await stage.tell(f"forecast {study[0]}")

    assert "Next 63 bars, from" in told
    assert "not a promise" in told
    assert "다음 봉 21개" in await stage.tell(f"forecast {study[0]} bars=21", user="kim")
    assert "`bars` is one of 21, 63, 126" in await stage.tell(f"forecast {study[0]} bars=64")
    assert "needs a study's id" in (await stage.tell("forecast")).replace("\\", "")


async def test_forecasts_of_a_symbol_are_told_and_none_where_there_are_none(stage: Stage, study: Finished) -> None:
    # Whether one is scored by now depends on the tests before: those of private studies score some of each symbol.
    told = await stage.tell("forecasts AAPL")
    assert "Forecasts of AAPL, and what became of them" in told
    assert ("No forecast is scored yet" in told) != ("Forecasts so far" in told)
    assert "No forecast is kept" in await stage.tell("forecasts NFLX")


async def test_regimes_of_what_is_in_use_are_a_table_for_the_asker_alone(stage: Stage) -> None:
    await stage.tell("data IBM")
    await stage.tell("config @kinds IBM,MSFTX", user="bob")
    delivery = await stage.act.command("regimes")
    told = await stage.told(delivery)
    korean = await stage.tell("장세목록", user="kim")

    assert told["response_type"] == "ephemeral"
    table = next(block for block in told["blocks"] if block["type"] == "data_table")
    assert any("IBM" in str(row[0]) and "daily" in str(row[1]) for row in table["rows"])
    assert "foretells nothing" in str(told["blocks"])
    assert "`MSFTX` has no stored bars yet" in str(told["blocks"])
    assert "예측하지 않습니다" in korean
    (said,) = await MarketRegime.find({"symbol": "IBM", "timeframe": "1d"}).to_list()
    await stage.tell("regimes")
    assert [each.id for each in await MarketRegime.find({"symbol": "IBM", "timeframe": "1d"}).to_list()] == [said.id]
    await stage.tell("config @kinds -IBM,MSFTX", user="bob")


async def test_a_result_names_the_market_of_its_last_bar_in_its_details(stage: Stage) -> None:
    name, _ = await stage.finished("IBM SMA 20 folds=0 seed=91 to=2008-11-20", least=1)
    study = await stage.context.services.studies.find(name)

    assert study.summary is not None
    assert study.summary.regime is not None
    assert study.summary.regime.runs[-1].regime is study.summary.regime.regime
    assert f"At the last bar IBM was *{study.summary.regime.regime}*" in await stage.tell(f"show {name}")


async def test_health_tries_every_part(stage: Stage) -> None:
    told = await stage.tell("health")

    assert all(part in told for part in ("Slack", "MongoDB", "DuckDB", "Workers", "Disk", "Access"))


async def test_failures_are_told(stage: Stage) -> None:
    assert "fail" in (await stage.tell("failures")).lower()


async def test_everything_asked_stands_in_the_audit_with_its_outcome(stage: Stage) -> None:
    await stage.tell("whoami", user="kim")
    await stage.tell("AAPL RSO 10", user="kim")
    denied = await stage.tell("audit", user="kim")
    told = await stage.tell("audit 20", user="bob")

    assert "역할" in denied
    kim = await stage.slack.user_id("kim")
    entries = await AuditEntry.find({"user_id": kim}).sort("-at").limit(3).to_list()
    assert [entry.outcome for entry in entries] == [Outcome.DENIED, Outcome.REFUSED, Outcome.DONE]
    assert "RSO" in told
    assert "⛔" in told


async def test_private_answers_are_in_the_language_of_the_asker(stage: Stage) -> None:
    assert "역할" in await stage.tell("whoami", user="kim")
    assert "혹시" in await stage.tell("AAPL RSO 10", user="kim")


async def test_a_channel_chooses_its_language(stage: Stage) -> None:
    told = await stage.tell("config language ko", user="bob")
    _, root = await stage.start("IBM RSI 8 folds=0 seed=36")
    await stage.tell("config language en", user="bob")

    assert "Changed." in told
    assert "목표" in str(root.blocks)


async def test_only_admins_configure(stage: Stage) -> None:
    assert "OPTIMIZE_BOT_ADMINS" in await stage.tell("config language ko")


async def _said(stage: Stage, root: Message, words: str) -> Message:
    async def look() -> Message | None:
        return next((m for m in await stage.slack.thread(root.channel, root.ts) if words in str(m.blocks)), None)

    return await stage.slack.eventually(look, seconds=120, what=words)


async def _file(stage: Stage, root: Message, start: str, end: str, words: bytes = b"") -> bytes:
    async def look() -> bytes | None:
        for message in await stage.slack.thread(root.channel, root.ts):
            for file in message.files:
                if file["name"].startswith(start) and file["name"].endswith(end):
                    content = await stage.slack.download(file)
                    if words in content:
                        return content
        return None

    return await stage.slack.eventually(look, seconds=120, what=f"{start}…{end}")
