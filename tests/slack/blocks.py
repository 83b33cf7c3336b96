"""Whether Slack would take these blocks: the whole of a message's or a view's Block Kit.

Source: docs.slack.dev/reference/block-kit/blocks and docs.slack.dev/reference/views. Everything is
checked twice: by the shapes here, and by the models of `slack_sdk`, so that a gap in one shows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from tests.slack.elements import (
    ACCESSORY,
    ACTION,
    BLOCK_ID,
    BOOLEAN,
    IMAGE,
    INPUT,
    SLACK_FILE,
    URL,
    mrkdwn,
    plain,
    text,
)
from tests.slack.shapes import (
    Check,
    Flaw,
    anything,
    array,
    at_least_one,
    by_type,
    distinct,
    exactly_one,
    number,
    one_of,
    shape,
    string,
    whole,
)

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MARKDOWN_CHARACTERS = 12_000  # all markdown blocks of one message together
TABLE_CHARACTERS = 10_000  # all cells of all tables of one message together
CHARTS = 2  # of one message; Slack's pages name no figure, its refusals do
#: Kinds of 2026, which an older workspace refuses and `slack_sdk` has no model for.
NEW_KINDS = frozenset({"data_table", "data_visualization"})
TEXT_CHARACTERS = 4_000  # chat.update refuses more; chat.postMessage would cut from 40,000

STYLE = shape({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), BOOLEAN))
INLINE = by_type(
    {
        "text": shape({"text": string(3000)}, {"style": STYLE}),
        "link": shape({"url": URL}, {"text": string(3000), "style": STYLE, "unsafe": BOOLEAN}),
        "emoji": shape({"name": string(100)}, {"unicode": string(50), "style": STYLE}),
        "user": shape({"user_id": string(20)}, {"style": STYLE}),
        "usergroup": shape({"usergroup_id": string(20)}, {"style": STYLE}),
        "channel": shape({"channel_id": string(20)}, {"style": STYLE}),
        "broadcast": shape({"range": one_of("here", "channel", "everyone")}),
        "date": shape(
            {"timestamp": whole(0, 9_999_999_999), "format": string(200)},
            {"url": URL, "fallback": string(200), "style": STYLE},
        ),
        "color": shape({"value": string(7)}),
    }
)
INLINES = array(INLINE, most=1000)
SECTION = shape({"elements": INLINES})
RICH_PARTS = by_type(
    {
        "rich_text_section": SECTION,
        "rich_text_list": shape(
            {
                "style": one_of("bullet", "ordered"),
                "elements": array(by_type({"rich_text_section": SECTION}), most=200),
            },
            {"indent": whole(0, 8), "offset": whole(0, 10_000), "border": whole(0, 1)},
        ),
        "rich_text_preformatted": shape({"elements": INLINES}, {"border": whole(0, 1), "language": string(30)}),
        "rich_text_quote": shape({"elements": INLINES}, {"border": whole(0, 1)}),
    }
)
RICH_TEXT = shape({"elements": array(RICH_PARTS, most=1000)}, {"block_id": BLOCK_ID})
TEXT_CELL = shape({"text": string(3000)})
CELL = by_type({"raw_text": TEXT_CELL, "rich_text": RICH_TEXT})
NUMBER_CELL = shape({"value": number, "text": string(3000)})
COLUMN = shape({}, {"align": one_of("left", "center", "right"), "is_wrapped": BOOLEAN})


POINT = shape({"label": string(20), "value": number})
SERIES = shape({"name": string(20), "data": array(POINT, most=20)})
AXES = shape(
    {"categories": array(string(20), most=20)},
    {"x_label": string(50), "y_label": string(50)},
)


def _points_of_each_category(value: object, where: str) -> Iterator[Flaw]:
    """Each series has one point for each category, and the categories do not repeat."""
    chart = value if isinstance(value, dict) else {}
    categories = (chart.get("axis_config") or {}).get("categories") or []
    if len(set(categories)) != len(categories):
        yield Flaw(f"{where}/axis_config/categories", "categories repeat")
    for index, series in enumerate(_dicts(chart.get("series"))):
        if sorted(str(point.get("label")) for point in _dicts(series.get("data"))) != sorted(categories):
            yield Flaw(f"{where}/series/{index}/data", "labels are not the categories")


PLOT = shape(
    {"series": array(SERIES, most=6), "axis_config": AXES},
    {},
    distinct("name", inside="series"),
    _points_of_each_category,
)
CHART = by_type(
    {
        "pie": shape({"segments": array(shape({"label": string(20), "value": number}), most=6)}),
        **dict.fromkeys(("bar", "area", "line"), PLOT),
    }
)


def _plain_heading(value: object, where: str) -> Iterator[Flaw]:
    """The first row of a sortable table holds no rich text."""
    rows = value.get("rows") if isinstance(value, dict) else None
    head = rows[0] if isinstance(rows, list) and rows else []
    for index, cell in enumerate(_dicts(head)):
        if cell.get("type") == "rich_text":
            yield Flaw(f"{where}/rows/0/{index}", "a heading cannot be rich_text")


def _even_rows(value: object, where: str) -> Iterator[Flaw]:
    """A ragged table is drawn shifted; every row must have as many cells as the first."""
    rows = value.get("rows") if isinstance(value, dict) else None
    widths = {len(row) for row in rows if isinstance(row, list)} if isinstance(rows, list) else set()
    if len(widths) > 1:
        yield Flaw(where, f"rows differ in length: {sorted(widths)}")


def block(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None, *rules: Check) -> Check:
    """The shape of a block, which may carry a `block_id`."""
    return shape(required, {"block_id": BLOCK_ID, **(optional or {})}, *rules)


_one_source = exactly_one("image_url", "slack_file")
EVERYWHERE: dict[str, Check] = {
    "section": block(
        {},
        {"text": text(3000), "fields": array(text(2000), most=10), "accessory": ACCESSORY, "expand": BOOLEAN},
        at_least_one("text", "fields"),
    ),
    "header": block({"text": plain(150)}),
    "divider": block({}),
    "image": block(
        {"alt_text": string(2000)}, {"image_url": URL, "slack_file": SLACK_FILE, "title": plain(2000)}, _one_source
    ),
    "context": block(
        {
            "elements": array(
                by_type({"image": IMAGE, "mrkdwn": mrkdwn(2000), "plain_text": plain(2000)}),
                most=10,
            )
        }
    ),
    "actions": block({"elements": array(ACTION, most=25)}, {}, distinct("action_id", inside="elements")),
    "input": block(
        {"label": plain(2000), "element": INPUT}, {"hint": plain(2000), "optional": BOOLEAN, "dispatch_action": BOOLEAN}
    ),
    "rich_text": RICH_TEXT,
    "video": block(
        {"alt_text": string(2000), "title": plain(199), "thumbnail_url": URL, "video_url": URL},
        {"author_name": string(50), "description": plain(200), "provider_name": string(50), "title_url": URL}
        | {"provider_icon_url": URL},
    ),
}
ONLY_IN_MESSAGES: dict[str, Check] = {
    "markdown": block({"text": string(MARKDOWN_CHARACTERS)}),
    "table": block(
        {"rows": array(array(CELL, most=20), most=100)},
        {"column_settings": array(anything, most=20)},
        _even_rows,
    ),
    "data_table": block(
        {
            "caption": string(3000),
            "rows": array(
                array(by_type({"raw_text": TEXT_CELL, "rich_text": RICH_TEXT, "raw_number": NUMBER_CELL}), most=20),
                least=2,
                most=101,
            ),
        },
        {"page_size": whole(1, 100), "row_header_column_index": whole(0, 19)},
        _even_rows,
        _plain_heading,
    ),
    "data_visualization": block({"title": string(50), "chart": CHART}),
    "card": block(
        {},
        {
            "title": text(150),
            "subtitle": text(150),
            "body": text(200),
            "hero_image": IMAGE,
            "icon": IMAGE,
            "actions": array(ACTION, most=3),
        },
        at_least_one("title", "body", "hero_image", "actions"),
    ),
}


def _blocks(table: Mapping[str, Check], most: int) -> Check:
    listed = array(by_type(table), most=most)
    unique = distinct("block_id")

    def check(value: object, where: str) -> Iterator[Flaw]:
        yield from listed(value, where)
        yield from unique(value, where)

    return check


IN_MESSAGE = _blocks({**EVERYWHERE, **ONLY_IN_MESSAGES}, MESSAGE_BLOCKS)
IN_VIEW = _blocks(EVERYWHERE, VIEW_BLOCKS)


def _input_needs_submit(value: object, where: str) -> Iterator[Flaw]:
    if not isinstance(value, dict) or value.get("submit"):
        return
    for index, each in enumerate(_dicts(value.get("blocks"))):
        if each.get("type") == "input" and not each.get("dispatch_action"):
            yield Flaw(f"{where}/blocks/{index}", "an input needs the view's submit")


COMMON_TO_VIEWS: dict[str, Check] = {
    "callback_id": string(255),
    "private_metadata": string(3000),
    "external_id": string(255),
}
VIEW = by_type(
    {
        "modal": shape(
            {"title": plain(24), "blocks": IN_VIEW},
            {
                **COMMON_TO_VIEWS,
                "submit": plain(24),
                "close": plain(24),
                "clear_on_close": BOOLEAN,
                "notify_on_close": BOOLEAN,
                "submit_disabled": BOOLEAN,
            },
            _input_needs_submit,
        ),
        "home": shape({"blocks": IN_VIEW}, COMMON_TO_VIEWS),
    }
)


def check_message_blocks(blocks: object) -> list[Flaw]:
    """Everything wrong with the `blocks` of a message; an empty list when Slack would take them."""
    flaws = [*IN_MESSAGE(blocks, "/blocks"), *_tables(blocks), *_charts(blocks), *_markdown(blocks)]
    return flaws or list(_by_models(_dicts(blocks)))


def check_view(view: object) -> list[Flaw]:
    """Everything wrong with a modal or a home tab."""
    return list(VIEW(view, "/view")) or list(_view_by_models(view))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _tables(blocks: object) -> Iterator[Flaw]:
    tables = [each for each in _dicts(blocks) if each.get("type") in ("table", "data_table")]
    if len(tables) > 1:
        yield Flaw("/blocks", "only_one_table_allowed")
    cells = sum(len(words) for table in tables for _, words in walk_strings(table.get("rows"), "", only="text"))
    if cells > TABLE_CHARACTERS:
        yield Flaw("/blocks", f"tables hold {cells} characters, at most {TABLE_CHARACTERS}")


def _charts(blocks: object) -> Iterator[Flaw]:
    n = sum(each.get("type") == "data_visualization" for each in _dicts(blocks))
    if n > CHARTS:
        yield Flaw("/blocks", f"{n} charts, at most {CHARTS}")


def _markdown(blocks: object) -> Iterator[Flaw]:
    total = sum(len(str(each.get("text", ""))) for each in _dicts(blocks) if each.get("type") == "markdown")
    if total > MARKDOWN_CHARACTERS:
        yield Flaw("/blocks", f"markdown blocks hold {total} characters, at most {MARKDOWN_CHARACTERS}")


def _by_models(blocks: Sequence[dict[str, Any]]) -> Iterator[Flaw]:
    for index, each in enumerate(blocks):
        if each.get("type") in NEW_KINDS:
            continue
        parsed = Block.parse(dict(each))
        if parsed is None:
            yield Flaw(f"/blocks/{index}", f"slack_sdk does not know {each.get('type')!r}")
        else:
            yield from _formed(parsed.to_dict, f"/blocks/{index}")


def _view_by_models(view: object) -> Iterator[Flaw]:
    if isinstance(view, dict):
        yield from _formed(lambda: View(**view).to_dict(), "/view")
        yield from _by_models(_dicts(view.get("blocks")))


def _formed(build: Callable[[], object], where: str) -> Iterator[Flaw]:
    try:
        build()
    except SlackObjectFormationError as problem:
        yield Flaw(where, str(problem))


def walk_strings(value: object, where: str, *, only: str = "") -> Iterator[tuple[str, str]]:
    """Every string in a JSON value with its place; `only` keeps those under that key."""
    if isinstance(value, dict):
        for key, each in value.items():
            if isinstance(each, str) and only in ("", key):
                yield f"{where}/{key}", each
            else:
                yield from walk_strings(each, f"{where}/{key}", only=only)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from walk_strings(each, f"{where}/{index}", only=only)


def mrkdwn_texts(value: object, where: str) -> Iterator[tuple[str, str]]:
    """Every mrkdwn text in blocks or in a view, with its place."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn" and isinstance(value.get("text"), str):
            yield f"{where}/text", value["text"]
        for key, each in value.items():
            yield from mrkdwn_texts(each, f"{where}/{key}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from mrkdwn_texts(each, f"{where}/{index}")
