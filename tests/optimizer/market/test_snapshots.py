"""Snapshots are immutable, named by their content, and never read when damaged."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from optimizer.errors import DamagedSnapshot, NoSnapshot
from optimizer.market.snapshots import drop_snapshots, read_snapshot, snapshot_path, sweep_drafts, write_snapshot
from tests.optimizer.market.conftest import walk
from tests.refused import refused


def test_a_snapshot_reads_back_to_the_last_bit(tmp_path: Path) -> None:
    bars = walk().adjusted()

    data_hash = write_snapshot(bars, tmp_path)
    back = read_snapshot(data_hash, tmp_path)

    assert (back.symbol, back.timeframe, back.source) == ("GBM", "1d", "file")
    assert back.data_hash == data_hash == bars.data_hash
    np.testing.assert_array_equal(back.close, bars.close)
    assert back.time.dtype == bars.time.dtype


def test_a_symbol_with_a_quote_and_volume_that_is_missing_survive(tmp_path: Path) -> None:
    bars = replace(walk(symbol="O'NEIL"), volume=np.full(500, np.nan)).adjusted()

    assert read_snapshot(write_snapshot(bars, tmp_path), tmp_path).symbol == "O'NEIL"


def test_the_same_bars_are_written_once(tmp_path: Path) -> None:
    bars = walk().adjusted()
    place = snapshot_path(write_snapshot(bars, tmp_path), tmp_path)
    written = place.stat().st_mtime_ns

    write_snapshot(bars, tmp_path)

    assert place.stat().st_mtime_ns == written
    assert list(tmp_path.iterdir()) == [place]


def test_a_missing_snapshot_is_named(tmp_path: Path) -> None:
    with refused(NoSnapshot, match="abc"):
        read_snapshot("abc", tmp_path)


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_cut_off_snapshot_is_refused(tmp_path: Path, keep: int) -> None:
    data_hash = write_snapshot(walk().adjusted(), tmp_path)
    place = snapshot_path(data_hash, tmp_path)
    place.write_bytes(place.read_bytes()[:keep])

    with pytest.raises(DamagedSnapshot):
        read_snapshot(data_hash, tmp_path)


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_damaged_snapshot_is_written_again(tmp_path: Path, keep: int) -> None:
    bars = walk().adjusted()
    place = snapshot_path(write_snapshot(bars, tmp_path), tmp_path)
    place.write_bytes(place.read_bytes()[:keep])

    assert read_snapshot(write_snapshot(bars, tmp_path), tmp_path).data_hash == bars.data_hash
    assert list(tmp_path.iterdir()) == [place]


def test_what_a_killed_writer_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    place = snapshot_path(write_snapshot(walk().adjusted(), tmp_path), tmp_path)
    draft, hidden = tmp_path / f".{place.name}.4711.140230", tmp_path / ".gitignore"
    draft.write_bytes(b"PAR1")
    hidden.touch()

    assert sweep_drafts(tmp_path) == 1
    assert {*tmp_path.iterdir()} == {place, hidden}
    assert sweep_drafts(tmp_path / "nowhere") == 0


def test_other_bars_under_the_name_are_refused(tmp_path: Path) -> None:
    data_hash = write_snapshot(walk().adjusted(), tmp_path)
    other = write_snapshot(walk(seed=1).adjusted(), tmp_path)
    snapshot_path(other, tmp_path).replace(snapshot_path(data_hash, tmp_path))

    with refused(DamagedSnapshot, match="another hash"):
        read_snapshot(data_hash, tmp_path)


def test_only_old_snapshots_that_no_study_keeps_are_dropped(tmp_path: Path) -> None:
    hashes = [write_snapshot(walk(seed=seed).adjusted(), tmp_path) for seed in range(3)]
    for data_hash in hashes[:2]:
        os.utime(snapshot_path(data_hash, tmp_path), (0, 0))

    dropped = drop_snapshots(tmp_path, keep={hashes[0]}, before=datetime(2000, 1, 1, tzinfo=UTC))

    assert dropped == 1
    assert {place.stem for place in tmp_path.iterdir()} == {hashes[0], hashes[2]}
