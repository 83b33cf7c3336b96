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


async def import_bars(
    stage: Stage, folder: Path, symbol: str, *, n_bars: int = 1300, split_at: int | None = None
) -> None:
    """Import a file of daily bars from 2010 on, 1,300 of them up to 2014, with a split of 4:1 that nothing adjusts."""
    bars = made_up_bars(n_bars, seed=9)
    columns = {"Open": bars.open, "High": bars.high, "Low": bars.low, "Close": bars.close, "Volume": bars.volume}
    frame = pd.DataFrame(columns, index=pd.bdate_range("2010-01-04", periods=n_bars))
    if split_at is not None:
        frame.iloc[split_at:, :4] /= 4.0
    path, services = folder / f"{symbol}.csv", stage.context.services
    await asyncio.to_thread(frame.to_csv, path, index_label="Date")
    await asyncio.to_thread(import_files, path, services.market.warehouse, reading=Reading(), now=services.clock())


async def test_a_symbol_of_an_imported_file_is_studied(stage: Stage, tmp_path: Path) -> None:
    await import_bars(stage, tmp_path, "OWNCO")

    name, root = await stage.finished("OWNCO RSI 30 seed=81 folds=0", user="kim")
    study = await stage.context.services.studies.find(name)

    assert (study.symbol, study.status, study.trials_completed) == ("OWNCO", "complete", 30)
    assert "from file" in str((await stage.detailed(await stage.verdict(root))).blocks)


async def test_imported_hours_are_studied_as_bars_of_four_hours(stage: Stage, tmp_path: Path) -> None:
    bars, services = made_up_bars(6000, seed=11), stage.context.services
    columns = {"Open": bars.open, "High": bars.high, "Low": bars.low, "Close": bars.close, "Volume": bars.volume}
    frame = pd.DataFrame(columns, index=pd.date_range("2023-01-01", periods=6000, freq="h", tz="UTC"))
    path = tmp_path / "HRS-USD.csv"
    await asyncio.to_thread(frame.to_csv, path, index_label="Time")
    await asyncio.to_thread(import_files, path, services.market.warehouse, reading=Reading(), now=services.clock())

    name, root = await stage.finished("HRS-USD RSI 30 4시간봉 seed=82 folds=2", user="kim")
    study = await services.studies.find(name)

    assert (study.spec.timeframe, study.status, study.trials_completed) == ("4h", "complete", 30)
    assert "4-hour bars" in root.text
    details = str((await stage.detailed(await stage.verdict(root))).blocks)
    assert "1,470 4-hour bars from file" in details


async def test_old_bars_are_said_everywhere_and_cannot_be_scheduled(stage: Stage, tmp_path: Path) -> None:
    await import_bars(stage, tmp_path, "OLDCO")
    old = "The last bar is of 2014-12-26"

    assert "The bars of `OLDCO` (file) end on 2014-12-26; `from=2024-01-01` is after that." in await stage.tell(
        "OLDCO RSI 30 from=2024-01-01"
    )
    assert "its bars end on 2014-12-26" in await stage.tell("OLDCO RSI 30 from=2014-01-01")
    assert (
        "`OLDCO` has daily bars only, and weeks (`1w`) and months (`1mo`) made of them. Use `timeframe=1d`."
        in await stage.tell("OLDCO RSI 30 timeframe=1h")
    )
    assert old in await stage.tell("OLDCO RSI 30 to=2030-01-01 dry")
    assert old not in await stage.tell("OLDCO RSI 30 to=2014-12-26 dry")
    plan = await stage.tell("OLDCO RSI 30 dry")
    assert old in plan
    assert "bars from file" in plan
    refused = await stage.tell("schedule OLDCO RSI 30 weekly mon 07:00 tz=UTC")
    assert "The bars of `OLDCO` (file) end on 2014-12-26 and no new ones arrive" in refused


async def test_a_kind_of_market_says_what_is_odd_about_the_bars_that_it_rests_on(stage: Stage, tmp_path: Path) -> None:
    await import_bars(stage, tmp_path, "SPLITCO", split_at=1200)
    await import_bars(stage, tmp_path, "YOUNGCO", n_bars=262)

    split, young = await stage.tell("regime SPLITCO as_of=2014-12-26"), await stage.tell("regime YOUNGCO")
    assert "*About these bars*: On 2014-08-11 the price moves by" in split
    assert "near a split of 4:1: was it adjusted?" in split
    assert "4:1 분할" in await stage.tell("regime SPLITCO as_of=2014-12-26", user="kim")
    assert "About these bars" not in await stage.tell("regime SPLITCO as_of=2014-07-31")
    assert "cannot be said of so few bars" in young
    assert "The last bar is of" in young
