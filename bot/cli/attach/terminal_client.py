"""A command in a terminal that the running bot carries out: it is sent there, and what comes back is printed."""

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import ValidationError

from bot.cli.attach.terminal_wire import LONGEST_LINE, Told, TypedCommand, line_of, socket_path
from bot.runtime.processes import BotInHome
from bot.runtime.settings import Settings
from optimizer.errors import Unavailable
from optimizer.studies.code_version import code_version

#: Seconds without a sign of life after which the bot counts as stuck.
_SILENT_SECONDS = 20.0
#: Seconds that a bot has which just starts or ends.
_OPENING_SECONDS = 5.0
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


async def ask_bot(options: argparse.Namespace, settings: Settings, in_use: BotInHome) -> int:
    """Let the bot carry a command out, and print what it says; returns the exit code.

    Raises BotSilent, BotGone or BotDiffers, with the facts of `in_use`.
    """
    bot = {name: in_use.facts[name] for name in ("home", "pid")}
    try:
        async with _connected(settings.home) as (reader, writer):
            writer.write(line_of(_typed(options, settings)))
            await writer.drain()
            return await _print_all(reader, bot)
    except TimeoutError:
        raise BotSilent(**bot) from None
    except (OSError, ValidationError, ValueError) as failure:  # it is no bot's line, or too long for one
        raise BotGone(**bot) from failure


@asynccontextmanager
async def _connected(home: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to the bot; raises TimeoutError where nothing listens. Closing tells the bot that nobody reads on."""
    async with asyncio.timeout(_OPENING_SECONDS):
        while True:
            try:
                with socket_path(home) as path:
                    reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
                break
            except (FileNotFoundError, ConnectionRefusedError):  # it is starting, or ending
                await asyncio.sleep(_POLL_SECONDS)
    try:
        yield reader, writer
    finally:
        writer.close()


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


async def _print_all(reader: asyncio.StreamReader, bot: dict[str, object]) -> int:
    """Print what the bot says until it tells the exit code."""
    after_interrupt = ""
    try:
        while True:
            async with asyncio.timeout(_SILENT_SECONDS):
                line = await reader.readline()
            if not line.endswith(b"\n"):
                raise BotGone(**bot)
            told = Told.model_validate_json(line)
            if told.refused == "version":
                raise BotDiffers(**bot, version=told.version, own=code_version())
            after_interrupt = after_interrupt if told.after_interrupt is None else told.after_interrupt
            _print(sys.stdout.write, sys.stdout.flush, told.out)
            _print(sys.stderr.write, sys.stderr.flush, told.err)
            if told.ended is not None:
                return told.ended
    except asyncio.CancelledError:
        sys.stderr.write(after_interrupt)
        raise


def _print(write: Callable[[str], object], flush: Callable[[], object], text: str) -> None:
    if text:
        write(text)
        flush()
