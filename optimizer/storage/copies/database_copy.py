"""A whole database as BSON, in parts of a few megabytes: read in an order that keeps it consistent while others write.

No server is needed that can read everything at one moment. What names a study is read before the studies, so that each
named study is there; what belongs to a study is read after them, and only of the studies that were read: a finished
study has all its trials, and one that runs has at least those that its document counts.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from optimizer.errors import Phrase
from optimizer.storage.documents import BacktestRecord, OptimizationStudy, OptimizationTrial, StudyCurves, TriedSets
from optimizer.storage.embedded_mongo import MongoUnavailable
from optimizer.storage.mongo import DATABASE

STUDIES = OptimizationStudy.Settings.name
#: Collections whose documents each belong to one study, which they name in `study`.
DETAILS = tuple(kind.Settings.name for kind in (OptimizationTrial, StudyCurves, TriedSets, BacktestRecord))
#: Bytes from which a part is handed on; a document has at most 16 MB.
_PART_BYTES = 8 * 1024 * 1024
#: Studies whose details are asked for at a time.
_STUDIES_AT_A_TIME = 200
_RAW = CodecOptions(document_class=RawBSONDocument)

RawDatabase = Database[RawBSONDocument]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some documents of one collection, one after the other as BSON."""

    collection: str
    documents: bytes
    n: int


@contextmanager
def raw_database(uri: str) -> Iterator[RawDatabase]:
    """Open the database whose documents stay as they are stored. Raises MongoUnavailable, also inside the block."""
    try:
        with MongoClient[RawBSONDocument](uri, serverSelectionTimeoutMS=5000, document_class=RawBSONDocument) as client:
            yield client.get_default_database(DATABASE)
    except PyMongoError as failure:  # its words may repeat the password
        reason = Phrase("as_written", text=type(failure).__name__)
        raise MongoUnavailable(what=Phrase("mongodb"), reason=reason, remedy=Phrase("check_mongodb_uri")) from failure


def collections_of(database: RawDatabase) -> list[str]:
    """Return the names of the collections that have documents, sorted."""
    names = (name for name in database.list_collection_names() if not name.startswith("system."))
    return sorted(name for name in names if database[name].find_one({}, {"_id": 1}) is not None)


def read_parts(database: RawDatabase, *, without: Collection[str] = ()) -> Iterator[Part]:
    """Yield every document of every collection but some, in the order that the module's first words give reasons for.

    In the order of `_id` no document is read twice, and none that was there before is passed over.
    """
    for name in collections_of(database):
        if name not in (STUDIES, *DETAILS, *without):
            yield from _parts_of(database, name, {})
    known = list[str]()
    for part in _parts_of(database, STUDIES, {}):
        known += [document["study_name"] for document in bson.decode_all(part.documents, _RAW)]
        yield part
    for name in DETAILS:
        for first in range(0, len(known), _STUDIES_AT_A_TIME):
            yield from _parts_of(database, name, {"study": {"$in": known[first : first + _STUDIES_AT_A_TIME]}})


def _parts_of(database: RawDatabase, name: str, query: Mapping[str, Any]) -> Iterator[Part]:
    gathered, size, n = list[bytes](), 0, 0
    # The details of some studies are found by their index; of a whole collection `_id` is the index to follow.
    batches: Iterable[Any] = database[name].find_raw_batches(query, **({} if query else {"sort": [("_id", 1)]}))
    for batch in batches:  # bytes, whatever the type of documents
        gathered.append(batch)
        size, n = size + len(batch), n + _count(batch)
        if size >= _PART_BYTES:
            yield Part(collection=name, documents=b"".join(gathered), n=n)
            gathered, size, n = [], 0, 0
    if n:
        yield Part(collection=name, documents=b"".join(gathered), n=n)


def _count(documents: bytes) -> int:
    """Count documents by their lengths, which each begins with."""
    n, at = 0, 0
    while at < len(documents):
        at += int.from_bytes(documents[at : at + 4], "little")
        n += 1
    return n


def write_part(database: RawDatabase, collection: str, documents: bytes) -> int:
    """Store the documents of a part, byte for byte; returns their number."""
    found: Sequence[RawBSONDocument] = bson.decode_all(documents, _RAW)
    if found:
        database[collection].insert_many(found)
    return len(found)


def drop_all(database: RawDatabase) -> None:
    """Drop every collection; their indexes are made again when the bot opens the database."""
    for name in database.list_collection_names():
        if not name.startswith("system."):
            database[name].drop()
