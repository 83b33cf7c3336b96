"""`python -m tests.image`: takes the Dockerfile's steps in a bare Debian in a folder, and looks if the bot is well.

There is no Docker in it: the base image is a minimal Debian of the same release with its Python, each step runs in
namespaces of its own as the user, in the folder and with the environment that the Dockerfile says, and at the end the
command of the image serves a Slack of the tests with a MongoDB of this machine, is asked for its health in the image's
own way, searches, and is asked to end. Needs root, debootstrap, and the right to make mount namespaces; takes ten
minutes, most of them for packages that are downloaded and for the engine, which is compiled.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import psutil

from optimizer.storage.embedded_mongo import EmbeddedMongo, MongoUnavailable, find_mongod, start_mongod
from optimizer.storage.mongo import wait_ready
from tests.bot_process import free_port
from tests.dockerfile import DOCKERFILE, Image, Place, image_of
from tests.slack.driver import Driver
from tests.slack.inspection import SIGNING_SECRET
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire

ROOT = DOCKERFILE.parent
_KEPT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "optimize-bot"
#: Seconds that a busy machine has for each; how long it took is printed.
_MONGOD_SECONDS, _HEALTHY_SECONDS, _STOP_SECONDS, _RESULT_SECONDS = 300.0, 600.0, 60.0, 600.0
#: Enters a folder as if it were a machine; what is mounted and started goes with the process.
_ENTER = """
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
for path in $2; do
  [ -e "$path" ] || continue
  if [ -d "$path" ]; then mkdir -p "$1$path"; else mkdir -p "$1$(dirname "$path")" && touch "$1$path"; fi
  mount --bind -o ro "$path" "$1$path"
done
exec chroot --userspec="$3:$3" "$1" env -i --chdir="$4" "${@:5}"
"""


def main() -> None:
    """Take the steps, and serve."""
    image = image_of(DOCKERFILE.read_text())
    with tempfile.TemporaryDirectory(prefix="image-", ignore_cleanup_errors=True) as folder:
        root = _bare_debian(image.base, Path(folder) / "root")
        _take_steps(image, root)
        _check_files(image, root)
        asyncio.run(_serve(image, root, Path(folder)))
    _say("the image is well")


def _say(what: str) -> None:
    sys.stdout.write(f"\n== {what}\n")
    sys.stdout.flush()


def _bare_debian(base: str, root: Path) -> Path:
    """A minimal Debian with the Python of the base image; made once on a machine."""
    found = re.fullmatch(r"python:(\d+\.\d+)-slim-(\w+)", base)
    assert found, f"unknown base image {base}"
    _say(f"{base}: a minimal Debian with its Python")
    kept = _KEPT / f"image-{found[2]}"
    if not (kept / "complete").exists():
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        packages = "--include=python3,python3-venv,ca-certificates"
        with (kept / "log").open("wb") as log:
            command = ["debootstrap", "--variant=minbase", packages, found[2], kept / "root"]
            subprocess.run(command, check=True, stdout=log, stderr=log)
        (kept / "complete").touch()
    subprocess.run(["cp", "-a", kept / "root", root], check=True)
    for name in ("/etc/resolv.conf", "/etc/hosts"):
        shutil.copy(name, f"{root}{name}")
    _run(root, Place(), ["python3", "-c", f"import sys; assert sys.version.startswith('{found[1]}.')"])
    return root


def _take_steps(image: Image, root: Path) -> None:
    settings = _pip_settings()
    for step in image.steps:
        began = time.monotonic()
        _say(f"{step.place.user}: {step.command or f'COPY . {step.copy_to}'}")
        (root / step.place.folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        if step.copy_to:
            _copy_what_is_given(root / step.copy_to.lstrip("/"))
        else:
            _run(root, step.place, ["sh", "-c", step.command], settings | _processor())
        sys.stdout.write(f"{time.monotonic() - began:.0f} s\n")


def _copy_what_is_given(target: Path) -> None:
    """Copy what .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    left_out = shutil.ignore_patterns(*(line.removeprefix("**/") for line in lines if line.startswith("**/")))
    target.mkdir(parents=True, exist_ok=True)
    for name in (line.removeprefix("!") for line in lines if line.startswith("!")):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=left_out)
        else:
            shutil.copy(ROOT / name, target)


def _check_files(image: Image, root: Path) -> None:
    """Check that the user of the image owns what it writes to, and little else."""
    _say(f"{image.place.user} writes to {', '.join(image.volumes)} and to nothing of the program")
    assert image.place.user != "root"
    for volume in image.volumes:
        assert (root / volume.lstrip("/")).stat().st_mode & 0o777 == 0o700
        _run(root, image.place, ["touch", f"{volume}/probe"])
        _run(root, image.place, ["rm", f"{volume}/probe"])
    program = next(iter(image.place.environment["PATH"].split(":")))
    owned = ["find", f"{program}/..", "-writable", "-not", "-type", "l", "-not", "-path", "*/compiled*"]
    assert not _output(root, image.place, owned)


