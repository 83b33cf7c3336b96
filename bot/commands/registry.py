"""One listener per verb, and the table that finds it.

A listener takes the typed command and its origin, and returns the answer.
It neither parses nor words anything: the grammar did the one, templates do the other.
"""

from collections.abc import Mapping

from bot.commands import (
    adopt,
    channel,
    control,
    files,
    info,
    open_form,
    operations,
    results,
    rules,
    schedule,
    start,
)
from bot.commands.button_commands import (
    AdoptNow,
    DrawHeatmap,
    DropRule,
    EditAsRule,
    OpenForm,
    OpenRuleForm,
    OpenSaveForm,
    OpenScheduleForm,
    RunTyped,
    Share,
    ShowDecision,
    ShowDetails,
    UndoSchedules,
)
from bot.commands.outlook import forecast, regime, signal_verbs
from bot.context import Answer, BotContext, Listeners
from bot.grammar import commands
from bot.grammar.commands import ArchiveRule, Command, SaveRule
from bot.grammar.verbs import verb_of
from bot.origin import Origin
from bot.role import Role
from optimizer.errors import UserError

__all__ = [
    "LISTENERS",
    "AdoptNow",
    "Command",
    "DrawHeatmap",
    "DropRule",
    "EditAsRule",
    "OpenForm",
    "OpenRuleForm",
    "OpenSaveForm",
    "OpenScheduleForm",
    "RunTyped",
    "Share",
    "ShowDecision",
    "ShowDetails",
    "UndoSchedules",
    "answer",
    "required_role",
    "verb_name",
]

_MODULES = (
    adopt,
    channel,
    control,
    files,
    info,
    open_form,
    operations,
    forecast,
    regime,
    results,
    rules,
    schedule,
    signal_verbs,
    start,
)
#: The listener of each command: each module lists its own.
LISTENERS: Listeners = {command: listener for module in _MODULES for command, listener in module.LISTENERS.items()}
#: Commands of buttons, and those that need more than their verb: the word in the audit, and the lowest role.
_CLICKS: Mapping[type[Command], tuple[str, Role]] = {
    AdoptNow: ("adopt", Role.APPROVER),
    OpenForm: ("form", Role.NOBODY),
    OpenScheduleForm: ("schedule", Role.RUNNER),
    OpenRuleForm: ("form", Role.RUNNER),
    OpenSaveForm: ("rule", Role.RUNNER),
    SaveRule: ("rule", Role.RUNNER),
    ArchiveRule: ("rule", Role.RUNNER),
    EditAsRule: ("rule", Role.VIEWER),
    DropRule: ("rule", Role.VIEWER),
    UndoSchedules: ("unschedule", Role.RUNNER),
    DrawHeatmap: ("heatmap", Role.VIEWER),
    ShowDecision: ("show", Role.VIEWER),
    ShowDetails: ("show", Role.VIEWER),
    Share: ("share", Role.VIEWER),
}


class NotHere(UserError):
    """Raised for a verb of the grammar that has no listener here. Facts: word."""


async def answer(command: Command, origin: Origin, context: BotContext) -> Answer:
    """Run a command and return its answer; raises a UserError when it cannot be done."""
    listener = LISTENERS.get(type(command))
    if listener is None:
        raise NotHere(word=verb_name(command))
    return await listener(command, origin, context)


def required_role(command: Command) -> Role:
    """Return the lowest role that may give the command."""
    if type(command) in _CLICKS:
        return _CLICKS[type(command)][1]
    # The bare command only opens a form, or help; the submitted start is checked by itself.
    return Role.NOBODY if isinstance(command, commands.OpenModal) else verb_of(command).role


def verb_name(command: Command) -> str:
    """Return the command's name in refusals and in the audit."""
    return _CLICKS[type(command)][0] if type(command) in _CLICKS else verb_of(command).key
