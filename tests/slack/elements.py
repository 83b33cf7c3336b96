"""Block elements and composition objects: what they hold and how much.

Source: Slack's reference, docs.slack.dev/reference/block-kit/block-elements and
docs.slack.dev/reference/block-kit/composition-objects, one page per name below.
"""

from collections.abc import Iterator

from tests.slack.shapes import (
    Check,
    Flaw,
    anything,
    array,
    at_least_one,
    by_type,
    distinct,
    exactly_one,
    one_of,
    shape,
    string,
    whole,
)

BOOLEAN = one_of(True, False)
ACTION_ID = string(255)
BLOCK_ID = string(255)
URL = string(3000, pattern=r"(https?|slack)://\S+")
DATE = string(10, pattern=r"\d{4}-\d{2}-\d{2}")
CLOCK = string(5, pattern=r"([01]\d|2[0-3]):[0-5]\d")
USER_ID = string(20, pattern=r"[UW][A-Z0-9]+")
CONVERSATION_ID = string(20, pattern=r"[CDGUW][A-Z0-9]+")


def _not_blank(value: object, where: str) -> Iterator[Flaw]:
    text = value.get("text") if isinstance(value, dict) else None
    if isinstance(text, str) and text and not text.strip():
        yield Flaw(where, "text is blank")


def plain(most: int) -> Check:
    """A `plain_text` object."""
    return by_type({"plain_text": shape({"text": string(most)}, {"emoji": BOOLEAN}, _not_blank)})


def mrkdwn(most: int) -> Check:
    """A `mrkdwn` object."""
    return by_type({"mrkdwn": shape({"text": string(most)}, {"verbatim": BOOLEAN}, _not_blank)})


def text(most: int) -> Check:
    """A text object of either kind."""

    def check(value: object, where: str) -> Iterator[Flaw]:
        is_plain = isinstance(value, dict) and value.get("type") == "plain_text"
        yield from (plain(most) if is_plain else mrkdwn(most))(value, where)

    return check


CONFIRM = shape(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": one_of("primary", "danger")},
)


def option(label: Check, **extra: Check) -> Check:
    """An option with its label, a value of 150 and a description of 75."""
    return shape({"text": label, "value": string(150)}, {"description": plain(75), **extra})


OPTION = option(plain(75))
OPTIONS = array(OPTION, most=100)
OPTION_GROUPS = array(shape({"label": plain(75), "options": OPTIONS}), most=100)
DISPATCH = shape({}, {"trigger_actions_on": array(one_of("on_enter_pressed", "on_character_entered"), most=2)})
SLACK_FILE = shape({}, {"id": string(30, pattern=r"F[A-Z0-9]+"), "url": URL}, exactly_one("id", "url"))


def _all_options(element: dict[str, object]) -> list[object]:
    groups = element.get("option_groups") or []
    grouped = (
        [each for group in groups if isinstance(group, dict) for each in group.get("options") or []]
        if isinstance(groups, list)
        else []
    )
    own = element.get("options") or []
    return [*(own if isinstance(own, list) else []), *grouped]


def _initial_is_offered(value: object, where: str) -> Iterator[Flaw]:
    """`initial_option(s)` must equal one of the options to the letter."""
    if not isinstance(value, dict):
        return
    chosen = value.get("initial_options") or [value.get("initial_option")]
    for each in chosen if isinstance(chosen, list) else ():
        if each is not None and each not in _all_options(value):
            yield Flaw(where, "initial option is not among the options")


def _length_range(value: object, where: str) -> Iterator[Flaw]:
    if not isinstance(value, dict):
        return
    low, high, initial = value.get("min_length", 0), value.get("max_length", 3000), value.get("initial_value", "")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield Flaw(where, "min_length is above max_length")
    if isinstance(initial, str) and isinstance(high, int) and len(initial) > high:
        yield Flaw(where, "initial_value is longer than max_length")


#: Slack makes up a missing `action_id`; a listener could never be found by it, so here it must be named.
NAMED: dict[str, Check] = {"action_id": ACTION_ID}
COMMON: dict[str, Check] = {"action_id": ACTION_ID, "confirm": CONFIRM, "focus_on_load": BOOLEAN}
SELECT = {**COMMON, "placeholder": plain(150)}
MULTI = {**SELECT, "max_selected_items": whole(1, 100)}
FILTER = shape(
    {},
    {
        "include": array(one_of("im", "mpim", "private", "public"), most=4),
        "exclude_external_shared_channels": BOOLEAN,
        "exclude_bot_users": BOOLEAN,
    },
    at_least_one("include", "exclude_external_shared_channels", "exclude_bot_users"),
)
ONE_CONVERSATION = {
    "initial_conversation": CONVERSATION_ID,
    "default_to_current_conversation": BOOLEAN,
    "response_url_enabled": BOOLEAN,
    "filter": FILTER,
}
MANY_CONVERSATIONS = {
    "initial_conversations": array(CONVERSATION_ID, most=100),
    "default_to_current_conversation": BOOLEAN,
    "filter": FILTER,
}
CHOICES: dict[str, Check] = {"options": OPTIONS, "option_groups": OPTION_GROUPS}
TYPED = {
    "action_id": ACTION_ID,
    "focus_on_load": BOOLEAN,
    "placeholder": plain(150),
    "dispatch_action_config": DISPATCH,
}

