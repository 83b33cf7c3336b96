"""Signals as they were told: never changed, only scored once their outcome is known."""

from datetime import datetime
from typing import ClassVar

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from optimizer.domain.results.learned_results import Label, Quality
from optimizer.storage.driver import DEFERRED, collection_of

_FORMER_INDEX = "symbol_1_timeframe_1_source_1_horizon_1_as_of_1_version_1_data_hash_1"


class StoredSignal(Document):
    """One signal of a symbol: one for each bar, horizon and label, and anew of other bars or by another version."""

    model_config = DEFERRED

    symbol: str
    timeframe: str
    source: str
    horizon: int
    label: Label = Label.GAIN  # what was asked: early ones asked for gains
    as_of: datetime  # opening of the bar at whose close it was known
    version: int
    data_hash: str  # of the bars
    probability: float
    base_rate: float
    quality: Quality | None = None
    bucket: str = ""
    n_train: int
    trained_until: datetime | None = None
    model_hash: str = ""
    told_at: datetime
    scored_at: datetime | None = None
    realised: bool | None = None  # whether it came true; None as well where the price stood still
    brier: float | None = None
    base_brier: float | None = None

    class Settings:
        name = "ml_signals"
        indexes: ClassVar = [
            IndexModel(
                [
                    (key, ASCENDING)
                    for key in ("symbol", "timeframe", "source", "horizon", "label", "as_of", "version", "data_hash")
                ],
                unique=True,
            ),
            IndexModel([("symbol", ASCENDING), ("as_of", DESCENDING)]),
            IndexModel([("scored_at", ASCENDING), ("as_of", ASCENDING)]),
        ]


async def drop_former_index() -> None:
    """Drop the index of versions without labels, under which two of them could not be stored for one bar."""
    collection = collection_of(StoredSignal)
    if _FORMER_INDEX in await collection.index_information():
        await collection.drop_index(_FORMER_INDEX)


async def store_signal(signal: StoredSignal) -> None:
    """Store a signal, unless the same one was told before: that one stays."""
    try:
        await signal.insert()
    except DuplicateKeyError:
        return


async def stored_signals(symbol: str, *, horizon: int | None = None, limit: int) -> list[StoredSignal]:
    """Signals of a symbol, the newest bar first."""
    query = {"symbol": symbol} | ({} if horizon is None else {"horizon": horizon})
    return await StoredSignal.find(query).sort("-as_of", "-told_at").limit(limit).to_list()


async def unscored_signals(limit: int) -> list[StoredSignal]:
    """Signals without a score, the oldest bar first."""
    return await StoredSignal.find({"scored_at": None}).sort("as_of").limit(limit).to_list()
