"""The house rules that a machine can hold: which way imports run, who may know what, and what importing does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.source_tree import PACKAGES, ROOT, functions, imports, length, modules, name_of, tree_of

#: Which of our packages each may import.
BELOW = {"bot": {"bot", "reports", "optimizer"}, "reports": {"reports", "optimizer"}, "optimizer": {"optimizer"}}
#: The one module to change for another driver of MongoDB.
DRIVER = "optimizer/storage/driver.py"
#: Where a library may be known.
HOMES = {
    "slack_bolt": ("bot/",),
    "slack_sdk": ("bot/",),
    "jinja2": ("reports/render.py", "reports/layout_cache.py", "reports/exports/programs.py"),
    "duckdb": ("optimizer/market/",),
    "apscheduler": ("optimizer/studies/scheduler.py",),
    "celery": ("optimizer/studies/running/celery_bell.py",),
    "kombu": ("optimizer/studies/running/celery_bell.py",),
    "lightgbm": ("optimizer/learned/ml/model.py",),
    "motor": (DRIVER,),
}
#: Modules that load others by name, each for a reason it gives.
BY_NAME = {
    "optimizer/lazy.py",
    "optimizer/market/providers/sample.py",
    "optimizer/market/providers/databases.py",
    "optimizer/market/providers/online/exchanges.py",
    "optimizer/market/providers/online/krx.py",
    "optimizer/market/providers/online/yahoo.py",
}
#: Around the code of others: a worker's job, sources of other packages, and a person's own strategies.
CATCH_ALLS = {
    "optimizer/studies/worker.py": 1,
    "bot/cli/attach/terminal_server.py": 1,
    "optimizer/market/providers/plugins.py": 1,
    "optimizer/strategies/plugins/fence.py": 1,
}


def test_imports_run_downwards_and_libraries_stay_at_home() -> None:
    for path in modules():
        package = name_of(path).split("/")[0]
        for _, imported in imports(tree_of(path)):
            top = imported.split(".")[0]
            assert top not in PACKAGES or top in BELOW[package], f"{name_of(path)} imports {imported}"
            assert name_of(path).startswith(HOMES.get(top, ("",))), f"{name_of(path)} knows {top}"


def test_the_driver_of_mongodb_is_known_in_one_place() -> None:
    """A document class gives its collection by `collection_of`, which tests use too."""
    words = re.compile(r"get_(motor|pymongo)_collection|AsyncIOMotor|motor_asyncio|\binit_beanie\b")
    here = Path(__file__).resolve()
    every = {*modules(), *(path for path in ROOT.glob("tests/**/*.py") if path.resolve() != here)}
    assert {name_of(path) for path in every if words.search(path.read_text(encoding="utf-8"))} == {DRIVER}


def test_imports_are_at_the_top() -> None:
    assert not [
        f"{name_of(path)}:{node.lineno}"
        for path in modules()
        for function in functions(path)
        for node, _ in imports(function)
    ]
    assert {name_of(path) for path in modules() if "import_module(" in path.read_text()} <= BY_NAME


def test_catch_alls_are_those_that_are_meant() -> None:
    broad = {name_of(path): len(found) for path in modules() if (found := [*_broad_handlers(tree_of(path))])}
    assert broad == CATCH_ALLS


def test_tasks_are_started_by_the_supervisor_alone() -> None:
    starts = ("create_task(", "ensure_future(", "TaskGroup(", "run_coroutine_threadsafe(")
    found = {name_of(path) for path in modules() if any(word in path.read_text() for word in starts)}
    assert found == {"optimizer/supervisor.py"}


def _broad_handlers(tree: ast.AST) -> Iterator[ast.ExceptHandler]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and (node.type is None or "Exception" in _names(node.type)):
            yield node


def _names(node: ast.expr) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def test_modules_are_short_enough_to_read() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in modules()}
    assert not {name: lines for name, lines in lengths.items() if lines > 500}


def test_functions_are_short_enough_to_read() -> None:
    lengths = {
        f"{name_of(path)}:{function.lineno} {function.name}": length(function)
        for path in modules()
        for function in functions(path)
    }
    assert not {name: lines for name, lines in lengths.items() if lines > 50}
    assert sum(lines <= 10 for lines in lengths.values()) >= 0.70 * len(lengths)
    assert sum(lines <= 25 for lines in lengths.values()) >= 0.95 * len(lengths)
