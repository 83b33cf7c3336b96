"""MongoDB's asynchronous driver: the one module that names Motor, and what Beanie 1 calls after it.

Motor's support ends in May 2027. PyMongo's own asynchronous client differs from it in how a document class gives its
collection, in that an aggregation and closing have to be awaited, and in where the bucket of files comes from. Each has
its function here; everything else that is used has the same name in both. Tried with PyMongo 4.20 and Beanie 2.2: with
another body of these functions alone, the tests of leases, of tries and of doctor's probes pass.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from beanie import Document, init_beanie
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
    AsyncIOMotorGridFSBucket,
)
from pydantic import ConfigDict

#: Settings of every document class: what validates and writes its documents is built at its first use, because a
#: process uses few of the classes and its start would wait for all.
DEFERRED = ConfigDict(defer_build=True)
#: Document classes that are bound at once.
_AT_ONCE = 4
Client = AsyncIOMotorClient[Any]
Database = AsyncIOMotorDatabase[Any]
Collection = AsyncIOMotorCollection[Any]


def new_client(address: str, **options: Any) -> Client:
    """Return a client, which connects at its first request; raises PyMongoError, ValueError or TypeError."""
    return AsyncIOMotorClient(address, **options)


async def close(client: Client) -> None:
    """Close the connections of a client."""
    client.close()


async def bind(database: Database, models: Sequence[type[Document]], *, skip_indexes: bool = False) -> None:
    """Bind the document classes to a database, and create their indexes.

    Several at a time: each is bound by three questions to the server, one after the other.
    """
    parts = [list(models[first::_AT_ONCE]) for first in range(min(_AT_ONCE, len(models)))]
    await asyncio.gather(
        *(init_beanie(database=database, document_models=part, skip_indexes=skip_indexes) for part in parts)
    )


def collection_of(kind: type[Document]) -> Collection:
    """Return the collection of a document class, for what is read or written without Beanie."""
    return kind.get_motor_collection()


def database_of(kind: type[Document]) -> Database:
    """Return the database that a document class is bound to."""
    return cast(Database, collection_of(kind).database)  # which Motor's types take for a collection of that name


async def aggregate(
    kind: type[Document], stages: Sequence[Mapping[str, Any]], **options: Any
) -> AsyncIterator[dict[str, Any]]:
    """Yield what the stages make of a collection."""
    async for found in collection_of(kind).aggregate(list(stages), **options):
        yield found


def file_bucket(database: Database, name: str) -> AsyncIOMotorGridFSBucket:
    """Return the files of a database under this name."""
    return AsyncIOMotorGridFSBucket(database, name)
