"""`optimize-bot web`: a link that signs the person at this machine in to the pages of the running bot."""

import argparse

from bot.access.local import local_user
from bot.access.sign_in import LINK_LIVES, SignIn
from bot.cli.command_line import PROGRAM, command_text
from bot.cli.screen import Screen
from bot.grammar.parsing import parse
from bot.runtime.processes import BotInHome, ChildProcesses, lock_home
from bot.runtime.settings import Settings
from optimizer.clock import utc_now
from optimizer.errors import Unavailable
from reports.render import Renderer, renderer_of
from reports.text.message import Message


class NoPages(Unavailable):
    """Raised when no bot runs that would serve the pages."""


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Print a link; raises NoPages when the bot does not run."""
    parse(command_text(options), prefix=PROGRAM)  # it takes no words
    try:
        with lock_home(settings.home, options.verb):
            raise NoPages
    except BotInHome:
        url = sign_in_url(settings, settings.web_address)
    screen = Screen(as_json=options.json)
    screen.show(link_message(url, settings, renderer_of(settings.language)))
    screen.write({"url": url})
    return 0


def sign_in_url(settings: Settings, address: str) -> str:
    """Return a link to the pages at `address` for the person at this machine; it works once."""
    return f"{address}/sign-in?ticket={SignIn.of(settings.home, utc_now).link_for(local_user())}"


def link_message(url: str, settings: Settings, renderer: Renderer) -> Message:
    """Word the link with its time limit."""
    minutes = int(LINK_LIVES.total_seconds() // 60)
    return renderer.notice("local_link", url=url, minutes=minutes)
