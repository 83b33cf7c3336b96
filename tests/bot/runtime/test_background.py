"""A bot that stops gives the answers under way, and leaves nothing running."""

import asyncio

from bot.runtime.background import BackgroundTasks


async def test_an_answer_under_way_is_given_before_the_bot_has_stopped() -> None:
    background, given = BackgroundTasks(), []

    async def answer(words: str) -> None:
        await asyncio.sleep(0.05)
        given.append(words)

    listening = asyncio.create_task(background.finish(answer)("paused"))
    await asyncio.sleep(0)
    await background.stop()

    assert given == ["paused"]
    assert listening.done()


async def test_an_answer_that_never_comes_ends_with_the_bot() -> None:
    background = BackgroundTasks(grace_seconds=0.01)

    async def answer() -> None:
        await asyncio.Event().wait()

    listening = asyncio.create_task(background.finish(answer)())
    await asyncio.sleep(0)
    await background.stop()

    assert listening.cancelled()


async def test_an_answer_whose_listener_broke_does_not_break_the_end() -> None:
    background = BackgroundTasks()

    async def answer() -> None:
        await asyncio.sleep(0.01)
        raise OSError("Slack is gone")

    listening = asyncio.create_task(background.finish(answer)())
    await asyncio.sleep(0)
    await background.stop()

    assert isinstance(listening.exception(), OSError)
