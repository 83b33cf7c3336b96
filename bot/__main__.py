"""Command line: `optimize-bot serve · run · data · keys · doctor`."""

import argparse
import asyncio
import gc
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bot.runtime.processes import ChildProcesses, start_children
from bot.runtime.settings import Settings
from optimizer.errors import BadValue, UnknownWord, UserError
from optimizer.lazy import LazyModule
from reports.languages import LANGUAGES

if TYPE_CHECKING:
    from bot.cli import data, doctor, keys, run, serve
    from reports import render
else:
    # Loaded at the first use, so that each verb loads only what it needs: `run` no web server, `serve` no progress bar.
    data, doctor, keys, run, serve = (LazyModule(f"bot.cli.{v}") for v in ("data", "doctor", "keys", "run", "serve"))
    render = LazyModule("reports.render")

DONE, FAILED, BAD_USAGE = 0, 1, 2

#: A verb's function: options, settings and the child processes started for it; returns the exit code.
Verb = Callable[[argparse.Namespace, Settings, ChildProcesses | None], Awaitable[int]]

#: Verbs that get child processes, with the number of workers (None: the number in the settings).
_WORKERS = {"serve": None, "run": 1}

_RUN_HELP = """\
examples:
  optimize-bot run AAPL RSI 200                    200 trials of RSI on the sample bars of Apple
  optimize-bot run AAPL RSI 200 goal=sortino       another goal
  optimize-bot run IBM MACD 500 years=5 stop       five years, with a stop as one more dimension
  optimize-bot run MSFT SMA 300 fast=5..20 dry     only print the plan
  optimize-bot run AAPL RSI 200 --json > out.json  one JSON document, nothing else on stdout

The words after `run` are the same as after `/optimize` in Slack.
"""


def parser() -> argparse.ArgumentParser:
    """Build the grammar of the command line."""
    top = argparse.ArgumentParser(
        prog="optimize-bot", description="Optimize trading strategies, and check whether the result is real."
    )
    top.add_argument("--language", choices=LANGUAGES, help="language of all output (default: the setting)")
    top.add_argument("--verbose", action="store_true", help="log every event to stderr")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="serve | run | data | keys | doctor")
    verbs.add_parser("serve", help="run the Slack bot until stopped")
    start = verbs.add_parser(
        "run", help="run one study here, without Slack", epilog=_RUN_HELP, formatter_class=argparse.RawTextHelpFormatter
    )
    start.add_argument("words", nargs="+", metavar="WORD", help="SYMBOL STRATEGY [TRIALS] and options, as in Slack")
    start.add_argument("--json", action="store_true", help="print one JSON document and nothing else on stdout")
    start.add_argument("--out", metavar="FOLDER", help="folder for charts and report (default: in the data directory)")
    _add_data(verbs.add_parser("data", help="list, import and check price bars"))
    _add_keys(verbs.add_parser("keys", help="manage the API keys of programs"))
    verbs.add_parser("doctor", help="check everything the bot needs, and tell you how to fix what is wrong")
    return top


def _add_data(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", required=True, metavar="list | import | check")
    actions.add_parser("list", help="list the stored bars")
    bring = actions.add_parser("import", help="import a CSV or Parquet file, or a folder of them")
    bring.add_argument("path", metavar="PATH")
    bring.add_argument("--symbol", help="for one file whose name is not its symbol")
    bring.add_argument("--zone", help="time zone of clock times without one, such as UTC (default: the exchange's)")
    check = actions.add_parser("check", help="coverage, data problems and a calendar of one symbol")
    check.add_argument("words", nargs="+", metavar="SYMBOL [timeframe=1h] [source=yahoo]")


def _add_keys(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", required=True, metavar="add | list | revoke")
    add = actions.add_parser("add", help="create a key and show it once")
    add.add_argument("name", metavar="NAME", help="the program's name: letters, digits, dash and underscore")
    roles = "viewer (default), runner, approver or admin"
    add.add_argument("role", nargs="?", default="role=viewer", metavar="role=ROLE", help=roles)
    actions.add_parser("list", help="list every key with its role")
    revoke = actions.add_parser("revoke", help="revoke a key, effective at once")
    revoke.add_argument("name", metavar="NAME")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; the exit code is 0 when done, 1 when it failed, 2 for bad usage."""
    options = parser().parse_args(arguments)
    _log_to_stderr(verbose=options.verbose or options.verb == "serve")
    try:
        settings = Settings()
        if options.language:
            settings = settings.model_copy(update={"language": options.language})
        code = asyncio.run(_dispatch(options, settings))
    except ValidationError as error:
        sys.stderr.write(_settings_sentence(error))
        code = BAD_USAGE
    except KeyboardInterrupt:
        code = FAILED
    sys.exit(code)


async def _dispatch(options: argparse.Namespace, settings: Settings) -> int:
    try:
        code = await _run_verb(options, settings)
    except UserError as error:
        renderer = render.Renderer(settings.language)
        sys.stderr.write(renderer.error(error) + "\n")
        # An error of the grammar carries the corrected command, if only an empty one.
        return BAD_USAGE if isinstance(error, UnknownWord | BadValue) or "command" in error.facts else FAILED
    return code


async def _run_verb(options: argparse.Namespace, settings: Settings) -> int:
    async with AsyncExitStack() as stack:
        children = None
        if options.verb in _WORKERS:
            # Before the verb is loaded: the processes import their own modules meanwhile.
            children = await stack.enter_async_context(start_children(settings, n_workers=_WORKERS[options.verb]))
        gc.disable()  # imports create no garbage, and the collector would scan their objects again and again
        verb = _load_verb(options.verb)
        gc.freeze()
        gc.enable()
        return await verb(options, settings, children)


def _load_verb(name: str) -> Verb:
    """Import the module of one verb and return its function."""
    match name:
        case "serve":
            return serve.run
        case "run":
            return run.run
        case "data":
            return data.run
        case "keys":
            return keys.run
        case _:
            return doctor.run


def _settings_sentence(error: ValidationError) -> str:
    lines = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_input=False)]
    return "A setting cannot be used: " + "; ".join(lines) + "\n"


def _log_to_stderr(*, verbose: bool) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.ERROR,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    for name in ("apscheduler", "slack_bolt", "slack_sdk", "httpx", "uvicorn", "pymongo", "optuna"):
        logging.getLogger(name).setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
