"""Blocks of 2026 as older ones: what a terminal and a workspace that does not know them are shown.

A layout is written once, with the new blocks; a `data_table` has the rows of its plain table, and what a native chart
shows stands in a picture or in the table beside it.
"""

from collections.abc import Iterable

from reports.text.message import Block

#: Kinds of blocks that Slack added in 2026.
NEW_KINDS = frozenset({"data_table", "data_visualization"})


def has_new_blocks(blocks: Iterable[Block]) -> bool:
    """Return whether any block is of a kind that older workspaces refuse."""
    return any(block["type"] in NEW_KINDS for block in blocks)


def plain_blocks(blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks with plain tables for the sortable ones, and without native charts."""
    return [plain_table(block) if block["type"] == "data_table" else block for block in blocks if not _is_chart(block)]


def plain_table(block: Block) -> Block:
    """Return a `data_table` as a `table`; columns with numbers are aligned to the right."""
    columns = zip(*block["rows"], strict=True)
    aligned = [{"align": "right" if any(_is_number(cell) for cell in column) else "left"} for column in columns]
    return {
        "type": "table",
        "column_settings": aligned,
        "rows": [[_plain_cell(cell) for cell in row] for row in block["rows"]],
    }


def cell_text(cell: Block) -> str:
    """Return what a cell shows, with `@` before a person's id and `#` before a channel's."""
    if cell["type"] != "rich_text":
        return str(cell["text"])
    return "".join(_part_text(part) for section in cell["elements"] for part in section["elements"])


def _part_text(part: Block) -> str:
    match part["type"]:
        case "user":
            return f"@{part['user_id']}"
        case "channel":
            return f"#{part['channel_id']}"
        case _:
            return str(part["text"])


def _is_chart(block: Block) -> bool:
    return bool(block["type"] == "data_visualization")


def _is_number(cell: Block) -> bool:
    return bool(cell["type"] == "raw_number")


def _plain_cell(cell: Block) -> Block:
    return {"type": "raw_text", "text": cell["text"]} if _is_number(cell) else cell
