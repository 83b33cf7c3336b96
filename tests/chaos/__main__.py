"""The long form: `python -m tests.chaos` prints the table of docs/reliability.md; each part can be run alone."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

from tests.chaos import load, strangers
from tests.chaos.havoc import Havoc
from tests.chaos.studies import Ended, run
from tests.slack.faults import Fault
from tests.slack.strict import StrictSlack

Row = tuple[str, str]


class Suite:
    """The parts, each with a home of its own; what is asked for in the quiet is computed once."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self._folder = folder
        self._options = options
        self._quiet: Ended | None = None

    async def bot(self) -> list[Row]:
        """`kill -9` of the bot."""
        return await self._kills("kills of the bot", Havoc(bot=self._options.bot_kills, seed=11, longest=1.0))

    async def parts(self) -> list[Row]:
        """`kill -9` of workers and of mongod."""
        havoc = Havoc(worker=self._options.worker_kills, mongod=self._options.mongod_kills, seed=12, longest=1.2)
        return await self._kills("kills of workers and mongod", havoc)

    async def slack(self) -> list[Row]:
        """A Slack that answers 429, 500 and 503 at random, and loses requests and answers."""
        faults = [Fault(status=429, error="ratelimited", retry_after=1), Fault(status=500, error="internal_error")]
        faults += [Fault(status=503, error="service_unavailable"), Fault(delay=2.0)]
        server, seconds = StrictSlack(), self._options.slack_seconds
        with ExitStack() as stack:
            stack.enter_context(server.faults.at_random(0.4, *faults, seed=13))
            stretch = asyncio.create_task(_end_after(stack, seconds))
            try:
                ended = await run(
                    self._folder / "slack",
                    self._options.studies,
                    self._options.trials,
                    Havoc(),
                    slack=server,
                    log=self._folder / "slack.log",
                    spread=seconds,
                )
            finally:
                stretch.cancel()
        n_faults = sum(bool(call.fault) for call in server.ledger.calls)
        return [(f"{seconds} s of a Slack with faults, {n_faults} faults", _sentence(ended, await self._reference()))]

    async def load(self) -> list[Row]:
        """Many people at once."""
        return [
            *await load.measure(self._folder / "load", log=self._folder / "load.log"),
            *await load.busy(self._folder / "busy", log=self._folder / "busy.log"),
        ]

    async def strangers(self) -> list[Row]:
        """Forged, stale and replayed requests, and payloads that no Slack would send."""
        return await strangers.measure(self._folder / "strangers", n_fuzzed=self._options.fuzzed)

    async def growth(self) -> list[Row]:
        """Resident memory and start of an idle bot, and memory after many studies."""
        return await load.growth(self._folder / "growth", self._options.growth, log=self._folder / "growth.log")

    async def _kills(self, what: str, havoc: Havoc) -> list[Row]:
        home = self._folder / what.replace(" ", "-")
        ended = await run(home, self._options.studies, self._options.trials, havoc, log=home.with_suffix(".log"))
        counted = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(havoc.done).items()))
        return [(f"{what} ({counted}), {len(ended.states)} studies", _sentence(ended, await self._reference()))]

    async def _reference(self) -> Ended:
        if self._quiet is None:
            options = self._options
            self._quiet = await run(self._folder / "quiet", options.studies, options.trials, Havoc())
        return self._quiet


async def _end_after(stack: ExitStack, seconds: float) -> None:
    await asyncio.sleep(seconds)
    stack.pop_all().close()


def _sentence(ended: Ended, quiet: Ended) -> str:
    n_complete = sum(state == "complete" for state in ended.states.values())
    return (
        f"{n_complete}/{len(ended.states)} complete, {ended.n_lost} lost, {ended.n_twice} duplicate posts, "
        f"{ended.n_out_of_order} out of order, {ended.n_different(quiet)} trial tables different "
        f"({sum(map(len, ended.tables.values()))} trials, {ended.seconds:.0f} s)"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    names = ["bot", "parts", "slack", "load", "strangers", "growth"]
    parser.add_argument("part", nargs="*", help="one of " + ", ".join(names))
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--trials", type=int, default=4000)
    parser.add_argument("--bot-kills", type=int, default=50)
    parser.add_argument("--worker-kills", type=int, default=20)
    parser.add_argument("--mongod-kills", type=int, default=10)
    parser.add_argument("--slack-seconds", type=int, default=600)
    parser.add_argument("--fuzzed", type=int, default=10_000)
    parser.add_argument("--growth", type=int, default=500, help="studies until the last measure of memory")
    options = parser.parse_args()
    options.part = options.part or names
    return options


async def _main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        suite = Suite(Path(folder), options)
        sys.stdout.write("| what was done | what came of it |\n| --- | --- |\n")
        for name in options.part:
            part: Callable[[], Awaitable[list[Row]]] = getattr(suite, name)
            began = time.monotonic()
            for done, found in await part():
                sys.stdout.write(f"| {done} | {found} |\n")
            sys.stderr.write(f"{name}: {time.monotonic() - began:.0f} s\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main(_options()))
