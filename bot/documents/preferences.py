"""Preferences of channels and people: channel settings, how a person is answered, and watch lists."""

from datetime import date, datetime
from enum import StrEnum, auto
from typing import Any, ClassVar

from beanie import Document
from pydantic import Field
from pymongo import ASCENDING, IndexModel

from optimizer.domain.universe import Stay
from optimizer.storage.driver import DEFERRED
from reports.languages import Language

#: Dates travel as ISO text: BSON knows only moments.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


class Detail(StrEnum):
    """How much of a result is posted at once."""

    BRIEF = auto()  # the decision and one chart; the rest when somebody asks for it
    FULL = auto()


class ChannelSettings(Document):
    """Values of `config` in a channel; None where it follows the bot's own settings."""

    model_config = DEFERRED

    channel_id: str
    language: Language | None = None
    broadcast: bool | None = None  # whether results are also shown in the channel
    detail: Detail | None = None  # how much of a result is posted at once
    quiet: str | None = None  # quiet hours, such as 22:00-07:00
    digest: str | None = None  # time of day of the digest, such as 08:00
    time_zone: str | None = None  # of both, an IANA name
    digested_at: datetime | None = None  # up to when digests have told
    team: str = ""  # workspace of the channel; empty: the bot's own
    changed_by: str = ""
    changed_at: datetime | None = None

    class Settings:
        """Collection and indexes."""

        name = "channel_settings"
        indexes: ClassVar = [IndexModel([("channel_id", ASCENDING)], unique=True)]


class PersonSettings(Document):
    """How a person wants to be answered; one who never said so has none."""

    model_config = DEFERRED

    user_id: str
    is_muted: bool = False  # their studies are told by their root messages alone
    is_direct: bool = False  # their studies are told in a direct message instead of the channel
    time_zone: str | None = None  # an IANA name; None: the one of their Slack

    class Settings:
        """Collection and indexes."""

        name = "person_settings"
        indexes: ClassVar = [IndexModel([("user_id", ASCENDING)], unique=True)]


async def settings_of(user_id: str) -> PersonSettings:
    """Return how a person wants to be answered."""
    found = await PersonSettings.find_one(PersonSettings.user_id == user_id)
    return found or PersonSettings(user_id=user_id)


class Watchlist(Document):
    """Symbols under a name: `/optimize @name RSI 200`; perhaps with the days on which each was a member."""

    model_config = DEFERRED

    name: str
    symbols: list[str]  # of a list with dates all that ever were members
    stays: list[Stay] = Field(default_factory=list)  # empty where no date is known
    changed_by: str
    changed_at: datetime

    def members_on(self, day: date) -> list[str]:
        """Return the members of a day, in the order of the list; all symbols of a list without dates."""
        if not self.stays:
            return list(self.symbols)
        return list(dict.fromkeys(stay.symbol for stay in self.stays if stay.has(day)))

    class Settings:
        """Collection and indexes."""

        bson_encoders = _ENCODERS
        indexes: ClassVar = [IndexModel([("name", ASCENDING)], unique=True)]
        name = "watchlists"
