"""Messages as plain text, one file a kind and language, to be reviewed as text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.commands.forms.schedule_form import schedule_view
from bot.commands.forms.start_form import Form, start_view
from bot.context import NO_ANSWER
from reports.render import LANGUAGES, Language, Renderer
from reports.text.message import Block, Message
from reports.text.plain_blocks import cell_text
from tests.bot import answers, recurring
from tests.golden.refusals import refusals
from tests.reports import facts, kinds

FOLDER = Path(__file__).parent
#: Kinds that share a file.
_GROUPS = (
    "notice_", "help_", "verb_", "root_", "weekly_", "scheduled_", "schedules_", "adopt_", "adopted_", "home_",
    "whoami_", "top_", "compare_", "best_", "group_", "data_", "health_", "failures_", "audit_", "config_", "plan_",
    "ack_", "listing_", "failure_", "refusal_", "web_", "why_", "small_",
)  # fmt: skip


class Recording(Renderer):
    """A renderer that remembers which layouts and notices it was asked for."""

    def __init__(self, language: Language) -> None:
        super().__init__(language)
        self.layouts: set[str] = set()
        self.notices: set[str] = set()

    def render(self, kind: str, **facts: object) -> Message:
        """The message."""
        self.layouts.add(kind)
        self.notices |= {str(facts["notice"])} if kind == "notice" else set()
        return super().render(kind, **facts)


def everything(say: Renderer) -> dict[str, list[Message]]:
    """Every message there is, by a name of its own."""
    return {**kinds.everything(say), **recurring.everything(say), **answers.everything(say)}


def sheets() -> dict[str, str]:
    """The text of every golden file by its name under the folder."""
    return {
        f"{language}/{name}.txt": text for language in LANGUAGES for name, text in sheets_of(Renderer(language)).items()
    }


def sheets_of(say: Renderer) -> dict[str, str]:
    """The text of every golden file of one renderer by its name."""
    found: dict[str, str] = {}
    for name, messages in everything(say).items():
        group = name.partition("_")[0] if name.startswith(_GROUPS) else name
        text = "\n".join(_sheet(message) for message in messages if message is not NO_ANSWER.message)
        found[group] = found.get(group, "") + f"== {name}\n{text}\n"
    found["errors"] = "\n".join(f"{name}: {sentence}" for name, sentence in refusals(say).items()) + "\n"
    found["form"] = "\n".join(_form_lines(start_view(Form(), say))) + "\n"
    found["form_full"] = "\n".join(_form_lines(start_view(Form(is_full=True), say))) + "\n"
    weekly = schedule_view(facts.finished("promising"), say, time_zone="Asia/Seoul", channel_id="C012AB3CD")
    found["schedule_form"] = "\n".join(_form_lines(weekly)) + "\n"
    return found


def _sheet(message: Message) -> str:
    return "\n".join([f"text: {message.text}", *(line for block in message.blocks for line in _lines(block))]) + "\n"


def _lines(block: Block) -> Iterator[str]:
    match block["type"]:
        case "header":
            yield f"# {block['text']['text']}"
        case "section":
            yield from block["text"]["text"].splitlines()
        case "context":
            yield from (f"  ({element['text']})" for element in block["elements"])
        case "table" | "data_table":
            yield from ("  | " + " | ".join(map(cell_text, row)) for row in block["rows"])
        case "data_visualization":
            yield from _chart_lines(block)
        case "actions":
            yield "  " + " ".join(_button(element) for element in block["elements"])
        case "rich_text":
            yield from (part["text"] for element in block["elements"] for part in element["elements"])
        case "divider":
            yield "---"
        case other:
            raise AssertionError(f"a golden file cannot show {other}")


def _chart_lines(block: Block) -> Iterator[str]:
    chart, axes = block["chart"], block["chart"]["axis_config"]
    yield f"  [{chart['type']} chart: {block['title']}; {axes.get('x_label', '')}, {axes['y_label']}]"
    for series in chart["series"]:
        # Slack draws the numbers, with a minus sign of its own.
        points = (f"{point['label']} {str(point['value']).replace('-', '−')}" for point in series["data"])
        yield f"    {series['name']}: " + ", ".join(points)


def _button(element: Block) -> str:
    if element["type"] == "overflow":
        return " ".join(f"[⋯ {option['text']['text']} → {option['value'].split()[0]}]" for option in element["options"])
    style = f" {element['style']}" if "style" in element else ""
    asks = f" asks: {element['confirm']['text']['text']}" if "confirm" in element else ""
    return f"[{element['text']['text']} → {element['action_id']}{style}{asks}]"


def _form_lines(view: dict[str, Any]) -> Iterator[str]:
    yield f"{view['title']['text']} [{view['submit']['text']}] [{view['close']['text']}]"
    yield from (line for block in view["blocks"] if block["type"] != "input" for line in _lines(block))
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        hint = f" ({block['hint']['text']})" if "hint" in block else ""
        placeholder = f" _{element['placeholder']['text']}_" if "placeholder" in element else ""
        options = ", ".join(option["text"]["text"] for option in element.get("options", []))
        yield f"{block['label']['text']}{hint}{placeholder}{': ' + options if options else ''}"
