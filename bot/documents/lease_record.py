"""The lease that lets one bot at a time work on a database."""

from datetime import date, datetime
from typing import Any, ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel

from optimizer.storage.driver import DEFERRED

#: Dates travel as ISO text: BSON knows only moments.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


class Lease(Document):
    """Current holder, which raises the count while it lives."""

    model_config = DEFERRED

    lease_name: str
    holder: str
    beats: int = 0

    class Settings:
        """Collection and indexes."""

        name = "leases"
        indexes: ClassVar = [IndexModel([("lease_name", ASCENDING)], unique=True)]
