"""The English phrases that code says inside errors and probes: what the catalogues of other languages must have."""

import ast
from collections.abc import Iterator
from pathlib import Path

import bot
import optimizer

PACKAGES = (Path(bot.__file__).parent, Path(optimizer.__file__).parent)
#: Facts of errors that code words; the others are names, numbers and what people typed.
FACTS = ("reason", "remedy", "what")
#: Calls whose arguments are phrases, by the places of these.
CALLS = {
    "Trouble": (0,),
    "good": (0, 1),
    "bad": (0, 1, 2),
    "doubtful": (0, 1, 2),
    "bad_file": (2, 3),
    "_bad_row": (2, 3),
}
#: Calls with a `what` or a `reason` that nobody reads, or that carry somebody's own words.
OTHERS = {"patiently", "note", "require", "AdoptNow", "adopt", "TrialRecord", "RequestError", "UnfitField"}


def phrases() -> dict[str, str]:
    """Every phrase with `{}` where code puts something in, and the file it is in."""
    return {phrase: path.name for path in _modules() for phrase in _of(ast.parse(path.read_text(encoding="utf-8")))}


def _modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted(package.rglob("*.py"))


def _of(tree: ast.Module) -> Iterator[str]:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        if name in OTHERS:
            continue
        places = [call.args[place] for place in CALLS.get(name, ()) if place < len(call.args)]
        named = [
            keyword.value
            for keyword in call.keywords
            if keyword.arg in (*FACTS, *(("said",) if name == "Probe" else ()))
        ]
        for value in (*places, *named):
            yield from _texts(value, tree)


def _texts(value: ast.expr, tree: ast.Module) -> Iterator[str]:
    match value:
        case ast.Constant(value=str(text)) if text:
            yield text
        case ast.JoinedStr():
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in value.values)
        case ast.IfExp():
            yield from (*_texts(value.body, tree), *_texts(value.orelse, tree))
        case ast.Name():
            for node in ast.walk(tree):
                if isinstance(node, ast.Assign) and any(
                    isinstance(t, ast.Name) and t.id == value.id for t in node.targets
                ):
                    yield from _texts(node.value, tree)
        case ast.Call(func=ast.Name(id=name)):
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef) and node.name == name:
                    for inner in ast.walk(node):
                        if isinstance(inner, ast.Return) and inner.value is not None:
                            yield from _texts(inner.value, tree)
