"""What was typed in a terminal: the verbs of the program itself, and every verb of `/optimize`."""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING

from optimizer.errors import BadValue, UnknownStrategy, UserError
from optimizer.lazy import LazyModule
from reports.languages import LANGUAGES

if TYPE_CHECKING:
    from bot.grammar import errors, parsing, start_builder, verbs
    from bot.grammar.understanding import understand
else:
    # Needed for the verbs of the grammar only: `--version` and `serve` need not wait for them.
    errors, parsing, start_builder, verbs = (
        LazyModule(f"bot.grammar.{name}") for name in ("errors", "parsing", "start_builder", "verbs")
    )
    understand = LazyModule("bot.grammar.understanding.understand")

PROGRAM = "optimize-bot"
#: Before the words of a study that is started here.
RUN = f"{PROGRAM} run"

_OVERVIEW = """\
verbs of the program:
  serve                       run the bot, its pages and its API until stopped
  run SYMBOL STRATEGY         run one study here, to its end
  data import PATH            import files of almost any kind, or a folder of them
  keys add|list|revoke        manage the API keys of programs
  strategies new NAME         write an example of a strategy of your own
  strategies check FILE       try a file of your own strategies, and say what is wrong with it
  backup FILE                 write everything into one file, also while the bot runs
  restore FILE                put a backup into an empty data directory
  prune older=1y [dry]        delete the trials of studies that ended long ago; their decisions stay
  move                        move from the embedded database to MONGODB_URI
  warm                        compile the engine now, so that no first study waits for it
  worker [count=N]            run studies of the bot's database on this machine
  doctor                      check everything the bot needs, and report how to fix what is wrong

Every other verb is one of `/optimize`: optimize-bot help lists them.
"""
_RUN_HELP = """\
examples:
  optimize-bot run AAPL RSI 200                    200 trials of RSI on the bars of Apple
  optimize-bot run AAPL RSI 200 goal=sortino       another goal
  optimize-bot run IBM MACD 500 years=5 stop       five years, with a stop as one more dimension
  optimize-bot run MSFT SMA 300 fast=5..20 dry     only print the plan
  optimize-bot run AAPL RSI 200 --json > out.json  one JSON document, nothing else on stdout
  optimize-bot run AAPL "buy when rsi < 30; sell when rsi > 55" 200 --yes
  optimize-bot run sch-2b                          run a schedule now

The words after `run` are the same as after `/optimize` in Slack.
"""
_IMPORT_HELP = """\
examples:
  optimize-bot data import AAPL.csv --dry          only say what would be read, and how
  optimize-bot data import prices/                 every file under a folder
  optimize-bot data import export.csv --symbol SAP.DE --day-first --decimal ,
  optimize-bot data import EURUSD_M1.csv --zone Europe/Athens

It knows the exports of Yahoo, Stooq, Investing.com, Nasdaq.com, TradingView, MetaTrader, Binance, KRX, NSE and Lean,
and any table with a header that names date, open, high, low and close. What a file does not say is never guessed:
it is refused with file and line, and the option that says it. Everything else that was understood is printed.
"""
_NEW_HELP = """\
The example is commented and passes its trial: change it, try it with `optimize-bot strategies check FILE`, set
OPTIMIZE_BOT_PLUGINS=folder and start the bot again. docs/strategies.md is the manual.
"""
_BACKUP_HELP = """\
examples:
  optimize-bot backup backup-$(date +%F).tar.gz              studies, prices, settings of channels, own strategies
  optimize-bot backup all.tar.gz --secrets                   and the secrets, encrypted

The bot may run meanwhile; studies that run are in the file as far as they are, and continue after a restore.
OPTIMIZE_BOT_BACKUP_PASSPHRASE, or a file that OPTIMIZE_BOT_BACKUP_PASSPHRASE_FILE names, encrypts the secrets:
tokens, keys of sources, and what signs the links of the pages. Without --secrets none of them is in the file.
Charts and reports are left out, since they are drawn again on demand. docs/operate.md is the manual.
"""
_RESTORE_HELP = """\
examples:
  optimize-bot restore backup-2026-11-30.tar.gz              into an empty installation
  optimize-bot restore backup-2026-11-30.tar.gz --replace    DELETES what is stored now, and takes the backup instead
  MONGODB_URI=mongodb://db/optimize_bot optimize-bot restore backup.tar.gz
                                                             documents into a server of your own

The file is read to its end before anything is written: one that is cut off, was changed, or comes from a newer version
is refused. Stop the bot first. An interrupted restore is repeated with --replace.
"""
_PRUNE_HELP = """\
examples:
  optimize-bot prune older=1y dry                  only say what would be deleted
  optimize-bot prune older=1y                      trials, series and replies of studies that ended a year ago
  optimize-bot prune older=90d keep=named          also keep studies that have a name; d, w, m and y are units
  optimize-bot prune older=2y keep=none            champions too

A study's request, its decision, its bars and the sets that it tried always stay: later studies of the same bars count
them, or luck would look smaller than it was. `more ID 1` searches such a study again from its first trial.
The bot may run meanwhile. Make a backup first.
"""
_MOVE_HELP = """\
examples:
  MONGODB_URI=mongodb://user:password@db:27017/optimize_bot optimize-bot move

Copies every document from the embedded server in the data directory to the empty database that MONGODB_URI names, and
counts them on both sides. Stop the bot first. The embedded database stays as it was; delete its folder when you are
content. From then on MONGODB_URI has to be set wherever the bot starts.
"""
_WORKER_HELP = """\
examples:
  MONGODB_URI=mongodb://… optimize-bot worker               as many studies at once as this machine has cores
  optimize-bot worker count=2                               two at once
  OPTIMIZE_BOT_BROKER=redis://… optimize-bot worker --celery

It needs the bot's version, the bot's MONGODB_URI and nothing else; docs/workers.md is the manual.
"""
_EPILOGS = {
    "prune": _PRUNE_HELP,
    "worker": _WORKER_HELP,
    "move": _MOVE_HELP,
    "backup": _BACKUP_HELP, "restore": _RESTORE_HELP,
    "run": _RUN_HELP, "import": _IMPORT_HELP, "strategies new": _NEW_HELP,
}  # fmt: skip
#: Verbs of the program itself, with their help.
_PROGRAM: Mapping[str, str] = {
    "serve": "run the bot, its pages and its API until stopped",
    "worker": "run studies of the bot's database on this machine until stopped",
    "doctor": "check everything the bot needs, and report how to fix what is wrong",
    "keys": "manage the API keys of programs",
    "backup": "write everything that cannot be had again into one file, also while the bot runs",
    "restore": "put a backup into an empty installation, or with --replace in the place of another one",
    "warm": "compile the engine now, so that no first study waits for it",
    "prune": "delete the trials of studies that ended long ago; their decisions stay",
    "move": "move from the embedded database to the one that MONGODB_URI names",
    "import": "import bars from CSV, Parquet, Excel or zip files, and say what was understood of them",
    "run": "run one study here, to its end",
    "strategies new": "write an example of a strategy of your own into the data directory",
    "strategies check": "try a file of your own strategies as the bot does at its start, and say what is wrong with it",
}
#: Most studies that one program runs at once.
_MOST_WORKERS = 256
_SCHEDULE = "sch-"
_JSON_HELP = "print one JSON document and nothing else on stdout"
_TABLES = {"trades", "positions"}


