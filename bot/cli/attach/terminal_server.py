"""The running bot's ear for terminals: it carries out the commands that are typed beside it, as the person there.

What a terminal's own process would do, the bot does with its services, and the terminal prints what it is told.
A terminal that goes away ends its command; a study that it started goes on.
"""

import argparse
import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from io import TextIOBase
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from pydantic import ValidationError
from rich.console import Console

from bot.cli.attach.exit_codes import code_of, sentence_of
from bot.cli.attach.terminal_wire import (
    BEAT_SECONDS,
    LONGEST_LINE,
    Told,
    TypedCommand,
    is_same_person,
    line_of,
    lines_of,
    socket_path,
)
from bot.cli.screen import Screen
from bot.context import BotContext
from bot.documents.saved_rules import saved_rules
from bot.runtime.services import Services
from optimizer.clock import utc_now
from optimizer.errors import SomethingBroke, UserError
from optimizer.lazy import LazyModule, load_modules
from optimizer.storage.embedded_mongo import MongoUnavailable
from optimizer.storage.outage import is_outage
from optimizer.studies.code_version import code_version
from optimizer.supervisor import begin
from reports.text.message import Message
from reports.text.terminal import terminal_text

if TYPE_CHECKING:
    from bot.cli import command_line, data, run, terminal_verbs
    from optimizer.market import importing
    from optimizer.market.formats import understood
else:
    # Loaded when the first command is typed: few bots have a terminal beside them.
    command_line, data, run, terminal_verbs = (
        LazyModule(f"bot.cli.{name}") for name in ("command_line", "data", "run", "terminal_verbs")
    )
    importing = LazyModule("optimizer.market.importing")

log = logging.getLogger(__name__)

_LOADED = ("bot.cli.data", "bot.cli.run", "bot.cli.terminal_verbs")
#: Seconds in which a terminal has sent its command.
_TYPING_SECONDS = 10.0


@asynccontextmanager
async def answer_terminals(context: BotContext) -> AsyncIterator[None]:
    """Carry out what is typed beside the bot, inside the block."""
    version = code_version()  # that of the code that runs, should the files be replaced under it
    tasks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio calls it in a task"
        tasks.add(task)
        try:
            await _answer(reader, writer, context, version)
        finally:
            tasks.discard(task)
            writer.close()

    with socket_path(context.services.settings.home) as path:
        # It replaces a killed bot's: only the owner of the directory comes here.
        server = await asyncio.start_unix_server(answer, path, limit=LONGEST_LINE)
        os.chmod(path, 0o600)
        try:
            yield
        finally:
            server.close()
            with suppress(FileNotFoundError):
                os.unlink(path)
            for task in tuple(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: BotContext, version: str
) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    if not is_same_person(connection):
        log.warning("terminal_of_another_user")
        return
    try:
        async with asyncio.timeout(_TYPING_SECONDS):
            typed = TypedCommand.model_validate_json(await reader.readline())
    except (TimeoutError, ValidationError, ValueError):
        writer.write(line_of(Told(refused="version", version=version)))
        return
    if typed.version != version:
        writer.write(line_of(Told(refused="version", version=version)))
        return
    far = _FarTerminal(writer, asyncio.get_running_loop())
    running = begin(_carry_out(typed, far, context))
    leaving = begin(reader.read())  # it sends nothing more: this returns when it goes away
    try:
        while not running.done() and not leaving.done():
            far.tell(Told())
            await asyncio.wait({running, leaving}, timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            far.tell(Told(ended=await running))
            await asyncio.sleep(0)  # what was told is written before the connection closes
    finally:
        for task in (running, leaving):
            task.cancel()
        await asyncio.gather(running, leaving, return_exceptions=True)


class _FarTerminal:
    """Terminal at the other end of a connection."""

    def __init__(self, writer: asyncio.StreamWriter, loop: asyncio.AbstractEventLoop) -> None:
        self._writer = writer
        self._loop = loop

    def tell(self, told: Told) -> None:
        """Send a message, from any thread, in the order of the calls of each."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._writer.write, b"".join(lines_of(told)))

    def stream(self, name: str) -> TextIO:
        """Return a file whose text is printed there, on `out` or `err`."""
        return cast("TextIO", _FarFile(self, name))


class _FarFile(TextIOBase):
    """What is written to it is printed in the terminal."""

    def __init__(self, terminal: _FarTerminal, name: str) -> None:
        super().__init__()
        self._terminal = terminal
        self._name = name

    def write(self, text: str) -> int:
        """Send a text."""
        if text:
            self._terminal.tell(Told.model_validate({self._name: text}))
        return len(text)


async def _carry_out(typed: TypedCommand, far: _FarTerminal, context: BotContext) -> int:
    """Carry a command out, word what is refused, and return the exit code; this is the edge, a catch-all."""
    await asyncio.to_thread(load_modules, *_LOADED)
    await asyncio.to_thread(load_modules, *run.WORDING)
    options = argparse.Namespace(**typed.options)
    settings = context.services.settings.model_copy(update={"language": typed.language})
    services = replace(context.services, settings=settings)
    error: UserError
    try:
        return await _verb(options, services, _FarScreen(typed, far, as_json=options.json), context)
    except UserError as refused:
        error = refused
    except Exception as fault:
        reference = secrets.token_hex(3)
        error = MongoUnavailable.silent() if is_outage(fault) else SomethingBroke(reference=reference)
        log.exception("terminal_command_broke verb=%s reference=%s", options.verb, reference)
    far.tell(Told(err=sentence_of(error, typed.language)))
    return code_of(error)


def _verb(options: argparse.Namespace, services: Services, shown: Screen, context: BotContext) -> Awaitable[int]:
    if options.verb == "import":
        read = partial(_import, services=services)  # `--dry` needs no bot
        return asyncio.to_thread(data.import_with, read, options, shown, services.settings.language)
    if options.verb == "run" and not command_line.is_schedule_run(options):
        return _run(options, services, shown, context)
    shared = {"starting": context.starting, "claiming": context.claiming, "may_serve": context.may_serve}
    return terminal_verbs.carry_out(terminal_verbs.read_command(options), options, services, shown, **shared)


async def _run(options: argparse.Namespace, services: Services, shown: Screen, context: BotContext) -> int:
    """Run studies by the bot, and show them."""
    if not context.may_serve():
        raise MongoUnavailable.silent()
    command = run.parse_run(options, await saved_rules())
    folder = Path(options.out) if options.out else None
    return await run.TerminalConversation(services, shown, folder).run(command)


def _import(path: Path, *, reading: "understood.Reading", services: Services) -> "importing.ImportReport":
    return importing.import_files(path, services.market.warehouse, reading=reading, now=utc_now())


class _FarScreen(Screen):
    """Screen of a terminal at the other end of a connection."""

    def __init__(self, typed: TypedCommand, far: _FarTerminal, *, as_json: bool) -> None:
        self._far = far
        console = Console(
            file=far.stream("err" if as_json else "out"),
            highlight=False,
            width=typed.width,
            force_terminal=typed.is_terminal,
            _environ=typed.environment,
        )
        super().__init__(as_json=as_json, console=console, out=far.stream("out"))

    def after_interrupt(self, message: Message) -> None:
        """Let the terminal show this when the person interrupts it."""
        self._far.tell(Told(after_interrupt=terminal_text([message]) + "\n"))
