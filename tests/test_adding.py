"""The lists of CONTRIBUTING.md, followed: what they name is added in a copy of the tree, and it runs."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.source_tree import ROOT

pytestmark = [pytest.mark.server, pytest.mark.slow]

STRATEGY = '''"""Disparity: buy what has fallen far below its average, sell when it is back."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, level_of


def disparity(on: Conditions, period: int) -> FloatArray:
    """Distance of the close from its average, in percent."""
    return 100 * (on.bars.close / technical.sma(on.bars.close, period) - 1)


def _long(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.below(disparity, p["period"], level=[-level for level in p["enter"]]),
        exit=on.above(disparity, p["period"], level=p["leave"]),
    )


def _short(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.above(disparity, p["period"], level=p["enter"]),
        exit=on.below(disparity, p["period"], level=[-level for level in p["leave"]]),
    )


DISPARITY = Strategy(
    key="disparity",
    space=Space(
        (
            bars_of("period", 10, 50, 20),
            level_of("enter", 1, 5, 2, unit="%"),
            level_of("leave", 0, 3, 0, unit="%"),
        )
    ),
    warm_up=lambda params: int(params["period"]),
    long=_long,
    short=_short,
)
'''

PARAMETERS = """  "disparity": {"period": "bars of the average", "enter": "% below", "leave": "% above"},
"""

#: Prints on how many bars the new strategy would buy.
PLAY = """
from optimizer.domain.study_request import Costs
from optimizer.engine.evaluator import Evaluator
from optimizer.strategies.registry import find_strategy
from tests.bars import sample_bars

strategy = find_strategy("disparity")
evaluator = Evaluator(strategy, sample_bars("AAPL"), costs=Costs())
print(evaluator.signals(strategy.space.default).long_enter.sum())
"""


#: Prints the help of the new strategy.
HELP = """
from reports.render import renderer_of

print(renderer_of("en").help("disparity"))
"""


def listed(heading: str) -> set[str]:
    """The files of a list in CONTRIBUTING.md; its lines about the second language and golden files left out."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = re.search(rf"^### {heading}\n(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL)
    assert section
    items = re.findall(r"^\d+\. `([^`]+)`", section[1], re.MULTILINE)
    return {item for item in items if not item.startswith(("templates/ko/", "tests/golden/"))}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the program consists of, and of the bars that tests use."""
    for package in ("bot", "optimizer", "reports", "templates"):
        shutil.copytree(ROOT / package, tmp_path / "tree" / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tree" / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "bars.py", tmp_path / "tree" / "tests")
    return tmp_path / "tree"


def change(tree: Path, edits: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Put text after the only occurrence of each anchor; a file's empty anchor begins it. Returns the files."""
    for name, insertions in edits.items():
        path = tree / name
        text = path.read_text() if path.exists() else ""
        for anchor, added in insertions.items():
            assert not anchor or text.count(anchor) == 1, f"{name}: {anchor}"
            text = text.replace(anchor, anchor + added) if anchor else added + text
        path.write_text(text)
    return set(edits)


def run(tree: Path, *words: str) -> str:
    """Run Python in the copy, with a data directory of its own; returns what it prints."""
    environment = os.environ | {"PYTHONPATH": str(tree), "OPTIMIZE_BOT_HOME": str(tree.parent / "home")}
    done = subprocess.run([sys.executable, *words], cwd=tree, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_strategy_takes_the_files_that_are_listed(tree: Path) -> None:
    changed = change(
        tree,
        {
            "optimizer/strategies/disparity.py": {"": STRATEGY},
            "optimizer/strategies/registry.py": {
                "from optimizer.strategies.declaration import Columns, Rule, Side, Strategy\n": (
                    "from optimizer.strategies.disparity import DISPARITY\n"
                ),
                "            SUPERTREND,\n": "            DISPARITY,\n",
            },
            "templates/en/strategy_words.jinja": {
                '  "supertrend": "Supertrend",\n': '  "disparity": "Disparity",\n',
                'average true ranges behind.",\n': '  "disparity": "Buy `enter` % below; sell `leave` % above.",\n',
                '{% set parameters = own_words("parameters", {\n': PARAMETERS,
            },
        },
    )
    helped = run(tree, "-c", HELP)
    planned = run(tree, "-m", "bot", "run", "AAPL", "DISPARITY", "12", "source=sample", "dry")
    played = run(tree, "-c", PLAY)

    assert "Plan for AAPL DISPARITY" in planned
    assert "Buy `enter` % below" in helped
    assert int(played) > 10
    assert changed == {name.replace("NAME", "disparity") for name in listed("A strategy")}
    assert len(changed) <= 4


#: Types the new verb and the help of it, and prints what they answer.
TYPE = """
import asyncio
from types import SimpleNamespace

from bot.commands.registry import LISTENERS
from bot.grammar.parsing import parse
from bot.role import Role
from reports.render import renderer_of

origin = SimpleNamespace(renderer=renderer_of("en"), role=Role.VIEWER)
for text in ("version", "help version"):
    command = parse(text)
    print(asyncio.run(LISTENERS[type(command)](command, origin, None)).message.text)
"""
COMMAND = '''

@dataclass(frozen=True)
class ShowVersion(Command):
    """Show the version."""
'''
VERB = """    Verb(
        key="version",
        command=c.ShowVersion,
        usage="version",
    ),
"""
LISTENER = '''

async def show_version(command: ShowVersion, origin: Origin, context: BotContext) -> Answer:
    """Show the version of the program."""
    return Answer(origin.renderer.notice("version", version="0.1.0"))
'''
SENTENCE = "{% macro version(x) %}This is version `{{ x.version | code }}`.{% endmacro %}\n"


def test_a_verb_takes_the_files_that_are_listed(tree: Path) -> None:
    changed = change(
        tree,
        {
            "bot/grammar/commands.py": {"    limit: int = 20\n": COMMAND},
            "bot/grammar/verbs.py": {"_TABLE = (\n": VERB},
            "bot/commands/info.py": {
                "from bot.grammar.commands import ": "ShowVersion, ",
                "LISTED = 10\n": LISTENER,
                "LISTENERS: Listeners = {\n": "    ShowVersion: show_version,\n",
            },
            "templates/en/grammar.jinja": {"{% set verbs = {\n": '  "version": "the version of the program",\n'},
            "templates/en/notices.jinja": {"": SENTENCE},
        },
    )
    answers = run(tree, "-c", TYPE)

    assert "This is version `0.1.0`." in answers
    assert "the version of the program" in answers
    assert changed == listed("A verb")
    assert len(changed) <= 5
