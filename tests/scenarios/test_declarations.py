"""Every verb that help lists and every button under a message is played through here, or this fails."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.commands.forms.start_form import STRATEGY_ACTION
from bot.grammar.verbs import VERB_WORDS, VERBS
from bot.slack import buttons
from reports.actions import NEW_STUDY

#: How tests type a command, and how they press something.
TYPED = {"tell", "command", "finished", "start", "scheduled", "refused", "mention", "direct_message"}
PRESSED = {"click", "click_in_view", "shortcut"}
FOLDER = Path(__file__).parent


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call in the scenarios, by the name of what is called."""
    for path in sorted(FOLDER.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""), node


def beginnings(call: ast.Call) -> Iterator[str]:
    """The texts among the arguments of a call, as far as they are written out."""
    for argument in call.args:
        match argument:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
                yield text


TYPED_VERBS = {
    VERB_WORDS.get(text.split()[0].lower(), "start")
    for name, call in calls()
    if name in TYPED
    for text in beginnings(call)
    if text.split()
}
PRESSED_ACTIONS = {text for name, call in calls() if name in PRESSED for text in beginnings(call)}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_scenario(verb: str) -> None:
    assert verb in TYPED_VERBS


@pytest.mark.parametrize("action", [*buttons.COMMANDS, NEW_STUDY, STRATEGY_ACTION, "optimize_this"])
def test_every_button_has_a_scenario(action: str) -> None:
    assert action in PRESSED_ACTIONS