def read_front(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options before the verb, the verb, and the `rest` as it was typed."""
    top = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [--language CODE] [--verbose] VERB …",
        description="Optimize trading strategies, and check whether the result is real.",
        epilog=_OVERVIEW,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"{PROGRAM} {metadata.version(PROGRAM)}")
    _add_common(top, language=None, verbose=False)
    top.add_argument("verb", nargs="?", default="help", help=argparse.SUPPRESS)
    top.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return top.parse_args(arguments)


def read_verb(front: argparse.Namespace) -> argparse.Namespace:
    """Read what the verb takes; `words` are those of the grammar.

    Raises UnknownVerb for a first word that is no verb and begins no study.
    """
    front.verb, rest = _verb_and_rest(front.verb, front.rest)
    if front.verb == "config":
        rest = [_as_word(word) for word in rest]
    return _parser_of(front.verb).parse_args(rest, front)


def read_loosely(options: argparse.Namespace) -> "understand.Reading | None":
    """Replace a request in a person's own words by the exact command; returns how it was read, None for other verbs.

    Raises UserError for words that are no request, as in Slack.
    """
    if options.verb != "run" or not options.words:
        return None
    try:
        parsing.parse(f"start {words_text(options)}", prefix=PROGRAM)
    except UserError as error:
        reading = _reading_of(options.words, error)
    else:
        return None
    if reading is not None:
        first, *rest = shlex.split(reading.text)
        options.verb, options.words = _verb_and_rest(first, rest)
    return reading


def _reading_of(words: Sequence[str], refused: UserError) -> "understand.Reading | None":
    """Return how a text was read that the grammar refused; None where its own error says more."""
    try:
        reading = understand.understand(" ".join(words))
    except UserError as error:
        is_loose = isinstance(error, errors.NotUnderstood | errors.TwoReadings | errors.MissingSymbol)
        may_be_saved = isinstance(refused, UnknownStrategy) and error.facts.get("word") == refused.facts["word"]
        if is_loose and not may_be_saved and not isinstance(refused, BadValue):
            raise
        return None
    return reading if reading.text else None


def names_strategies(front: argparse.Namespace) -> bool:
    """Check whether a verb may name a strategy; the others need not wait until a person's own are loaded."""
    is_about_files = front.verb == "strategies" and front.rest[:1] in (["new"], ["check"])
    return (
        front.verb not in ("keys", "data", "doctor", "web", "backup", "restore", "prune", "move", "warm", "worker")
        and not is_about_files
    )


def _as_word(word: str) -> str:
    """Return a symbol to be taken from a list, `-IBM`, behind a bare sign, so that it is no option."""
    is_removal = word.startswith("-") and not word.startswith("--") and word not in ("-", "-h")
    return f"+,{word}" if is_removal else word


def _add_common(parser: argparse.ArgumentParser, *, language: object, verbose: object) -> None:
    said = "language of all output (default: the setting)"
    parser.add_argument("--language", choices=LANGUAGES, default=language, help=said)
    parser.add_argument("--verbose", action="store_true", default=verbose, help="log every event to stderr")


def _verb_and_rest(word: str, rest: list[str]) -> tuple[str, list[str]]:
    """Return the verb and the words after it; the verb of a study without one is `run`."""
    if word == "data" and rest[:1] in (["import"], ["list"], ["check"]):
        return ("import", rest[1:]) if rest[0] == "import" else ("data", rest[1:])
    if word == "strategies" and rest[:1] in (["new"], ["check"]):
        return f"strategies {rest[0]}", rest[1:]
    if word in _PROGRAM and word != "import":
        return word, rest
    key = verbs.VERB_WORDS.get(word.lower())
    if key == "start":
        return "run", rest
    if key is not None:
        return key, rest
    if rest and (start_builder.is_strategy(rest[0]) or " " in rest[0]):
        return "run", [word, *rest]
    error = errors.UnknownVerb.of(word, [*verbs.VERB_WORDS, *_PROGRAM])
    near = str(error.facts["nearest"])
    if (rest or " " in word) and not near:  # a symbol and a saved rule, which the database knows, or a request in words
        return "run", [word, *rest]
    raise errors.UnknownVerb(**error.facts, command=" ".join([PROGRAM, near, *rest]) if near else "")


def _parser_of(verb: str) -> argparse.ArgumentParser:
    name = "data import" if verb == "import" else verb
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} {name}",
        description=_PROGRAM.get(verb),
        epilog=_EPILOGS.get(verb),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    _add_common(parser, language=argparse.SUPPRESS, verbose=argparse.SUPPRESS)
    match verb:
        case "serve" | "doctor":
            pass
        case "worker":
            _add_worker(parser)
        case "keys":
            _add_keys(parser)
        case "import":
            _add_import(parser)
        case "backup" | "restore":
            _add_backup(parser, verb)
        case "prune":
            parser.add_argument("words", nargs="*", metavar="WORD", help="older=1y, keep=champions|named|none, dry")
            parser.add_argument("--dry", action="store_true", help="the same as the word dry")
            parser.add_argument("--json", action="store_true", help=_JSON_HELP)
        case "move" | "warm":
            parser.add_argument("--json", action="store_true", help=_JSON_HELP)
        case "strategies new" | "strategies check":
            parser.add_argument("named", metavar="NAME" if verb.endswith("new") else "FILE")
            parser.add_argument("--json", action="store_true", help=_JSON_HELP)
        case _:
            _add_words(parser, verb)
    return parser


