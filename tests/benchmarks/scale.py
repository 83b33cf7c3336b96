"""What breaks first as studies and workspaces become many: the table of `docs/scale.md`, from what a study costs.

    python -m tests.benchmarks scale

A day is played event by event: studies arrive, most of them around the open, pass the bot, wait for a worker, come
back through the bot, and their messages wait for their channel. The costs are those that `python -m tests.benchmarks
costs` measured (`PER_STUDY`); the same seed plays the same day.
"""

import argparse
import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bot.runtime.pacing import BURST
from optimizer.domain.bars import FloatArray

HOUR = 3600.0
#: The working day, and the part of its studies that come in its first hour.
HOURS, AT_OPEN = 9.0, 0.3
#: Channels in which the people of one workspace ask.
CHANNELS = 5
#: Edits that Slack takes from one app in one workspace in a minute: the least of its Tier 3.
EDITS_A_MINUTE = 50.0
#: A part that is busy for longer than this share of the busiest hour has a queue that people notice.
MOST_BUSY = 0.7
KEPT_DAYS = 14  # of stored backtests, charts and reports
#: Studies a day and workspaces of the rows.
ROWS = ((10, 1), (1_000, 1), (1_000, 100), (10_000, 10), (100_000, 1), (100_000, 1_000))


@dataclass(frozen=True, kw_only=True)
class PerStudy:
    """Costs of one study."""

    worker: float  # seconds of a core
    drawing: float
    bot: float
    mongod: float
    operations: float  # of MongoDB
    posts: float  # messages in the channel
    edits: float
    kept: float  # bytes of documents and indexes that stay
    fortnight: float  # bytes of stored backtests, charts and reports


PER_STUDY = PerStudy(
    worker=0.48, drawing=1.40, bot=0.30, mongod=0.11, operations=330, posts=3, edits=2.8, kept=250e3, fortnight=2_110e3
)


@dataclass(frozen=True, kw_only=True)
class Day:
    """What one day brought. Times are seconds from a study's request."""

    told: FloatArray  # until the result is in its channel, (n_studies,)
    drawn: FloatArray  # until its charts are drawn
    at_peak: float  # studies of the busiest hour


def main(arguments: Sequence[str] = ()) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks scale", description=__doc__)
    parser.parse_args(arguments)
    print("\n".join([*ceilings(PER_STUDY), "", *days(PER_STUDY, ROWS)]))


def ceilings(cost: PerStudy) -> list[str]:
    """Return the lines of the table of what each part can do."""
    parts = {
        "one channel, a message a second": cost.posts + cost.edits,
        "edits in one workspace, 50 a minute": cost.edits * 60.0 / EDITS_A_MINUTE,
        "the drawing process": cost.drawing,
        "one worker": cost.worker,
        "the bot's event loop": cost.bot,
        "one core of `mongod`": cost.mongod,
        "two cores for all of them": (cost.worker + cost.drawing + cost.bot + cost.mongod) / 2.0,
    }
    lines = [f"| {name} | {each:.2f} | {HOUR / each:,.0f} |" for name, each in sorted(parts.items(), key=_dearest)]
    return ["| part | seconds a study | studies an hour at most |", "|---|---:|---:|", *lines]


def _dearest(part: tuple[str, float]) -> float:
    return -part[1]


def days(cost: PerStudy, rows: Sequence[tuple[int, int]]) -> list[str]:
    """Return the lines of the table of days."""
    head = (
        "| studies a day | workspaces | in the busiest hour | workers | result, median and 95 % | charts, 95 % "
        "| MongoDB, operations a second | kept a year | for a fortnight | busiest part |"
    )
    return [head, "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|", *(_row(cost, *row) for row in rows)]


def _row(cost: PerStudy, n_studies: int, n_workspaces: int) -> str:
    at_peak = n_studies * AT_OPEN
    n_workers = max(2, int(np.ceil(at_peak * cost.worker / HOUR / MOST_BUSY)))
    day = play(cost, n_studies, n_workspaces, n_workers)
    busy, name = busiest(cost, day.at_peak, n_workspaces, n_workers)
    told, late, drawn = (float(np.quantile(*what)) for what in ((day.told, 0.5), (day.told, 0.95), (day.drawn, 0.95)))
    per_second = day.at_peak * cost.operations / HOUR
    return (
        f"| {n_studies:,} | {n_workspaces:,} | {day.at_peak:,.0f} | {n_workers} | {spelled(told)}, {spelled(late)} "
        f"| {spelled(drawn)} | {per_second:,.0f} | {n_studies * 250 * cost.kept / 1e9:,.1f} GB "
        f"| {n_studies * KEPT_DAYS * cost.fortnight / 1e9:,.1f} GB | {name}, {busy:.0%} |"
    )


