"""Saved rules: sentences under a name, with their versions. A study keeps its own rule: no past result changes."""

from datetime import datetime
from typing import ClassVar

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from optimizer.domain.study_request import StudyRule
from optimizer.storage.driver import DEFERRED, collection_of

#: Attempts to take the next version while others save the same rule.
_ATTEMPTS = 5


class SavedRule(Document):
    """One version of a rule; the newest is meant by its name."""

    model_config = DEFERRED

    name: str
    version: int
    text: str  # canonical, English
    symbols: list[str]  # others whose bars it reads
    created_by: str
    created_at: datetime
    archived_by: str = ""
    archived_at: datetime | None = None

    class Settings:
        """Collection and indexes."""

        name = "saved_rules"
        indexes: ClassVar = [IndexModel([("name", ASCENDING), ("version", DESCENDING)], unique=True)]

    @property
    def rule(self) -> StudyRule:
        """The rule as a study carries it."""
        return StudyRule(text=self.text, symbols=tuple(self.symbols), name=self.name, version=self.version)


async def saved_rules() -> dict[str, StudyRule]:
    """Rules by what can be typed: `dip` for the newest version, `dip@1` for one; archived ones are left out."""
    found: dict[str, StudyRule] = {}
    for saved in await SavedRule.find({"archived_at": None}).sort("name", "version").to_list():
        found[saved.name] = found[f"{saved.name}@{saved.version}"] = saved.rule
    return found


async def newest_versions() -> list[SavedRule]:
    """The newest version of each rule that is not archived, by name."""
    found = {saved.name: saved for saved in await SavedRule.find({"archived_at": None}).sort("version").to_list()}
    return [found[name] for name in sorted(found)]


async def versions_of(name: str) -> list[SavedRule]:
    """Every version of a rule that is not archived, the newest first."""
    return await SavedRule.find({"name": name, "archived_at": None}).sort("-version").to_list()


async def save_rule(name: str, rule: StudyRule, *, by: str, now: datetime) -> SavedRule:
    """Store a rule as the next version of its name; the same text again is the version that there is."""
    for _ in range(_ATTEMPTS):
        # Archived versions count: a number that was used is not used again.
        newest = await SavedRule.find({"name": name}).sort("-version").first_or_none()
        if newest is not None and newest.text == rule.text and newest.archived_at is None:
            return newest
        saved = SavedRule(
            name=name,
            version=newest.version + 1 if newest else 1,
            text=rule.text,
            symbols=list(rule.symbols),
            created_by=by,
            created_at=now,
        )
        try:
            return await saved.insert()
        except DuplicateKeyError:
            continue
    raise RuntimeError("others saved this rule again and again")


async def archive_rule(name: str, *, by: str, now: datetime) -> int:
    """Take every version of a rule off the list; studies of it stay. Returns their number."""
    change = {"$set": {"archived_by": by, "archived_at": now}}
    result = await collection_of(SavedRule).update_many({"name": name, "archived_at": None}, change)
    return int(result.modified_count)
