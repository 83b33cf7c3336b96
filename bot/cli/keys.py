"""`optimize-bot keys`: API keys of programs; also while the bot runs."""

import argparse
import getpass
import sys

from bot.access import audit
from bot.api.api_keys import ROLES, add_key, all_keys, grant_channel, read_role, revoke_key
from bot.cli.upkeep.terminal_mongodb import open_beside
from bot.documents.audit_log import AuditEntry, Outcome
from bot.documents.sessions import ApiKey
from bot.runtime.processes import ChildProcesses
from bot.runtime.settings import Settings
from optimizer.clock import utc_now
from optimizer.storage.mongo import open_documents
from reports.render import Renderer, renderer_of
from reports.text.terminal import terminal_text

_DOOR = "terminal"


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Add, list, grant or revoke; returns the exit code."""
    renderer = renderer_of(settings.language)
    role = read_role(options.role.removeprefix("role=")) if options.action == "add" else ROLES[0]
    async with open_beside(settings, "keys") as uri, open_documents(uri, (ApiKey, AuditEntry)):
        match options.action:
            case "add":
                text = await add_key(options.name, role, created_by=getpass.getuser(), now=utc_now())
                # The key alone on stdout, for scripts; the notice on stderr.
                sys.stdout.write(text + "\n")
                await _record(f"keys add {options.name} role={role.name.lower()}")
                _print_notice(renderer, "key_added", key_name=options.name, role=role.name.lower())
            case "revoke":
                await revoke_key(options.name, now=utc_now())
                await _record(f"keys revoke {options.name}")
                _print_notice(renderer, "key_revoked", key_name=options.name)
            case "grant":
                await grant_channel(options.name, options.channel)
                await _record(f"keys grant {options.name} {options.channel}")
                _print_notice(renderer, "key_granted", key_name=options.name, channel=options.channel)
            case _:
                await _list(renderer)
    return 0


async def _list(renderer: Renderer) -> None:
    keys = await all_keys()
    if not keys:
        _print_notice(renderer, "no_keys")
    for key in keys:
        line = renderer.notice("key_line", key=key)
        sys.stdout.write(terminal_text([line]) + "\n")


def _print_notice(renderer: Renderer, notice: str, **facts: object) -> None:
    sys.stderr.write(terminal_text([renderer.notice(notice, **facts)]) + "\n")


async def _record(text: str) -> None:
    user = getpass.getuser()
    await audit.record(
        now=utc_now(), door=_DOOR, user_id=user, channel_id="", text=text, outcome=Outcome.DONE, verb="keys"
    )
