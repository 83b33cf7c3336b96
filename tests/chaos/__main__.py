"""The long form: `python -m tests.chaos` prints the table of docs/reliability.md; each part can be run alone."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from tests.chaos import endurance, latency, load, long_list, machine, mongo, slack_trouble, strangers, two, workers
from tests.chaos.havoc import Havoc
from tests.chaos.studies import Ended, run
from tests.slack.faults import PAGES
from tests.undisturbed import own_documents, run_all_undisturbed

Row = tuple[str, str]
PARTS = (
    *("bot", "parts", "slack", "load", "strangers", "growth", "codes", "network", "tokens", "pages"),
    *("latency", "queues"),
    *("descriptors", "disk", "damage", "two", "workers", "celery", "election", "partition", "many", "symbols", "soak"),
)


class Suite:
    """The parts, each with a home of its own."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self._folder = folder
        self._options = options
        self._size = (options.studies, options.trials)

    async def bot(self) -> list[Row]:
        """`kill -9` of the bot."""
        return await self._kills("kills of the bot", Havoc(bot=self._options.bot_kills, seed=11, longest=1.0))

    async def parts(self) -> list[Row]:
        """`kill -9` of workers and of mongod."""
        havoc = Havoc(worker=self._options.worker_kills, mongod=self._options.mongod_kills, seed=12, longest=1.2)
        return await self._kills("kills of workers and mongod", havoc)

    async def slack(self) -> list[Row]:
        """A Slack that answers 429, 500 and 503 at random, and is slow."""
        seconds = self._options.slack_seconds
        playing = slack_trouble.at_random(
            self._home("slack"), *self._size, slack_trouble.UNWELL, seconds=seconds, seed=13
        )
        ended, n_faults = await playing
        return [(f"{seconds} s of a Slack with faults, {n_faults} faults", await self._sentence(ended))]

    async def load(self) -> list[Row]:
        """Many people at once."""
        return [
            *await load.measure(self._folder / "load", log=self._folder / "load.log"),
            *await load.busy(self._folder / "busy", log=self._folder / "busy.log"),
        ]

    async def latency(self) -> list[Row]:
        """From a command to its first result message, one command after another."""
        return await latency.one_after_another(
            self._home("latency"), self._options.commands, log=self._folder / "latency.log"
        )

    async def queues(self) -> list[Row]:
        """Many studies asked for at once in one channel."""
        return await latency.all_at_once(self._home("queues"), self._options.at_once, log=self._folder / "queues.log")

    async def strangers(self) -> list[Row]:
        """Forged, stale and replayed requests, and payloads that no Slack would send."""
        return await strangers.measure(self._folder / "strangers", n_fuzzed=self._options.fuzzed)

    async def growth(self) -> list[Row]:
        """Resident memory and start of an idle bot, and memory after many studies."""
        return await load.growth(self._folder / "growth", self._options.growth, log=self._folder / "growth.log")

    async def codes(self) -> list[Row]:
        """Every documented error code of MongoDB that is waited out."""
        numbers = mongo.codes_that_wait()[: self._options.codes]
        ended, n_named = await mongo.codes(self._home("codes"), *self._size, numbers)
        what = f"{len(numbers)} error codes of MongoDB, one after the other, {len(ended.states)} studies"
        return [(what, f"{await self._whole(ended)}; {n_named} named by `/readyz` and well again after")]

    async def network(self) -> list[Row]:
        """A network to MongoDB that is slow, half-open, cut, or in two parts."""
        times, seconds = self._options.times, self._options.seconds
        ended, recovered = await mongo.network(self._home("network"), *self._size, times=times, seconds=seconds)
        what = f"network to MongoDB slow (1 s a piece), half-open, cut, partitioned, {times} × {seconds} s each"
        well = ", ".join(f"{name} {n}/{times}" for name, n in sorted(recovered.items()))
        return [(f"{what}, {len(ended.states)} studies", f"{await self._whole(ended)}; well again after: {well}")]

    async def tokens(self) -> list[Row]:
        """A token that Slack does not take any more, and takes again."""
        codes, seconds = slack_trouble.TOKEN_CODES, self._options.seconds
        ended, named = await slack_trouble.tokens(self._home("tokens"), *self._size, codes, seconds=seconds)
        what = f"the bot's token refused for {seconds} s with each of {len(codes)} codes, {len(ended.states)} studies"
        return [(what, f"{await self._whole(ended)}; {len(named)} codes named by `/readyz` and well again after")]

    async def pages(self) -> list[Row]:
        """A proxy's pages, empty bodies, and times to wait that make no sense."""
        seconds, pages = self._options.pages_seconds, list(PAGES.values())
        ended, n_faults = await slack_trouble.at_random(
            self._home("pages"), *self._size, pages, seconds=seconds, seed=17
        )
        what = f"{seconds} s of {len(pages)} kinds of pages, empty bodies and nonsense in place of Slack's answer"
        return [(f"{what}, {n_faults} of them, {len(ended.states)} studies", await self._whole(ended))]

    async def descriptors(self) -> list[Row]:
        """Strangers who hold more connections than the bot has descriptors."""
        times, seconds = self._options.times, self._options.seconds
        ended, grown = await machine.descriptors(self._home("descriptors"), *self._size, times=times, seconds=seconds)
        what = f"{machine.N_CONNECTIONS} idle connections, {machine.N_DESCRIPTORS} descriptors, {times} × {seconds} s"
        return [
            (f"{what}, {len(ended.states)} studies", f"{await self._whole(ended)}; log {grown / 1e3:.0f} kB longer")
        ]

    async def disk(self) -> list[Row]:
        """A disk without room."""
        times, seconds = self._options.times, self._options.seconds
        ended, named = await machine.disk(self._home("disk"), *self._size, times=times, seconds=seconds)
        what = f"no room on the disk, {times} × {seconds} s, {len(ended.states)} studies"
        said = ", ".join(f"{name} {n}/{times}" for name, n in sorted(named.items()))
        return [(what, f"{await self._whole(ended)}; said by `/readyz`: {said}")]

    async def damage(self) -> list[Row]:
        """Damaged files."""
        times = self._options.times
        ended, left = await machine.damage(self._home("damage"), *self._size, times=times)
        what = f"snapshots cut in half, data file cut in half, drafts left, {times} × each, {len(ended.states)} studies"
        return [(what, f"{await self._whole(ended)}; not mended: {', '.join(left) or 'nothing'}")]

    async def two(self) -> list[Row]:
        """Two bots on one database."""
        times = self._options.times
        ended, both = await two.two(self._home("two"), *self._size, kills=times, stops=times)
        what = (
            f"two bots, the one that serves killed {times} times and stopped {times} times, {len(ended.states)} studies"
        )
        over = f"{min(both.takeovers):.0f} to {max(both.takeovers):.0f} s until the other served"
        return [(what, f"{await self._whole(ended)}; {over}, {both.n_both} looks saw both serve")]

    async def workers(self) -> list[Row]:
        """Worker programs that look for studies."""
        return [await self._struck("looking into MongoDB", "workers", self._strikes)]

    async def celery(self) -> list[Row]:
        """Worker programs that hear of studies through a broker."""
        return [await self._struck("Celery on Redis, which is killed too", "celery", self._strikes, with_celery=True)]

    @property
    def _strikes(self) -> dict[str, int]:
        """So many `kill -9` together, and programs that are stopped for a while."""
        kills = {"child": self._options.worker_kills, "lost": 2 * self._options.times}
        others = max(self._options.program_kills - sum(kills.values()), 0)
        return {"kill": others, **kills, "freeze": self._options.times}

    async def election(self) -> list[Row]:
        """A replica set whose primary is killed."""
        return [await self._struck("on a replica set of three", "election", {"election": 5 * self._options.times})]

    async def partition(self) -> list[Row]:
        """Machines that are cut off from MongoDB and live."""
        return [await self._struck("each behind a network", "partition", {"partition": 2 * self._options.times})]

    async def _struck(self, door: str, name: str, strikes: Mapping[str, int], *, with_celery: bool = False) -> Row:
        seconds, size = self._options.workers_seconds, self._size
        outcome = await workers.workers(
            self._home(name), *size, strikes=strikes, with_celery=with_celery, seconds=seconds
        )
        return f"two worker programs ({door})", str(outcome)

    async def many(self) -> list[Row]:
        """Ten thousand studies."""
        kills, n_stored = self._options.times * 5, self._options.many
        ended = await endurance.many(self._home("many"), n_stored, *self._size, kills=kills)
        what = f"{kills} kills of a bot with {n_stored} studies, {len(ended.states)} more asked for"
        return [(what, f"{await self._whole(ended)}; ready after {min(ended.starts):.1f} to {max(ended.starts):.1f} s")]

    async def symbols(self) -> list[Row]:
        """One request for hundreds of symbols."""
        home = self._home("symbols")
        return await long_list.measure(home, n_symbols=self._options.symbols, log=home.with_suffix(".log"))

    async def soak(self) -> list[Row]:
        """An hour of everything."""
        seconds = self._options.soak_seconds
        soaked = await endurance.soak(self._home("soak"), seconds, pause=self._options.soak_pause)
        return [(f"{seconds} s of mixed load", str(soaked))]

    async def _kills(self, what: str, havoc: Havoc) -> list[Row]:
        ended = await run(self._home(what.replace(" ", "-")), *self._size, havoc)
        return [(f"{what} ({havoc}), {len(ended.states)} studies", await self._sentence(ended))]

    def _home(self, name: str) -> Path:
        return self._folder / name

    async def _sentence(self, ended: Ended) -> str:
        """What became of the studies, beside the same ones undisturbed."""
        reference = ended.home.with_name(f"{ended.home.name}-reference")
        async with own_documents(reference):
            tables = await run_all_undisturbed(ended.studies, ended.home)
        shutil.rmtree(reference, ignore_errors=True)
        return ended.sentence(tables)

    async def _whole(self, ended: Ended) -> str:
        """The same, with what the bot said of itself meanwhile."""
        return f"{await self._sentence(ended)}; {len(ended.violations)} violations of Slack's rules; {ended.vitals}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("part", nargs="*", help="one of " + ", ".join(PARTS))
    for name, size, words in (
        ("--studies", 20, "asked for in each part; more when what is done lasts longer"),
        ("--trials", 4000, "of each study"),
        ("--bot-kills", 50, ""),
        ("--worker-kills", 20, ""),
        ("--mongod-kills", 10, ""),
        ("--program-kills", 50, "of worker programs and their processes together"),
        ("--workers-seconds", 600, "after which worker programs are not struck any more"),
        ("--slack-seconds", 600, ""),
        ("--pages-seconds", 300, ""),
        ("--commands", 200, "typed one after another"),
        ("--at-once", 23, "studies asked for at once in one channel"),
        ("--fuzzed", 10_000, "payloads"),
        ("--growth", 500, "studies until the last measure of memory"),
        ("--codes", 1000, "at most so many error codes of MongoDB"),
        ("--times", 2, "that each kind of trouble is made"),
        ("--seconds", 15, "that each lasts"),
        ("--many", 10_000, "studies that are there before"),
        ("--symbols", 300, "of the one request"),
        ("--soak-seconds", 3600, ""),
        ("--soak-pause", 2, "seconds between two rounds of a soak"),
    ):
        parser.add_argument(name, type=int, default=size, help=f"{words} ({size})".strip())
    parser.add_argument("--folder", type=Path, help="where homes and logs are kept, for a look at what went wrong")
    options = parser.parse_args()
    options.part = options.part or list(PARTS)
    return options


async def _main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        suite = Suite(options.folder or Path(folder), options)
        if options.folder:
            options.folder.mkdir(parents=True, exist_ok=True)
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
