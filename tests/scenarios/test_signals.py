"""Signals that learn, from the typed command through the real bot and worker: studies of `ml`, and `signal`."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from optimizer.domain.results.learned_results import Doubt, Label
from optimizer.domain.study_results import StudyState
from optimizer.storage.driver import collection_of
from optimizer.storage.embedded_mongo import EmbeddedMongo
from optimizer.storage.signal_documents import StoredSignal, drop_former_index
from tests.bot_process import bot_process
from tests.scenarios.conftest import WORKING, Stage, study_in
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_study_of_learned_signals_finds_nothing_on_a_real_share_and_says_so(stage: Stage) -> None:
    name, root = await stage.start("AAPL ml 60", user="bob")
    verdict = await stage.verdict(root)
    study = await stage.context.services.studies.get_study_results(name)
    assert study.status is StudyState.COMPLETE
    assert study.training is None
    assert study.summary is not None
    learned = study.summary.learned
    assert learned is not None
    assert learned.doubts == (Doubt.NO_BETTER_THAN_BASE,)
    assert learned.quality is not None
    assert learned.quality.n_calls > 2_000
    assert "no better than the base rate" in str(verdict.blocks)
    details = await stage.detailed(verdict, user="bob")
    assert "What it learned" in str(details.blocks)
    assert "AUC" in str(details.blocks)


async def test_barriers_are_learned_when_a_command_names_them(stage: Stage) -> None:
    services = stage.context.services
    name, root = await stage.start("AAPL ml 30 horizon=5 label=barrier folds=0", user="bob")
    verdict = await stage.verdict(root)
    study = await services.studies.get_study_results(name)
    assert study.summary is not None
    assert study.summary.learned is not None
    assert study.summary.learned.label is Label.BARRIER
    assert study.summary.winner.params["label"] == "barrier"
    assert study.timings.training > 0.0
    assert "upper of two barriers" in str((await stage.detailed(verdict, user="bob")).blocks)
    assert (await services.studies.replay(name)).difference is None
    assert "gain, barrier" in await stage.tell("AAPL ml 30 label=profit", user="bob")


@pytest.mark.parametrize("symbol", ["AAPL", "IBM"])
async def test_a_study_is_ranked_by_the_sharpe_ratio_and_the_confidence_of_its_entries(
    stage: Stage, symbol: str
) -> None:
    services = stage.context.services
    name, root = await stage.start(f"{symbol} RSI 40 goal=sharpe_ml", user="bob")
    verdict = await stage.verdict(root)
    study = await services.studies.get_study_results(name)
    assert study.status is StudyState.COMPLETE
    assert study.summary is not None
    winner = study.summary.winner
    plain = winner.in_sample.sharpe_ratio
    assert winner.value is not None
    assert plain
    assert abs(winner.value - plain) <= 0.1 * abs(plain)
    details = str((await stage.detailed(verdict, user="bob")).blocks)
    assert "ML-weighted Sharpe" in details
    # Of AAPL the model knows nothing throughout, of IBM a little at the end of the searched bars.
    assert ("no more than the base rate" in details) is (abs(winner.value - plain) < 1e-9)
    assert symbol == "IBM" or "no more than the base rate" in details
    assert (await services.studies.replay(name)).difference is None


async def test_a_weighed_goal_is_searched_alone_and_needs_bars_for_its_model(stage: Stage) -> None:
    for words in ("goal=sharpe,sharpe_ml", "goal=sharpe_ml mode=shared"):
        assert "is searched alone" in await stage.tell(f"AAPL,MSFT RSI 40 {words}", user="bob")
    assert "한 종목씩만" in await stage.tell("AAPL RSI 40 목표=sharpe,sharpe_ml", user="kim")
    few = [
        await stage.tell(f"AAPL {rest} from=2000-01-03 to=2002-01-31", user="bob")
        for rest in ("ml 40", "RSI 40 goal=sharpe_ml")
    ]
    assert few[0].replace("ml", "") == few[1].replace("ml", ""), few


async def test_a_study_whose_worker_is_killed_while_it_trains_has_the_same_trials(stage: Stage) -> None:
    services = stage.context.services
    name, root = await stage.start("GOOG,MSFT ml 40 mode=shared folds=0", user="bob")

    async def is_training() -> bool | None:
        study = await services.studies.find(name)
        return study.training is not None or study.status.is_finished or None

    await stage.slack.eventually(is_training, seconds=120, what="the training")
    assert services.pool.end_worker_of(name)
    await stage.verdict(root)
    study = await services.studies.get_study_results(name)
    assert study.deaths == 1
    assert study.trials_completed == 40
    edited = (await stage.slack.thread(root.channel, root.ts))[0]
    assert re.search(r"training [1-6] of 6", str(edited.past))
    replayed = await services.studies.replay(name)
    assert replayed.difference is None


async def test_a_study_that_is_cancelled_while_it_trains_stops_between_two_fits(stage: Stage) -> None:
    services = stage.context.services
    name, _ = await stage.start("GOOG,IBM,AAPL ml 40 mode=shared folds=0", user="bob")

    async def is_training() -> bool | None:
        return (await services.studies.find(name)).training is not None or None

    await stage.slack.eventually(is_training, seconds=120, what="the training")
    await stage.tell(f"cancel {name}", user="bob")

    async def has_ended() -> bool | None:
        return (await services.studies.find(name)).status is StudyState.CANCELLED or None

    await stage.slack.eventually(has_ended, seconds=60, what="the end")
    assert (await services.studies.find(name)).trials_completed == 0


async def test_a_signal_is_told_with_what_earlier_ones_were_worth_and_kept_to_be_scored(stage: Stage) -> None:
    told = await stage.tell("signal AAPL horizon=10 as_of=2012-06-29", user="bob")
    assert "next 10 bars" in told
    assert "Earlier calls: *no better than the base rate*" in told
    assert "no outcome is known yet" in await stage.tell("signals AAPL horizon=10", user="bob")
    again = await stage.tell("signal AAPL horizon=10 as_of=2012-06-29", user="bob")
    assert again == told

    n_scored = await stage.context.services.signals.score_due()
    assert n_scored >= 1
    kept = await StoredSignal.find(StoredSignal.symbol == "AAPL", StoredSignal.horizon == 10).to_list()
    assert len(kept) == 1
    assert kept[0].brier == pytest.approx((kept[0].probability - float(bool(kept[0].realised))) ** 2)
    assert "1 signal with an outcome" in await stage.tell("signals AAPL horizon=10", user="bob")
    assert await stage.context.services.signals.score_due() == 0

    barriers = await stage.tell("signal AAPL horizon=10 label=barrier as_of=2012-06-29", user="bob")
    assert "upper of two barriers" in barriers
    assert "ended on the upper side" in barriers
    assert await stage.context.services.signals.score_due() == 1
    told_of_both = await stage.tell("signals AAPL horizon=10", user="bob")
    assert "2 signals with an outcome" in told_of_both
    assert "barriers within 10 daily bars" in told_of_both
    assert "gain, barrier" in await stage.tell("signal AAPL label=profit", user="bob")
    assert "배리어 중 상단" in await stage.tell("신호 AAPL label=barrier as_of=2012-06-29", user="kim")

    assert "다음 5봉" in await stage.tell("신호 MSFT as_of=2012-06-29", user="kim")


async def test_an_index_of_versions_without_labels_is_dropped(stage: Stage) -> None:
    collection = collection_of(StoredSignal)
    keys = ("symbol", "timeframe", "source", "horizon", "as_of", "version", "data_hash")
    former = await collection.create_index([(key, 1) for key in keys])
    await drop_former_index()
    await drop_former_index()
    left = await collection.index_information()
    assert former not in left
    assert any("label" in name for name in left)


async def test_a_signal_that_cannot_be_told_says_why(stage: Stage) -> None:
    assert "Which symbol" in await stage.tell("signal", user="bob")
    assert "2, 5, 10" in await stage.tell("signal AAPL horizon=20", user="bob")
    assert "a signal needs at least 505" in await stage.tell("signal AAPL as_of=2001-01-31", user="bob")
    answers = await asyncio.gather(*(stage.tell(f"signal IBM horizon={n}", user="bob") for n in (2, 5)))
    assert all("Base rate" in answer for answer in answers)


#: What Python loads before anything else, of a machine on which LightGBM is not installed.
_NOT_INSTALLED = """
import sys

