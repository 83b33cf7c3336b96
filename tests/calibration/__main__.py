"""Calibrate the verdict: `python -m tests.calibration [--seeds 10] [--noises 15] [--rules 200] [--write]`.

Makes the studies in two processes, keeps each outcome as a line of JSON (a run that was stopped goes on where it
was), judges them all by the tree of today, prints the tables and writes them into docs/calibration.md: one study of
each world, 33 searches of one noise as a person makes them, and thirty seeds of each pair of the sample.
"""

import argparse
import json
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

from tests.calibration import people
from tests.calibration.studies import DYING, EDGES, NOISE, Outcome, Task, outcome
from tests.calibration.table import rendered

DOCUMENT = Path(__file__).parents[2] / "docs" / "calibration.md"
#: Studies that a process makes in a row, of one world: what it needs is compiled and cached then.
_CHUNK = 6


def main() -> None:
    """Make what is missing, then tell."""
    options = _options()
    tasks = [task for task in tasks_of(options.seeds) if not options.world or task.world in options.world]
    results, searches = options.results, options.results.with_suffix(".people.jsonl")
    done = {known.key for known in read(results)}
    _make([task for task in tasks if task.key not in done], results, options.processes)
    asked = [] if options.world else [*people.tasks_of(options.noises), *people.tasks_of_rules(options.rules)]
    made = {(known.part, known.what) for known in people.read(searches)}
    people.make([task for task in asked if task not in made], searches, options.processes)
    wanted = {task.key for task in tasks}
    table = rendered([known for known in read(results) if known.key in wanted])
    table = "\n\n".join([table, people.rendered([s for s in people.read(searches) if (s.part, s.what) in set(asked)])])
    print(table)
    if options.write:
        write(table)


def tasks_of(n_seeds: int) -> list[Task]:
    """Every world with every strategy it is for, a few seeds at a time, so that a stopped run has some of each."""
    return [
        Task(world=world.name, strategy_name=name, seed=seed)
        for first in range(0, n_seeds, 2)
        for world in (*NOISE, *EDGES, *DYING)
        for name in world.strategies
        for seed in range(first, min(first + 2, n_seeds))
    ]


def read(results: Path) -> list[Outcome]:
    """The outcomes kept so far."""
    if not results.exists():
        return []
    return [Outcome(**json.loads(line)) for line in results.read_text().splitlines()]


def write(table: str, document: Path = DOCUMENT, *, name: str = "table") -> None:
    """Put a table between the document's two marks of that name."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = document.read_text()
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    document.write_text(f"{before}{begin}\n\n{table}\n\n{end}{after}")


def _make(tasks: Sequence[Task], results: Path, processes: int) -> None:
    with get_context("spawn").Pool(processes) as pool, results.open("a") as file:
        for made in pool.imap_unordered(outcome, tasks, chunksize=_CHUNK):
            file.write(json.dumps(made.as_document()) + "\n")
            file.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.calibration", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="markets a world and strategy")
    parser.add_argument("--noises", type=int, default=15, help="markets that a person searches 33 times")
    parser.add_argument("--rules", type=int, default=0, help="markets on which a person tries twelve rules in words")
    parser.add_argument("--world", action="append", default=[], help="only this world; may be repeated")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--results", type=Path, default=Path("calibration.jsonl"))
    parser.add_argument("--write", action="store_true", help="write the tables into docs/calibration.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
