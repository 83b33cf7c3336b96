"""Pictures of what the bot said, to be looked at: a stored thread or view as a PNG.

    python -m tests.slack.picture thread.json out.png [--dark] [--phone]

`save` writes such a JSON file (and the uploads beside it) out of a running Slack. The browser is
Debian's `chromium` (with `fonts-noto-cjk` for Korean and `fonts-noto-color-emoji`).
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageChops

from tests.slack.inspection import PEOPLE, Slack
from tests.slack.page import Names, thread_page, view_page
from tests.slack.workspace import Json, Message

DESKTOP, PHONE = 820, 390  # CSS pixels
TALLEST = 6000
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str:
    """The browser on PATH; FileNotFoundError with the package to install when there is none."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise FileNotFoundError("no browser: apt-get install chromium fonts-noto-cjk fonts-noto-color-emoji")


def shoot(page: str, out: Path, *, width: int = DESKTOP) -> None:
    """Draw a page at `width` CSS pixels, two device pixels each, and cut the empty rest below off."""
    with TemporaryDirectory(prefix="picture-") as folder:
        source, raw = Path(folder) / "page.html", Path(folder) / "raw.png"
        source.write_text(page, encoding="utf-8")
        subprocess.run(
            [
                browser(),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--force-device-scale-factor=2",
                f"--user-data-dir={folder}/profile",
                f"--window-size={width},{TALLEST}",
                f"--screenshot={raw}",
                source.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
        _trim(raw, out)


def _trim(raw: Path, out: Path) -> None:
    with Image.open(raw) as opened:
        picture = opened.convert("RGB")
    empty = Image.new("RGB", picture.size, picture.getpixel((0, picture.height - 1)))
    used = ImageChops.difference(picture, empty).getbbox()
    picture.crop((0, 0, picture.width, min(picture.height, used[3] + 32 if used else 64))).save(out)


def render(stored: Json, out: Path, *, dark: bool = False, width: int = DESKTOP) -> None:
    """Draw what `save` stored: a thread under `messages`, or a `view`."""
    names = Names(users=stored.get("users", {}), channels=stored.get("channels", {}), files=stored.get("files", {}))
    view = stored.get("view")
    page = view_page(view, names, dark=dark) if view else thread_page(stored["messages"], names, dark=dark)
    shoot(page, out, width=width)


async def save(slack: Slack, messages: Sequence[Message], folder: Path) -> Path:
    """Write messages (a thread, root first) and their files into a folder; gives the JSON file's path."""
    files = [file for message in messages for file in message.files]
    contents = {f"{file['id']}-{Path(file['name']).name}": await slack.download(file) for file in files}
    stored = {
        "messages": [_told(each, slack.bot_user) for each in messages],
        "users": await people(slack),
        "files": {name.partition("-")[0]: (folder / name).absolute().as_uri() for name in contents},
    }
    return await asyncio.to_thread(_write, stored, contents, folder)


async def save_view(slack: Slack, view: Json, folder: Path) -> Path:
    """Write a modal or a home tab into a folder; gives the JSON file's path."""
    return await asyncio.to_thread(_write, {"view": view, "users": await people(slack)}, {}, folder)


def _told(message: Message, bot_user: str) -> Json:
    """The message with its audience, and marked as an app's whoever stored it."""
    mark = {"bot_id": "B"} if message.user == bot_user else {}
    return {**message.to_slack(), **mark, "only_for": message.only_for}


def _write(stored: Json, contents: Mapping[str, bytes], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    target = folder / "thread.json"
    target.write_text(json.dumps(stored, ensure_ascii=False, indent=1), encoding="utf-8")
    return target


async def people(slack: Slack) -> dict[str, str]:
    """Names by user id, the bot's among them."""
    return {**{await slack.user_id(name): name.capitalize() for name in PEOPLE}, slack.bot_user: "Optimizer"}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.slack.picture", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("thread", type=Path, help="a JSON file with `messages` or a `view`")
    parser.add_argument("out", type=Path, help="the PNG to write")
    parser.add_argument("--dark", action="store_true", help="as in dark mode")
    parser.add_argument("--phone", action="store_true", help="as wide as a phone")
    asked = parser.parse_args(arguments)
    stored = json.loads(asked.thread.read_text(encoding="utf-8"))
    render(stored, asked.out, dark=asked.dark, width=PHONE if asked.phone else DESKTOP)
    sys.stdout.write(f"{asked.out}\n")


if __name__ == "__main__":
    main()
