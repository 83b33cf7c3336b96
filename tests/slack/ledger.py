"""What happened, in order: every call, and every violation a test must not pass with."""

import asyncio
import itertools
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import TypeVar

from tests.slack.shapes import Flaw
from tests.slack.workspace import Json

Seen = TypeVar("Seen")

#: How often someone who waits looks again though nothing was written.
LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Violation:
    """Something the bot must not do."""

    code: str
    detail: str
    method: str

    def __str__(self) -> str:
        return f"{self.method}: {self.code}: {self.detail}"


@dataclass(kw_only=True)
class Call:
    """One request to the local Slack and how it was answered. Times are of the monotonic clock, in seconds."""

    order: int
    method: str
    args: Json
    at: float
    answered_at: float = 0.0
    status: int = 0
    error: str = ""
    answer: Json = field(default_factory=dict)
    #: The fault that was played on it, when there was one.
    fault: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether Slack did what was asked (the answer may still have been lost on the way)."""
        return bool(self.answer.get("ok"))

    @property
    def channel(self) -> str:
        """The conversation it was about, or an empty string."""
        return str(self.args.get("channel") or self.args.get("channel_id") or "")


class Ledger:
    """Calls and violations; whoever waits for one is woken when something is written."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.violations: list[Violation] = []
        self.tolerated: set[str] = set()
        self._orders = itertools.count(1)
        self._written = asyncio.Event()

    def open(self, method: str, args: Json) -> Call:
        """Write a call down as it comes in."""
        call = Call(order=next(self._orders), method=method, args=args, at=time.monotonic())
        self.calls.append(call)
        return call

    def close(self, call: Call, *, status: int, answer: Json) -> None:
        """Write down how a call was answered."""
        call.status, call.answer, call.error = status, answer, str(answer.get("error", ""))
        call.answered_at = time.monotonic()
        self.wake()

    def violate(self, code: str, detail: str, method: str) -> None:
        """Write a violation down, unless the test said it expects this code."""
        if code not in self.tolerated:
            self.violations.append(Violation(code, detail, method))
        self.wake()

    def complain(self, flaws: Iterator[Flaw], code: str, method: str) -> None:
        """Write each flaw down as a violation."""
        for flaw in flaws:
            self.violate(code, str(flaw), method)

    def tolerate(self, *codes: str) -> None:
        """Expect these error codes: from now on they are no violations."""
        self.tolerated.update(codes)

    @contextmanager
    def expecting(self, *codes: str) -> Iterator[None]:
        """Inside, these error codes are no violations; each must occur, or the test is wrong."""
        before = set(self.tolerated)
        start = len(self.calls)
        self.tolerate(*codes)
        yield
        self.tolerated = before
        seen = {call.error for call in self.calls[start:]}
        assert seen >= set(codes), f"expected {sorted(codes)}, Slack answered {sorted(seen - {''})}"

    def of(self, pattern: str, *, channel: str = "") -> list[Call]:
        """The calls of matching methods (`chat.*`), in order."""
        return [
            call for call in self.calls if fnmatch(call.method, pattern) and (not channel or call.channel == channel)
        ]

    def busiest(self, pattern: str, *, channel: str = "", seconds: float = 1.0) -> int:
        """The most calls of matching methods that came in within any stretch of `seconds`."""
        times = sorted(call.at for call in self.of(pattern, channel=channel))
        return max((bisect_left(times, start + seconds) - first for first, start in enumerate(times)), default=0)

    def wake(self) -> None:
        """Let everyone who waits look again."""
        self._written.set()
        self._written = asyncio.Event()

    async def until(self, is_so: Callable[[], bool], *, seconds: float = 60.0, what: str = "") -> None:
        """Wait until `is_so()`, looking again whenever something is written; AssertionError when it never is."""

        async def look() -> bool:
            return is_so()

        await self.eventually(look, seconds=seconds, what=what)

    async def eventually(
        self, look: Callable[[], Awaitable[Seen | None]], *, seconds: float = 60.0, what: str = ""
    ) -> Seen:
        """Look until there is something to see, again when something is written and now and then; else AssertionError.

        What a look waits for may be in the database, where nothing is written here when it comes.
        """
        try:
            async with asyncio.timeout(seconds):
                while True:
                    written = self._written  # what is written during the look sets this one
                    if seen := await look():
                        return seen
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_SECONDS):
                            await written.wait()
        except TimeoutError:
            raise AssertionError(f"not within {seconds:g} s: {what or look}; last calls: {self._tail()}") from None

    def _tail(self) -> str:
        return ", ".join(f"{call.method} {call.error or call.status}" for call in self.calls[-8:]) or "none"
