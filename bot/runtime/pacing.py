"""Pace of the messages to one channel: bursts for what people wait for, one per second for everything else.

Slack accepts about one message per second and channel and lets short bursts pass, of a size that it does not document.
So a channel has an allowance that one message uses up and a second gives back. Roots of studies may use all of it;
answers use its upper half at once and the rest second by second, so that a burst of requests finds room for its roots;
stories, charts and edits leave a part of it for whoever asks next. After a 429 there is no allowance left.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.documents.conversations import Precedence

#: Messages that a channel may get at once after a quiet while.
BURST = 20
#: Shares of the allowance: what answers leave for the roots of a burst, and what the rest leaves for both.
_FOR_ROOTS, _FOR_ANSWERS = 0.5, 0.25


class ChannelPace:
    """Allowance of one channel. Times are seconds of a monotonic clock."""

    def __init__(self, seconds: float, *, burst: int = BURST, now: Callable[[], float] = time.monotonic) -> None:
        """`seconds` pass until the allowance has another message, up to `burst` of them."""
        self._seconds = seconds
        self._burst = burst
        self._now = now
        self._allowance = float(burst)
        self._counted_at = now()
        self._last = -seconds + self._counted_at
        self._news = asyncio.Event()

    @property
    def allowance(self) -> float:
        """Messages that may be sent at once now."""
        now = self._now()
        self._allowance = min(self._allowance + (now - self._counted_at) / self._seconds, self._burst)
        self._counted_at = now
        return self._allowance

    def wait_for(self, precedence: int) -> float:
        """Return the seconds until a message of this precedence may be sent; 0 for now."""
        allowance = self.allowance
        left = 0.0 if precedence <= Precedence.ANSWER else _FOR_ANSWERS * self._burst
        missing = max(1.0 + left - allowance, 0.0) * self._seconds
        is_urgent = precedence <= Precedence.ROOT or (
            precedence <= Precedence.ANSWER and allowance > _FOR_ROOTS * self._burst
        )
        return missing if is_urgent else max(missing, self._last + self._seconds - self._now())

    def seconds_for(self, n_answers: int) -> float:
        """Return the seconds in which so many answers are sent from now on."""
        return max(n_answers - self.allowance * (1.0 - _FOR_ROOTS), 0.0) * self._seconds

    def take(self) -> None:
        """Count a message that is being sent."""
        self._allowance = self.allowance - 1.0
        self._last = self._now()

    def empty(self, seconds: float) -> None:
        """Give up the whole allowance for so many seconds, after which it fills anew: Slack says it was too much."""
        self._allowance, self._counted_at = -seconds / self._seconds, self._now()

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until there is something new to send, which may be more urgent."""
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return

    def wake(self) -> None:
        """End a pause: something new is to be sent."""
        self._news.set()


@dataclass(frozen=True, kw_only=True)
class AheadInChannel:
    """What one channel gets before the result of a new study."""

    n_messages: int
    seconds: float  # until the result can be posted


NOTHING_AHEAD = AheadInChannel(n_messages=0, seconds=0.0)


@dataclass(frozen=True, kw_only=True)
class ChannelQueue:
    """Messages that wait for one channel."""

    n_answers: int  # roots, answers, and first messages of results
    n_others: int  # stories, charts and edits
    n_held: int  # until the quiet hours are over
    seconds: float  # until the last of the answers is sent
