"""A message as a web page that looks much like Slack: Block Kit to HTML, light or dark.

For looking, not for judging: what Slack takes is decided in `blocks`.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.slack.drawn_blocks import data_table, data_visualization
from tests.slack.workspace import Json

STYLE = Path(__file__).parent / "page.css"
EMOJI: Mapping[str, str] = {
    "white_check_mark": "✅",
    "heavy_check_mark": "✔️",
    "x": "❌",
    "warning": "⚠️",
    "hourglass_flowing_sand": "⏳",
    "hourglass": "⌛",
    "chart_with_upwards_trend": "📈",
    "chart_with_downwards_trend": "📉",
    "bar_chart": "📊",
    "trophy": "🏆",
    "eyes": "👀",
    "robot_face": "🤖",
    "information_source": "ℹ️",
    "double_vertical_bar": "⏸️",
    "arrow_forward": "▶️",
    "no_entry": "⛔",
    "bulb": "💡",
    "calendar": "📆",
    "rotating_light": "🚨",
}


@dataclass(kw_only=True)
class Names:
    """What ids stand for: people, channels, and files as URLs a browser can open."""

    users: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


def thread_page(messages: list[Json], names: Names, *, dark: bool = False) -> str:
    """A page with a root message and its replies."""
    root, *replies = messages
    count = f"{len(replies)} repl{'y' if len(replies) == 1 else 'ies'}"
    below = f'<div class="replies"><span class="soft">{count}</span></div>' if replies else ""
    return _page(message_html(root, names) + below + "".join(message_html(each, names) for each in replies), dark=dark)


def view_page(view: Json, names: Names, *, dark: bool = False) -> str:
    """A page with a modal or a home tab."""
    body = blocks_html(view["blocks"], names)
    if view["type"] == "home":
        return _page(body, dark=dark)
    close = _plain(view.get("close") or {"text": "Cancel"})
    submit = f'<span class="button primary">{_plain(view["submit"])}</span>' if view.get("submit") else ""
    foot = f'<div class="foot"><span class="button">{close}</span>{submit}</div>'
    title = f'<div class="title"><span>{_plain(view["title"])}</span><span>✕</span></div>'
    return _page(f'<div class="dialog">{title}<div class="body">{body}</div>{foot}</div>', dark=dark)


def _page(body: str, *, dark: bool) -> str:
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    mode, style = "dark" if dark else "light", STYLE.read_text(encoding="utf-8")
    return f'<!doctype html>{meta}<style>{style}</style><body class="{mode}">{body}</body>'


def message_html(message: Json, names: Names) -> str:
    """One message with its author, its blocks or text, and its files."""
    name: str = names.users.get(message["user"], message["user"])
    is_app = bool(message.get("bot_id"))
    badge = '<span class="badge">APP</span>' if is_app else " "
    only = '<div class="only">👁 Only visible to you</div>' if message.get("only_for") else ""
    edited = ' <span class="soft">(edited)</span>' if message.get("edited") else ""
    words = (
        blocks_html(message["blocks"], names) if message.get("blocks") else mrkdwn_html(message.get("text", ""), names)
    )
    files = "".join(_file(each, names) for each in message.get("files", []))
    for shown in message.get("attachments", []):
        files += f"<blockquote>{blocks_html(shown['blocks'], names)}</blockquote>"
    head = f'<div class="who"><b>{html.escape(name)}</b>{badge}<span class="time">7:00 AM</span></div>'
    face = f'<div class="face">{html.escape(name[:1].upper())}</div>'
    kind = "message" if is_app else "message person"
    return f'<div class="{kind}">{face}<div class="what">{only}{head}{words}{edited}{files}</div></div>'


def _file(file: Json, names: Names) -> str:
    title = f'<div class="soft">{html.escape(str(file.get("title") or file["id"]))}</div>'
    return f'<div class="file">{title}{_image(names.files.get(file["id"], ""), file.get("alt_txt", ""))}</div>'


def _image(url: str, alt: str) -> str:
    if not url:
        return f'<div class="missing">{html.escape(alt or "a file")}</div>'
    return f'<img src="{html.escape(url)}" alt="{html.escape(alt)}">'


def blocks_html(blocks: list[Json], names: Names) -> str:
    """Blocks one under another; a kind that is not drawn shows its name."""
    return "".join(_block(each, names) for each in blocks)


def _block(block: Json, names: Names) -> str:
    match block["type"]:
        case "divider":
            return "<hr>"
        case "header":
            return f'<div class="header">{_plain(block["text"])}</div>'
        case "section":
            return _section(block, names)
        case "context":
            return f'<div class="context">{"".join(_context(each, names) for each in block["elements"])}</div>'
        case "actions":
            return f'<div class="actions">{"".join(_element(each, names) for each in block["elements"])}</div>'
        case "image":
            title = f'<div class="soft">{_plain(block["title"])}</div>' if block.get("title") else ""
            return f'<div class="picture">{title}{_image(_source(block, names), block["alt_text"])}</div>'
        case "input":
            return f'<div class="input"><b>{_plain(block["label"])}</b>{_element(block["element"], names)}</div>'
        case "table":
            rows = ("".join(f"<td>{_cell(cell, names)}</td>" for cell in row) for row in block["rows"])
            return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
        case "data_table":
            return data_table(block, lambda cell: _cell(cell, names))
        case "data_visualization":
            return data_visualization(block)
        case "markdown":
            return _markdown(block["text"], names)
        case other:
            return f'<div class="missing">{html.escape(other)}</div>'


def _section(block: Json, names: Names) -> str:
    words = _text(block["text"], names) if block.get("text") else ""
    fields = "".join(f"<div>{_text(each, names)}</div>" for each in block.get("fields", []))
    fields = f'<div class="fields">{fields}</div>' if fields else ""
    beside = _element(block["accessory"], names) if block.get("accessory") else ""
    return f'<div class="section"><div class="words">{words}{fields}</div><div>{beside}</div></div>'


def _context(element: Json, names: Names) -> str:
    is_image = element["type"] == "image"
    return _image(_source(element, names), element["alt_text"]) if is_image else f"<span>{_text(element, names)}</span>"


def _source(block: Json, names: Names) -> str:
    file_id = (block.get("slack_file") or {}).get("id", "")
    return names.files.get(file_id, "") or block.get("image_url", "")


def _element(element: Json, names: Names) -> str:
    kind = element["type"]
    if kind == "button":
        return f'<span class="button {element.get("style", "")}">{_plain(element["text"])}</span>'
    if kind == "image":
        return f'<div style="width:88px">{_image(_source(element, names), element["alt_text"])}</div>'
    if kind in ("checkboxes", "radio_buttons"):
        return "".join(f"<div>{_tick(element, each)} {_text(each['text'], names)}</div>" for each in element["options"])
    if kind.endswith("_input"):
        shown = element.get("initial_value") or (element.get("placeholder") or {}).get("text", "")
        return f'<div class="box">{html.escape(shown) or "&nbsp;"}</div>'
    chosen = element.get("initial_option") or {"text": element.get("placeholder") or {"text": "Choose"}}
    return f'<span class="menu">{"⋯" if kind == "overflow" else _plain(chosen["text"])}</span>'


def _tick(element: Json, option: Json) -> str:
    chosen = [*(element.get("initial_options") or []), element.get("initial_option")]
    return "☑" if option in chosen else "☐"


def _cell(cell: Json, names: Names) -> str:
    if cell["type"] in ("raw_text", "raw_number"):
        return _plain(cell)
    return " ".join(_rich(each, names) for part in cell["elements"] for each in part["elements"])


def _rich(element: Json, names: Names) -> str:
    match element["type"]:
        case "user":
            return _entity(f"@{element['user_id']}", names)
        case "channel":
            return _entity(f"#{element['channel_id']}", names)
        case _:
            return html.escape(element.get("text", ""))


def _plain(text: Json) -> str:
    return _emoji(html.escape(html.unescape(text["text"])))


def _text(text: Json, names: Names) -> str:
    return _plain(text).replace("\n", "<br>") if text["type"] == "plain_text" else mrkdwn_html(text["text"], names)


def _emoji(text: str) -> str:
    return re.sub(r":([a-z0-9_+-]+):", lambda found: EMOJI.get(found[1], found[0]), text)


def mrkdwn_html(text: str, names: Names) -> str:
    """Slack's mrkdwn; code is taken out first, so that nothing in it is markup."""
    kept: list[str] = []

    def keep(markup: str) -> str:
        kept.append(markup)
        return f"\x00{len(kept) - 1}\x00"

    text = re.sub(r"```\n?(.+?)\n?```", lambda found: keep(f"<pre>{found[1]}</pre>"), text, flags=re.DOTALL)
    text = re.sub(r"`([^`\n]+)`", lambda found: keep(f"<code>{found[1]}</code>"), text)
    text = re.sub(r"<([^<>]+)>", lambda found: keep(_entity(found[1], names)), text)
    text = re.sub(r"(?m)^(?:&gt;|>) ?(.*)$", r"<blockquote>\1</blockquote>", text).replace(
        "</blockquote>\n", "</blockquote>"
    )
    for mark, tag in (("*", "b"), ("_", "i"), ("~", "s")):
        sign = re.escape(mark)
        text = re.sub(rf"(?<![\w{sign}]){sign}(\S(?:[^{sign}\n]*\S)?){sign}(?![\w{sign}])", rf"<{tag}>\1</{tag}>", text)
    text = _emoji(text).replace("\n", "<br>")
    return re.sub("\x00(\\d+)\x00", lambda found: kept[int(found[1])], text)


def _entity(inner: str, names: Names) -> str:
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return f'<span class="at">@{html.escape(names.users.get(target[1:], target[1:]))}</span>'
    if target.startswith("#"):
        return f'<span class="at">#{html.escape(label or names.channels.get(target[1:], target[1:]))}</span>'
    if target.startswith("!"):
        return f'<span class="at">{html.escape(label or "@" + target[1:])}</span>'
    return f'<a href="{html.escape(target)}">{label or target}</a>'


def _markdown(text: str, names: Names) -> str:
    """As much of standard Markdown as is worth seeing: headings, bullets, bold."""
    text = re.sub(r"(?m)^#+ (.+)$", r"**\1**", text)
    text = re.sub(r"(?m)^[-*] ", "• ", text)
    text = re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", r"<\2|\1>", text)
    text = re.sub(r"\*\*(.+?)\*\*", r"*\1*", text)
    return f"<div>{mrkdwn_html(text, names)}</div>"
