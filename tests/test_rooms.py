"""The tree: which rooms there are, which of them may import which, and what may lie in each.

A room is a folder, or a single module at the top of a package. `ROOMS` lists those of each package
from the ground up: a module imports from its own room and from rooms listed before it. Rooms that
are planned are listed too, so that their place is decided before the first file arrives; a folder
or a top module that is not listed fails here, and is added to the table on purpose or moved.
"""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from tests.source_tree import (
    PACKAGES,
    ROOT,
    Function,
    folders,
    import_graph,
    imports,
    known,
    module_name,
    modules,
    name_of,
    names,
    tree_of,
)

#: The rooms of each package, from the ground up.
ROOMS = {
    "optimizer": (
        "errors",
        "clock",
        "supervisor",
        "lazy",
        "environment",
        "compiled",
        "domain",
        "indicators",
        "learned",
        "strategies",
        "engine",
        "search",
        "validation",
        "market",
        "storage",
        "outlook",
        "studies",
    ),
    "reports": (
        "languages",
        "actions",
        "facts",
        "text",
        "forecast_facts",
        "json_document",
        "sentences",
        "narrative",
        "decision",
        "tables",
        "layout_cache",
        "own_words",
        "exports",
        "render",
        "charts",
        "__main__",
    ),
    "bot": (
        "role",
        "grammar",
        "origin",
        "documents",
        "runtime",
        "access",
        "delivery",
        "schedules",
        "context",
        "ops",
        "commands",
        "slack",
        "api",
        "pages",
        "http_server",
        "cli",
        "__main__",
    ),
}
#: Folders within a room, which share its place.
WITHIN = {
    "optimizer/domain": {"results"},
    "optimizer/strategies": {"learning", "plugins", "regimes", "rules"},
    "optimizer/search": {"tpe"},
    "optimizer/validation": {"champions", "learned_evidence", "regimes", "statistics"},
    "optimizer/storage": {"copies"},
    "optimizer/market": {"providers", "formats", "warehouse", "quality"},
    "optimizer/market/providers": {"online"},
    "optimizer/learned": {"ml", "policy"},
    "optimizer/studies": {"running"},
    "bot/grammar": {"rules", "understanding"},
    "bot/api": {"routes"},
    "bot/commands": {"forms", "outlook"},
    "bot/cli": {"attach", "upkeep"},
}
#: Rooms and folders whose first file is still to come.
PLANNED: set[str] = set()
MOST_AT_THE_TOP = 18
MOST_IN_A_FOLDER = 16
#: File names that several rooms share because the files do the same for each of them.
SAME_ROLE = {"__init__.py", "__main__.py", "app.py", "documents.py", "errors.py", "facts.py", "registry.py"}


def room_of(name: str) -> tuple[str, str]:
    """The package and the room of a module; a package's own `__init__` has the room ``."""
    package, _, rest = name.partition(".")
    return package, rest.partition(".")[0]


def test_modules_import_from_their_room_and_those_below() -> None:
    faults = [
        f"{name_of(path)} imports {other}: `{room_of(other)[1]}` is above its room"
        for path in modules()
        for other in filter(None, (known(name) for _, name in imports(tree_of(path))))
        if _height(module_name(path)) < _height(other) and room_of(module_name(path))[0] == room_of(other)[0]
    ]
    assert not faults


def _height(name: str) -> int:
    """Rooms below that of a module; the package itself is below them all."""
    package, room = room_of(name)
    return ROOMS[package].index(room) if room in ROOMS[package] else -1


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_and_folder_at_the_top_is_a_room(package: str) -> None:
    found = {room_of(name)[1] for name in names() if room_of(name)[0] == package} - {""}
    planned = {name.split("/")[1] for name in PLANNED if name.startswith(f"{package}/")}
    assert not found - set(ROOMS[package]), "not in the table of rooms"
    assert not set(ROOMS[package]) - found - planned, "in the table of rooms, and no longer in the tree"


