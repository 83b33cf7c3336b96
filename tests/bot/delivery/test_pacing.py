"""The pace of a channel under a clock of its own: who may use the burst, and what is left for whom."""

import asyncio

import pytest

from bot.documents.conversations import Precedence
from bot.runtime.pacing import BURST, ChannelPace


class Seconds:
    """A clock in seconds that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The moment it shows."""
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    """A clock that stands."""
    return Seconds()


def sent_within(pace: ChannelPace, seconds: Seconds, precedence: Precedence, length: float) -> int:
    """Send messages of one precedence as soon as the pace allows; returns how many within so many seconds."""
    end, n = seconds.now + length, 0
    while (wait := pace.wait_for(precedence)) + seconds.now <= end:
        seconds.now += wait
        pace.take()
        n += 1
    return n


def test_roots_may_use_the_whole_burst_and_go_on_second_by_second(seconds: Seconds) -> None:
    pace = ChannelPace(1.0, now=seconds)
    assert sent_within(pace, seconds, Precedence.ROOT, 0.0) == BURST
    assert sent_within(pace, seconds, Precedence.ROOT, 5.0) == 5


def test_answers_leave_half_of_a_burst_for_roots(seconds: Seconds) -> None:
    pace = ChannelPace(1.0, now=seconds)
    assert sent_within(pace, seconds, Precedence.ANSWER, 0.0) == BURST // 2
    assert sent_within(pace, seconds, Precedence.ROOT, 0.0) == BURST // 2


@pytest.mark.parametrize("precedence", [Precedence.MEMBER, Precedence.REST])
def test_charts_and_edits_are_sent_second_by_second_and_leave_room_for_answers(
    seconds: Seconds, precedence: Precedence
) -> None:
    pace = ChannelPace(1.0, now=seconds)
    assert sent_within(pace, seconds, precedence, 60.0) in (60, 61)
    assert pace.allowance > BURST - 2

    sent_within(pace, seconds, Precedence.ROOT, 0.0)
    assert pace.wait_for(precedence) == pytest.approx(1 + BURST / 4)


def test_answers_after_a_burst_of_roots_are_sent_one_a_second(seconds: Seconds) -> None:
    pace = ChannelPace(1.0, now=seconds)
    sent_within(pace, seconds, Precedence.ROOT, 0.0)
    assert sent_within(pace, seconds, Precedence.ANSWER, 23.0) == 23


def test_a_channel_is_never_sent_more_than_its_burst_and_one_a_second(seconds: Seconds) -> None:
    pace, n = ChannelPace(1.0, now=seconds), 0
    for precedence in (Precedence.REST, Precedence.ROOT, Precedence.ANSWER, Precedence.MEMBER) * 5:
        n += sent_within(pace, seconds, precedence, 3.0)
    assert n <= BURST + 60


def test_after_too_many_requests_nothing_goes_at_once(seconds: Seconds) -> None:
    pace = ChannelPace(1.0, now=seconds)
    pace.empty(30.0)
    assert pace.wait_for(Precedence.ROOT) == pytest.approx(31.0)
    seconds.now += 30.0
    assert sent_within(pace, seconds, Precedence.ROOT, 5.0) == 5


def test_the_estimate_counts_what_waits(seconds: Seconds) -> None:
    pace = ChannelPace(1.0, now=seconds)
    assert pace.seconds_for(3) == 0
    assert pace.seconds_for(30) == pytest.approx(20)
    sent_within(pace, seconds, Precedence.ROOT, 0.0)
    assert pace.seconds_for(23) == pytest.approx(23)


async def test_what_is_new_ends_a_pause() -> None:
    pace = ChannelPace(1.0)
    pausing = asyncio.ensure_future(pace.pause(3600.0))
    await asyncio.sleep(0)
    pace.wake()
    await asyncio.wait_for(pausing, 60)
