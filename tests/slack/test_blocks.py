"""Every documented limit of Block Kit is caught, and what Slack takes is let through."""

from typing import Any

import pytest

from tests.slack.blocks import check_message_blocks, check_view
from tests.slack.mrkdwn import leaks, mentions, raw_characters

PLAIN = {"type": "plain_text", "text": "Run"}
BUTTON = {"type": "button", "text": PLAIN, "action_id": "run"}
OPTION = {"text": PLAIN, "value": "a"}
PIXEL = "https://example.com/p.png"
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*fine*"}}


def words(n: int, kind: str = "mrkdwn") -> dict[str, Any]:
    return {"type": kind, "text": "x" * n}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def select(**fields: Any) -> dict[str, Any]:
    return actions({"type": "static_select", "action_id": "s", "options": [OPTION], **fields})


def table(rows: int, columns: int, cell: str = "1") -> dict[str, Any]:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": cell}] * columns for _ in range(rows)]}


def sortable(n_rows: int, columns: int = 1, **more: Any) -> dict[str, Any]:
    return {**table(n_rows, columns), "type": "data_table", "caption": "Studies", **more}


def chart(n_series: int = 1, n_points: int = 2, **more: Any) -> dict[str, Any]:
    labels = [f"day {n}" for n in range(n_points)]
    data = [{"label": label, "value": -0.5} for label in labels]
    series = [{"name": f"series {n}", "data": data} for n in range(n_series)]
    plot = {"type": "line", "series": series, "axis_config": {"categories": labels, "y_label": "growth"}, **more}
    return {"type": "data_visualization", "title": "Growth", "chart": plot}


NUMBER = {"type": "raw_number", "value": 0.36, "text": "0.36"}


def field(element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "input", "block_id": "f", "label": PLAIN, "element": element, **more}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "modal", "title": PLAIN, "blocks": list(blocks), **more}


TYPING = {"type": "plain_text_input", "action_id": "t"}

TAKEN = {
    "section of 3,000": {"type": "section", "text": words(3000)},
    "ten fields of 2,000": {"type": "section", "fields": [words(2000)] * 10},
    "header of 150": {"type": "header", "text": words(150, "plain_text")},
    "25 buttons": actions(*[{**BUTTON, "action_id": str(n)} for n in range(25)]),
    "button with everything": actions(
        {
            **BUTTON,
            "value": "v" * 2000,
            "style": "danger",
            "confirm": {"title": PLAIN, "text": PLAIN, "confirm": PLAIN, "deny": PLAIN},
        }
    ),
    "context": {
        "type": "context",
        "elements": [words(100), {"type": "image", "image_url": PIXEL, "alt_text": "a dot"}],
    },
    "image of a file": {"type": "image", "slack_file": {"id": "F0000001"}, "alt_text": "equity"},
    "menu with its first choice": select(initial_option=OPTION, placeholder=PLAIN),
    "table of 100 by 5": table(100, 5),
    "markdown": {"type": "markdown", "text": "**bold**"},
    "divider": {"type": "divider"},
    "rich text": {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "hello"}]}],
    },
    "overflow": actions({"type": "overflow", "action_id": "o", "options": [OPTION]}),
    "sortable table of 101 rows": sortable(101, 5, page_size=100),
    "sortable table of numbers": sortable(2, rows=[[{"type": "raw_text", "text": "Sharpe"}], [NUMBER]]),
    "chart of six series": chart(6, 20),
    "pie": {
        "type": "data_visualization",
        "title": "Shares",
        "chart": {"type": "pie", "segments": [{"label": "AAPL", "value": 1}]},
    },
    "card": {"type": "card", "title": words(150), "body": words(200)},
}

