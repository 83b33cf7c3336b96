"""Command line: `optimize-bot serve · run · data · keys · doctor`, and every verb of `/optimize`."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from types import ModuleType
from typing import TYPE_CHECKING

from bot.cli import command_line
from bot.ops.ending import end_at_once, end_within
from optimizer.lazy import LazyModule, load_modules, not_found, unusable

if TYPE_CHECKING:
    import pydantic

    from bot.cli import (
        data,
        doctor,
        first_start,
        help_pages,
        keys,
        run,
        serve,
        strategy_files,
        terminal_verbs,
        web,
        worker_program,
    )
    from bot.cli.attach import exit_codes, terminal_client
    from bot.cli.upkeep import backup, move, prune, restore, warm
    from bot.ops import json_log
    from bot.runtime import own_strategies, processes, settings
    from optimizer import errors
else:
    # Loaded at the first use, so that each verb loads only what it needs: `run` no web server, `help` no database.
    data, doctor, first_start, help_pages, keys = (
        LazyModule(f"bot.cli.{name}") for name in ("data", "doctor", "first_start", "help_pages", "keys")
    )
    run, serve, strategy_files, terminal_verbs, web, worker_program = (
        LazyModule(f"bot.cli.{name}")
        for name in ("run", "serve", "strategy_files", "terminal_verbs", "web", "worker_program")
    )
    backup, move, prune, restore, warm = (
        LazyModule(f"bot.cli.upkeep.{name}") for name in ("backup", "move", "prune", "restore", "warm")
    )
    json_log = LazyModule("bot.ops.json_log")
    own_strategies, processes, settings = (
        LazyModule(f"bot.runtime.{name}") for name in ("own_strategies", "processes", "settings")
    )
    exit_codes, terminal_client = (LazyModule(f"bot.cli.attach.{name}") for name in ("exit_codes", "terminal_client"))
    errors, pydantic = LazyModule("optimizer.errors"), LazyModule("pydantic")

#: Seconds that threads have at the end of the process.
_LAST_SECONDS = 2.0
#: A verb's function: options, settings and the child processes started for it; returns the exit code.
Verb = Callable[..., Awaitable[int]]

#: Verbs with a module of their own; every other one is a verb of the grammar.
_MODULES: Mapping[str, ModuleType] = {
    "serve": serve, "run": run, "import": data, "keys": keys, "doctor": doctor, "help": help_pages, "web": web,
    "backup": backup, "restore": restore, "prune": prune, "move": move, "warm": warm,
    "worker": worker_program,
    "strategies new": strategy_files, "strategies check": strategy_files,
}  # fmt: skip
#: Verbs that need prices from somewhere: the first of them in a terminal asks from where.
_ASKING = {"serve", "run"}
#: Verbs whose processes are started before anything else.
_EARLY = {"run"}
#: Verbs that start no child processes here.
_ALONE = {
    "worker", "import", "keys", "backup", "restore", "prune", "move", "warm", "doctor", "help", "web",
    "strategies new", "strategies check",
}  # fmt: skip
#: Verbs that the running bot does not carry out for a terminal.
_NOT_IN_BOT = (_ALONE | {"serve"}) - {"import"}
#: Number of workers, where some are needed; None: the number in the settings.
_WORKERS = {
    "serve": None, "health": None, "run": 1, "resume": 1, "more": 1, "replay": 1, "forecast": 1, "forecasts": 1,
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; the exit code is 0 when done, 1 when it failed, 2 for bad usage."""
    if arguments is None:
        _open_closed_streams()
    code = _run_quietly(arguments)
    if arguments is None:  # the process is this program's own
        end_within(_LAST_SECONDS, code)
        end_at_once(code)
    sys.exit(code)


def _open_closed_streams() -> None:
    """Read from and write to nothing where a shell has closed a stream (`>&-`), which Python then has not."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            # A copy of this process has something else at this number.
            setattr(sys, name, open(nothing, mode, closefd=False))  # noqa: SIM115


def _run_quietly(arguments: Sequence[str] | None) -> int:
    """Return the exit code; whoever closes the pipe or ends the process needs no report of it."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return exit_codes.PIPE_CLOSED
    except asyncio.CancelledError:
        return exit_codes.TERMINATED
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except SystemExit as ended:  # of argparse, or of rich when the pipe is closed
        return ended.code if isinstance(ended.code, int) else exit_codes.DONE
    return code


