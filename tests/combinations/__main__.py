"""The long form: `python -m tests.combinations --n 5000` examines that many random combinations."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.combinations.commands import FACTORS, command_of
from tests.combinations.examination import Outcome, open_examiner
from tests.combinations.pairs import all_pairs, random_rows

#: Drawing takes longer than a study.
DRAW_EACH = 100


async def examine(commands: Sequence[str]) -> list[Outcome]:
    """Examine commands on a service of their own."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_examiner(Path(folder)) as examiner:
            return await examiner.examine_all(commands, draw_each=DRAW_EACH)


def main() -> int:
    """Print every fault with its command; returns 1 if there is one."""
    parser = argparse.ArgumentParser(prog="python -m tests.combinations", description=__doc__)
    parser.add_argument("--n", type=int, help="random combinations; every pair once when left out")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows = random_rows(FACTORS, options.n, seed=options.seed) if options.n else all_pairs(FACTORS, seed=options.seed)
    outcomes = asyncio.run(examine([command_of(row) for row in rows]))
    for outcome in outcomes:
        for text in (outcome.refusal, *outcome.faults):
            if text:
                sys.stdout.write(f"{outcome.command}\n    {text}\n")
    refused, faulty = sum(bool(o.refusal) for o in outcomes), sum(bool(o.faults) for o in outcomes)
    sys.stdout.write(f"{len(outcomes)} combinations, {refused} refused, {faulty} with faults\n")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
