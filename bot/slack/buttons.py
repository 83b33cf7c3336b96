"""Buttons under messages: the command of each, and the message after one was pressed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.commands.registry import (
    AdoptNow,
    Command,
    DrawHeatmap,
    DropRule,
    EditAsRule,
    OpenRuleForm,
    OpenSaveForm,
    OpenScheduleForm,
    RunTyped,
    Share,
    UndoSchedules,
)
from bot.grammar.commands import Cancel, More, Pause, Replay, Resume, Status
from reports import actions

Block = dict[str, Any]

#: Command of each button by action id, from the button's value: mostly a study's name.
COMMANDS: Mapping[str, Callable[[str], Command]] = {
    actions.PAUSE: Pause,
    actions.RESUME: Resume,
    actions.CANCEL: Cancel,
    actions.DETAILS: Status,
    actions.MORE: More,
    actions.HEATMAP: DrawHeatmap,
    actions.REPLAY: Replay,
    actions.SHARE: Share,
    actions.ADOPT: AdoptNow.of,
    actions.SCHEDULE: OpenScheduleForm,
    actions.UNDO_SCHEDULE: UndoSchedules.of,
    actions.RUN_RULE: RunTyped,
    actions.CHANGE_RULE: OpenRuleForm,
    actions.SAVE_RULE: OpenSaveForm,
    actions.DROP_RULE: DropRule,
    actions.EDIT_RULE: EditAsRule,
    actions.READ_ONE: RunTyped,
    actions.READ_OTHER: RunTyped,
}
#: Buttons that only inform, or open a form, and stay after they are pressed.
LASTING = frozenset({actions.DETAILS, actions.SCHEDULE, actions.CHANGE_RULE, actions.SAVE_RULE, actions.EDIT_RULE})


def replace_button(blocks: Sequence[Block], action_id: str, mark: Block) -> list[Block]:
    """Return the message's blocks with `mark` in place of the button; empty when there is no such button."""
    found: list[Block] = []
    for block in blocks:
        elements = block.get("elements", [])
        rest = [element for element in elements if element.get("action_id") != action_id]
        if block["type"] != "actions" or len(rest) == len(elements):
            found.append(block)
            continue
        found += ([{**block, "elements": rest}] if rest else []) + [mark]
    return found if mark in found else []


def remove_button(blocks: Sequence[Block], action_id: str) -> list[Block]:
    """Return the blocks without a button."""
    kept = []
    for block in blocks:
        rest = [element for element in block.get("elements", []) if element.get("action_id") != action_id]
        if block["type"] != "actions":
            kept.append(block)
        elif rest:
            kept.append({**block, "elements": rest})
    return kept
