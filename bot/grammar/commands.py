"""Commands: one frozen value per command, free of text that still needs reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum, auto

from bot.grammar.cadence import ScheduleWhen
from bot.grammar.errors import NobodyToShareWith
from optimizer.domain.results.learned_results import Label
from optimizer.domain.study_request import StudyRule, StudySpec


class Mode(StrEnum):
    """Relation of the studies of several symbols."""

    EACH = auto()  # one study per symbol, under one root
    SHARED = auto()  # one parameter set, scored on the median


class Which(StrEnum):
    """Selection of studies to list."""

    MINE = auto()
    RUNNING = auto()
    ALL = auto()


class ExportFormat(StrEnum):
    """What a study is exported as: a file of its trials, a program of its winner, or a table of what that did."""

    CSV = auto()
    JSON = auto()
    HTML = auto()
    PYTHON = auto()
    BACKTESTING = auto()
    VECTORBT = auto()
    FREQTRADE = auto()
    PINE = auto()
    TRADES = auto()
    POSITIONS = auto()

    @property
    def is_table(self) -> bool:
        """True for what may be a file of two kinds (`TableFile`)."""
        return self in (ExportFormat.TRADES, ExportFormat.POSITIONS)


class TableFile(StrEnum):
    """File of a table of trades or positions."""

    CSV = auto()
    PARQUET = auto()


class Command:
    """Base of all commands."""


@dataclass(frozen=True, kw_only=True)
class Start(Command):
    """Start one study per symbol, or one of all symbols together, or with `is_dry` only show the plan.

    `specs` has one spec for each word of the symbol list; a watch list appears there as the
    symbol `@name` until `over` replaces it by its members.
    """

    specs: tuple[StudySpec, ...]
    mode: Mode = Mode.EACH
    is_dry: bool = False
    is_quiet: bool = False
    is_private: bool = False
    is_confirmed: bool = False  # a rule was seen as it was understood, and is to run
    name: str = ""
    note: str = ""

    @property
    def is_unconfirmed_rule(self) -> bool:
        """True for a rule in words that is shown as it was understood before anything runs."""
        return self.specs[0].rule is not None and not self.is_confirmed and not self.is_dry

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols and `@watch lists`, as typed but in upper case."""
        return tuple(spec.symbol for spec in self.specs)

    @property
    def watchlists(self) -> tuple[str, ...]:
        """Names of the watch lists, without `@`, in lower case."""
        return tuple(symbol[1:] for symbol in self.symbols if symbol.startswith("@"))

    def over(self, members: Mapping[str, Sequence[str]]) -> tuple[StudySpec, ...]:
        """Return the studies' specs: one per symbol, or one that all symbols share.

        Each watch list is replaced by its members, and a repeated symbol is left out. `members` maps a watch list's
        name to its symbols; KeyError when one is missing. Raises NobodyToShareWith when a shared set has one symbol.
        """
        met: dict[str, StudySpec] = {}
        for spec in self.specs:
            listed = members[spec.symbol[1:]] if spec.symbol.startswith("@") else (spec.symbol,)
            for symbol in listed:
                met.setdefault(symbol, spec.for_symbol(symbol))
        if self.mode is not Mode.SHARED:
            return tuple(met.values())
        if len(met) < 2:
            raise NobodyToShareWith(word=next(iter(met)))
        return (self.specs[0].shared_with(tuple(met)),)


@dataclass(frozen=True)
class OpenModal(Command):
    """Open the form: the bare command."""


@dataclass(frozen=True)
class ListRules(Command):
    """List the saved rules."""


@dataclass(frozen=True)
class ShowRule(Command):
    """Show a saved rule with its versions."""

    name: str


@dataclass(frozen=True)
class SaveRule(Command):
    """Save a rule under a name, or a new version of it."""

    name: str
    rule: StudyRule


@dataclass(frozen=True)
class ArchiveRule(Command):
    """Take a saved rule off the list."""

    name: str


class Topic(StrEnum):
    """Kind of a help topic."""

    OVERVIEW = auto()
    SUBJECT = auto()  # a whole table: goals, overlays, options, examples
    VERB = auto()
    STRATEGY = auto()
    GOAL = auto()
    OVERLAY = auto()
    OPTION = auto()
    TERM = auto()  # a term of an answer, such as PBO


@dataclass(frozen=True)
class Help(Command):
    """Show help about one topic, by its key; with an empty `topic` the overview."""

    topic: str = ""
    kind: Topic = Topic.OVERVIEW


@dataclass(frozen=True)
class ListStrategies(Command):
    """List the strategies with their search spaces."""


@dataclass(frozen=True)
class WhoAmI(Command):
    """Show the user's role and limits."""


@dataclass(frozen=True)
class Status(Command):
    """Show the state of a study, or with no id of everything that runs."""

    study: str | None = None


@dataclass(frozen=True)
class ListStudies(Command):
    """List studies, newest first."""

    which: Which = Which.MINE


class Talk(StrEnum):
    """What is said to a bot as to a person."""

    HELLO = "hi"
    THANKS = "thanks"
    VERSION = auto()
    BYE = auto()
    NEXT = "what_now"
    DELETE = auto()


@dataclass(frozen=True)
class SmallTalk(Command):
    """Answer what is no command; `study` is that of the thread."""

    kind: Talk
    study: str | None = None


