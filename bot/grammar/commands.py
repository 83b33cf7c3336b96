"""What a person can ask for: one frozen value a command, free of text that still needs reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto

from bot.grammar.cadence import ScheduleWhen
from bot.grammar.errors import NobodyToShareWith
from optimizer.domain.study_request import StudySpec


class Mode(StrEnum):
    """What several symbols share."""

    EACH = auto()  # one study a symbol, under one root
    SHARED = auto()  # one parameter set, scored on the median


class Which(StrEnum):
    """Whose studies are listed."""

    MINE = auto()
    RUNNING = auto()
    ALL = auto()


class ExportFormat(StrEnum):
    """What a study is written as."""

    CSV = auto()
    JSON = auto()
    HTML = auto()


class Command:
    """Something a person asked for."""


@dataclass(frozen=True, kw_only=True)
class Start(Command):
    """Start one study a symbol, or one of all symbols together, or with `is_dry` only say what would be done.

    `specs` holds one spec for each word of the symbol list; a watch list stands there with the
    symbol `@name` until `over` has its members.
    """

    specs: tuple[StudySpec, ...]
    mode: Mode = Mode.EACH
    is_dry: bool = False
    is_quiet: bool = False
    is_private: bool = False
    name: str = ""
    note: str = ""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols and `@watch lists`, as typed but in upper case."""
        return tuple(spec.symbol for spec in self.specs)

    @property
    def watchlists(self) -> tuple[str, ...]:
        """The names of the watch lists, without `@`, in lower case."""
        return tuple(symbol[1:] for symbol in self.symbols if symbol.startswith("@"))

    def over(self, members: Mapping[str, Sequence[str]]) -> tuple[StudySpec, ...]:
        """The studies' specs: one a symbol, or one that all symbols share.

        Each watch list is replaced by its members, and a symbol met again is left out. `members` maps a watch list's
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
    """The bare command."""


class Topic(StrEnum):
    """What kind of thing help is about."""

    OVERVIEW = auto()
    SUBJECT = auto()  # a whole table: goals, overlays, options, examples
    VERB = auto()
    STRATEGY = auto()
    GOAL = auto()
    OVERLAY = auto()
    OPTION = auto()


@dataclass(frozen=True)
class Help(Command):
    """Help about one thing, by its key; with an empty `topic` the overview."""

    topic: str = ""
    kind: Topic = Topic.OVERVIEW


@dataclass(frozen=True)
class ListStrategies(Command):
    """The strategies with their search spaces."""


@dataclass(frozen=True)
class WhoAmI(Command):
    """The asker's role and limits."""


@dataclass(frozen=True)
class Status(Command):
    """How a study stands, or with no id how everything running does."""

    study: str | None = None


@dataclass(frozen=True)
class ListStudies(Command):
    """Studies, newest first."""

    which: Which = Which.MINE


@dataclass(frozen=True)
class Show(Command):
    """A study's result."""

    study: str


@dataclass(frozen=True, kw_only=True)
class Top(Command):
    """The leaderboard, of one symbol or strategy when named."""

    symbol: str | None = None
    strategy: str | None = None
    include_unproven: bool = False


@dataclass(frozen=True)
class Compare(Command):
    """Two studies side by side."""

    one: str
    other: str


@dataclass(frozen=True)
class Best(Command):
    """The best parameters known for a symbol and a strategy."""

    symbol: str
    strategy: str


@dataclass(frozen=True)
class Cancel(Command):
    """Stop a study and keep what it has."""

    study: str


@dataclass(frozen=True)
class Pause(Command):
    """Let a study rest."""

    study: str


@dataclass(frozen=True)
class Resume(Command):
    """Carry on with a paused, failed or cancelled study."""

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
    """Hand over a study's trials as a file."""

    study: str
    format: ExportFormat = ExportFormat.CSV


@dataclass(frozen=True)
class Adopt(Command):
    """Make a study's winner the champion."""

    study: str
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class AddSchedule(Command):
    """Search again and again: a new start, or the study of the thread it was typed in."""

    when: ScheduleWhen
    start: Start | None = None
    study: str | None = None
    time_zone: str | None = None  # an IANA name; None: the asker's


@dataclass(frozen=True)
class ListSchedules(Command):
    """The schedules with their next runs."""


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
    """What bars there are, of one symbol with what the sentinel found in them."""

    symbol: str | None = None


@dataclass(frozen=True)
class Health(Command):
    """Whether everything works."""


@dataclass(frozen=True)
class Failures(Command):
    """The last errors."""


@dataclass(frozen=True)
class Config(Command):
    """Read the channel's settings, one of them, or change one. `@name` is a watch list of symbols."""

    key: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Audit(Command):
    """Who did what, newest first."""

    limit: int = 20


@dataclass(frozen=True)
class OpenWeb(Command):
    """A private link to the pages."""
