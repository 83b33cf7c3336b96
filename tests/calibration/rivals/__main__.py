"""Judge the calibration's studies by others: `python -m tests.calibration.rivals [--seeds 4] [--write]`.

Makes the studies once, keeps what a judge may want of each in a file and our evidence as a line of JSON, installs each
judge into an environment of its own, asks it about every study, prints one table and writes it into
docs/calibration.md. A run that was stopped goes on where it was; to begin anew, remove the folder of `--kept`.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from tests.calibration.__main__ import write
from tests.calibration.rivals.answers import OURS, Answer, Record, ask, read
from tests.calibration.rivals.dossiers import file_of, make, name_of
from tests.calibration.rivals.environments import NotInstalledError, python_for
from tests.calibration.rivals.judges import JUDGES, Judge
from tests.calibration.rivals.table import PARTS, rendered
from tests.calibration.studies import WORLDS, Task

#: Studies that a process makes in a row.
_CHUNK = 6


def main() -> None:
    """Make what is missing, ask who was not asked, then tell."""
    options = _options()
    options.kept.mkdir(parents=True, exist_ok=True)
    lines, tasks = options.kept / "answers.jsonl", tasks_of(options.seeds)
    record = Record(lines)
    made = _make(tasks, options.kept, read(lines), record, options.processes)
    absent: dict[str, str] = {}
    asked = _pythons(options.environments, absent)
    known = {answer.key for answer in read(lines)}
    files = {
        judge: [file_of(name, options.kept) for name in made if (judge.name, name) not in known] for judge in asked
    }
    ask([(judge, asked[judge], files[judge]) for judge in asked], record, options.processes)
    wanted = {name_of(task) for task in tasks}
    table = rendered([answer for answer in read(lines) if answer.study in wanted], absent)
    print(table)
    if options.write:
        write(table, name="rivals")


def tasks_of(n_seeds: int) -> list[Task]:
    """The calibration's own studies of the table's worlds, their first seeds."""
    return [
        Task(world=world, strategy_name=strategy, seed=seed)
        for worlds in PARTS.values()
        for world in worlds
        for strategy in WORLDS[world].strategies
        for seed in range(n_seeds)
    ]


def _make(tasks: Sequence[Task], kept: Path, known: Sequence[Answer], record: Record, processes: int) -> list[str]:
    """Make the studies that are not kept yet; the names of all that there are, without those that have no edge."""
    ours = {answer.study: answer.evidence for answer in known if answer.judge == OURS}
    missing = [task for task in tasks if not _is_kept(name_of(task), ours, kept)]
    with get_context("spawn").Pool(processes) as pool:
        for name, evidence in pool.imap_unordered(partial(make, folder=kept), missing, chunksize=_CHUNK):
            ours[name] = evidence
            record.add(study=name, judge=OURS, evidence=evidence)
    return [name for task in tasks if ours[name := name_of(task)] is not None]


def _is_kept(name: str, ours: dict[str, dict[str, Any] | None], kept: Path) -> bool:
    return name in ours and (ours[name] is None or file_of(name, kept).exists())


def _pythons(environments: Path, absent: dict[str, str]) -> dict[Judge, Path]:
    """The Python of each judge; the reasons of those that cannot be installed go into `absent`."""
    found = {}
    for judge in JUDGES:
        try:
            found[judge] = python_for(judge, environments)
        except NotInstalledError as error:
            absent[judge.name] = str(error)
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.calibration.rivals", description=__doc__)
    parser.add_argument("--seeds", type=int, default=4, help="markets a world and strategy")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--kept", type=Path, default=Path("calibration-rivals"), help="studies and answers")
    parser.add_argument("--environments", type=Path, default=user_cache_path("optimize-bot") / "rivals")
    parser.add_argument("--write", action="store_true", help="write the table into docs/calibration.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