REFUSED = {
    "empty section": ({"type": "section"}, "at least one of text, fields"),
    "section of 3,001": ({"type": "section", "text": words(3001)}, "at most 3000"),
    "section of nothing": ({"type": "section", "text": words(0)}, "at least 1"),
    "section of spaces": ({"type": "section", "text": {"type": "mrkdwn", "text": "  "}}, "blank"),
    "field of 2,001": ({"type": "section", "fields": [words(2001)]}, "at most 2000"),
    "eleven fields": ({"type": "section", "fields": [words(1)] * 11}, "1 to 10 items"),
    "header of 151": ({"type": "header", "text": words(151, "plain_text")}, "at most 150"),
    "header in mrkdwn": ({"type": "header", "text": words(10)}, "unsupported type: 'mrkdwn'"),
    "no actions": (actions(), "1 to 25 items"),
    "26 actions": (actions(*[{**BUTTON, "action_id": str(n)} for n in range(26)]), "1 to 25 items"),
    "an action twice": (actions(BUTTON, BUTTON), "action_id 'run' repeats"),
    "button of 76": (actions({**BUTTON, "text": words(76, "plain_text")}), "at most 75"),
    "button in mrkdwn": (actions({**BUTTON, "text": words(5)}), "unsupported type"),
    "value of 2,001": (actions({**BUTTON, "value": "v" * 2001}), "at most 2000"),
    "button in blue": (actions({**BUTTON, "style": "blue"}), "must be one of"),
    "button without action_id": (actions({"type": "button", "text": PLAIN}), "missing required field: action_id"),
    "action_id of 256": (actions({**BUTTON, "action_id": "a" * 256}), "at most 255"),
    "block_id of 256": ({**SECTION, "block_id": "b" * 256}, "at most 255"),
    "image without words": ({"type": "image", "image_url": PIXEL}, "missing required field: alt_text"),
    "image without source": ({"type": "image", "alt_text": "a"}, "exactly one of"),
    "image with two": (
        {"type": "image", "alt_text": "a", "image_url": PIXEL, "slack_file": {"id": "F0000001"}},
        "exactly one of",
    ),
    "alt text of 2,001": ({"type": "image", "image_url": PIXEL, "alt_text": "a" * 2001}, "at most 2000"),
    "image from a path": ({"type": "image", "image_url": "/tmp/p.png", "alt_text": "a"}, "must look like"),
    "eleven in a context": ({"type": "context", "elements": [words(1)] * 11}, "1 to 10 items"),
    "button in a context": ({"type": "context", "elements": [BUTTON]}, "unsupported type: 'button'"),
    "no options": (select(options=[]), "1 to 100 items"),
    "option of 76": (select(options=[{"text": words(76, "plain_text"), "value": "a"}]), "at most 75"),
    "option value of 151": (select(options=[{"text": PLAIN, "value": "v" * 151}]), "at most 150"),
    "an option twice": (select(options=[OPTION, OPTION]), "value 'a' repeats"),
    "101 options": (select(options=[{"text": PLAIN, "value": str(n)} for n in range(101)]), "1 to 100 items"),
    "a choice not offered": (select(initial_option={"text": PLAIN, "value": "b"}), "not among the options"),
    "placeholder of 151": (select(placeholder=words(151, "plain_text")), "at most 150"),
    "overflow of six": (
        actions(
            {"type": "overflow", "action_id": "o", "options": [{"text": PLAIN, "value": str(n)} for n in range(6)]}
        ),
        "1 to 5 items",
    ),
    "table of 101 rows": (table(101, 1), "1 to 100 items"),
    "table of 21 columns": (table(1, 21), "1 to 20 items"),
    "table of 10,001 characters": (table(100, 4, "x" * 26), "at most 10000"),
    "ragged table": ({"type": "table", "rows": [[{"type": "raw_text", "text": "1"}] * n for n in (1, 2)]}, "differ"),
    "markdown of 12,001": ({"type": "markdown", "text": "x" * 12_001}, "at most 12000"),
    "sortable table of 102 rows": (sortable(102), "2 to 101 items"),
    "sortable table of a heading": (sortable(1), "2 to 101 items"),
    "sortable table without caption": ({**table(2, 1), "type": "data_table"}, "missing required field: caption"),
    "sortable table of 10,001 characters": (sortable(100, rows=table(100, 4, "x" * 26)["rows"]), "at most 10000"),
    "page of no row": (sortable(2, page_size=0), "from 1 to 100"),
    "ragged sortable table": (
        sortable(2, rows=[[{"type": "raw_text", "text": "1"}] * n for n in (1, 2)]),
        "rows differ",
    ),
    "rich heading": (
        sortable(2, rows=[[{"type": "rich_text", "elements": []}], [{"type": "raw_text", "text": "1"}]]),
        "a heading cannot be rich_text",
    ),
    "number without text": (
        sortable(2, rows=[[{"type": "raw_text", "text": "1"}], [{"type": "raw_number", "value": 1}]]),
        "missing required field: text",
    ),
    "chart of seven series": (chart(7), "1 to 6 items"),
    "chart of 21 points": (chart(1, 21), "1 to 20 items"),
    "chart with a point of no category": (
        chart(1, 2, axis_config={"categories": ["day 0", "x"]}),
        "not the categories",
    ),
    "chart of no number": (
        chart(1, 1, series=[{"name": "a", "data": [{"label": "day 0", "value": float("nan")}]}]),
        "finite number",
    ),
    "label of 21": (chart(1, 1, axis_config={"categories": ["x" * 21]}), "at most 20"),
    "chart title of 51": ({**chart(), "title": "x" * 51}, "at most 50"),
    "radar chart": (chart(type="radar"), "unsupported type: 'radar'"),
    "card of nothing": ({"type": "card"}, "needs at least one"),
    "card body of 201": ({"type": "card", "body": words(201)}, "at most 200"),
    "unknown block": ({"type": "chart"}, "unsupported type: 'chart'"),
    "unknown key": ({**SECTION, "color": "red"}, "unknown field: color"),
    "unknown element": (actions({"type": "knob", "action_id": "k"}), "unsupported type: 'knob'"),
}

