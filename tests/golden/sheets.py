"""Messages as plain text, one file a kind and language, to be reviewed as text."""

from collections.abc import Iterator
from pathlib import Path

from reports.message import Block, Message
from reports.render import LANGUAGES
from tests.bot import recurring
from tests.reports import kinds

FOLDER = Path(__file__).parent
#: Kinds that share a file.
_GROUPS = ("notice_", "help_", "root_", "weekly_", "scheduled_", "schedules_", "adopt_", "adopted_", "home_")


def sheets() -> dict[str, str]:
    """The text of every golden file by its name under the folder."""
    return {f"{language}/{name}.txt": text for language in LANGUAGES for name, text in _of(language).items()}


def _of(language: str) -> dict[str, str]:
    found: dict[str, str] = {}
    every = kinds.everything(language) | recurring.everything(language)  # type: ignore[arg-type]
    for name, messages in every.items():
        group = name.partition("_")[0] if name.startswith(_GROUPS) else name
        text = "\n".join(_sheet(message) for message in messages)
        found[group] = found.get(group, "") + f"== {name}\n{text}\n"
    return found


def _sheet(message: Message) -> str:
    return "\n".join([f"text: {message.text}", *(line for block in message.blocks for line in _lines(block))]) + "\n"


def _lines(block: Block) -> Iterator[str]:
    match block["type"]:
        case "section":
            yield from block["text"]["text"].splitlines()
        case "context":
            yield from (f"  ({element['text']})" for element in block["elements"])
        case "table":
            yield from ("  | " + " | ".join(cell["text"] for cell in row) for row in block["rows"])
        case "actions":
            yield "  " + " ".join(_button(element) for element in block["elements"])


def _button(element: Block) -> str:
    style = f" {element['style']}" if "style" in element else ""
    asks = f" asks: {element['confirm']['text']['text']}" if "confirm" in element else ""
    return f"[{element['text']['text']} → {element['action_id']}{style}{asks}]"
