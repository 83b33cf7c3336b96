"""Where the inputs are, and an import of one of them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from optimizer.market.importing import ImportReport, import_files
from optimizer.market.providers.file import Reading
from optimizer.market.warehouse.warehouse import Warehouse

INPUTS = Path(__file__).parent / "inputs"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)

Import = Callable[..., ImportReport]


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with Warehouse.open(":memory:", now=NOW) as opened:
        yield opened


@pytest.fixture
def bring(warehouse: Warehouse) -> Import:
    """Import the input at a path, which is relative to the inputs unless absolute."""

    def imported(path: str | Path, **reading: str) -> ImportReport:
        return import_files(INPUTS / path, warehouse, reading=Reading(**reading), now=NOW)

    return imported
