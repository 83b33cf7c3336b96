"""The house rules that a machine can hold: which way imports run, who may know what, and what importing does."""

import ast
from pathlib import Path

import pytest

from tests.source_tree import PACKAGES, functions, imports, length, modules, name_of, tree_of

#: Which of our packages each may import.
BELOW = {"bot": {"bot", "reports", "optimizer"}, "reports": {"reports", "optimizer"}, "optimizer": {"optimizer"}}
#: Where a library may be known.
HOMES = {
    "slack_bolt": ("bot/",),
    "slack_sdk": ("bot/",),
    "jinja2": ("reports/render.py", "reports/layout_cache.py"),
    "duckdb": ("optimizer/market/",),
    "apscheduler": ("optimizer/studies/scheduler.py",),
    "motor": ("optimizer/storage/mongo.py",),
}
#: Modules that load others by name, each for a reason it gives.
BY_NAME = {
    "optimizer/lazy.py",
    "optimizer/market/providers/sample.py",
    "optimizer/market/providers/yahoo.py",
}
CATCH_ALLS = {"optimizer/studies/worker.py": 1}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_run_downwards_and_libraries_stay_at_home(path: Path) -> None:
    package = name_of(path).split("/")[0]
    for _, imported in imports(tree_of(path)):
        top = imported.split(".")[0]
        assert top not in PACKAGES or top in BELOW[package], f"{name_of(path)} imports {imported}"
        assert name_of(path).startswith(HOMES.get(top, ("",))), f"{name_of(path)} knows {top}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_stand_at_the_top(path: Path) -> None:
    tree = tree_of(path)
    inner = [
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node, _ in imports(function)
    ]
    assert not inner, f"{name_of(path)}:{inner[0].lineno} imports inside a function"
    if "import_module(" in path.read_text():
        assert name_of(path) in BY_NAME


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_catch_alls_are_the_two_that_are_meant(path: Path) -> None:
    broad = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler) and (node.type is None or _names(node.type) & {"Exception"})
    ]
    assert len(broad) <= CATCH_ALLS.get(name_of(path), 0), f"{name_of(path)}:{broad}"


def _names(node: ast.expr) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_module_is_short_enough_to_read(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= 500, f"{name_of(path)} has {lines} lines"


def test_functions_are_short_enough_to_read() -> None:
    lengths = {
        f"{name_of(path)}:{function.lineno} {function.name}": length(function)
        for path in modules()
        for function in functions(path)
    }
    assert not {name: lines for name, lines in lengths.items() if lines > 50}
    assert sum(lines <= 10 for lines in lengths.values()) >= 0.70 * len(lengths)
    assert sum(lines <= 25 for lines in lengths.values()) >= 0.95 * len(lengths)
