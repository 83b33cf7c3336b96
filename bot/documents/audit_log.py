"""The audit log: one entry per command, click and denial."""

from datetime import date, datetime
from enum import StrEnum, auto
from typing import Any, ClassVar

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel

from optimizer.storage.driver import DEFERRED

#: Dates travel as ISO text: BSON knows only moments.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


class Outcome(StrEnum):
    """Outcome of a request."""

    DONE = auto()
    REFUSED = auto()  # it could not be done: a wrong word, a study that has ended
    DENIED = auto()  # the user's role is too low
    BROKE = auto()  # an unexpected fault; the log has the reference


class AuditEntry(Document):
    """One command, click or denial; never changed, deleted by age only (`ops/retention.py`)."""

    model_config = DEFERRED

    at: datetime
    door: str  # entry point: command, button, mention, message …
    user_id: str
    channel_id: str
    team_id: str = ""
    team: str = ""  # workspace that it was requested in; empty: the bot's own
    said: str  # the words, or the button
    verb: str = ""
    study: str = ""
    outcome: Outcome
    reason: str = ""  # in English
    error: dict[str, Any] | None = None  # the same for errors.error_of, to be shown in the reader's language
    reference: str = ""

    class Settings:
        """Collection and indexes."""

        name = "audit_log"
        indexes: ClassVar = [IndexModel([("at", DESCENDING)]), IndexModel([("outcome", ASCENDING), ("at", DESCENDING)])]