async def _serve(image: Image, root: Path, folder: Path) -> None:
    """Start the image's command, ask for its health as the image says, search, and ask it to end."""
    compiled = _compiled(image, root)
    async with StrictSlack() as slack, _mongod(folder) as server:
        port = free_port()
        environment = {
            "OPTIMIZE_BOT_PORT": str(port),
            "OPTIMIZE_BOT_WORKERS": "1",
            "MONGODB_URI": server.uri,
            "SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        }
        _say(" ".join((*image.entry, *image.command)))
        with _process(root, image.place, [*image.entry, *image.command], environment | _processor()) as bot:
            await _until_healthy(image, root, port, bot)
            await _search(slack, port)
            user = _user_id(image.place.user, root)
            children = psutil.Process(bot.pid).children(recursive=True)
            assert {child.uids().real for child in children} == {user}, "a process of another user"
            _say(image.stop_signal)
            children[0].send_signal(getattr(signal, image.stop_signal))
            began = time.monotonic()
            code = await asyncio.to_thread(bot.wait, _STOP_SECONDS)
            sys.stdout.write(f"ended with {code} after {time.monotonic() - began:.1f} s\n")
            assert code == 0
    assert _compiled(image, root) == compiled, "something was compiled that the image should have brought"


@asynccontextmanager
async def _mongod(home: Path) -> AsyncIterator[EmbeddedMongo]:
    """A server of this machine."""
    server = start_mongod(find_mongod(os.environ), home)
    try:
        async with asyncio.timeout(_MONGOD_SECONDS):
            while True:
                with suppress(MongoUnavailable):
                    await wait_ready(server)
                    break
        yield server
    finally:
        await asyncio.to_thread(server.stop)


async def _until_healthy(image: Image, root: Path, port: int, bot: "subprocess.Popen[bytes]") -> None:
    began = time.monotonic()
    environment = {"OPTIMIZE_BOT_PORT": str(port)}
    async with asyncio.timeout(_HEALTHY_SECONDS):
        while (await asyncio.to_thread(_code, root, image.place, image.health, environment)) != 0:
            assert bot.poll() is None, "it ended"
            await asyncio.sleep(1.0)
    sys.stdout.write(f"healthy after {time.monotonic() - began:.0f} s\n")


async def _search(slack: StrictSlack, port: int) -> None:
    """Search once, as somebody in Slack."""
    _say("/optimize IBM RSI 50")
    async with HttpWire(f"http://127.0.0.1:{port}/slack/events", patience=30) as wire:
        assert (await Driver(slack, wire).command("IBM RSI 50")).status == 200
    channel = await slack.channel_id()

    async def look() -> bool:
        roots = await slack.messages(channel)
        replies = (await slack.thread(channel, roots[0].ts))[1:] if roots else []
        return any("study_adopt" in str(message.blocks) for message in replies)

    await slack.eventually(look, seconds=_RESULT_SECONDS, what="the result")


def _compiled(image: Image, root: Path) -> set[str]:
    folder = root / image.place.environment["NUMBA_CACHE_DIR"].lstrip("/")
    engine = {str(file) for file in folder.rglob("*.nb?")}
    home = root / _account(image.place.user, root)[5].lstrip("/")
    layouts = {str(file) for file in (home / ".cache/optimize-bot/layouts").glob("*.jinja")}
    assert engine, "nothing is compiled"
    assert layouts, "no layout is compiled"
    return engine | layouts


def _user_id(name: str, root: Path) -> int:
    return int(_account(name, root)[2])


def _account(name: str, root: Path) -> list[str]:
    """Row of a user in the machine's list."""
    lines = (root / "etc/passwd").read_text().splitlines()
    return next(line.split(":") for line in lines if line.startswith(f"{name}:"))


def _run(root: Path, place: Place, command: Sequence[str], more: Mapping[str, str] | None = None) -> None:
    subprocess.run(_inside(root, place, command, more or {}), check=True)


def _code(root: Path, place: Place, command: Sequence[str], more: Mapping[str, str]) -> int:
    """Exit code of a command that prints nothing of interest."""
    return subprocess.run(_inside(root, place, command, more), capture_output=True).returncode


def _output(root: Path, place: Place, command: Sequence[str]) -> str:
    return subprocess.run(_inside(root, place, command, {}), check=True, capture_output=True, text=True).stdout


@contextmanager
def _process(
    root: Path, place: Place, command: Sequence[str], more: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """A running command, gone after the block."""
    process = subprocess.Popen(_inside(root, place, command, more))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _inside(root: Path, place: Place, command: Sequence[str], more: Mapping[str, str]) -> list[str]:
    """Return the command that runs another one in the folder, as its place says."""
    environment = {"HOME": _account(place.user, root)[5], **place.environment, **more}
    pairs = [f"{name}={value}" for name, value in environment.items()]
    paths = " ".join(_pip_paths()) if place.user == "root" else ""
    enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-euc", _ENTER, "image"]
    return [*enter, str(root), paths, place.user, place.folder, *pairs, *command]


def _pip_settings() -> dict[str, str]:
    """Return how pip is set up on this machine, as variables for its environment."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    found = (re.fullmatch(r"(?:global|install|user|:env:)\.([a-z-]+)='(.*)'", line) for line in sorted(listed)[::-1])
    names = {each[1]: each[2].replace("\\n", " ") for each in found if each}
    return {f"PIP_{name.replace('-', '_').upper()}": value for name, value in names.items()}


def _pip_paths() -> list[str]:
    """Return local files and folders that those settings name; a local index links to files beside its folder."""
    words = [word.removeprefix("file://") for value in _pip_settings().values() for word in value.split()]
    return sorted({re.sub(r"(/.+)/simple/?$", r"\1", word) for word in words if word.startswith("/")})


def _processor() -> dict[str, str]:
    """Return what some processors need to be told, which belongs to the machine."""
    return {name: os.environ[name] for name in ("OPENBLAS_CORETYPE",) if name in os.environ}


if __name__ == "__main__":
    assert os.getuid() == 0, "needs root to make a machine in a folder"
    main()
