"""Preferences of channels and people: channel settings and watch lists."""

from datetime import date, datetime
from typing import Any, ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel

from reports.render import Language

#: Dates travel as ISO text: BSON knows only moments.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


class ChannelSettings(Document):
    """Values of `config` in a channel; None where it follows the bot's own settings."""

    channel_id: str
    language: Language | None = None
    broadcast: bool | None = None  # whether results are also shown in the channel
    changed_by: str = ""
    changed_at: datetime | None = None

    class Settings:
        """Collection and indexes."""

        name = "channel_settings"
        indexes: ClassVar = [IndexModel([("channel_id", ASCENDING)], unique=True)]


class Watchlist(Document):
    """Symbols under a name: `/optimize @name RSI 200`."""

    name: str
    symbols: list[str]
    changed_by: str
    changed_at: datetime

    class Settings:
        """Collection and indexes."""

        indexes: ClassVar = [IndexModel([("name", ASCENDING)], unique=True)]
        name = "watchlists"
