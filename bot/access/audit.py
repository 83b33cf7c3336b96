"""Audit log: one entry for each command, click and denial, with its outcome; entries are only added."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.documents.audit_log import AuditEntry, Outcome
from bot.documents.current_workspace import of_workspace, workspace

#: Most stored characters of a typed command.
MAX_SAID = 500


async def record(
    *, now: datetime, door: str, user_id: str, channel_id: str, text: str, outcome: Outcome, **more: Any
) -> None:
    """Add an entry; `more` are verb, study, reason, error, reference and team_id."""
    entry = AuditEntry(
        team=workspace(),
        at=now,
        door=door,
        user_id=user_id,
        channel_id=channel_id,
        said=text[:MAX_SAID],
        outcome=outcome,
        **more,
    )
    await entry.insert()


async def latest(
    limit: int, *, outcomes: Sequence[Outcome] = tuple(Outcome), user_id: str | None = None
) -> list[AuditEntry]:
    """Return the newest entries of the current workspace, of everyone or of one person, newest first."""
    query: dict[str, Any] = {"outcome": {"$in": [str(outcome) for outcome in outcomes]}, **of_workspace()}
    query |= {} if user_id is None else {"user_id": user_id}
    return await AuditEntry.find(query).sort("-at", "-_id").limit(limit).to_list()
