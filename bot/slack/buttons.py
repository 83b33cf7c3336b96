"""Buttons under messages: the command of each, and the message after one was pressed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
    ShowDetails,
    UndoSchedules,
)
from bot.grammar.commands import Adopt, Cancel, Export, ExportFormat, More, Pause, Replay, Resume, Status
from reports import actions

Block = dict[str, Any]

#: Command of each button by action id, from the button's value: mostly a study's name.
COMMANDS: Mapping[str, Callable[[str], Command]] = {
    actions.PAUSE: Pause,
    actions.RESUME: Resume,
    actions.CANCEL: Cancel,
    actions.DETAILS: Status,
    actions.REPORT: ShowDetails,
    actions.EXPORT: lambda study: Export(study, ExportFormat.HTML),
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
    actions.SEARCH_PLAIN: RunTyped,
    actions.READ_ONE: RunTyped,
    actions.READ_OTHER: RunTyped,
}
#: A choice of a menu is not confirmed in a dialog: what a button does at once is proposed first.
_PROPOSED: Mapping[str, Callable[[str], Command]] = {actions.ADOPT: Adopt}
#: Buttons that only inform, or open a form, and stay after they are pressed; in a menu adopting is only proposed.
LASTING = frozenset(
    {
        actions.DETAILS,
        actions.REPORT,
        actions.EXPORT,
        actions.SCHEDULE,
        actions.CHANGE_RULE,
        actions.SAVE_RULE,
        actions.EDIT_RULE,
    }
)


@dataclass(frozen=True)
class Press:
    """What a person pressed: a button, or a choice of the menu beside one."""

    action_id: str
    value: str
    label: str
    is_choice: bool = False

    @classmethod
    def of(cls, action: Mapping[str, Any]) -> "Press":
        """Read Slack's payload of a button or a menu."""
        if action["action_id"] != actions.MENU:
            return cls(action["action_id"], action["value"], action["text"]["text"])
        option = action["selected_option"]
        action_id, _, value = option["value"].partition(" ")
        return cls(action_id, value, option["text"]["text"], is_choice=True)

    @property
    def command(self) -> Command:
        """Command that it gives. Raises KeyError for an action that no message offers."""
        proposed = _PROPOSED.get(self.action_id) if self.is_choice else None
        return (proposed or COMMANDS[self.action_id])(self.value)

    @property
    def is_lasting(self) -> bool:
        """True if it stays after it was pressed."""
        return self.action_id in LASTING or (self.is_choice and self.action_id in _PROPOSED)


def replace_button(blocks: Sequence[Block], action_id: str, mark: Block) -> list[Block]:
    """Return the blocks with `mark` in place of the button or choice; empty when there is no such button."""
    found: list[Block] = []
    for block in blocks:
        rest = _without(block, action_id)
        if rest == block:
            found.append(block)
        else:
            found += [*([rest] if rest else []), mark]
    return found if mark in found else []


def remove_button(blocks: Sequence[Block], action_id: str) -> list[Block]:
    """Return the blocks without a button, or a choice of a menu."""
    return [rest for block in blocks if (rest := _without(block, action_id))]


def _without(block: Block, action_id: str) -> Block:
    """Return a block without a button or a choice; empty where nothing is left of it."""
    if "accessory" in block:
        rest = _reduced(block["accessory"], action_id)
        plain = {key: value for key, value in block.items() if key != "accessory"}
        return {**plain, "accessory": rest} if rest else plain
    if block["type"] != "actions":
        return block
    elements = [rest for element in block["elements"] if (rest := _reduced(element, action_id))]
    return {**block, "elements": elements} if elements else {}


def _reduced(element: Block, action_id: str) -> Block:
    """Return an element, a menu without one choice; empty where it is the button, or a menu of that choice alone."""
    if not isinstance(element, dict) or element.get("action_id") not in (action_id, actions.MENU):
        return element
    if element["action_id"] == action_id:
        return {}
    options = element.get("options")
    rest = [option for option in options if _chosen(option) != action_id] if isinstance(options, list) else []
    return {**element, "options": rest} if rest else {}


def _chosen(option: object) -> str:
    """Return the action of a menu's choice; empty for what is none, since the message comes back from outside."""
    value = option.get("value") if isinstance(option, dict) else None
    return value.partition(" ")[0] if isinstance(value, str) else ""
