"""Block Kit as a person's fingers find it: which element is meant, and what a form holds.

Source: docs.slack.dev/reference/interaction-payloads/block_actions-payload and view-interactions-payload.
"""

from collections.abc import Iterator, Mapping

from tests.slack.workspace import Json

Value = str | list[str]

#: Where a state entry of each element keeps its value, and which field prefills it.
TYPED = frozenset(
    {"plain_text_input", "number_input", "email_text_input", "url_text_input"},
)
ONE_OPTION = frozenset({"static_select", "radio_buttons", "overflow", "external_select"})
MANY_OPTIONS = frozenset({"checkboxes", "multi_static_select", "multi_external_select"})
ONE_OTHER: Mapping[str, tuple[str, str]] = {
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
}


def elements_of(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every element a person can act on, with its block."""
    for block in blocks:
        listed = block.get("elements") if block.get("type") == "actions" else []
        for element in [*(listed or []), block.get("accessory"), block.get("element")]:
            if element and element.get("type") != "image":
                yield block, element


def element_of(blocks: list[Json], named: str) -> tuple[Json, Json]:
    """The element with this action_id, or else with this label; AssertionError when it is not there."""
    every = list(elements_of(blocks))
    for block, element in every:
        if element.get("action_id") == named:
            return block, element
    for block, element in every:
        if (element.get("text") or {}).get("text") == named:
            return block, element
    raise AssertionError(f"nothing to press is called {named!r}; there is {[each['action_id'] for _, each in every]}")


def chosen_of(blocks: list[Json], named: str, choose: str) -> tuple[Json, Json, str]:
    """The element and what is chosen in it: a menu's option, if its value begins with this word."""
    for block, element in elements_of(blocks):
        if element["type"] == "overflow" and not choose:
            for option in element["options"]:
                if option["value"].partition(" ")[0] == named:
                    return block, element, option["value"]
    return (*element_of(blocks, named), choose)


def option_of(element: Json, value: str) -> Json:
    """The option with this value; AssertionError when the menu does not offer it."""
    groups = [each["options"] for each in element.get("option_groups") or []]
    options = [option for group in [element.get("options") or [], *groups] for option in group]
    for option in options:
        if option["value"] == value:
            return dict(option)
    raise AssertionError(f"{value!r} is not offered; there is {[each['value'] for each in options]}")


def pressed(block: Json, element: Json, choose: str) -> Json:
    """The entry in `actions` for a press."""
    entry = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block.get("block_id", ""),
        "action_ts": "1700000000.000100",
    }
    if element["type"] == "button":
        return {**entry, "text": element["text"], **({"value": element["value"]} if "value" in element else {})}
    return {**entry, **entry_of(element, choose or None)}


def entry_of(element: Json, value: Value | None) -> Json:
    """The state entry of an element: what was given, or what it was prefilled with."""
    kind = element["type"]
    if kind in TYPED:
        return {"type": kind, "value": element.get("initial_value") if value is None else value or None}
    if kind in ONE_OPTION:
        chosen = element.get("initial_option") if value is None else option_of(element, str(value))
        return {"type": kind, "selected_option": chosen}
    if kind in MANY_OPTIONS:
        options = (
            element.get("initial_options") or [] if value is None else [option_of(element, each) for each in value]
        )
        return {"type": kind, "selected_options": options}
    if kind in ONE_OTHER:
        key, initial = ONE_OTHER[kind]
        return {"type": kind, key: element.get(initial) if value is None else value}
    raise AssertionError(f"the driver cannot fill in a {kind}")


def message_state(blocks: list[Json]) -> Json:
    """`state.values` of a message: its menus, as they stand."""
    state: Json = {}
    for block, element in elements_of(blocks):
        if element["type"] not in ("button", "overflow"):
            state.setdefault(block.get("block_id", ""), {})[element["action_id"]] = entry_of(element, None)
    return state


def values_of(view: Json, given: Mapping[str, Value]) -> Json:
    """`state.values` of a view with the given values by block_id or action_id.

    A name no input has is an AssertionError.
    """
    state: Json = {}
    named: set[str] = set()
    for block, element in elements_of(view["blocks"]):
        action_id = element["action_id"]
        named |= {action_id, block["block_id"]}
        name = block["block_id"] if block["block_id"] in given else action_id
        if element["type"] in ("button", "overflow"):
            continue
        entry = entry_of(element, given.get(name))
        _check_required(block, entry, is_typing=name in given)
        state.setdefault(block["block_id"], {})[action_id] = entry
    assert set(given) <= named, f"no input is called {sorted(set(given) - named)}; there is {sorted(named)}"
    return state


def _check_required(block: Json, entry: Json, *, is_typing: bool) -> None:
    """Slack's client keeps a form with an empty required field from being sent; a test that empties one is told."""
    is_empty = not any(value for key, value in entry.items() if key != "type")
    required = block.get("type") == "input" and not block.get("optional")
    assert not (required and is_empty and is_typing), f"Slack would not send {block['block_id']} empty"
