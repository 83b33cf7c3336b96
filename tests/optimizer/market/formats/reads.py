"""A file written into a folder and read back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.market.formats.understood import Reading
from optimizer.market.providers.file import read_files
from optimizer.market.providers.file_series import Series
from optimizer.market.raw_bars import RawBars
from tests.optimizer.market.formats.kinds import Kind, Made

PRICES = ("open", "high", "low", "close")


def read(folder: Path, file: str, content: bytes | str, **options: Any) -> list[Series]:
    """Write a file and read it."""
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_files(path, Reading(**options)))


def read_kind(folder: Path, kind: Kind, content: bytes, **options: Any) -> Series:
    """Write and read a file of a kind, with the options that it needs."""
    (series,) = read(folder, kind.file, content, **{**kind.reading, **options})
    return series


def same_bars(kind: Kind, made: Made, bars: RawBars) -> bool:
    """True if bars are those that were written, to twelve digits."""
    columns: Mapping[str, np.ndarray] = {**bars.columns()}
    return (
        (bars.symbol, bars.timeframe) == (kind.symbol, kind.timeframe)
        and np.array_equal(bars.time, kind.moments(made))
        and all(np.allclose(columns[name], getattr(made, name), rtol=1e-12, atol=0) for name in (*PRICES, "volume"))
    )
