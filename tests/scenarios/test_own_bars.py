"""A symbol that no source but a file of one's own has, studied from Slack."""

import asyncio
from pathlib import Path

import pandas as pd
import pytest

from optimizer.market.importing import import_files
from optimizer.market.providers.file import Reading
from tests.bars import made_up_bars
from tests.scenarios.conftest import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_symbol_of_an_imported_file_is_studied(stage: Stage, tmp_path: Path) -> None:
    bars = made_up_bars(1300, seed=9)
    columns = {"Open": bars.open, "High": bars.high, "Low": bars.low, "Close": bars.close, "Volume": bars.volume}
    frame = pd.DataFrame(columns, index=pd.bdate_range("2010-01-04", periods=1300))
    await asyncio.to_thread(frame.to_csv, tmp_path / "OWNCO.csv", index_label="Date")
    services = stage.context.services
    await asyncio.to_thread(
        import_files, tmp_path / "OWNCO.csv", services.market.warehouse, reading=Reading(), now=services.clock()
    )

    name, root = await stage.finished("OWNCO RSI 30 seed=81 folds=0", user="kim")
    study = await services.studies.find(name)

    assert (study.symbol, study.status, study.trials_completed) == ("OWNCO", "complete", 30)
    assert "from file" in str([message.blocks for message in await stage.answers(root)])
