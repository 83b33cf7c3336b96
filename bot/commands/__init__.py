"""One listener per verb, and the table that finds it.

A listener takes the typed command and the place it came from, and returns what the asker is told.
It neither parses nor words anything: the grammar did the one, templates do the other.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.commands import control, start, tell
from bot.grammar import commands as asked
from bot.office import Answer, Office
from bot.place import Place

Listener = Callable[[Any, Place, Office], Awaitable[Answer]]

LISTENERS: Mapping[type[asked.Command], Listener] = {
    asked.Start: start.start,
    asked.Help: tell.show_help,
    asked.ListStrategies: tell.list_strategies,
    asked.Status: tell.status,
    asked.ListStudies: tell.list_studies,
    asked.Cancel: control.cancel,
    asked.Pause: control.pause,
    asked.Resume: control.resume,
}


async def answer(command: asked.Command, place: Place, office: Office) -> Answer:
    """What to tell whoever gave the command; raises the UserError that says why not."""
    return await LISTENERS[type(command)](command, place, office)
