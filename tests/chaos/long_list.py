"""A list of hundreds of symbols in one request: what others in that channel wait meanwhile, and what is posted."""

import asyncio
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pandas as pd

from tests.bars import made_up_bars
from tests.bot_process import bot_process
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire

_N_BARS = 1500
_ROLES = {"OPTIMIZE_BOT_ADMINS": "U0BOB2", "OPTIMIZE_BOT_RUNNERS": "U0ALICE1,U0KIM3"}
#: What others mention the bot with meanwhile, in the list's own channel.
_ASKED = ("help rsi", "status opt-none", "list", "IBM SMA 20 folds=0 seed={seed}")
_EVERY_SECONDS = 2.0


async def measure(home: Path, *, n_symbols: int, log: Path) -> list[tuple[str, str]]:
    """The row of the table."""
    symbols = [f"LST{number:04d}" for number in range(n_symbols)]
    await asyncio.to_thread(_import, home, symbols)
    async with (
        StrictSlack() as slack,
        bot_process(home, slack, log=log, **_ROLES) as bot,
        HttpWire(bot.url, patience=60) as wire,
    ):
        driver = Driver(slack, wire)
        file = slack.attach(await slack.user_id("bob"), "symbols.txt", "\n".join(symbols).encode())
        await driver.mention("config @big", bot_user=slack.bot_user, user="bob", files=[file])
        await slack.eventually(lambda: _is_said(slack, f"{n_symbols:,} symbols"), seconds=60, what="the list")
        clock = asyncio.get_running_loop().time
        began = clock()
        asked = await driver.command("@big RSI 50 folds=2")
        done = asyncio.create_task(slack.eventually(lambda: _root(slack, n_symbols), seconds=1200, what="the table"))
        waits = []
        while not done.done():
            waits.append(await _wait_of_another(slack, driver, len(waits)))
            await asyncio.sleep(_EVERY_SECONDS)
        seconds, root = clock() - began, done.result()
        await slack.eventually(lambda: _has_file(slack, root), seconds=60, what="the file")
        posts = [m for m in await slack.messages("C0QUANT01") if m.user == slack.bot_user and str(n_symbols) in m.text]
        thread = await slack.thread("C0QUANT01", root)
        bot.stop()
    worst = max(waits)
    return [
        (
            f"a list of {n_symbols} symbols, asked for in one request",
            f"acknowledged in {asked.seconds:.2f} s, done in {seconds:.0f} s with one worker; {len(waits)} requests "
            f"of others in that channel answered after {statistics.median(waits):.1f} s, {worst:.1f} s at most; "
            f"{len(posts)} table and {len(thread) - 1} file posted",
        )
    ]


async def _wait_of_another(slack: StrictSlack, driver: Driver, number: int) -> float:
    """Mention the bot as somebody else and wait until there is an answer; returns the seconds."""
    clock = asyncio.get_running_loop().time
    began, n_before = clock(), _n_answers(slack)
    await driver.mention(_ASKED[number % len(_ASKED)].format(seed=number), bot_user=slack.bot_user, user="kim")

    async def look() -> bool | None:
        return _n_answers(slack) > n_before or None

    await slack.eventually(look, seconds=60, what="an answer to somebody else")
    return clock() - began


def _n_answers(slack: StrictSlack) -> int:
    replies = sum(m.is_reply and m.user == slack.bot_user for m in slack.workspace.messages.values())
    return replies + len(slack.workspace.ephemerals)


async def _is_said(slack: StrictSlack, text: str) -> bool | None:
    return any(text in str(m.blocks) for m in slack.workspace.ephemerals) or None


async def _root(slack: StrictSlack, n: int) -> str | None:
    messages = await slack.messages("C0QUANT01")
    return next((m.ts for m in messages if f"All {n:,} are done" in str(m.blocks)), None)


async def _has_file(slack: StrictSlack, root_ts: str) -> bool | None:
    return any(m.files for m in await slack.thread("C0QUANT01", root_ts)) or None


def _import(home: Path, symbols: list[str]) -> None:
    folder = home.with_name(f"{home.name}-files")
    folder.mkdir(parents=True)
    days = pd.bdate_range("2015-01-02", periods=_N_BARS)
    for seed, symbol in enumerate(symbols):
        bars = made_up_bars(_N_BARS, seed=seed)
        columns = {"Open": bars.open, "High": bars.high, "Low": bars.low, "Close": bars.close, "Volume": bars.volume}
        pd.DataFrame(columns, index=days).to_csv(folder / f"{symbol}.csv", index_label="Date")
    command = [sys.executable, "-m", "bot", "data", "import", str(folder)]
    environment = os.environ | {"OPTIMIZE_BOT_HOME": str(home)}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
