"""A terminal beside a bot that is of another version, stuck, ending, or not there: made here, with the real wire."""

import asyncio
import json
import socket
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.cli.attach.terminal_client import BotDiffers, BotGone, BotSilent, ask_bot
from bot.cli.attach.terminal_wire import LONGEST_LINE, Told, TypedCommand, is_same_person, lines_of, socket_path
from bot.runtime.processes import BotInHome
from bot.runtime.settings import Settings
from optimizer.supervisor import begin
from tests.refused import refused


@asynccontextmanager
async def bot_that_says(*said: Told, home: Path, stays: bool = False) -> AsyncIterator[list[TypedCommand]]:
    """Something that listens in a data directory, hears what terminals ask, and says the same to each."""
    heard: list[TypedCommand] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(TypedCommand.model_validate_json(await reader.readline()))
        for told in said:
            writer.write(b"".join(lines_of(told)))
        if stays:
            await reader.read()  # until the terminal leaves
        writer.close()

    await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True)
    with socket_path(home) as path:
        server = await asyncio.start_unix_server(answer, path)
        async with server:
            yield heard
            await asyncio.sleep(0.05)  # the terminal has left


async def ask(home: Path, *, silent_seconds: float = 0.3, **options: object) -> int:
    """What a terminal does beside such a bot."""
    settings = Settings.model_validate({"OPTIMIZE_BOT_HOME": home})
    in_use = BotInHome(home=home, pid="4711", holder="serve")
    typed = Namespace(**{"verb": "list", "words": [], "json": False} | options)
    return await ask_bot(typed, settings, in_use, opening_seconds=0.3, silent_seconds=silent_seconds)


async def test_what_the_bot_says_is_printed_and_its_code_returned(
    tmp_path: Path, capsys: "pytest.CaptureFixture[str]"
) -> None:
    home = tmp_path / ("deep" * 30)  # longer than a socket's path may be
    long = "ä" * LONGEST_LINE
    async with bot_that_says(Told(), Told(out=long), Told(err="said"), Told(ended=3), home=home) as heard:
        code = await ask(home, verb="export", out=None, file="list.csv")
    printed = capsys.readouterr()

    assert (code, printed.out, printed.err) == (3, long, "said")
    assert heard[0].options["out"] == str(Path.cwd())
    assert heard[0].options["file"] == str(Path.cwd() / "list.csv")


async def test_a_bot_of_another_version_is_named(tmp_path: Path) -> None:
    async with bot_that_says(Told(refused="version", version="0.0.9+1234"), home=tmp_path):
        with refused(BotDiffers, match=r"process 4711\) is of version 0\.0\.9\+1234"):
            await ask(tmp_path)


async def test_a_bot_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    async with bot_that_says(home=tmp_path, stays=True):
        with refused(BotSilent, match="does not answer"):
            await ask(tmp_path)


async def test_a_bot_that_ends_meanwhile_is_named(tmp_path: Path) -> None:
    async with bot_that_says(Told(out="half"), home=tmp_path):
        with refused(BotGone, match="ended before it had answered"):
            await ask(tmp_path)


async def test_a_lock_without_a_bot_that_listens_is_said_soon(tmp_path: Path) -> None:
    (tmp_path / "terminal.sock").touch()  # nobody listens there

    with refused(BotSilent, match="is running on"):
        await ask(tmp_path)


async def test_an_interrupted_terminal_says_what_goes_on(tmp_path: Path, capsys: "pytest.CaptureFixture[str]") -> None:
    async with bot_that_says(Told(after_interrupt="it goes on"), Told(out="."), home=tmp_path, stays=True):
        asking = begin(ask(tmp_path, silent_seconds=30.0))
        while not capsys.readouterr().out:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    assert capsys.readouterr().err == "it goes on"


def test_a_line_is_never_longer_than_the_other_side_reads() -> None:
    lines = [*lines_of(Told(out="ä" * 100_000, ended=0))]

    assert max(map(len, lines)) < LONGEST_LINE
    assert "".join(json.loads(line).get("out", "") for line in lines) == "ä" * 100_000
    assert json.loads(lines[-1]) == {"ended": 0}


def test_a_process_of_the_same_user_is_known_by_the_system() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert is_same_person(one)
