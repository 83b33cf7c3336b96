"""Wrong keys: counted by address and window, answered one after the other, noted now and then."""

import asyncio

from bot.api.guesses import MOST_WAITING, WINDOW_SECONDS, Guesses, is_noted


def test_wrong_keys_are_counted_by_address_and_window() -> None:
    now = [0.0]
    guesses = Guesses(lambda: now[0])

    assert [guesses.count("a"), guesses.count("a"), guesses.count("b")] == [1, 2, 1]
    now[0] = WINDOW_SECONDS
    assert guesses.count("a") == 1


def test_few_are_noted_however_many_there_are() -> None:
    assert [number for number in range(1, 3001) if is_noted(number)] == [1, 10, 100, 1000]


def test_few_addresses_are_remembered() -> None:
    guesses = Guesses()
    for number in range(5000):
        guesses.count(str(number))

    assert guesses.count("4999") == 2
    assert guesses.count("0") == 1


async def test_many_at_once_wait_in_one_line_and_the_rest_is_refused() -> None:
    guesses, began = Guesses(), asyncio.get_running_loop().time()

    first = await asyncio.gather(*(guesses.slow_down() for _ in range(5)))
    assert asyncio.get_running_loop().time() - began >= 0.45
    waiting = [asyncio.ensure_future(guesses.slow_down()) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)

    assert first == [True] * 5
    assert await guesses.slow_down() is False
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await guesses.slow_down() is True
