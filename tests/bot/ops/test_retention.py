"""The nightly sweep: what goes, what stays, and that nothing that counts is lost."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.documents.audit_log import AuditEntry, Outcome
from bot.documents.conversations import Conversation, Method, OutboxEntry, Sending, Telling
from bot.documents.sweeps import Sweep
from bot.ops.retention import Retention, due_before, last_sweep, swept_requests
from bot.runtime.settings import Settings
from optimizer.storage.documents import BacktestRecord, OptimizationStudy
from tests.optimizer.storage.test_tries import study

pytestmark = pytest.mark.server
NOW = datetime(2026, 11, 3, 19, 0, tzinfo=UTC)


def sweeper(home: Path, now: datetime = NOW) -> Retention:
    kept = {"OPTIMIZE_BOT_HOME": home, "OPTIMIZE_BOT_KEEP_REPORTS": 14}
    return Retention(Settings.model_validate(kept), lambda: now)


def written(place: Path, days_ago: float) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("x")
    moment = (NOW - timedelta(days=days_ago)).timestamp()
    for each in (place, place.parent):
        os.utime(each, (moment, moment))
    return place


def entry(key: str, days_ago: float, **more: object) -> OutboxEntry:
    facts = {"conversation": key.partition(":")[0], "channel_id": "C1", "text": "x", "blocks": [{"type": "divider"}]}
    at = NOW - timedelta(days=days_ago)
    return OutboxEntry.model_validate(facts | {"key": key, "sending": Sending.SENT, "created_at": at} | more)


async def test_reports_go_by_age_but_not_while_a_chart_is_still_to_be_sent(documents: None, home: Path) -> None:
    old = written(home / "reports" / "opt-1" / "equity.png", 15)
    new = written(home / "reports" / "opt-2" / "equity.png", 13)
    unsent = written(home / "reports" / "opt-3" / "equity.png", 15)
    await entry("opt-3:chart", 15, file=str(unsent), method=Method.UPLOAD, sending=Sending.WAITING).insert()

    done = await sweeper(home).sweep()

    assert done.deleted["reports"] == 1
    assert (old.exists(), new.exists(), unsent.exists()) == (False, True, True)


async def test_bars_without_a_study_and_backtests_of_old_studies_go(documents: None, home: Path) -> None:
    alone, used = (written(home / "snapshots" / f"{name}.parquet", 2) for name in ("cd", "ab"))
    fresh = written(home / "snapshots" / "ef.parquet", 0.5)
    for name, days in (("opt-1", 15), ("opt-2", 1)):
        await study(name).model_copy(update={"completed_at": NOW - timedelta(days=days)}).insert()
        as_lists = {"dates": ["2020-01-02"], "equity": [1.5]}  # as an earlier version stored them
        plain = {"backtest_id": f"{name}-0", "study": name, "trial_number": 0, "trades": [], **as_lists}
        await BacktestRecord.model_validate(plain).insert()

    done = await sweeper(home).sweep()

    assert (done.deleted["snapshots"], done.deleted["backtests"]) == (1, 1)
    assert (alone.exists(), used.exists(), fresh.exists()) == (False, True, True)
    assert [(one.study, one.equity) for one in await BacktestRecord.find_all().to_list()] == [("opt-2", [1.5])]
    assert await OptimizationStudy.count() == 2


async def test_old_messages_go_but_roots_and_what_goes_on_stay(documents: None, home: Path) -> None:
    for name, telling in (("opt-1", Telling.TOLD), ("opt-2", Telling.FOLLOWING)):
        facts = {"study_name": name, "channel_id": "C1", "user_id": "U1", "language": "en", "command": "x"}
        await Conversation.model_validate(facts | {"telling": telling, "created_at": NOW}).insert()
    for one in (
        entry("opt-1:root", 91), entry("opt-1:end-0", 91), entry("opt-1:end-1", 89),
        entry("opt-1:late", 91, sending=Sending.WAITING), entry("opt-2:end-0", 91),
    ):  # fmt: skip
        await one.insert()

    done = await sweeper(home).sweep()

    left = {one.key: bool(one.blocks) for one in await OutboxEntry.find_all().to_list()}
    assert done.deleted["outbox"] == 1
    assert left == {"opt-1:root": False, "opt-1:end-1": True, "opt-1:late": True, "opt-2:end-0": True}


async def test_the_audit_goes_by_age_and_its_counters_never_fall(documents: None, home: Path) -> None:
    for days, outcome in ((366, Outcome.DONE), (366, Outcome.BROKE), (364, Outcome.DONE)):
        at = NOW - timedelta(days=days)
        await AuditEntry(at=at, door="command", user_id="U1", channel_id="C1", said="x", outcome=outcome).insert()

    await sweeper(home).sweep()
    await sweeper(home).sweep()

    assert await AuditEntry.count() == 1
    assert await swept_requests() == {"done": 1, "broke": 1}


async def test_it_sweeps_once_a_night(documents: None, home: Path) -> None:
    await sweeper(home).tick()
    await sweeper(home, NOW + timedelta(hours=20)).tick()
    assert await Sweep.count() == 1

    await sweeper(home, NOW + timedelta(hours=24)).tick()
    assert await Sweep.count() == 2
    last = await last_sweep()
    assert last is not None
    assert due_before(NOW) < last.started_at


def test_a_sweep_is_due_in_the_evening_in_utc() -> None:
    assert due_before(NOW) == datetime(2026, 11, 3, 18, 30, tzinfo=UTC)
    assert due_before(NOW.replace(hour=18)) == datetime(2026, 11, 2, 18, 30, tzinfo=UTC)
