"""The short form of what a machine does to a bot: its disk and its files.

Connections that use up the descriptors are in `tests/scenarios/test_pressure.py`. A full database and mixed load take
too long for every run of the tests: `python -m tests.chaos many` and `soak`.
"""

from pathlib import Path

import pytest

from tests.chaos import machine
from tests.undisturbed import run_all_undisturbed

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("documents")]


async def test_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    ended, named = await machine.disk(tmp_path / "disk", 1, 1000, times=1, seconds=3)

    assert named["disk"] or named["mongodb"]
    assert named["well after"] == 1
    assert not ended.flaws(await run_all_undisturbed(ended.studies, ended.home))


async def test_damaged_files_are_mended(tmp_path: Path) -> None:
    ended, left = await machine.damage(tmp_path / "damage", 1, 300, times=1)

    assert not left
    assert not ended.flaws(await run_all_undisturbed(ended.studies, ended.home))
