"""Where a person's own strategies are: files of the data directory's folder, and entry points of packages.

A file is read once. The bytes whose owner was checked are the ones that are hashed, tried, and run in every process;
a change of the file counts from the next start on.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from functools import partial
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

from optimizer.errors import Phrase
from optimizer.strategies.plugins.plugin_errors import Fault, StrategyRefused, refusal_of

#: Entry points of packages that bring strategies.
GROUP = "optimize_bot.strategies"
#: Folder of a data directory that files of strategies are in.
FOLDER = "strategies"
#: Rights that nobody but the owner may have on what is run.
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_MOST_BYTES = 2**20


class PluginKinds(StrEnum):
    """Where a person's own strategies are taken from."""

    OFF = auto()
    FOLDER = auto()
    PACKAGES = auto()
    ALL = auto()


@dataclass(frozen=True, kw_only=True)
class PluginSource:
    """One file, or one entry point, as it was found at start; every process loads the same."""

    name: str  # of the file (`dip.py`) or of the entry point
    path: str  # of the code
    digest: str  # SHA-256 of the code
    text: str | None = None  # of a file; None: `entry_point` is loaded
    entry_point: str = ""  # `module:object`
    seconds: Mapping[str, float] = field(default_factory=dict)  # that one set takes, by strategy, as tried


def read_folder(folder: Path) -> tuple[list[PluginSource], list[StrategyRefused]]:
    """Read the files of a folder, by name, and refuse those that others could have written.

    A name that begins with `_` is no strategy's. A folder that is not there has none.
    """
    try:
        require_owned(os.lstat(folder))
        names = sorted(name for name in os.listdir(folder) if name.endswith(".py") and name[0] not in "._")
    except FileNotFoundError:
        return [], []
    except OSError as failure:
        return [], [refusal_of(f"{FOLDER}/", Fault(Phrase("own_unreadable", problem=failure.strerror or "")))]
    except Fault as fault:
        return [], [refusal_of(f"{FOLDER}/", fault)]
    return _each((name, partial(read_file, folder / name)) for name in names)


def read_packages(entries: Iterable[EntryPoint]) -> tuple[list[PluginSource], list[StrategyRefused]]:
    """Read where the entry points of packages lead, without importing any of them."""
    return _each((entry.name, partial(_package, entry)) for entry in sorted(entries, key=lambda one: one.name))


def _each(
    named: Iterable[tuple[str, Callable[[], PluginSource]]],
) -> tuple[list[PluginSource], list[StrategyRefused]]:
    sources, refused = list[PluginSource](), list[StrategyRefused]()
    for name, read in named:
        try:
            sources.append(read())
        except Fault as fault:
            refused.append(refusal_of(name, fault))
    return sources, refused


def read_file(path: Path) -> PluginSource:
    """Read a file that belongs to this user or root and that nobody else can write. Raises Fault."""
    code = _owned_bytes(path)
    try:
        text = code.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise Fault(Phrase("own_no_text"), code.count(b"\n", 0, failure.start) + 1) from failure
    return PluginSource(name=path.name, path=str(path), digest=hashlib.sha256(code).hexdigest(), text=text)


def _owned_bytes(path: Path) -> bytes:
    try:
        # Not through a link, and without waiting for whoever writes into a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as failure:
        if failure.errno == errno.ELOOP:
            raise Fault(Phrase("own_link")) from failure
        raise Fault(Phrase("own_unreadable", problem=failure.strerror or "")) from failure
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Fault(Phrase("own_no_file"))
        require_owned(found)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            code = file.read(_MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(code) > _MOST_BYTES:
        raise Fault(Phrase("own_too_long", kib=_MOST_BYTES // 1024))
    return code


def require_owned(found: os.stat_result) -> None:
    """Raise Fault for a file or folder that another user could have written, or that is a link."""
    if stat.S_ISLNK(found.st_mode):
        raise Fault(Phrase("own_link"))
    if found.st_uid not in (os.geteuid(), 0):
        raise Fault(Phrase("own_belongs", uid=str(found.st_uid)))
    if found.st_mode & _WRITABLE_BY_OTHERS:
        raise Fault(Phrase("own_writable", mode=f"{stat.S_IMODE(found.st_mode):o}"))


def _package(entry: EntryPoint) -> PluginSource:
    top = entry.module.partition(".")[0]
    try:
        spec = find_spec(top)  # of a top-level module: nothing is imported for it
    except ValueError:  # a module without a spec, which is being imported
        spec = None
    if spec is None or spec.origin is None:
        raise Fault(Phrase("own_no_module", module=top))
    files = sorted(_sources_of(spec.submodule_search_locations or ()), key=str) or [Path(spec.origin)]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return PluginSource(name=entry.name, path=spec.origin, digest=digest.hexdigest(), entry_point=entry.value)


def _sources_of(folders: Iterable[str]) -> Iterator[Path]:
    for folder in folders:
        yield from Path(folder).rglob("*.py")


def digest_of_package(source: PluginSource) -> str:
    """Digest that the package of a source has now. Raises Fault where it is gone."""
    return _package(EntryPoint(name=source.name, value=source.entry_point, group=GROUP)).digest
