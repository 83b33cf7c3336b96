"""The Slack workspace that the running task works for, where one bot serves several.

The empty text is the bot's own workspace, that of SLACK_BOT_TOKEN: the only one unless others may install the app.
Whoever begins work for another one enters it: the requests of Slack, a page's session, the loops that post. What is
made meanwhile is stored with it, and Slack is called with its token.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

#: The bot's own workspace.
HOME = ""
_CURRENT: ContextVar[str] = ContextVar("workspace", default=HOME)


def workspace() -> str:
    """Return the current workspace: empty for the bot's own, else the id that Slack gave the team."""
    return _CURRENT.get()


def enter(team: str) -> None:
    """Work for a workspace from here to the end of the task."""
    _CURRENT.set(team)


@contextmanager
def in_workspace(team: str) -> Iterator[None]:
    """Work for a workspace inside the block; tasks that are started there work for it as well."""
    before = _CURRENT.set(team)
    try:
        yield
    finally:
        _CURRENT.reset(before)


def of_workspace() -> dict[str, Any]:
    """Return the query for what is the current workspace's; what earlier versions stored is the bot's own."""
    return {"team": workspace() or {"$in": [HOME, None]}}
