"""Results of DuckDB queries as plain arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection


def fetch_arrays(cursor: DuckDBPyConnection) -> dict[str, np.ndarray]:
    """Columns of the last query by name; DuckDB stores NaN as NULL, which becomes NaN again."""
    return plain_arrays(cursor.fetchnumpy())


def plain_arrays(columns: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Masked arrays with NaN in place of masked values; other arrays unchanged."""
    return {name: _plain(column) for name, column in columns.items()}


def _plain(column: Any) -> np.ndarray:
    if isinstance(column, np.ma.MaskedArray) and column.dtype.kind == "f":
        return np.asarray(column.filled(np.nan))
    return np.asarray(column)
