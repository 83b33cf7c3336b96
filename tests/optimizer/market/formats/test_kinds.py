"""A table of random bars, written as each kind of file, is read back: the same bars, and what the file is."""

from pathlib import Path

import numpy as np
import pytest

from optimizer.market.raw_bars import split_part
from tests.optimizer.market.formats.kinds import KINDS, simple
from tests.optimizer.market.formats.reads import read_kind, same_bars


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_bars_are_read_as_they_were_written(tmp_path: Path, name: str, seed: int) -> None:
    kind = KINDS[name]
    made = kind.made(120, seed=seed)

    series = read_kind(tmp_path, kind, kind.write(made))

    assert same_bars(kind, made, series.bars)
    assert series.understood.family == kind.family
    assert (series.understood.n_rows, series.understood.n_bars, series.understood.n_doubtful) == (120, 120, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_any_bars_are_read_as_they_were_written(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    for seed in (3, 4):
        made = kind.made(160 + 17 * (seed % 13), seed=seed)

        assert same_bars(kind, made, read_kind(tmp_path, kind, kind.write(made)).bars), seed


def test_an_adjusted_close_of_a_yahoo_file_is_the_factor(tmp_path: Path) -> None:
    kind = KINDS["yahoo"]
    made = kind.made(60)
    pattern = "{t:%Y-%m-%d}|{o:.6f}|{h:.6f}|{l:.6f}|{c:.6f}|{c}|{v:.0f}"
    halved = simple("Date|Open|High|Low|Close|Adj Close|Volume", pattern.replace("{c}", "0.5"))

    series = read_kind(tmp_path, kind, halved(made))

    assert series.understood.adjustment == "column"
    np.testing.assert_allclose(series.bars.factor, 0.5 / made.close, rtol=1e-12)
    np.testing.assert_array_equal(series.bars.split, split_part(series.bars.factor))