_either = exactly_one("options", "option_groups")
_values_differ = distinct("value", inside="options")

BUTTON = shape(
    {"text": plain(75), "action_id": ACTION_ID},
    {
        "url": URL,
        "value": string(2000),
        "style": one_of("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
    },
)
IMAGE = shape(
    {"alt_text": string(2000)}, {"image_url": URL, "slack_file": SLACK_FILE}, exactly_one("image_url", "slack_file")
)
BOXES = array(option(text(75)), most=10)
NUMBER = string(30, pattern=r"-?\d+(\.\d+)?")

#: What a person can press or choose; allowed in `actions` and as the accessory of a section.
CLICKABLE: dict[str, Check] = {
    "button": BUTTON,
    "overflow": shape(
        {"action_id": ACTION_ID, "options": array(option(plain(75), url=URL), most=5)}, {"confirm": CONFIRM}
    ),
    "static_select": shape(
        NAMED, {**SELECT, **CHOICES, "initial_option": OPTION}, _either, _initial_is_offered, _values_differ
    ),
    "multi_static_select": shape(NAMED, {**MULTI, **CHOICES, "initial_options": OPTIONS}, _either, _initial_is_offered),
    "external_select": shape(NAMED, {**SELECT, "initial_option": OPTION, "min_query_length": whole(0, 100)}),
    "multi_external_select": shape(NAMED, {**MULTI, "initial_options": OPTIONS, "min_query_length": whole(0, 100)}),
    "users_select": shape(NAMED, {**SELECT, "initial_user": USER_ID}),
    "multi_users_select": shape(NAMED, {**MULTI, "initial_users": array(USER_ID, most=100)}),
    "conversations_select": shape(NAMED, {**SELECT, **ONE_CONVERSATION}),
    "multi_conversations_select": shape(NAMED, {**MULTI, **MANY_CONVERSATIONS}),
    "channels_select": shape(NAMED, {**SELECT, "initial_channel": CONVERSATION_ID, "response_url_enabled": BOOLEAN}),
    "multi_channels_select": shape(NAMED, {**MULTI, "initial_channels": array(CONVERSATION_ID, most=100)}),
    "datepicker": shape(NAMED, {**SELECT, "initial_date": DATE}),
    "timepicker": shape(NAMED, {**SELECT, "initial_time": CLOCK, "timezone": string(64)}),
    "datetimepicker": shape(NAMED, {**COMMON, "initial_date_time": whole(1_000_000_000, 9_999_999_999)}),
    "checkboxes": shape(
        {**NAMED, "options": BOXES}, {**COMMON, "initial_options": BOXES}, _initial_is_offered, _values_differ
    ),
    "radio_buttons": shape(
        {**NAMED, "options": BOXES}, {**COMMON, "initial_option": anything}, _initial_is_offered, _values_differ
    ),
}

#: Only inside an `input` block.
TYPEABLE: dict[str, Check] = {
    "plain_text_input": shape(
        NAMED,
        {
            **TYPED,
            "initial_value": string(3000),
            "multiline": BOOLEAN,
            "min_length": whole(0, 3000),
            "max_length": whole(1, 3000),
        },
        _length_range,
    ),
    "number_input": shape(
        {**NAMED, "is_decimal_allowed": BOOLEAN},
        {**TYPED, "initial_value": NUMBER, "min_value": NUMBER, "max_value": NUMBER},
    ),
    "email_text_input": shape(NAMED, {**TYPED, "initial_value": string(3000)}),
    "url_text_input": shape(NAMED, {**TYPED, "initial_value": string(3000)}),
    "rich_text_input": shape({"action_id": ACTION_ID}, {**TYPED, "initial_value": anything}),
    "file_input": shape(NAMED, {"filetypes": array(string(20), most=100), "max_files": whole(1, 10)}),
}

NOT_IN_INPUT = frozenset({"button", "overflow"})
ACTION = by_type(CLICKABLE)
ACCESSORY = by_type({**CLICKABLE, "image": IMAGE})
INPUT = by_type({**TYPEABLE, **{name: check for name, check in CLICKABLE.items() if name not in NOT_IN_INPUT}})
