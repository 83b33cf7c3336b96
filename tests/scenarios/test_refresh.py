"""The daily refresh under a clock of our own, from a source on this machine that fails and recovers."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from bot.documents.market_regimes import MarketRegime
from bot.documents.recurring import FailingSeries, Refresh
from tests.optimizer.market.local_http import Reply, Source, serve
from tests.scenarios.refreshing import DESK, Services, at, bars
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("other_bots_keep_theirs")]

DOWN = Reply(status=503)


@pytest.fixture
def source() -> Iterator[Source]:
    with serve() as served:
        served.reply("/query", bars())
        yield served


async def health(act: Driver) -> str:
    """What `health` says."""
    delivery = await act.command("health", user="bob")
    assert delivery.response_url is not None

    async def look() -> str | None:
        said = [str(reply.body) for reply in delivery.response_url.replies if "Refresh" in str(reply.body)]
        return said[-1] if said else None

    return await act.slack.eventually(look, seconds=120, what="the health")


async def test_a_source_that_fails_is_told_once_where_its_bars_are_used_and_anew_when_it_fails_anew(
    tmp_path: Path, source: Source
) -> None:
    async with StrictSlack() as slack:
        services = Services(tmp_path / "home", slack, source)
        quant = await slack.channel_id()
        async with services.up() as act:
            await _two_schedules(services, act)
            fine = await services.pass_to(at(0, 22, 30))
            assert (fine.n_series, fine.n_failed) == (1, 0)
            (label,) = await MarketRegime.find_all().to_list()
            assert (label.symbol, label.source, label.as_of.date()) == ("IBM", "alphavantage", date(2012, 10, 31))
            assert "1 series" in await health(act)

            source.reply("/query", DOWN)
            assert (await services.pass_to(at(1, 22, 30))).n_failed == 1
            (english,), (korean,) = await services.told(quant, 1), await services.told(DESK, 1)
            names = {schedule.channel_id: schedule.schedule_name for schedule in await services.context.schedules.all()}
            assert "*IBM* daily bars, stored up to 2012-10-31" in english
            assert "error 503" in english
            assert "*IBM* 일봉, 2012-10-31까지 저장됨" in korean
            assert (names[quant] in english, names[DESK] in english) == (True, False)
            assert names[DESK] in korean
            await services.pass_to(at(2, 22, 30))
            assert "IBM (alphavantage)" in await health(act)

        services.clock.now = at(5, 23)  # two times were missed; the third is late
        async with services.up() as act:
            assert (await services.refreshed(at(5, 23))).n_failed == 1
            assert len(await services.told(quant, 1)) == len(await services.told(DESK, 1)) == 1

            source.reply("/query", bars())
            assert (await services.pass_to(at(6, 22, 30))).n_failed == 0
            assert "IBM (alphavantage)" not in await health(act)
            source.reply("/query", DOWN)
            await services.pass_to(at(7, 22, 30))
            assert len(await services.told(quant, 2)) == len(await services.told(DESK, 2)) == 2
        slack.assert_no_violations()


async def _two_schedules(services: Services, act: Driver) -> None:
    """One in the channel, one in another that speaks Korean; neither is due in the days of the test."""
    await act.command("config language ko", user="bob", channel=DESK)
    await act.command("schedule IBM SMA 6 folds=0 monthly 28 09:00 tz=UTC")
    await services.schedules(1)
    await act.command("schedule IBM EMA 6 folds=0 monthly 28 09:00 tz=UTC", channel=DESK)
    await services.schedules(2)


async def test_a_refresh_that_a_stop_cut_off_is_done_at_the_next_start_and_told_once(
    tmp_path: Path, source: Source
) -> None:
    async with StrictSlack() as slack:
        services = Services(tmp_path / "home", slack, source)
        async with services.up() as act:
            await act.command("schedule IBM SMA 6 folds=0 monthly 28 09:00 tz=UTC")
            await services.schedules(1)
            asked = len(source.asked)
            source.reply("/query", Reply(status=503, delay=2.0))
            services.clock.now = at(1, 22, 30)
            services.context.services.jobs.wake()
            async with asyncio.timeout(120):
                while len(source.asked) == asked:
                    await asyncio.sleep(0.02)
        source.reply("/query", DOWN)
        async with services.up():
            assert (await services.refreshed(at(1, 22, 30))).n_failed == 1
            assert len(await services.told(await slack.channel_id(), 1)) == 1
            assert await Refresh.find_all().count() == 1
            assert await MarketRegime.find_all().count() == 1  # of the bars that are stored
            assert (await FailingSeries.find_one({"symbol": "IBM"})) is not None
        slack.assert_no_violations()


async def test_the_time_of_the_settings_replaces_the_one_before_and_off_removes_it(
    tmp_path: Path, source: Source
) -> None:
    async with StrictSlack() as slack:
        kept = []
        for setting in ("22:30", "07:00 Asia/Seoul", "off"):
            services = Services(tmp_path / "home", slack, source, OPTIMIZE_BOT_REFRESH=setting)
            async with services.up():
                kept.append(await services.context.services.jobs.kept("refresh"))

    assert kept == [["22:30 UTC"], ["07:00 Asia/Seoul"], []]
