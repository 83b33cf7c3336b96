"""A watch list with dates: set from a file, planned, studied over each stay, and judged as one question."""

from datetime import date

import pytest

from bot.delivery.facts import study_facts
from bot.delivery.group_table import judge_together
from bot.documents.preferences import Watchlist
from bot.grammar.commands import Start
from bot.grammar.parsing import parse
from bot.origin import StudyOrigin
from optimizer.clock import utc_now
from optimizer.domain.study_request import StudySpec
from optimizer.storage.study_queries import without_charts
from reports.render import renderer_of
from tests.scenarios.conftest import Stage
from tests.slack.strict import StrictSlack
from tests.slack.workspace import Message

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("shared", ["strict"], indirect=True),
]
#: The sample ends on 2013-03-01. FB has been traded since 2012-05, and nobody has bars of LEHMQ.
DATED = b"""symbol,from,to
AAPL,,
IBM,1990-01-02,1995-12-29
IBM,1999-01-04,2009-12-31
MSFT,2008-01-02,
FB,2012-05-18,
LEHMQ,,2008-09-15
GOOG,,2002-12-31
"""
AS_OF = "membership as of each date (data from 1990-01-02 to 2012-05-18)"
FROM_THE_WINDOW = date(2003, 3, 1)


async def _attach(stage: Stage, content: bytes) -> None:
    assert isinstance(stage.slack, StrictSlack)
    file = stage.slack.attach(await stage.slack.user_id("bob"), "idx.csv", content)
    await stage.act.mention("config @idx", bot_user=stage.slack.bot_user, user="bob", files=[file])


async def _set(stage: Stage, content: bytes) -> None:
    await _attach(stage, content)
    n_stays = content.count(b"\n") - 1

    async def look() -> bool | None:
        found = await Watchlist.find_one(Watchlist.name == "idx")
        return (found is not None and len(found.stays) == n_stays) or None

    await stage.slack.eventually(look, what=f"{n_stays} stays")


async def _ephemeral(stage: Stage, words: str) -> None:
    assert isinstance(stage.slack, StrictSlack)
    told = stage.slack.workspace.ephemerals

    async def look() -> bool | None:
        return any(words in each.text + str(each.blocks) for each in told) or None

    await stage.slack.eventually(look, what=words)


async def test_a_list_with_dates_is_set_from_a_file_and_a_wrong_row_changes_nothing(stage: Stage) -> None:
    await _attach(stage, DATED)
    await _ephemeral(stage, "3 members now, 6 ever, dates from 1990-01-02 to 2012-05-18; set by")
    await _attach(stage, DATED + b"AAPL,2012-01-03,\n")
    await _ephemeral(stage, "line 9: the dates of `AAPL` overlap with those in line 2")

    found = await Watchlist.find_one(Watchlist.name == "idx")
    assert found is not None
    assert len(found.stays) == 7
    assert found.members_on(date(2008, 1, 2)) == ["AAPL", "IBM", "MSFT", "LEHMQ"]
    assert "is a list with dates" in await stage.tell("config @idx +TSLA", user="bob")


async def test_the_plan_tells_who_is_studied_and_who_is_not(stage: Stage) -> None:
    plan = await stage.tell("@idx RSI 12 folds=0 dry")

    assert AS_OF in plan
    assert "5 symbols were members at some time from 2003-03-01 to 2013-03-01, 2 of them no longer at its end" in plan
    assert "1 former member has no bars, so some survivorship bias remains in these results: LEHMQ" in plan
    assert "1 member has too few bars and is not searched: FB" in plan
    assert [f"*{symbol}*" in plan for symbol in ("AAPL", "IBM", "MSFT", "GOOG")] == [True, True, True, False]


async def test_a_window_without_a_member_is_refused(stage: Stage) -> None:
    told = await stage.tell("@idx RSI 12 from=2012-06-01 to=2013-01-31")

    assert "`@idx` has no member to study from 2012-06-01 to 2013-01-31: 3 have too few bars, 0 have none" in told


async def test_a_benchmark_without_bars_leaves_no_member_out(stage: Stage) -> None:
    assert "`SPYX`" in await stage.tell("@idx RSI 12 folds=0 benchmark=SPYX dry")


async def test_a_shared_set_is_of_todays_members_and_says_so(stage: Stage) -> None:
    await _set(stage, DATED.replace(b"FB,2012-05-18,\n", b""))

    assert "`@idx`: today's members; symbols that failed" in await stage.tell("@idx RSI 12 folds=0 mode=shared dry")
    await _set(stage, DATED)


async def _done(stage: Stage) -> Message:
    channel = await stage.slack.channel_id()

    async def look() -> Message | None:
        found = [m for m in await stage.slack.messages(channel) if AS_OF in str(m.blocks)]
        return next((m for m in found if "All 3 are done" in str(m.blocks)), None)

    # The first study may wait for the compiler.
    return await stage.slack.eventually(look, seconds=300, what="the table")


async def test_each_member_is_studied_over_its_stay_and_all_are_judged_together(stage: Stage) -> None:
    told = await stage.tell("@idx RSI 12 folds=0 seed=341")
    assert "3 studies" in told
    assert AS_OF in told
    root = str((await _done(stage)).blocks)

    found = await without_charts({"universe.name": "idx"}, limit=10)
    studies = {study.symbol: study for study in found}
    spans = {symbol: (study.spec.start, study.spec.end) for symbol, study in studies.items()}
    assert spans == {
        "AAPL": (FROM_THE_WINDOW, None),
        "IBM": (FROM_THE_WINDOW, date(2009, 12, 31)),
        "MSFT": (date(2008, 1, 2), None),
    }
    assert studies["IBM"].window.end_date == date(2009, 12, 31)
    assert studies["MSFT"].window.start_date == date(2008, 1, 2)
    assert studies["MSFT"].window.start > 0, "the bars before the stay warm indicators up"
    for study in found:
        assert study.summary is not None
        assert study.summary.tries is not None
        assert study.summary.tries.n_together == 3
        assert study.universe is not None
        assert study.universe.former_without_bars == ("LEHMQ",)
        assert _repeated(StudyOrigin.of(study).command) == study.spec
        result = str([message.blocks for message in renderer_of("en").result(study_facts(study, now=utc_now()))])
        assert AS_OF in result
        assert "Survivorship bias" not in result
    across = judge_together(found)
    assert across is not None
    assert "all 3" in root
    assert all(symbol in root for symbol in across.more_than_luck)
    assert "LEHMQ" in root


def _repeated(command: str) -> StudySpec:
    """The study that the printed command of another one starts."""
    start = parse(command.removeprefix("/optimize "))
    assert isinstance(start, Start)
    [spec] = start.specs
    return spec


async def test_a_list_without_dates_is_told_as_todays_members(stage: Stage) -> None:
    await stage.tell("config @today AAPL,MSFT", user="bob")

    assert "`@today`: today's members; symbols that failed or left are missing" in await stage.tell("@today RSI 12 dry")
