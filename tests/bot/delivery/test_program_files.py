"""Where the window of a program begins and ends."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from bot.delivery.program_files import ends_of
from optimizer.domain.study_request import StudySpec
from optimizer.errors import NoSnapshot
from optimizer.market.snapshots import write_snapshot
from optimizer.storage.documents import OptimizationStudy, WindowRecord
from tests.bars import made_up_bars


def study_of(timeframe: str, data_hash: str) -> OptimizationStudy:
    """A stored study as far as its window goes."""
    window = WindowRecord(
        start=10,
        holdout_start=80,
        stop=100,
        start_date=date(2024, 1, 2),
        holdout_date=date(2024, 1, 4),
        end_date=date(2024, 1, 5),
    )
    spec = StudySpec(symbol="TEST", strategy_name="rsi", timeframe=timeframe)
    found: OptimizationStudy = OptimizationStudy.model_construct(spec=spec, window=window, data_hash=data_hash)
    return found


@pytest.mark.parametrize("timeframe", ["1d", "1w", "1mo"])
def test_a_window_of_days_is_named_by_them(timeframe: str, tmp_path: Path) -> None:
    assert ends_of(study_of(timeframe, "none"), tmp_path) == ("2024-01-02", "2024-01-05")


def test_a_window_within_days_is_named_by_its_bars(tmp_path: Path) -> None:
    hours = np.datetime64("2024-01-01T14:30", "ns") + np.arange(120) * np.timedelta64(1, "h")
    data_hash = write_snapshot(replace(made_up_bars(120), timeframe="1h", time=hours), tmp_path)

    assert ends_of(study_of("1h", data_hash), tmp_path) == ("2024-01-02T00:30:00", "2024-01-05T17:30:00")


def test_without_its_bars_a_window_within_days_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(NoSnapshot):
        ends_of(study_of("1h", "none"), tmp_path)
