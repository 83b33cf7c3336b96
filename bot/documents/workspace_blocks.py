"""Document of what a workspace of Slack shows: whether it accepts the blocks of 2026."""

from datetime import datetime
from typing import ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel

from optimizer.storage.driver import DEFERRED


class WorkspaceBlocks(Document):
    """What a workspace answered when blocks of 2026 were posted to it."""

    model_config = DEFERRED

    team_id: str
    accepts: bool
    decided_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "workspace_blocks"
        indexes: ClassVar = [IndexModel([("team_id", ASCENDING)], unique=True)]