VIEWS_TAKEN = {
    "modal with an input": modal(field(TYPING), submit=PLAIN),
    "modal of 100 blocks": modal(*[{"type": "divider"}] * 100),
    "home": {"type": "home", "blocks": [SECTION]},
    "modal with all kinds of input": modal(
        field({"type": "number_input", "action_id": "n", "is_decimal_allowed": False, "min_value": "1"}, block_id="1"),
        field({"type": "static_select", "action_id": "s", "options": [OPTION]}, block_id="2"),
        field({"type": "checkboxes", "action_id": "c", "options": [OPTION]}, block_id="3", optional=True),
        submit=PLAIN,
    ),
}

VIEWS_REFUSED = {
    "title of 25": ({**modal(SECTION), "title": words(25, "plain_text")}, "at most 24"),
    "no title": ({"type": "modal", "blocks": [SECTION]}, "missing required field: title"),
    "input without submit": (modal(field(TYPING)), "needs the view's submit"),
    "101 blocks": (modal(*[{"type": "divider"}] * 101), "1 to 100 items"),
    "submit of 25": (modal(SECTION, submit=words(25, "plain_text")), "at most 24"),
    "metadata of 3,001": (modal(SECTION, private_metadata="m" * 3001), "at most 3000"),
    "callback of 256": (modal(SECTION, callback_id="c" * 256), "at most 255"),
    "table in a modal": (modal(table(1, 1)), "unsupported type: 'table'"),
    "home with a title": ({"type": "home", "title": PLAIN, "blocks": [SECTION]}, "unknown field: title"),
    "button as input": (modal(field(BUTTON), submit=PLAIN), "unsupported type: 'button'"),
    "min over max": (modal(field({**TYPING, "min_length": 9, "max_length": 3}), submit=PLAIN), "above max_length"),
}


