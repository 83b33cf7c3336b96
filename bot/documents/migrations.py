"""Migrations of MongoDB: what earlier versions stored is brought up to date when the bot opens the database.

A migration's number is its position in the table; only append to it. Each can be repeated: one that was interrupted is
carried out again from its beginning, and finds what is left. A database of a newer version is refused before any
document of it is changed.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel

from bot.documents.audiences import store_missing_audiences
from optimizer.errors import Unavailable
from optimizer.storage.curves import move_curves
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.driver import DEFERRED, collection_of

log = logging.getLogger(__name__)

Migration = Callable[[], Awaitable[object]]

#: Indexes of studies that earlier versions made, each the beginning of one that there is now.
_REPLACED = (
    *("symbols_1__id_-1", "summary.verdict_1__id_-1", "status_1__id_-1"),
    "rank.verdict_1_rank.p_1_rank.outside_-1__id_1",
    "symbols_1_rank.verdict_1_rank.p_1_rank.outside_-1__id_1",
)


async def drop_replaced_indexes() -> int:
    """Drop indexes that no query names any more; returns how many there were."""
    collection = collection_of(OptimizationStudy)
    replaced = sorted(set(_REPLACED) & set(await collection.index_information()))
    for name in replaced:
        await collection.drop_index(name)
    return len(replaced)


MIGRATIONS: tuple[Migration, ...] = (
    store_missing_audiences,
    move_curves,
    drop_replaced_indexes,
)
#: Version of the database that this program writes.
SCHEMA = len(MIGRATIONS)


class SchemaVersion(Document):
    """Number of the last migration that was carried out; a database without it was never migrated, or is new."""

    model_config = DEFERRED

    of: str = "database"
    version: int

    class Settings:
        """Collection and indexes."""

        name = "schema_versions"
        indexes: ClassVar = [IndexModel([("of", ASCENDING)], unique=True)]


class DatabaseTooNew(Unavailable):
    """Raised when a newer version has worked on the database. Facts: version, known."""


async def schema_version() -> int:
    """Return the number of the last migration carried out."""
    stored = await SchemaVersion.find_one()
    return stored.version if stored else 0


async def migrate() -> None:
    """Carry out what is missing, in order. Raises DatabaseTooNew."""
    version = await schema_version()
    if version > SCHEMA:
        raise DatabaseTooNew(version=version, known=SCHEMA)
    for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
        log.info("migration number=%s name=%s result=%s", number, migration.__name__, await migration())
        # Another bot may have come further meanwhile: the number never falls.
        await collection_of(SchemaVersion).update_one({"of": "database"}, {"$max": {"version": number}}, upsert=True)