def spelled(seconds: float) -> str:
    """Return seconds as seconds, minutes or hours."""
    if seconds < 120.0:
        return f"{seconds:.1f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.0f} h"


def busiest(cost: PerStudy, at_peak: float, n_workspaces: int, n_workers: int) -> tuple[float, str]:
    """Return the part that the busiest hour asks most of, and that share of what it can do."""
    each = at_peak / HOUR
    shares = {
        "workers": each * cost.worker / n_workers,
        "the bot's event loop": each * cost.bot,
        "the drawing process": each * cost.drawing,
        "`mongod`": each * cost.mongod,
        "channels": each * (cost.posts + cost.edits) / (n_workspaces * CHANNELS),
        "edits in a workspace": each * cost.edits * 60.0 / EDITS_A_MINUTE / n_workspaces,
    }
    name = max(shares, key=lambda part: shares[part])
    return shares[name], name


def play(cost: PerStudy, n_studies: int, n_workspaces: int, n_workers: int, *, seed: int = 7) -> Day:
    """Play a day."""
    rng = np.random.default_rng(seed)
    asked = np.sort(_arrivals(rng, n_studies))
    world = _World(cost, asked, rng.integers(n_workspaces * CHANNELS, size=n_studies), n_workers, rng)
    world.run()
    first_hour = float(np.count_nonzero(asked < HOUR))
    return Day(told=world.told - asked, drawn=world.drawn - asked, at_peak=first_hour)


def _arrivals(rng: np.random.Generator, n_studies: int) -> FloatArray:
    at_open = rng.random(n_studies) < AT_OPEN
    return np.where(at_open, rng.random(n_studies), 1.0 + rng.random(n_studies) * (HOURS - 1.0)) * HOUR


@dataclass
class _Part:
    """Something that does one piece of work after the other with each of its hands."""

    free: int
    waiting: deque[tuple[float, Callable[[float], None]]] = field(default_factory=deque)  # seconds, what follows


class _World:
    """The day's clock, parts and channels."""

    def __init__(
        self, cost: PerStudy, asked: FloatArray, channels: NDArray[np.int64], n_workers: int,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.told, self.drawn = np.zeros_like(asked), np.zeros_like(asked)
        self._cost, self._asked, self._channels = cost, asked, channels
        self._spread = rng.uniform(0.5, 1.5, len(asked))  # studies differ
        self._bot, self._workers, self._drawing = _Part(1), _Part(n_workers), _Part(1)
        self._full_at: dict[int, float] = {}  # when the allowance of a channel will be full again
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._n_events = 0

    def run(self) -> None:
        """Play until the last study is told and drawn."""
        for number, moment in enumerate(self._asked.tolist()):
            self._at(moment, self._request_of(number))
        while self._events:
            moment, _, act = heapq.heappop(self._events)
            act(moment)

    def _at(self, moment: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (moment, self._n_events, act))
        self._n_events += 1

    def _work(self, part: _Part, now: float, seconds: float, then: Callable[[float], None]) -> None:
        """Let a part do something as soon as it has a hand free."""
        if not part.free:
            part.waiting.append((seconds, then))
            return
        part.free -= 1

        def done(moment: float) -> None:
            part.free += 1
            if part.waiting:
                self._work(part, moment, *part.waiting.popleft())
            then(moment)

        self._at(now + seconds, done)

    def _request_of(self, number: int) -> Callable[[float], None]:
        cost, spread, channel = self._cost, float(self._spread[number]), int(self._channels[number])

        def asked(now: float) -> None:
            self._post(channel, now, 1.0)
            self._work(self._bot, now, cost.bot / 2.0, accepted)

        def accepted(now: float) -> None:
            self._work(self._workers, now, cost.worker * spread, found)

        def found(now: float) -> None:
            self._work(self._bot, now, cost.bot / 2.0, shown)

        def shown(now: float) -> None:
            self.told[number] = self._post(channel, now, 1.0)
            self._post(channel, now, cost.posts - 2.0 + cost.edits)
            self._work(self._drawing, now, cost.drawing * spread, drawn)

        def drawn(now: float) -> None:
            self.drawn[number] = now

        return asked

    def _post(self, channel: int, now: float, n_messages: float) -> float:
        """Send messages to a channel, which takes a burst at once and then one a second; when they are there."""
        full_at = max(self._full_at.get(channel, now), now) + n_messages
        self._full_at[channel] = full_at
        return max(now, full_at - BURST)


if __name__ == "__main__":
    main()
