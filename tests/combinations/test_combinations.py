"""Every pair of options in some study: each ends with an answer that is replayed, resumed, worded and exported."""

from pathlib import Path

import pytest

from tests.combinations.commands import FACTORS, command_of
from tests.combinations.examination import open_examiner
from tests.combinations.pairs import all_pairs
from tests.scenarios.conftest import kept_bindings

pytestmark = [pytest.mark.server, pytest.mark.slow]

#: Charts are slow: one study in so many is drawn.
DRAW_EACH = 140


async def test_every_pair_of_options_ends_with_an_answer(tmp_path: Path) -> None:
    commands = [command_of(row) for row in all_pairs(FACTORS)]
    with kept_bindings():
        async with open_examiner(tmp_path) as examiner:
            outcomes = await examiner.examine_all(commands, draw_each=DRAW_EACH)

    assert not [(outcome.command, outcome.refusal) for outcome in outcomes if outcome.refusal]
    assert not [(outcome.command, outcome.faults) for outcome in outcomes if outcome.faults]