@dataclass(frozen=True)
class Why(Command):
    """Say what a study's verdict rests on."""

    study: str


@dataclass(frozen=True)
class Show(Command):
    """Show a study's result."""

    study: str


@dataclass(frozen=True, kw_only=True)
class Top(Command):
    """Show the leaderboard, of one symbol or strategy when named."""

    symbol: str | None = None
    strategy: str | None = None
    include_unproven: bool = False


@dataclass(frozen=True)
class Compare(Command):
    """Compare two studies side by side."""

    one: str
    other: str


@dataclass(frozen=True)
class Best(Command):
    """Show the best parameters known for a symbol and a strategy."""

    symbol: str
    strategy: str


@dataclass(frozen=True)
class Cancel(Command):
    """Stop a study and keep its trials."""

    study: str


@dataclass(frozen=True)
class Pause(Command):
    """Pause a study."""

    study: str


@dataclass(frozen=True)
class Resume(Command):
    """Continue a paused, failed or cancelled study."""

    study: str


@dataclass(frozen=True)
class More(Command):
    """Add trials to a finished study."""

    study: str
    n_trials: int = 100


@dataclass(frozen=True)
class Replay(Command):
    """Recompute a study and prove it equal."""

    study: str


@dataclass(frozen=True)
class Export(Command):
    """Send a study as a file."""

    study: str
    format: ExportFormat = ExportFormat.CSV
    file: TableFile = TableFile.CSV  # of a table


@dataclass(frozen=True)
class Adopt(Command):
    """Make a study's winner the champion."""

    study: str
    why: str = ""


@dataclass(frozen=True)
class ListChampions(Command):
    """List the champions: the parameters in use."""


@dataclass(frozen=True, kw_only=True)
class AddSchedule(Command):
    """Search repeatedly: a new start, or the study of the thread it was typed in."""

    when: ScheduleWhen
    start: Start | None = None
    study: str | None = None
    time_zone: str | None = None  # an IANA name; None: the user's


@dataclass(frozen=True)
class ListSchedules(Command):
    """List the schedules with their next runs."""


@dataclass(frozen=True)
class Unschedule(Command):
    """Remove a schedule."""

    schedule: str


@dataclass(frozen=True)
class RunSchedule(Command):
    """Run a schedule now."""

    schedule: str


@dataclass(frozen=True)
class ShowData(Command):
    """Show the stored bars; of one symbol also the data problems."""

    symbol: str | None = None
    timeframe: str = "1d"
    source: str | None = None  # None: the first of the settings that has the symbol


@dataclass(frozen=True)
class ShowRegime(Command):
    """Show what kind of market a symbol is in, or was at a day."""

    symbol: str
    as_of: date | None = None  # None: the last closed bar
    timeframe: str = "1d"
    source: str | None = None  # None: the first of the settings that has the symbol


@dataclass(frozen=True)
class ListRegimes(Command):
    """Show what kind of market each symbol in use is in."""


@dataclass(frozen=True)
class ShowForecast(Command):
    """Show what may follow of a study's winner over the next bars, with the bars since where it is a champion."""

    study: str
    n_bars: int | None = None  # None: a quarter, or the shortest there is


@dataclass(frozen=True)
class ForecastChampions(Command):
    """Show what may follow of all current champions together, held in equal parts."""

    n_bars: int | None = None  # None: a quarter, or the shortest there is


@dataclass(frozen=True)
class ListForecasts(Command):
    """Show how forecasts did so far, of one symbol when named."""

    symbol: str | None = None


@dataclass(frozen=True)
class ShowSignal(Command):
    """Show the learned signal of a symbol, now or as of a day."""

    symbol: str
    horizon: int = 5  # bars that it looks ahead
    label: Label = Label.GAIN  # what it is asked about them
    as_of: date | None = None  # None: the last closed bar
    timeframe: str = "1d"
    source: str | None = None  # None: the first of the settings that has the symbol


@dataclass(frozen=True)
class ShowSignals(Command):
    """Show the signals of a symbol that were told before, with their scores."""

    symbol: str
    horizon: int | None = None  # None: of every one


@dataclass(frozen=True)
class ShowChanges(Command):
    """Show what was changed later in a symbol's stored bars, and what rests on them."""

    symbol: str
    timeframe: str | None = None  # None: every one that is stored
    source: str | None = None  # None: every one


@dataclass(frozen=True)
class Health(Command):
    """Check that everything works."""


@dataclass(frozen=True)
class Failures(Command):
    """Show the last errors."""


@dataclass(frozen=True)
class Config(Command):
    """Show the channel's settings, one of them, or change one.

    `@name` is a watch list of symbols, which is set as a whole or changed by symbols added and removed.
    """

    key: str | None = None
    value: str | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mute(Command):
    """Let the studies of the user be told by their root messages alone."""


@dataclass(frozen=True)
class Unmute(Command):
    """Let the studies of the user be told in full again."""


@dataclass(frozen=True)
class Preferences(Command):
    """Show how the user is answered, or change one of it: `mute`, `dm`, `tz`."""

    key: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Audit(Command):
    """Show the audit, newest first."""

    limit: int = 20


@dataclass(frozen=True)
class OpenWeb(Command):
    """Send a private link to the pages."""