def test_every_folder_is_one_of_the_table() -> None:
    known_folders = {f"{room}/{folder}" for room, within in WITHIN.items() for folder in within}
    deep = {name_of(folder) for folder in folders() if len(folder.relative_to(ROOT).parts) > 2}
    assert not deep - known_folders


def test_a_planned_room_is_one_that_has_no_file_yet() -> None:
    begun = {name for name in PLANNED if (ROOT / name).is_dir() and any((ROOT / name).glob("*.py"))}
    assert not begun, "take it out of PLANNED"


@pytest.mark.parametrize("package", PACKAGES)
def test_top_of_a_package_is_seen_at_a_glance(package: str) -> None:
    entries = {"__init__", *ROOMS[package]}
    assert len(entries) <= MOST_AT_THE_TOP, sorted(entries)


def test_folders_have_few_files() -> None:
    sizes = {name_of(folder): len(list(folder.glob("*.py"))) for folder in folders() if folder.parent != ROOT}
    assert not {name: files for name, files in sizes.items() if files > MOST_IN_A_FOLDER}


def test_nothing_imports_in_a_circle() -> None:
    graph = import_graph()
    done: set[str] = set()
    for name in graph:
        _descend(name, graph, (), done)


def _descend(name: str, graph: dict[str, set[str]], above: tuple[str, ...], done: set[str]) -> None:
    assert name not in above, " → ".join((*above[above.index(name) :], name))
    if name in done:
        return
    for other in sorted(graph[name]):
        _descend(other, graph, (*above, name), done)
    done.add(name)


def test_packages_say_what_they_are_and_load_nothing() -> None:
    """An import in a package's `__init__.py` would run with each import of any of its modules."""
    packages = [path for path in modules() if path.name == "__init__.py"]
    assert not [name_of(path) for path in packages if ast.get_docstring(tree_of(path)) is None]
    assert not [name_of(path) for path in packages if len(tree_of(path).body) > 1]


def test_file_has_a_name_of_its_own() -> None:
    homes = defaultdict(list)
    for path in modules():
        homes[path.name].append(name_of(path.parent))
    shared = {file: places for file, places in homes.items() if len(places) > 1 and file not in SAME_ROLE}
    assert not shared


def test_compiled_functions_call_those_of_their_folder_only() -> None:
    """The cache on disk is renewed when a compiled function of the same folder changes (`optimizer/compiled.py`)."""
    faults = [
        f"{name_of(path)}: {function.name} calls into {name_of(other)}"
        for path in modules()
        for function in _compiled(path)
        for other in _called(function, path)
        if other.parent != path.parent
    ]
    assert not faults


def _compiled(path: Path) -> list[Function]:
    found = [node for node in tree_of(path).body if isinstance(node, Function)]
    words = {"compiled", "compiled_part"}
    return [f for f in found if any(ast.unparse(word) in words for word in f.decorator_list)]


def _called(function: Function, path: Path) -> set[Path]:
    """The files of the compiled functions that a function names, as `f` or as `module.f`."""
    imported = {name.rpartition(".")[2]: name for _, name in imports(tree_of(path))}
    words = [ast.unparse(node) for node in ast.walk(function) if isinstance(node, ast.Name | ast.Attribute)]
    full = [imported[first] + word[len(first) :] for word in words if (first := word.split(".")[0]) in imported]
    homes = [(names().get(module), name) for module, _, name in (word.rpartition(".") for word in full)]
    return {home for home, name in homes if home is not None and name in {made.name for made in _compiled(home)}}


def test_lazy_modules_have_their_types() -> None:
    """A stand-in is untyped; an import of the same name for the type checker alone types it."""
    assert not {name_of(path): faults for path in modules() if (faults := _stand_ins(path) - _typed(path))}


def _typed(path: Path) -> set[str]:
    return {
        alias.asname or alias.name.split(".")[0]
        for block in ast.walk(tree_of(path))
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _stand_ins(path: Path) -> set[str]:
    return {
        ast.unparse(node.targets[0])
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("LazyModule(")
    }
