"""Commands that only buttons give; none can be typed."""

from dataclasses import dataclass

from bot.grammar.commands import Command, OpenModal


@dataclass(frozen=True)
class DrawHeatmap(Command):
    """Put the chart of the two most important parameters into the study's thread."""

    study: str


@dataclass(frozen=True)
class ShowDetails(Command):
    """Post all that follows a study's decision in its thread."""

    study: str


@dataclass(frozen=True)
class ShowDecision(Command):
    """Show the first message of a study's result."""

    study: str


@dataclass(frozen=True)
class OpenForm(OpenModal):
    """Open the form with a symbol from a message, or empty."""

    symbol: str = ""


@dataclass(frozen=True)
class OpenRuleForm(OpenModal):
    """Open the form with a rule and its numbers, from the command that starts it."""

    text: str


@dataclass(frozen=True)
class OpenSaveForm(OpenModal):
    """Open the form that saves the rule of a command."""

    text: str


@dataclass(frozen=True)
class EditAsRule(Command):
    """Show the winner of a study as a rule in words."""

    study: str


@dataclass(frozen=True)
class RunTyped(Command):
    """Run a command as if it was typed."""

    text: str


@dataclass(frozen=True)
class DropRule(Command):
    """Start nothing."""

    symbol: str


@dataclass(frozen=True)
class AdoptNow(Command):
    """Make a study's winner the champion; the dialog was confirmed."""

    study: str
    why: str = ""

    @classmethod
    def of(cls, value: str) -> "AdoptNow":
        """Read a button's value: the study's name, and perhaps a reason after it."""
        study, _, why = value.partition(" ")
        return cls(study, why)


@dataclass(frozen=True)
class OpenScheduleForm(Command):
    """Open the form that repeats a study every week."""

    study: str


@dataclass(frozen=True)
class UndoSchedules(Command):
    """Remove the schedules that a post announced."""

    schedules: tuple[str, ...]

    @classmethod
    def of(cls, value: str) -> "UndoSchedules":
        """Read a button's value: the schedules' names."""
        return cls(tuple(value.split()))


@dataclass(frozen=True)
class Share(Command):
    """Show a private answer to everyone in the channel: of a study, or of the command that gave it."""

    shared: str

    @property
    def study(self) -> str:
        """Name of the study whose decision is shared; empty where the answer to a command is."""
        return "" if " " in self.shared else self.shared
