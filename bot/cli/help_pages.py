"""`optimize-bot help`: the help of `/optimize`, without starting anything."""

import argparse

from bot.cli.command_line import PROGRAM, command_text
from bot.cli.screen import Screen, plain_facts
from bot.commands.help_message import help_message
from bot.grammar.commands import Help, Topic
from bot.grammar.parsing import parse
from bot.role import Role
from bot.runtime.processes import ChildProcesses
from bot.runtime.settings import Settings
from reports.render import renderer_of


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Print the list of commands, or one topic."""
    command = parse(command_text(options), prefix=PROGRAM)
    assert isinstance(command, Help), "the grammar reads this verb as nothing else"
    screen, renderer = Screen(as_json=options.json), renderer_of(settings.language)
    message = help_message(command, renderer, Role.ADMIN)
    screen.show(message)
    if command.kind is Topic.OVERVIEW:
        screen.show(renderer.notice("terminal_verbs"))
    screen.write(plain_facts(message))
    return 0
