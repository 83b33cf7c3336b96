"""A bot with ten thousand studies, and a bot that works for an hour."""

import asyncio
import itertools
import statistics
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.many import fill, made, size_of
from tests.bot_process import BotProcess, bot_process
from tests.chaos.havoc import Havoc
from tests.chaos.load import STRATEGIES, TYPED, channels_of, invite, resident, until_all_told
from tests.chaos.studies import Ended, run
from tests.chaos.vitals import Vitals, log_of, watched
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire
from tests.slack.workspace import Message

#: Trials of each of the many studies.
_N_TRIALS = 20
_N_PEOPLE = 50
#: Rounds of a soak after which all must be told, and the longest wait for it: others may use the machine too.
_ROUNDS_UNTIL_TOLD, _TOLD_SECONDS = 40, 1800.0
#: Shares of a soak: after the first it is warm; the memory of the second is compared with that of the third.
_WARM, _FIRST = 1 / 3, 2 / 3


async def many(home: Path, n_stored: int, n_studies: int, n_trials: int, *, kills: int) -> Ended:
    """Fill a database with copies of a study, and kill the bot while others are asked for."""
    await fill(home, await made(home, _N_TRIALS), n_stored)
    return await run(home, n_studies, n_trials, Havoc(bot=kills, seed=22))


@dataclass(kw_only=True)
class Soaked:
    """What came of mixed load."""

    vitals: Vitals
    n_studies: int = 0
    n_acts: int = 0
    n_bad: int = 0  # acts that were not acknowledged
    seconds: list[float] = field(default_factory=list)  # until each acknowledgement
    sizes: list[tuple[float, dict[str, float]]] = field(default_factory=list)  # share of the time, MB by process
    kilobytes: float = 0.0  # on the disk, per study, after the warm-up
    violations: list[str] = field(default_factory=list)

    def grown(self, name: str) -> tuple[float, float]:
        """Mean megabytes of a process after the warm-up, in the first and in the second half of what is left."""
        first = [size[name] for at, size in self.sizes if _WARM <= at < _FIRST]
        second = [size[name] for at, size in self.sizes if at >= _FIRST]
        return statistics.fmean(first), statistics.fmean(second)

    def __str__(self) -> str:
        names = self.sizes[0][1]
        pairs = {name: self.grown(name) for name in names}
        memory = ", ".join(f"{name} {a:.0f} → {b:.0f} MB ({b / a - 1:+.1%})" for name, (a, b) in pairs.items())
        p99 = statistics.quantiles(self.seconds, n=100)[98]
        return (
            f"{self.n_studies} studies told, {self.n_acts} other acts, {self.n_bad} not acknowledged, ack p99 "
            f"{p99:.2f} s, {len(self.violations)} violations; after the warm-up {memory}, "
            f"{self.kilobytes:.0f} kB of disk a study; {self.vitals}"
        )


async def soak(home: Path, seconds: float, *, pause: float) -> Soaked:
    """Ask for studies and for everything else, with `pause` seconds between rounds, and tell how the bot fares."""
    async with (
        StrictSlack() as slack,
        bot_process(home, slack, log=log_of(home), OPTIMIZE_BOT_SOURCES="sample") as bot,
        watched(bot) as vitals,
        HttpWire(bot.url, patience=30) as wire,
    ):
        soaked = Soaked(vitals=vitals)
        await _rounds(soaked, bot, _Crowd(slack, Driver(slack, wire)), seconds, pause)
        await until_all_told(bot, soaked.n_studies, _TOLD_SECONDS)
        await vitals.settle(bot)
        soaked.violations = [str(each) for each in slack.violations]
        assert await asyncio.to_thread(bot.stop, seconds=30) == 0
    return soaked


async def _rounds(soaked: Soaked, bot: BotProcess, crowd: "_Crowd", seconds: float, pause: float) -> None:
    loop = asyncio.get_running_loop()
    began, warm = loop.time(), (0, 0)
    while (share := (loop.time() - began) / seconds) < 1:
        if not warm[0] and share >= _WARM:
            warm = (await asyncio.to_thread(size_of, bot.home), soaked.n_studies)
        soaked.sizes.append((share, resident(bot)))
        await crowd.act(soaked)
        await asyncio.sleep(pause)
        if soaked.n_studies % _ROUNDS_UNTIL_TOLD == 0:
            await until_all_told(bot, soaked.n_studies, _TOLD_SECONDS)
    grown = await asyncio.to_thread(size_of, bot.home) - warm[0]
    soaked.kilobytes = grown / 1e3 / max(soaked.n_studies - warm[1], 1)


class _Crowd:
    """People who do everything that people do."""

    def __init__(self, slack: StrictSlack, driver: Driver) -> None:
        self._slack = slack
        self._driver = driver
        self._people = invite(slack, _N_PEOPLE)
        self._channels = channels_of(slack)
        self._numbers = itertools.count()

    async def act(self, soaked: Soaked) -> None:
        """Ask for a study, and do one thing of each other kind."""
        number = next(self._numbers)
        user, channel = self._people[number % _N_PEOPLE], self._channels[number % len(self._channels)]
        start = f"IBM {STRATEGIES[number % len(STRATEGIES)]} 20 seed={20_000 + number} folds=0"
        word = TYPED[number % len(TYPED)].format(seed=20_000 + number)
        acts = [
            self._driver.command(start, user=user, channel=channel),
            self._driver.command(word, user=user, channel=channel),
            self._driver.open_home(user=user),
            self._driver.mention("status", bot_user=self._slack.bot_user, user=user, channel=channel),
        ]
        if (result := await self._result()) is not None:
            acts.append(self._driver.click(result, "study_heatmap" if number % 2 else "study_replay", user="bob"))
        deliveries = [await act for act in acts]
        soaked.n_studies += 1 + ("seed=" in word)
        soaked.n_acts += len(deliveries) - 1 - ("seed=" in word)
        soaked.n_bad += sum(not each.is_acked for each in deliveries)
        soaked.seconds += [each.seconds for each in deliveries]

    async def _result(self) -> Message | None:
        """The newest result of a channel that has one."""
        for channel in self._channels:
            for root in reversed(await self._slack.messages(channel)):
                for message in await self._slack.thread(channel, root.ts):
                    if "study_replay" in str(message.blocks):
                        return message
        return None
