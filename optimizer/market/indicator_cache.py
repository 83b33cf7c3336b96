"""Computed indicators in DuckDB (`technical_indicators_cache`), keyed by symbol, name, all parameters and data hash.

Worth its place where computing costs more than a look-up of about a millisecond; `python -m tests.benchmarks market`
prints for which indicators that is so. The compiled search keeps its own in memory and does not come here.
"""

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import numpy as np

from optimizer.market.bars import Warehouse
from optimizer.series import Bars, FloatArray

Params = Mapping[str, int | float | str]


class IndicatorCache:
    """Indicator arrays by what they were computed from."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._counting = threading.Lock()
        self.hits = 0
        self.misses = 0

    @property
    def hit_ratio(self) -> float:
        """Share of requests that were answered without computing, 0 to 1; 0 before the first."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else 0.0

    def get(self, bars: Bars, indicator: str, params: Params, compute: Callable[[Bars], FloatArray]) -> FloatArray:
        """The indicator of these bars: one row of len(bars) values, or several rows of that length."""
        key = [bars.symbol, indicator, params_key(params), bars.data_hash]
        if (stored := self._find(key)) is not None:
            return stored
        computed = np.ascontiguousarray(compute(bars), dtype=np.float64)
        self._keep(key, computed)
        return computed

    def prune(self, before: datetime) -> int:
        """Forget what was stored before that moment; returns how many indicators."""
        with self._warehouse.writing() as cursor:
            moment = before.astimezone(UTC).replace(tzinfo=None)
            rows = cursor.execute("DELETE FROM technical_indicators_cache WHERE stored_at < ?", [moment]).fetchall()
        return int(rows[0][0])

    def _find(self, key: list[str]) -> FloatArray | None:
        with self._warehouse.reading() as cursor:
            rows = cursor.execute(
                "SELECT n_columns, content FROM technical_indicators_cache "
                "WHERE symbol = ? AND indicator = ? AND params = ? AND data_hash = ?",
                key,
            ).fetchall()
        with self._counting:
            self.hits += len(rows)
            self.misses += not rows
        return _unpacked(*rows[0]) if rows else None

    def _keep(self, key: list[str], values: FloatArray) -> None:
        n_columns = 0 if values.ndim == 1 else len(values)
        moment = datetime.now(UTC).replace(tzinfo=None)
        with self._warehouse.writing() as cursor:
            cursor.execute(
                "INSERT OR REPLACE INTO technical_indicators_cache VALUES (?, ?, ?, ?, ?, ?, ?)",
                [*key, n_columns, values.tobytes(), moment],
            )


def params_key(params: Params) -> str:
    """All parameters in one text: the same for the same values in any order, 14 and 14.0 alike."""
    plain = {name: float(value) if isinstance(value, int | float) else value for name, value in params.items()}
    return json.dumps(plain, sort_keys=True)


def _unpacked(n_columns: int, content: bytes) -> FloatArray:
    values = np.frombuffer(content, dtype=np.float64)
    return values.reshape(n_columns, -1) if n_columns else values
