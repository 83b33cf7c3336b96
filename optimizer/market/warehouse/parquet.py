"""Parquet files of any table, written by DuckDB, so that no other library is needed."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from optimizer.lazy import LazyModule

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")


def parquet_bytes(table: Mapping[str, Sequence[Any]]) -> bytes:
    """Write columns of one length, each of whole numbers, numbers or texts, as Parquet; None becomes NULL."""
    frame = pd.DataFrame({name: _column(values) for name, values in table.items()})
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:", config={"threads": 1}) as connection:
        place = Path(folder) / "table.parquet"
        connection.register("given", frame)
        connection.execute(f"COPY given TO '{place}' (FORMAT parquet)")
        return place.read_bytes()


def _column(values: Sequence[Any]) -> "pd.api.extensions.ExtensionArray":
    known = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in known):
        return pd.array([None if value is None else str(value) for value in values], dtype="string")
    is_whole = bool(known) and all(isinstance(value, int) for value in known)
    return pd.array(list(values), dtype="Int64" if is_whole else "Float64")
