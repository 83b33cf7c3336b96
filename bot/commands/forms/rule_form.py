"""The modal that saves a rule under a name."""

from collections.abc import Mapping
from typing import Any

from bot.commands.forms.start_form import (
    LONGEST_RULE,
    Block,
    chosen_values,
    input_block,
    plain_text,
    said_text,
    text_field,
)
from bot.grammar.commands import SaveRule
from bot.grammar.fields import FieldErrors
from bot.grammar.rules.names import read_rule_name
from bot.grammar.rules.typed import rule_of_text
from optimizer.domain.study_request import StudyRule
from reports.render import Renderer

RULE_CALLBACK_ID = "save_rule"
_LONGEST_NAME = 30


def rule_view(rule: StudyRule, say: Renderer, *, metadata: str = "") -> Block:
    """Build the modal for a rule. `metadata` returns with the submission."""
    labels = say.labels("grammar", "rule_form")
    text = {**text_field(said_text(rule, say), "", limit=LONGEST_RULE), "multiline": True}
    return {
        "type": "modal",
        "callback_id": RULE_CALLBACK_ID,
        **({"private_metadata": metadata} if metadata else {}),
        "title": plain_text(labels["title"]),
        "submit": plain_text(labels["submit"]),
        "close": plain_text(labels["close"]),
        "blocks": [
            input_block("name", labels["name"], text_field(rule.name, "dip", limit=_LONGEST_NAME)),
            input_block("rule", labels["rule"], text),
        ],
    }


def read_rule_form(view: Mapping[str, Any]) -> SaveRule:
    """The rule that a submitted form saves. Raises BadFields with an error for each field that cannot be read."""
    state: Mapping[str, Mapping[str, Any]] = view["state"]["values"]
    chosen = {block: "".join(chosen_values(next(iter(actions.values()), {}))) for block, actions in state.items()}
    errors, name, rule = FieldErrors(), "", StudyRule(text="")
    with errors.about("name"):
        name = read_rule_name(chosen.get("name", "").strip())
    with errors.about("rule"):
        rule = rule_of_text(chosen.get("rule", ""))
    errors.raise_any()
    return SaveRule(name, rule)
