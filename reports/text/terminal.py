"""The same messages as plain text for a terminal: no buttons, no mark-up, tables in columns."""

import html
import io
import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from reports.text.markup import BOLD, LABELLED, MENTION
from reports.text.message import Block, Message
from reports.text.plain_blocks import cell_text, plain_blocks

#: Wide enough for the table of folds; narrower terminals wrap its cells.
WIDTH = 100
_COMMAND = re.compile("`/optimize")


def terminal_text(messages: Sequence[Message], width: int = WIDTH) -> str:
    """Several messages as text, an empty line between the parts of each."""
    parts = [part for message in messages for block in plain_blocks(message.blocks) for part in _part(block, width)]
    return "\n\n".join(parts)


def unmarked(text: str) -> str:
    """A Slack text without its mark-up; code keeps its backticks, they are read well anywhere.

    Commands begin as they do in a terminal.
    """
    plain = LABELLED.sub(r"\1", MENTION.sub(r"@\1", BOLD.sub(r"\1", text)))
    return html.unescape(_COMMAND.sub("`optimize-bot", plain))


def _part(block: Block, width: int) -> Iterator[str]:
    if block["type"] == "section":
        yield unmarked(block["text"]["text"])
    elif block["type"] == "context":
        yield "\n".join(unmarked(element["text"]) for element in block["elements"])
    elif block["type"] == "table":
        yield _table(block, width)


def _longest_word(cells: Sequence[str]) -> int:
    """A column this wide never breaks a word, such as `overbought=80`."""
    return max(cell_len(word) for cell in cells for word in (cell.split() or [""]))


def _widths(columns: Sequence[Sequence[str]], words: Sequence[int], room: int) -> list[int]:
    """The width of each column: its longest word, and whole cells for as many columns as there is room for."""
    widths, room = list(words), room - sum(words)
    missing = [max(map(cell_len, cells)) - word for cells, word in zip(columns, words, strict=True)]
    for at in sorted(range(len(widths)), key=missing.__getitem__):
        more = min(missing[at], max(room, 0))
        widths[at], room = widths[at] + more, room - more
    return widths


def _table(block: Block, width: int) -> str:
    head, *rows = [[unmarked(cell_text(cell)) for cell in row] for row in block["rows"]]
    columns = list(zip(head, *rows, strict=True))
    words = [_longest_word(cells) for cells in columns]
    gap = 2 if sum(words) + 2 * len(words) <= width else 1
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0))
    widths = _widths(columns, words, width - gap * (len(words) - 1))
    for title, settings, cell_width in zip(head, block["column_settings"], widths, strict=True):
        table.add_column(title, justify=settings["align"], overflow="fold", width=cell_width)
    for row in rows:
        table.add_row(*row)
    paper = io.StringIO()
    Console(file=paper, width=width, color_system=None, markup=False, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in paper.getvalue().rstrip().splitlines())
