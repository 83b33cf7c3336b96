"""The short form of the chaos suite: a few kills of everything, and no study notices."""

from pathlib import Path

import pytest

from tests.chaos.havoc import Havoc
from tests.chaos.studies import run
from tests.undisturbed import run_all_undisturbed

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("documents")]

N_STUDIES, N_TRIALS = 2, 1500


async def test_kills_of_bot_worker_and_mongod_change_no_trial_and_double_no_post(tmp_path: Path) -> None:
    home = tmp_path / "havoc"
    havoc = Havoc(bot=2, worker=1, mongod=1, seed=7, shortest=0.1, longest=1.0)
    disturbed = await run(home, N_STUDIES, N_TRIALS, havoc)
    undisturbed = await run_all_undisturbed(disturbed.studies, home)

    assert havoc.is_over
    assert disturbed.states == dict.fromkeys(range(1, N_STUDIES + 1), "complete")
    assert disturbed.tables == undisturbed
    assert disturbed.n_results == disturbed.n_roots == dict.fromkeys(range(1, N_STUDIES + 1), 1)
    assert (disturbed.n_lost, disturbed.n_twice, disturbed.n_out_of_order) == (0, 0, 0)
