"""What a browser that follows a study is sent."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from bot.delivery.progress import Progress
from bot.pages import events
from bot.pages.errors import TooManyOpen
from bot.pages.events import MAX_STREAMS, EventStream
from optimizer.domain.study_results import StudyState
from tests.reports import facts


async def progress(*states: tuple[StudyState, int]) -> AsyncIterator[Progress]:
    for state, done in states:
        yield Progress(facts=facts.study(state, trials_completed=done), recent=())


def words(found: Progress) -> str:
    return f"<p>{found.facts.trials_completed}\n</p>"


async def test_each_look_is_one_event_and_the_end_is_told() -> None:
    looks = progress((StudyState.RUNNING, 57), (StudyState.COMPLETE, 200))

    sent = [event async for event in events.events(looks, words)]

    assert sent == [
        'event: progress\ndata: {"html": "<p>57\\n</p>"}\n\n',
        'event: progress\ndata: {"html": "<p>200\\n</p>"}\n\n',
        "event: ended\ndata: {}\n\n",
    ]


async def test_no_line_of_what_is_shown_can_end_an_event_early() -> None:
    hostile = "</p>\n\nevent: ended\ndata: {}\n\n"

    sent = [event async for event in events.events(progress((StudyState.RUNNING, 1)), lambda _: hostile)]

    assert len(sent) == 1
    assert sent[0].count("\n\n") == 1
    assert json.loads(sent[0].split("data: ", 1)[1])["html"] == hostile


async def test_a_silence_is_broken_by_a_comment_and_nothing_is_lost_over_it() -> None:
    released = asyncio.Event()

    async def slow() -> AsyncIterator[Progress]:
        await released.wait()
        async for found in progress((StudyState.COMPLETE, 3)):
            yield found

    stream = events.events(slow(), words, silence=0.01)
    assert await anext(stream) == ": still here\n\n"
    released.set()
    rest = [event async for event in stream if not event.startswith(":")]
    assert [event.split("\n")[0] for event in rest] == ["event: progress", "event: ended"]


async def test_a_browser_is_let_go_after_a_while() -> None:
    async def forever() -> AsyncIterator[Progress]:
        while True:
            async for found in progress((StudyState.RUNNING, 3)):
                yield found

    async with asyncio.timeout(120):
        sent = [event async for event in events.events(forever(), words, longest=0.05)]

    assert sent
    assert not any(event.startswith("event: ended") for event in sent)


async def test_who_leaves_stops_the_looking() -> None:
    stopped = asyncio.Event()

    async def watched() -> AsyncIterator[Progress]:
        try:
            async for found in progress((StudyState.RUNNING, 3)):
                yield found
            await asyncio.Event().wait()
        finally:
            stopped.set()

    stream = events.events(watched(), words)
    await anext(stream)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(stream), 0.05)
    async with asyncio.timeout(120):
        await stopped.wait()


async def test_a_person_has_so_many_streams_and_each_that_ends_makes_room() -> None:
    n_open: Counter[str] = Counter()
    running = [asyncio.ensure_future(_serve(_stream("U1", n_open))) for _ in range(MAX_STREAMS)]
    await asyncio.sleep(0.05)

    with pytest.raises(TooManyOpen):
        await _serve(_stream("U1", n_open))
    other = asyncio.ensure_future(_serve(_stream("U2", n_open)))
    await asyncio.sleep(0.05)
    assert (n_open["U1"], n_open["U2"]) == (MAX_STREAMS, 1)

    for task in (*running, other):
        task.cancel()
    await asyncio.gather(*running, other, return_exceptions=True)
    assert n_open.total() == 0


def _stream(person: str, n_open: Counter[str]) -> EventStream:
    return EventStream(_endless(), person=person, n_open=n_open)


async def _endless() -> AsyncIterator[str]:
    while True:
        yield ": still here\n\n"
        await asyncio.sleep(0.01)


async def _serve(stream: EventStream) -> None:
    """Send a stream to somebody who stays."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("an event that nobody sets")

    async def send(message: Message) -> None:
        await asyncio.sleep(0)

    await stream({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)
