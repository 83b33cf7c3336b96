"""Trouble on demand: refusals, slowness, lost answers, a proxy's pages, outages, and Slack's pace."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum, auto
from fnmatch import fnmatch

#: How far two clocks may be apart before an early retry counts as one.
GRACE_SECONDS = 0.05


class Lost(StrEnum):
    """Which half of an exchange a broken connection takes away."""

    NOTHING = auto()
    REQUEST = auto()  # nothing was done
    ANSWER = auto()  # it was done, and nobody was told


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to a call of a matching method."""

    method: str = "*"
    status: int = 200
    error: str = ""
    retry_after: int | str = 0  # a text is one that makes no sense
    delay: float = 0.0
    lost: Lost = Lost.NOTHING
    page: str | None = None  # what a proxy answers in Slack's place
    kind: str = "application/json"  # of the page

    @property
    def is_answer(self) -> bool:
        """Whether the call is answered by the fault itself, and nothing is done."""
        return self.status != 200 or bool(self.error) or self.page is not None

    def __str__(self) -> str:
        if self.lost is not Lost.NOTHING:
            return f"lost {self.lost}"
        return self.error or (str(self.status) if self.is_answer else f"delay {self.delay:g} s")


RATE_LIMITED = Fault(status=429, error="ratelimited", retry_after=1)
#: What is no answer of Slack, but of something between it and the bot; and times to wait that make no sense.
PAGES = {
    "page that calls itself JSON": Fault(status=502, page="<html>Bad gateway</html>"),
    "page with status 502": Fault(status=502, page="<html>Bad gateway</html>", kind="text/html"),
    "page with status 200": Fault(page="<html>Sign in</html>", kind="text/html"),
    "plain page with status 200": Fault(page="<html>Sign in</html>", kind="text/plain"),
    "empty 200": Fault(page=""),
    "success without ts": Fault(page='{"ok": true}'),
    "a list": Fault(page="[]"),
    "a word": Fault(page='"ok"'),
    "redirect": Fault(status=302, page=""),
    "forbidden": Fault(status=403, page="<html>Forbidden</html>", kind="text/html"),
    "time to wait as text": Fault(status=429, page="", retry_after="soon"),
    "time to wait below zero": Fault(status=429, page="", retry_after="-5"),
    "time to wait that is no number": Fault(status=429, page="", retry_after="nan"),
}


@dataclass
class _Random:
    rate: float
    faults: tuple[Fault, ...]
    source: random.Random


@dataclass
class Faults:
    """The faults waiting to be played, and the pace that is kept."""

    #: Seconds per post or edit in one channel on average; 0 lets every pace pass.
    pace_seconds: float = 0.0
    #: Posts let through at once after a quiet while, as Slack allows short bursts.
    pace_burst: int = 1
    _next: list[Fault] = field(default_factory=list)
    _outages: list[Fault] = field(default_factory=list)
    _random: list[_Random] = field(default_factory=list)
    _not_before: dict[str, float] = field(default_factory=dict)
    _allowances: dict[str, tuple[float, float]] = field(default_factory=dict)  # by channel: posts, and since when

    def fail_next(self, method: str = "*", *, times: int = 1, fault: Fault | None = None, **facts: object) -> None:
        """Play a fault on the next calls of a matching method (`chat.*`), `times` of them.

        Facts are those of `Fault`: status, error, retry_after, delay, lost.
        """
        made = fault or Fault(**facts)  # type: ignore[arg-type]
        named = Fault(**{**vars(made), "method": method})
        self._next.extend([named] * times)

    @contextmanager
    def outage(self, method: str = "*", *, fault: Fault | None = None) -> Iterator[None]:
        """While open, every matching call meets the fault; 503 unless told otherwise."""
        made = Fault(**{**vars(fault or Fault(status=503, error="service_unavailable")), "method": method})
        self._outages.append(made)
        try:
            yield
        finally:
            self._outages.remove(made)

    @contextmanager
    def at_random(self, rate: float, *faults: Fault, seed: int) -> Iterator[None]:
        """While open, a share `rate` of matching calls meets one of the faults, the same for the same seed."""
        made = _Random(rate, faults, random.Random(seed))
        self._random.append(made)
        try:
            yield
        finally:
            self._random.remove(made)

    def meet(self, method: str) -> Fault | None:
        """The fault this call meets, taken off the list."""
        for fault in self._outages:
            if fnmatch(method, fault.method):
                return fault
        for index, fault in enumerate(self._next):
            if fnmatch(method, fault.method):
                return self._next.pop(index)
        return next(filter(None, (self._drawn(each, method) for each in self._random)), None)

    @staticmethod
    def _drawn(each: _Random, method: str) -> Fault | None:
        fitting = [fault for fault in each.faults if fnmatch(method, fault.method)]
        return each.source.choice(fitting) if fitting and each.source.random() < each.rate else None

    def told_to_wait(self, method: str, channel: str, seconds: float) -> None:
        """Remember a `Retry-After`: until then a call of this method is a violation."""
        self._not_before[f"{method} {channel}"] = time.monotonic() + seconds

    def is_early(self, method: str, channel: str, at: float) -> bool:
        """Whether the call ignores a `Retry-After` it was given."""
        return at < self._not_before.get(f"{method} {channel}", 0.0) - GRACE_SECONDS

    def is_too_fast(self, channel: str, at: float) -> bool:
        """Whether a post or edit in this channel breaks the pace; counts it when it does not."""
        if not self.pace_seconds:
            return False
        left, since = self._allowances.get(channel, (float(self.pace_burst), at))
        left = min(left + (at - since) / self.pace_seconds, float(self.pace_burst))
        is_over = left < 1.0 - GRACE_SECONDS
        self._allowances[channel] = (left if is_over else left - 1.0, at)
        return is_over
