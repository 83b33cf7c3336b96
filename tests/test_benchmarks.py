import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import scale
from tests.benchmarks.__main__ import SECTIONS
from tests.benchmarks.probe import HOMES, named
from tests.benchmarks.tables import (
    BEGIN,
    END,
    ROOT,
    Results,
    Row,
    Table,
    between_marks,
    document,
    sentence,
    short_table,
)

pytestmark = pytest.mark.slow

ROWS = [
    Row(name="`Evaluator.scores`", seconds=11e-6, total_return=-0.48),
    Row(name="pandas", seconds=2.2e-3, total_return=-0.48),
]
RESULTS = Results(
    machine="a machine",
    versions="numpy 2",
    tables=[Table(work="trial", n_bars=1000, n_sets=1, rows=ROWS)],
    peak_mb=300,
)


def test_every_section_can_be_imported_and_has_a_program() -> None:
    program = (
        "import importlib, sys; [importlib.import_module(f'tests.benchmarks.{name}').main for name in sys.argv[1:]]"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", program, *SECTIONS]

    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)

    assert done.returncode == 0, done.stderr


def test_the_probe_finds_every_name_in_this_checkout() -> None:
    assert all(named(name) for name in HOMES)


def test_a_table_has_each_peer_beside_the_product() -> None:
    assert "| `Evaluator.scores` | 11.0 µs | 11.0 | 1.00 | -48.00% |" in document(RESULTS)
    assert "| pandas, TA-Lib | 2.20 ms | 2,200 | 200 | -48.00% |" in document(RESULTS)


def test_the_short_table_has_a_dash_where_a_peer_was_left_out() -> None:
    assert short_table(RESULTS).endswith(
        "| one trial of a study (indicator known) | **11.0 µs** | – | – | – | 2.20 ms (200×) | – | – | – |"
    )


def test_the_sentence_about_speed_names_ratios_machine_and_command() -> None:
    rows = [
        Row(name=name, seconds=n, total_return=0.0) for name, n in (("ours", 2), ("raptorbt", 3), ("vectorbt", 500))
    ]
    tables = [Table(work=work, n_bars=1_258, n_sets=1, rows=rows) for work in ("raw", "many")]

    assert sentence(replace(RESULTS, tables=tables)) == (
        "One backtest from raw prices takes raptorbt (Rust) 1.50 times as long and vectorbt 250 times as long; "
        "200 parameter sets from raw prices takes raptorbt (Rust) 1.50 times as long and vectorbt 250 times as long "
        "(a machine; `python -m tests.benchmarks engine`)."
    )


@pytest.mark.parametrize("name", ["docs/benchmarks.md", "README.md"])
def test_both_pages_have_a_place_for_the_tables(name: str) -> None:
    page = between_marks((ROOT / name).read_text(), "the tables")

    assert f"{BEGIN}\n\nthe tables\n\n{END}" in page
    assert between_marks(page, "the tables") == page


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        between_marks("nothing", "the tables")


def test_the_page_about_scale_has_the_tables_that_the_program_prints() -> None:
    page = (ROOT / "docs" / "scale.md").read_text().splitlines()

    printed = [*scale.ceilings(scale.PER_STUDY), *scale.days(scale.PER_STUDY, scale.ROWS[:3])]

    assert len(printed) == 14
    assert not [line for line in printed if line not in page]


def test_a_day_waits_where_its_parts_are_too_few() -> None:
    cost = replace(scale.PER_STUDY, bot=0.0, drawing=0.0, worker=10.0)
    few, enough = (scale.play(cost, 2_000, 100, n_workers) for n_workers in (1, 50))

    assert 1_800.0 < few.told.max() < 3_300.0  # six thousand seconds of work come in the first hour
    assert 5.0 <= enough.told.min() <= enough.told.max() <= 15.0


def test_everything_of_the_product_that_is_timed_has_a_caller_in_the_product() -> None:
    """A figure of a function that no study ever calls is nobody's figure."""
    called = {path: names_in(path) for path in product_modules()}
    called[OFFERED] = set(re.findall(r"\w+", OFFERED.read_text()))
    alone = {
        f"{path.stem}: {name}"
        for path in (ROOT / "tests" / "benchmarks").glob("*.py")
        for name in taken_from_the_product(path)
        if not any(name in names for names in called.values())
    }
    methods = set(re.findall(r"`Evaluator[^`]*`", (ROOT / "tests" / "benchmarks" / "engine.py").read_text()))

    assert {"`Evaluator.scores`", "`Evaluator(…).backtest(…).measures`"} <= methods
    assert not alone
    for method in {part for row in methods for part in re.findall(r"\.(\w+)", row)}:
        assert any(method in names for module, names in called.items() if "engine" not in module.parts), method


#: Environments for policies are called by people's own programs.
OFFERED = ROOT / "docs" / "environment.md"


def product_modules() -> list[Path]:
    """Every module of the product."""
    return [path for package in ("bot", "optimizer", "reports") for path in (ROOT / package).rglob("*.py")]


def names_in(path: Path) -> set[str]:
    """Names that a module calls, reads or hands on; not those that it only imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)} | {
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    }


def taken_from_the_product(path: Path) -> Iterator[str]:
    """Names of everything that a benchmark imports from the product."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("bot.", "optimizer.", "reports.")):
            yield from (name.name for name in node.names)