def _add_words(parser: argparse.ArgumentParser, verb: str) -> None:
    usage = "SYMBOL STRATEGY [TRIALS] and options" if verb == "run" else f"{verbs.VERBS[verb].usage}, as in Slack"
    parser.add_argument("words", nargs="*", metavar="WORD", help=usage)
    parser.add_argument("--json", action="store_true", help=_JSON_HELP)
    if verb == "config":
        parser.add_argument(
            "--file", metavar="FILE", help="the list's symbols, or a CSV of symbol,from,to: config @NAME"
        )
    if verb == "run":
        parser.add_argument("--yes", action="store_true", help="run a rule in words without asking first")
    if verb in ("run", "resume", "more", "export"):
        parser.add_argument("--out", metavar="FOLDER", help="folder for the files that are written")


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("--dry", action="store_true", help="import nothing, only say what was understood")
    parser.add_argument("--json", action="store_true", help=_JSON_HELP)
    parser.add_argument("--symbol", help="symbol, or the one to take of several in a file")
    parser.add_argument("--timeframe", help="length of a bar: 1m, 5m, 15m, 30m, 1h or 1d (default: their distance)")
    parser.add_argument("--zone", help="zone of clock times without one, such as UTC")
    parser.add_argument("--encoding", help="encoding of the text, such as cp949 (default: found from its bytes)")
    parser.add_argument("--decimal", choices=(".", ","), help="decimal sign (default: found from the numbers)")
    order = parser.add_mutually_exclusive_group()
    order.add_argument("--day-first", dest="day_first", action="store_true", default=None, help="01/02 is 1 February")
    order.add_argument("--month-first", dest="day_first", action="store_false", help="01/02 is January 2")
    years = parser.add_mutually_exclusive_group()
    said = "years of two digits are those of the Republic of China: 98 is 2009"
    years.add_argument("--roc-years", dest="republic", action="store_true", default=None, help=said)
    years.add_argument("--common-years", dest="republic", action="store_false", help="they are not: 98 is 1998")
    scale = parser.add_mutually_exclusive_group()
    said = "prices are adjusted for splits and dividends already: take them as they are"
    scale.add_argument("--adjusted", dest="adjusted", action="store_true", default=None, help=said)
    said = "prices are as traded: leave a column of adjusted closes out"
    scale.add_argument("--unadjusted", dest="adjusted", action="store_false", help=said)