def _discard_output() -> None:
    """Send what is still buffered nowhere, or the interpreter would report the closed pipe at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _run(arguments: Sequence[str] | None) -> int:
    gc.disable()  # imports create no garbage, and the collector would scan their objects again and again
    front = command_line.read_front(arguments)
    try:
        return _run_in(front, is_program=arguments is None)
    finally:
        gc.enable()


def _run_in(front: argparse.Namespace, *, is_program: bool) -> int:
    """Read the settings and carry out the verb; `is_program`: the process is this program's own."""
    try:
        chosen = settings.Settings()
        chosen = chosen.model_copy(update={"language": front.language or chosen.language})
    except pydantic.ValidationError as error:
        sys.stderr.write(_settings_sentence(error))
        return exit_codes.BAD_USAGE
    except UnicodeDecodeError as error:
        sys.stderr.write(f"The file .env in this folder is not text in UTF-8: {error.reason} at byte {error.start}.\n")
        return exit_codes.BAD_USAGE
    except OSError as error:
        sys.stderr.write(f"The file .env in this folder cannot be read: {error.strerror}.\n")
        return exit_codes.BAD_USAGE
    try:
        with ExitStack() as stack:
            early = _start_early(front, chosen, stack) if is_program else None
            options, chosen = _read(front, chosen)
            if early is not None:
                _load_verb(options)
                load_modules(*run.WORDING)
                stack.enter_context(processes.start_drawing(early))
            return asyncio.run(_run_verb(options, chosen, early))
    except errors.UserError as error:
        sys.stderr.write(exit_codes.sentence_of(error, chosen.language))
        return exit_codes.code_of(error)


def _start_early(
    front: argparse.Namespace, chosen: "settings.Settings", stack: ExitStack
) -> "processes.EarlyChildren | None":
    """Start what such a verb always needs before its words are read; None for others, and where the bot has it."""
    if front.verb not in _EARLY or {"-h", "--help"} & {*front.rest}:
        return None
    try:
        with not_found("tornado", *unusable()):
            return stack.enter_context(processes.start_early(chosen, front.verb))
    except processes.BotInHome:  # the verb meets it again, and no worker is needed here
        return None


def _read(front: argparse.Namespace, chosen: "settings.Settings") -> "tuple[argparse.Namespace, settings.Settings]":
    """Read the verb and what it takes, and ask at a first start; returns the options and the settings."""
    _log_to_stderr(verbose=front.verbose or front.verb == "serve")
    if chosen.log == "json":
        logging.getLogger().handlers[0].setFormatter(json_log.JsonLines())
    if chosen.plugins != "off" and command_line.names_strategies(front):
        # Before a word is read: which of them are strategies is known then, and nothing has asked before.
        own_strategies.load_own_strategies(chosen)
    options = command_line.read_verb(front)
    if (reading := command_line.read_loosely(options)) is not None:
        sys.stderr.write(exit_codes.understood(reading.text, reading.names, options.language or chosen.language))
    _log_to_stderr(verbose=options.verbose)
    chosen = chosen.model_copy(update={"language": options.language or chosen.language})
    asks = options.verb in _ASKING and not getattr(options, "json", False) and first_start.may_ask()
    return options, first_start.with_sources(chosen, may_ask=asks)


async def _run_verb(
    options: argparse.Namespace, chosen: "settings.Settings", early: "processes.EarlyChildren | None"
) -> int:
    """Carry out a verb here, or where the bot owns the data directory, by the bot."""
    _end_on_sigterm()
    try:
        return await _run_here(options, chosen, early)
    except processes.BotInHome as in_use:  # before anything was done
        if options.verb in _NOT_IN_BOT:
            raise
        return await terminal_client.ask_bot(options, chosen, in_use)


async def _run_here(
    options: argparse.Namespace, chosen: "settings.Settings", early: "processes.EarlyChildren | None"
) -> int:
    async with AsyncExitStack() as stack:
        children = None
        if options.verb not in _ALONE:
            # Before the verb is loaded: the processes import their own modules meanwhile.
            starting = processes.start_children(chosen, verb=options.verb, n_workers=_n_workers(options), early=early)
            children = await stack.enter_async_context(starting)
        with not_found("tornado", *unusable()):  # Motor's second half
            verb = _load_verb(options)
        gc.freeze()
        gc.enable()
        return await verb(options, chosen, children)


def _end_on_sigterm() -> None:
    """Cancel this task at SIGTERM, so that everything that it opened is closed."""
    task = asyncio.current_task()
    assert task is not None, "called in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _n_workers(options: argparse.Namespace) -> int | None:
    return 1 if command_line.computes_table(options) else _WORKERS.get(options.verb, 0)


def _load_verb(options: argparse.Namespace) -> Verb:
    """Import the module of one verb and return its function."""
    if options.verb == "run" and command_line.is_schedule_run(options):
        return terminal_verbs.run
    verb: Verb = _MODULES.get(options.verb, terminal_verbs).run
    return verb


def _settings_sentence(error: "pydantic.ValidationError") -> str:
    lines = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_input=False)]
    return "A setting cannot be used: " + "; ".join(lines) + "\n"


def _log_to_stderr(*, verbose: bool) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.ERROR,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    if verbose:
        logging.getLogger().setLevel(logging.INFO)
    for name in ("apscheduler", "slack_bolt", "slack_sdk", "httpx", "uvicorn", "pymongo", "optuna"):
        logging.getLogger(name).setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
