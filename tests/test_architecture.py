"""The house rules that a machine can hold: which way imports run, who may know what, and what importing does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bot", "reports", "optimizer")
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


def modules() -> list[Path]:
    """Every module of the three packages."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """The path as people say it."""
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Each import with the module it names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` names a module; any other name is inside the one that stands there.
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_run_downwards_and_libraries_stay_at_home(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    for _, imported in imports(ast.parse(path.read_text())):
        top = imported.split(".")[0]
        assert top not in PACKAGES or top in BELOW[package], f"{name_of(path)} imports {imported}"
        assert name_of(path).startswith(HOMES.get(top, ("",))), f"{name_of(path)} knows {top}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_stand_at_the_top(path: Path) -> None:
    tree = ast.parse(path.read_text())
    inner = [
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node, _ in imports(function)
    ]
    assert not inner, f"{name_of(path)}:{inner[0].lineno} imports inside a function"
    if "import_module(" in path.read_text():
        assert name_of(path) in BY_NAME


def test_nothing_imports_in_a_circle() -> None:
    graph = {_module(path): {name for _, name in imports(ast.parse(path.read_text()))} for path in modules()}
    within = {name: {_known(other, graph) for other in others} - {None, name} for name, others in graph.items()}
    done: set[str] = set()
    for name in within:
        _descend(name, within, (), done)


def _descend(name: str, graph: dict[str, set[str | None]], above: tuple[str, ...], done: set[str]) -> None:
    assert name not in above, " → ".join((*above[above.index(name) :], name))
    if name in done:
        return
    for other in sorted(filter(None, graph[name])):
        _descend(other, graph, (*above, name), done)
    done.add(name)


def _module(path: Path) -> str:
    return name_of(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def _known(name: str, graph: dict[str, set[str]]) -> str | None:
    return next((known for known in (name, name.rpartition(".")[0]) if known in graph), None)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_catch_alls_are_the_two_that_are_meant(path: Path) -> None:
    broad = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and (node.type is None or _names(node.type) & {"Exception"})
    ]
    assert len(broad) <= CATCH_ALLS.get(name_of(path), 0), f"{name_of(path)}:{broad}"


def _names(node: ast.expr) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_module_is_short_enough_to_read(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 500, f"{name_of(path)} has {len(lines)} lines"
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            assert length <= 60, f"{name_of(path)}:{node.lineno} {node.name} has {length} lines"