def _add_backup(parser: argparse.ArgumentParser, verb: str) -> None:
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--json", action="store_true", help=_JSON_HELP)
    if verb == "backup":
        parser.add_argument("--secrets", action="store_true", help="take the secrets too, encrypted")
    else:
        parser.add_argument(
            "--secrets", action="store_true", help="give the secrets back too, into a file of their own"
        )
        parser.add_argument("--replace", action="store_true", help="delete what is stored now")


def _add_worker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("count", nargs="?", type=_count, metavar="count=N", help="studies at once (default: the cores)")
    parser.add_argument("--celery", action="store_true", help="hear of studies through OPTIMIZE_BOT_BROKER too")


def _count(word: str) -> int:
    """Read `count=2`."""
    key, _, number = word.rpartition("=")
    if key not in ("", "count") or not number.isdecimal() or not 1 <= int(number) <= _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"write count=N with a number from 1 to {_MOST_WORKERS}, not {word!r}")
    return int(number)


def _add_keys(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(dest="action", required=True, metavar="add | list | grant | revoke")
    add = actions.add_parser("add", help="create a key and show it once")
    add.add_argument("name", metavar="NAME", help="the program's name: letters, digits, dash and underscore")
    roles = "viewer (default), runner, approver or admin"
    add.add_argument("role", nargs="?", default="role=viewer", metavar="role=ROLE", help=roles)
    actions.add_parser("list", help="list every key with its role")
    grant = actions.add_parser("grant", help="let a key post in a channel that is not public, and see its studies")
    grant.add_argument("name", metavar="NAME")
    grant.add_argument("channel", metavar="CHANNEL", help="the channel's id, such as C012AB3CD")
    revoke = actions.add_parser("revoke", help="revoke a key, effective at once")
    revoke.add_argument("name", metavar="NAME")


def command_text(options: argparse.Namespace) -> str:
    """Return the words of the grammar as one text; the shell removed the quotes around a word with spaces."""
    return f"{options.verb} {words_text(options)}"


def words_text(options: argparse.Namespace) -> str:
    """Return the words after the verb."""
    words = " ".join(map(_quoted, options.words))
    return f"{words} yes" if getattr(options, "yes", False) else words


def _quoted(word: str) -> str:
    key, sign, value = word.partition("=")
    if " " in key:  # a rule, in which the sign is that of a comparison
        return f'"{word}"' if '"' not in word else word
    return f'{key}="{value}"' if sign and " " in value and '"' not in value else word


def computes_table(options: argparse.Namespace) -> bool:
    """Check whether `export` is to write what a worker computes: trades or positions."""
    return options.verb == "export" and bool(_TABLES & {word.lower() for word in options.words})


def is_schedule_run(options: argparse.Namespace) -> bool:
    """Check whether `run` names a schedule, as in Slack, and not a study."""
    words: list[str] = options.words
    return len(words) == 1 and words[0].lower().startswith(_SCHEDULE)
