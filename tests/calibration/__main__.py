"""Calibrate the verdict: `python -m tests.calibration [--walks 200] [--rising 40] [--edges 40]`.

Makes the studies in two processes, keeps each outcome as a line of JSON (a run that was stopped goes on where it
was), prints the table and writes it into docs/calibration.md.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

from optimizer.strategies.registry import STRATEGIES
from tests.calibration.studies import Outcome, Task, World, outcome
from tests.calibration.table import rendered

DOCUMENT = Path(__file__).parents[2] / "docs" / "calibration.md"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"


def main() -> None:
    """Make what is missing, then tell."""
    options = _options()
    tasks = tasks_of({World.WALK: options.walks, World.RISING: options.rising, World.EDGE: options.edges})
    results = options.results
    done = {known.key for known in read(results)}
    _make([task for task in tasks if task.key not in done], results, options.processes)
    wanted = {task.key for task in tasks}
    table = rendered([known for known in read(results) if known.key in wanted])
    print(table)
    if options.write:
        write(table)


def tasks_of(n_seeds: Mapping[World, int]) -> list[Task]:
    """Every strategy in every world, seed after seed, so that a run that was stopped has a bit of everything."""
    return [
        Task(world=world, strategy_name=name, seed=seed)
        for seed in range(max(n_seeds.values()))
        for world in World
        for name in STRATEGIES
        if seed < n_seeds[world]
    ]


def read(results: Path) -> list[Outcome]:
    """The outcomes kept so far."""
    if not results.exists():
        return []
    return [Outcome(**json.loads(line)) for line in results.read_text().splitlines()]


def write(table: str, document: Path = DOCUMENT) -> None:
    """Put the table between the document's two marks."""
    text = document.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    document.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")


def _make(tasks: Sequence[Task], results: Path, processes: int) -> None:
    with get_context("spawn").Pool(processes) as pool, results.open("a") as file:
        for made in pool.imap_unordered(outcome, tasks, chunksize=8):
            file.write(json.dumps(made.as_document()) + "\n")
            file.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.calibration", description=__doc__)
    parser.add_argument("--walks", type=int, default=200, help="random walks a strategy")
    parser.add_argument("--rising", type=int, default=40, help="random walks that rise, a strategy")
    parser.add_argument("--edges", type=int, default=40, help="markets with a planted edge a strategy")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--results", type=Path, default=Path("calibration.jsonl"))
    parser.add_argument("--write", action="store_true", help="write the table into docs/calibration.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
