"""Read the sources of the three packages: their modules, the imports between them, and their functions."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("bot", "reports", "optimizer")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules() -> tuple[Path, ...]:
    """Every module of the three packages, sorted."""
    return tuple(sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")))


def folders() -> list[Path]:
    """Every folder of the three packages that holds something under version control."""
    return sorted({path.parent for path in modules()})


def name_of(path: Path) -> str:
    """The path within the repository, with slashes."""
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    """The name a module is imported by; a package's `__init__.py` has the package's."""
    return name_of(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")


@cache
def tree_of(path: Path) -> ast.Module:
    """The parsed source."""
    return ast.parse(path.read_text())


def functions(path: Path) -> Iterator[Function]:
    """Every function and method of a module, the nested ones too."""
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, Function))


def length(function: Function) -> int:
    """Lines from `def` to the end, decorators left out."""
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Each import with the full name that it brings in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` names a module; any other name is inside the module before it.
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def names() -> dict[str, Path]:
    """Each module's file by the name it is imported by."""
    return {module_name(path): path for path in modules()}


def known(name: str) -> str | None:
    """The module of ours that an imported name is or comes from; None for a library."""
    return next((found for found in (name, name.rpartition(".")[0]) if found in names()), None)


def import_graph() -> dict[str, set[str]]:
    """The modules of ours that each module imports, with the packages above them, which an import runs first."""
    graph: dict[str, set[str]] = {}
    for path in modules():
        own = module_name(path)
        found = {known(name) for _, name in imports(tree_of(path))} - {None, own}
        graph[own] = {package for name in found if name for package in _with_packages(name)} - {own, *_above(own)}
    return graph


def _with_packages(name: str) -> set[str]:
    return {name, *_above(name)}


def _above(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:depth]) for depth in range(1, len(parts))}
