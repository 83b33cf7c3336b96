"""Any table becomes Parquet and back, with its types and its gaps."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from optimizer.market.warehouse.parquet import parquet_bytes


def _read(content: bytes, folder: Path) -> tuple[dict[str, list[Any]], list[str]]:
    place = folder / "it's.parquet"
    place.write_bytes(content)
    relation = duckdb.read_parquet(str(place))
    rows = relation.fetchall()
    return {name: [row[i] for row in rows] for i, name in enumerate(relation.columns)}, [str(t) for t in relation.types]


@pytest.mark.parametrize(
    "table",
    [
        {"a": [1, 2, None], "b": [0.5, None, 1e-300], "c": ["x", None, "it's; --"], "d": [None, None, None]},
        {"mixed": [1, 2.5, None]},
        {"a": [], "b": []},
        {"big": [2**62, 0]},
    ],
)
def test_a_table_is_read_back_as_it_was(table: dict[str, list[Any]], tmp_path: Path) -> None:
    assert _read(parquet_bytes(table), tmp_path)[0] == table


def test_columns_have_the_type_of_their_values(tmp_path: Path) -> None:
    _, types = _read(
        parquet_bytes(
            {
                "a": [1],
                "b": [1.5],
                "c": ["x"],
                "d": [
                    1,
                ][:1],
            }
        ),
        tmp_path,
    )

    assert types == ["BIGINT", "DOUBLE", "VARCHAR", "BIGINT"]
