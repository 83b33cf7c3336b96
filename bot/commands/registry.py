"""One listener per verb, and the table that finds it.

A listener takes the typed command and the place it came from, and returns what the asker is told.
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
from bot.grammar import commands as asked
from bot.grammar.commands import Command
from bot.grammar.verbs import verb_of
from bot.origin import Origin
from bot.role import Role
from optimizer.errors import UserError

__all__ = ["LISTENERS", "AdoptNow", "Command", "DrawHeatmap", "OpenForm", "Share", "answer", "role_needed", "word_for"]

Listener = Callable[[Any, Origin, BotContext], Awaitable[Answer]]

LISTENERS: Mapping[type[Command], Listener] = {
    asked.Start: start.start,
    asked.OpenModal: open_form.open_form,
    OpenForm: open_form.open_form,
    asked.Help: info.show_help,
    asked.ListStrategies: info.list_strategies,
    asked.WhoAmI: info.who_am_i,
    asked.Status: info.status,
    asked.ListStudies: info.list_studies,
    asked.Show: results.show,
    asked.Top: results.top,
    asked.Compare: results.compare,
    asked.Best: results.best,
    asked.Cancel: control.cancel,
    asked.Pause: control.pause,
    asked.Resume: control.resume,
    asked.More: control.more,
    asked.Replay: control.replay,
    asked.Export: files.export,
    DrawHeatmap: files.draw_heatmap,
    asked.Adopt: adopt.ask,
    AdoptNow: adopt.adopt,
    asked.AddSchedule: schedule.add,
    asked.ListSchedules: schedule.list_all,
    asked.Unschedule: schedule.remove,
    asked.RunSchedule: schedule.run_now,
    asked.ShowData: operations.show_data,
    asked.Health: operations.health,
    asked.Failures: operations.failures,
    asked.Audit: operations.show_audit,
    asked.Config: channel.configure,
    asked.OpenWeb: info.open_web,
}
#: What buttons ask for: the word in the audit, and who may.
_CLICKS: Mapping[type[Command], tuple[str, Role]] = {
    AdoptNow: ("adopt", Role.APPROVER),
    OpenForm: ("form", Role.NOBODY),
    DrawHeatmap: ("heatmap", Role.VIEWER),
    Share: ("share", Role.VIEWER),
}


class NotHere(UserError):
    """A verb that the grammar knows and this installation does not answer. Facts: word."""


async def answer(command: Command, origin: Origin, context: BotContext) -> Answer:
    """What to tell whoever gave the command; raises the UserError that says why not."""
    listener = LISTENERS.get(type(command))
    if listener is None:
        raise NotHere(word=word_for(command))
    return await listener(command, origin, context)


def role_needed(command: Command) -> Role:
    """The smallest role that may give the command."""
    if type(command) in _CLICKS:
        return _CLICKS[type(command)][1]
    # The bare command only opens a form, or help; what is submitted is checked control.
    return Role.NOBODY if isinstance(command, asked.OpenModal) else verb_of(command).role


def word_for(command: Command) -> str:
    """The command's name in refusals and in the audit."""
    return _CLICKS[type(command)][0] if type(command) in _CLICKS else verb_of(command).key
