"""A command in a terminal that the running bot carries out: it is sent there, and what comes back is printed."""

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bot.cli.attach.terminal_wire import LONGEST_LINE, Told, TypedCommand, line_of, socket_path
from bot.runtime.processes import BotInHome
from bot.runtime.settings import Settings
from optimizer.errors import Unavailable
from optimizer.studies.code_version import code_version

#: Seconds without a sign of life after which the bot counts as stuck.
SILENT_SECONDS = 20.0
#: Seconds that a bot has which just starts or ends.
OPENING_SECONDS = 5.0
_POLL_SECONDS = 0.1
#: Options that name files, which the bot must find from wherever it was started.
_PATHS = ("path", "file", "out")
#: Verbs that write files where they were typed.
_WRITERS = {"export"}
#: Variables that say which colours a terminal shows.
_ENVIRONMENT = ("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "TERM_PROGRAM")


class BotSilent(Unavailable):
    """Raised when the bot in the data directory does not answer. Facts: home, pid."""


class BotGone(Unavailable):
    """Raised when the bot ended while it carried a command out. Facts: home, pid."""


class BotDiffers(Unavailable):
    """Raised when the bot in the data directory is of another version. Facts: home, pid, version, own."""


async def ask_bot(
    options: argparse.Namespace,
    settings: Settings,
    in_use: BotInHome,
    *,
    opening_seconds: float = OPENING_SECONDS,
    silent_seconds: float = SILENT_SECONDS,
) -> int:
    """Let the bot carry a command out, and print what it says; returns the exit code.

    A bot has so many seconds to begin to listen, and at most so many between two signs of life. Raises BotSilent,
    BotGone or BotDiffers, with the facts of `in_use`.
    """
    bot = {name: in_use.facts[name] for name in ("home", "pid")}
    after_interrupt = ""
    try:
        async with _connected(settings.home, bot, opening_seconds) as (reader, writer):
            writer.write(line_of(_typed(options, settings)))
            while True:
                told = await _hear(reader, bot, silent_seconds)
                after_interrupt = after_interrupt if told.after_interrupt is None else told.after_interrupt
                _print(told)
                if told.ended is not None:
                    return told.ended
    except asyncio.CancelledError:
        sys.stderr.write(after_interrupt)
        raise


@asynccontextmanager
async def _connected(
    home: Path, bot: dict[str, object], seconds: float
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to the bot; raises BotSilent where nothing listens. Closing tells the bot that nobody reads on."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await _open(home)
    except TimeoutError:
        raise BotSilent(**bot) from None
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _open(home: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return the connection, as soon as the bot listens: it may be starting, or ending."""
    while True:
        try:
            with socket_path(home) as path:
                return await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
        except OSError:
            await asyncio.sleep(_POLL_SECONDS)


def _typed(options: argparse.Namespace, settings: Settings) -> TypedCommand:
    given = vars(options) | {name: str(Path(value).absolute()) for name, value in _paths_of(options)}
    return TypedCommand(
        version=code_version(),
        options=given,
        language=settings.language,
        width=shutil.get_terminal_size().columns,
        is_terminal=(sys.stderr if getattr(options, "json", False) else sys.stdout).isatty(),
        environment={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    )


def _paths_of(options: argparse.Namespace) -> list[tuple[str, str]]:
    found = [(name, getattr(options, name, None)) for name in _PATHS]
    if options.verb in _WRITERS and not options.out:
        found.append(("out", "."))
    return [(name, value) for name, value in found if value]


async def _hear(reader: asyncio.StreamReader, bot: dict[str, object], seconds: float) -> Told:
    """Return what the bot says next; raises BotSilent, BotGone or BotDiffers."""
    try:
        async with asyncio.timeout(seconds):
            told = Told.model_validate_json(await reader.readline())
    except TimeoutError:
        raise BotSilent(**bot) from None
    except (OSError, ValueError) as failure:  # it ended, in the middle of a line or before one
        raise BotGone(**bot) from failure
    if told.refused == "version":
        raise BotDiffers(**bot, version=told.version, own=code_version())
    return told


def _print(told: Told) -> None:
    for text, stream in ((told.out, sys.stdout), (told.err, sys.stderr)):
        if text:
            stream.write(text)
            stream.flush()