@pytest.mark.parametrize("block", TAKEN.values(), ids=TAKEN)
def test_what_slack_takes_has_no_flaw(block: dict[str, Any]) -> None:
    assert check_message_blocks([block]) == []


@pytest.mark.parametrize(("block", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_slack_refuses_is_named_with_its_place(block: dict[str, Any], reason: str) -> None:
    flaws = check_message_blocks([SECTION, block])

    assert any(reason in flaw.reason for flaw in flaws), flaws
    assert all(flaw.where.startswith("/blocks") for flaw in flaws)


@pytest.mark.parametrize("view", VIEWS_TAKEN.values(), ids=VIEWS_TAKEN)
def test_a_view_slack_takes_has_no_flaw(view: dict[str, Any]) -> None:
    assert check_view(view) == []


@pytest.mark.parametrize(("view", "reason"), VIEWS_REFUSED.values(), ids=VIEWS_REFUSED)
def test_a_view_slack_refuses_is_named(view: dict[str, Any], reason: str) -> None:
    assert any(reason in flaw.reason for flaw in check_view(view)), check_view(view)


def test_a_message_has_at_most_fifty_blocks() -> None:
    assert check_message_blocks([{"type": "divider"}] * 50) == []
    assert "1 to 50 items" in str(check_message_blocks([{"type": "divider"}] * 51)[0])


def test_a_block_id_is_used_once_in_a_message() -> None:
    flaws = check_message_blocks([{**SECTION, "block_id": "a"}, {**SECTION, "block_id": "a"}])

    assert [str(flaw) for flaw in flaws] == ["block_id 'a' repeats [json-pointer:/blocks/1]"]


def test_a_message_has_one_table() -> None:
    assert "only_one_table_allowed" in str(check_message_blocks([table(1, 1), table(1, 1)]))


def test_a_sortable_table_and_a_plain_one_are_two_tables() -> None:
    assert "only_one_table_allowed" in str(check_message_blocks([table(1, 1), sortable(2)]))


def test_a_message_has_two_charts_at_most() -> None:
    assert check_message_blocks([chart(), chart()]) == []
    assert "3 charts, at most 2" in str(check_message_blocks([chart()] * 3))


def test_markdown_blocks_share_their_limit() -> None:
    half = {"type": "markdown", "text": "x" * 6001}

    assert "at most 12000" in str(check_message_blocks([half, half]))


@pytest.mark.parametrize(
    "text",
    [
        "AAPL &lt; MSFT &amp; IBM",
        "<@U0ALICE1> asked in <#C0QUANT01|quant>",
        "<https://example.com/a?b=1&amp;c=2|the report>",
        "> quoted\n>>> and on",
        "<!date^1700000000^{date_short}|14 Nov>",
        "<mailto:a@example.com|write>",
    ],
)
def test_markup_and_escaped_values_pass(text: str) -> None:
    assert list(raw_characters(text, "/text")) == []


@pytest.mark.parametrize(
    "text", ["a < b", "a > b", "R&D", "<b>bold</b>", "&quot;", "<!bang>", "<javascript:x>", "<@bob>"]
)
def test_a_bare_control_character_is_found(text: str) -> None:
    assert list(raw_characters(text, "/text"))


def test_broadcasts_and_people_are_told_apart() -> None:
    found = mentions("<!channel> <!here|here> <@U0BOB2> <#C01|x> <!subteam^S01>", "/text")

    assert [(each.kind, each.name) for each in found] == [
        ("broadcast", "channel"),
        ("broadcast", "here"),
        ("user", "U0BOB2"),
        ("channel", "C01"),
        ("group", "S01"),
    ]


def test_a_hostile_text_may_come_back_only_escaped() -> None:
    hostile = ["<!channel>", "harmless"]

    assert list(leaks("no strategy <!channel>", "/text", hostile))
    assert not list(leaks("no strategy &lt;!channel&gt; harmless", "/text", hostile))
