"""One listener per verb, and the table that finds it.

A listener takes the typed command and its origin, and returns the answer.
It neither parses nor words anything: the grammar did the one, templates do the other.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.commands import (
    adopt,
    channel,
    control,
    files,
    info,
    open_form,
    operations,
    results,
    schedule,
    start,
)
from bot.commands.button_commands import AdoptNow, DrawHeatmap, OpenForm, Share
from bot.context import Answer, BotContext
from bot.grammar import commands
from bot.grammar.commands import Command
from bot.grammar.verbs import verb_of
from bot.origin import Origin
from bot.role import Role
from optimizer.errors import UserError

__all__ = [
    "LISTENERS",
    "AdoptNow",
    "Command",
    "DrawHeatmap",
    "OpenForm",
    "Share",
    "answer",
    "required_role",
    "verb_name",
]

Listener = Callable[[Any, Origin, BotContext], Awaitable[Answer]]

LISTENERS: Mapping[type[Command], Listener] = {
    commands.Start: start.start,
    commands.OpenModal: open_form.open_form,
    OpenForm: open_form.open_form,
    commands.Help: info.show_help,
    commands.ListStrategies: info.list_strategies,
    commands.WhoAmI: info.who_am_i,
    commands.Status: info.status,
    commands.ListStudies: info.list_studies,
    commands.Show: results.show,
    commands.Top: results.top,
    commands.Compare: results.compare,
    commands.Best: results.best,
    commands.Cancel: control.cancel,
    commands.Pause: control.pause,
    commands.Resume: control.resume,
    commands.More: control.more,
    commands.Replay: control.replay,
    commands.Export: files.export,
    DrawHeatmap: files.draw_heatmap,
    commands.Adopt: adopt.propose,
    AdoptNow: adopt.adopt,
    commands.AddSchedule: schedule.add,
    commands.ListSchedules: schedule.list_all,
    commands.Unschedule: schedule.remove,
    commands.RunSchedule: schedule.run_now,
    commands.ShowData: operations.show_data,
    commands.Health: operations.health,
    commands.Failures: operations.failures,
    commands.Audit: operations.show_audit,
    commands.Config: channel.configure,
    commands.OpenWeb: info.open_web,
}
#: Commands of buttons: the word in the audit, and the lowest role.
_CLICKS: Mapping[type[Command], tuple[str, Role]] = {
    AdoptNow: ("adopt", Role.APPROVER),
    OpenForm: ("form", Role.NOBODY),
    DrawHeatmap: ("heatmap", Role.VIEWER),
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