class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "lightgbm":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Nowhere())
"""


def _path_without_extra(folder: Path) -> str:
    """PYTHONPATH of a bot, its workers and every other process of it without LightGBM."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_NOT_INSTALLED, encoding="utf-8")
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))


def _require_nothing_started(uri: str) -> None:
    with MongoClient[dict[str, Any]](uri) as client:
        stored = client.get_default_database()
        assert stored.optimization_studies.count_documents({}) == 0
        assert stored.ml_signals.count_documents({}) == 0


async def test_without_the_extra_one_sentence_says_how_to_install_it_and_nothing_starts(
    mongod: EmbeddedMongo, tmp_path: Path
) -> None:
    uri = mongod.uri.replace("/?", "/without_extra?")
    home = {"OPTIMIZE_BOT_HOME": str(tmp_path), "MONGODB_URI": uri, "OPTIMIZE_BOT_WORKERS": "1", "COLUMNS": "200"}
    environment = os.environ | home | {"PYTHONPATH": _path_without_extra(tmp_path / "site")}

    async def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "bot", *words]
        return await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, timeout=180
        )

    for words in (("run", "AAPL", "ml", "60"), ("run", "AAPL", "RSI", "40", "goal=sharpe_ml"), ("signal", "AAPL")):
        done = await run(*words)
        assert "pip install 'optimize-bot[ml]'" in done.stdout + done.stderr, done
        assert done.returncode == 1
    _require_nothing_started(uri)


