"""Sweeps: what a nightly sweep has deleted."""

from datetime import date, datetime
from typing import Any, ClassVar

from beanie import Document
from pydantic import Field
from pymongo import DESCENDING, IndexModel

from optimizer.storage.driver import DEFERRED

#: Dates travel as ISO text: BSON knows only moments.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


class Sweep(Document):
    """One nightly sweep. The entries of the audit that it deleted still count in the metrics."""

    model_config = DEFERRED

    started_at: datetime
    ended_at: datetime
    deleted: dict[str, int]  # by what it was: folders of reports, backtests, snapshots, entries
    requests: dict[str, int] = Field(default_factory=dict)  # of the audit, by outcome

    class Settings:
        """Collection and indexes."""

        name = "sweeps"
        indexes: ClassVar = [IndexModel([("started_at", DESCENDING)])]
