"""Feature store: 22 causal columns per bar, stored in DuckDB and recomputed when their bars change.

A row is keyed by symbol, timeframe, source, time, feature-set version and a data hash: the hash of all bars up to its
own. So an edited bar makes exactly the rows from its date on stale, and a row can be checked without later bars.
Prices are adjusted in the money of the last bar read; a read as of a day sees no bar after it, and no later
split or dividend either. `signal` reads them; a worker, which has bars but no DuckDB, computes the same columns.
"""

import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np

from optimizer.domain.bars import Bars, FloatArray, TimeArray
from optimizer.indicators.feature_columns import FEATURES, compute
from optimizer.market.raw_bars import bounds
from optimizer.market.warehouse.result_arrays import fetch_arrays
from optimizer.market.warehouse.warehouse import Warehouse

#: Version of the formulas, so that rows of an older formula are never read.
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Features:
    """Feature columns of one symbol, (n_bars,) each; NaN until there are enough bars."""

    symbol: str
    timeframe: str
    source: str
    time: TimeArray  # datetime64[us], UTC
    columns: dict[str, FloatArray]

    def __len__(self) -> int:
        return len(self.time)


def row_hashes(bars: Bars) -> list[str]:
    """Hash of all bars up to each bar: 32 hexadecimal digits."""
    columns = (bars.time.astype(np.int64).view(np.float64), bars.open, bars.high, bars.low, bars.close, bars.volume)
    table = np.ascontiguousarray(np.column_stack(columns))
    running = hashlib.sha256(f"{bars.symbol}|{bars.timeframe}".encode())
    hashes = []
    for row in table:
        running.update(row.tobytes())
        hashes.append(running.hexdigest()[:32])
    return hashes


class FeatureStore:
    """Features of the symbols in a warehouse, computed at the first read and after their bars change."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def read(
        self, symbol: str, *, timeframe: str = "1d", source: str | None = None, as_of: date | None = None
    ) -> Features:
        """Features of every bar up to the day `as_of` (None: all). Raises as Warehouse.load.

        Rows of the whole history are stored. A read as of a day uses them, unless a later split or
        dividend rescaled them: then it is computed as of that day, and not stored.
        """
        bars = self._warehouse.load(symbol, timeframe=timeframe, source=source, end=as_of)
        hashes = row_hashes(bars)
        if (stored := self._stored(bars, hashes[-1], as_of)) is not None:
            return stored
        columns = compute(bars)
        if as_of is None:
            self._keep(bars, hashes, columns)
        return _features(bars, bars.time.astype("datetime64[us]"), columns)

    def _stored(self, bars: Bars, last_hash: str, as_of: date | None) -> Features | None:
        """Stored rows up to the last bar, if the hash of the last one shows that they belong to these bars."""
        _, high = bounds(None, as_of)
        with self._warehouse.reading() as cursor:
            cursor.execute(
                f"SELECT time, data_hash, {', '.join(FEATURES)} FROM features WHERE symbol = ? AND timeframe = ? "  # noqa: S608 - constants
                "AND source = ? AND version = ? AND time < ? ORDER BY time",
                [bars.symbol, bars.timeframe, bars.source, VERSION, high.item()],
            )
            found = fetch_arrays(cursor)
        if len(found["time"]) != len(bars) or found["data_hash"][-1] != last_hash:
            return None
        return _features(bars, found["time"], {name: found[name] for name in FEATURES})

    def _keep(self, bars: Bars, hashes: list[str], columns: dict[str, FloatArray]) -> None:
        """Replace the rows from the first stale one on; valid rows are not changed."""
        key = [bars.symbol, bars.timeframe, bars.source, VERSION]
        mine = "symbol = ? AND timeframe = ? AND source = ? AND version = ?"
        with self._warehouse.writing() as cursor:
            kept = cursor.execute(f"SELECT data_hash FROM features WHERE {mine} ORDER BY time", key).fetchall()  # noqa: S608
            same = len(_common(hashes, [row[0] for row in kept]))
            if same < len(kept):
                first = bars.time[same].astype("datetime64[us]").item()
                cursor.execute(f"DELETE FROM features WHERE {mine} AND time >= ?", [*key, first])  # noqa: S608
            fresh: dict[str, np.ndarray] = {name: column[same:] for name, column in columns.items()}
            fresh["time"] = bars.time[same:].astype("datetime64[us]")
            cursor.register("fresh", fresh | {"data_hash": np.array(hashes[same:], dtype=object)})
            cursor.execute(
                "INSERT INTO features BY NAME "
                "SELECT ? AS symbol, ? AS timeframe, ? AS source, ? AS version, * FROM fresh",
                key,
            )
            cursor.unregister("fresh")


def _common(left: list[str], right: list[str]) -> list[str]:
    """Longest common prefix of two lists."""
    same = []
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        same.append(one)
    return same


def _features(bars: Bars, time: TimeArray, columns: dict[str, FloatArray]) -> Features:
    return Features(symbol=bars.symbol, timeframe=bars.timeframe, source=bars.source, time=time, columns=columns)