async def test_without_the_extra_slack_is_told_privately_how_to_install_it_and_everything_else_works(
    mongod: EmbeddedMongo, tmp_path: Path
) -> None:
    uri = mongod.uri.replace("/?", "/slack_without_extra?")
    path = _path_without_extra(tmp_path / "site")
    async with (
        StrictSlack() as slack,
        bot_process(tmp_path / "home", slack, mongodb_uri=uri, PYTHONPATH=path) as bot,
        HttpWire(bot.url, patience=30) as wire,
    ):

        async def told(text: str, user: str = "bob") -> dict[str, Any]:
            delivery = await Driver(slack, wire).command(text, user=user)
            assert delivery.status == 200
            assert delivery.response_url is not None
            replies = delivery.response_url.replies

            async def look() -> dict[str, Any] | None:
                bodies = [reply.body for reply in replies if not reply.body.get("replace_original")]
                return next((body for body in reversed(bodies) if body["text"] not in WORKING), None)

            return await slack.eventually(look, seconds=120, what=text)

        for words in ("AAPL ml 60", "AAPL RSI 40 goal=sharpe_ml", "signal AAPL"):
            answer = await told(words)
            assert "pip install 'optimize-bot[ml]'" in str(answer), answer
            assert answer["response_type"] == "ephemeral"
        assert "추가 패키지" in str(await told("AAPL ml 60", user="kim"))
        assert not await slack.messages(await slack.channel_id())
        _require_nothing_started(uri)

        name = study_in(str(await told("AAPL RSI 10 folds=0 source=sample")))
        with MongoClient[dict[str, Any]](uri) as client:
            studies = client.get_default_database().optimization_studies

            async def has_ended() -> bool | None:
                return studies.find_one({"study_name": name, "status": "complete"}) is not None or None

            await slack.eventually(has_ended, seconds=120, what="the study of another strategy")
