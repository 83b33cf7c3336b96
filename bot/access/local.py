"""The person at the machine of the bot: known without Slack, and its admin, since the data directory is theirs."""

import getpass
import os
from pathlib import Path
from zoneinfo import available_timezones

from bot.access.people import Channel, People, Person
from reports.languages import Language

_LOCAL_TIME = Path("/etc/localtime")


def local_user() -> str:
    """Return the name of the person at this machine, which is no Slack user's id."""
    return getpass.getuser()


class LocalPeople(People):
    """People of a bot without Slack: all have the bot's language and the machine's time zone."""

    def __init__(self, language: Language) -> None:
        self._person = Person(language=language, time_zone=_time_zone())

    async def person(self, user_id: str) -> Person:
        """Return the same facts for everyone."""
        return self._person

    async def members(self, group_id: str) -> frozenset[str]:
        """Return nobody, since user groups are Slack's."""
        return frozenset()

    async def home_team(self) -> str:
        """Return no workspace, since workspaces are Slack's."""
        return ""

    async def channel(self, channel_id: str) -> Channel:
        """Return a channel of which nothing is known, since channels are Slack's."""
        return Channel()


def _time_zone() -> str | None:
    """Return the machine's time zone by its IANA name, or None where the machine does not name one."""
    name = os.environ.get("TZ", "").removeprefix(":") or str(_LOCAL_TIME.resolve()).partition("zoneinfo/")[2]
    return name if name in available_timezones() else None
