"""A Dockerfile as the steps it takes, and as what they leave: the image."""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Template

DOCKERFILE = Path(__file__).parents[1] / "Dockerfile"
#: Where programs are found in the base image.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def steps(text: str) -> list[tuple[str, str]]:
    """Return each instruction with its words, continued lines joined and comments left out."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    found = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [(word.upper(), rest) for word, rest in found]


@dataclass(frozen=True)
class Place:
    """Who runs a command, where, and with which environment."""

    user: str = "root"
    folder: str = "/"
    environment: Mapping[str, str] = field(default_factory=lambda: {"PATH": _PATH})


@dataclass(frozen=True)
class Step:
    """Command for the shell, or a folder to copy what is given into."""

    place: Place
    command: str = ""
    copy_to: str = ""


@dataclass(frozen=True)
class Image:
    """What a Dockerfile makes."""

    base: str = ""
    place: Place = field(default_factory=Place)
    steps: tuple[Step, ...] = ()
    volumes: tuple[str, ...] = ()
    port: int = 0
    stop_signal: str = "SIGTERM"
    health: tuple[str, ...] = ()
    entry: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


def image_of(text: str) -> Image:
    """Read a Dockerfile. Raises ValueError for an instruction, or a form of one, that is not known here."""
    image = Image()
    for word, rest in steps(text):
        if word not in _READERS:
            raise ValueError(f"{word} {rest}")
        image = _READERS[word](image, rest)
    return image


def _env(image: Image, rest: str) -> Image:
    place = image.place
    pairs = (pair.partition("=") for pair in shlex.split(rest))
    values = {name: Template(value).substitute(place.environment) for name, _, value in pairs}
    return replace(image, place=replace(place, environment={**place.environment, **values}))


def _run(image: Image, rest: str) -> Image:
    if rest.startswith(("[", "--")):
        raise ValueError(f"RUN {rest}")
    return replace(image, steps=(*image.steps, Step(image.place, command=rest)))


def _copy(image: Image, rest: str) -> Image:
    source, _, target = rest.partition(" ")
    if source != "." or not target.startswith("/"):
        raise ValueError(f"COPY {rest}")
    return replace(image, steps=(*image.steps, Step(image.place, copy_to=target)))


def _healthcheck(image: Image, rest: str) -> Image:
    found = re.fullmatch(r"(?:--[a-z-]+=\S+ )*CMD (\[.*\])", rest)
    if not found:
        raise ValueError(f"HEALTHCHECK {rest}")
    return replace(image, health=tuple(json.loads(found[1])))


_READERS: Mapping[str, Callable[[Image, str], Image]] = {
    "FROM": lambda image, rest: replace(image, base=rest),
    "ENV": _env,
    "RUN": _run,
    "COPY": _copy,
    "USER": lambda image, rest: replace(image, place=replace(image.place, user=rest)),
    "WORKDIR": lambda image, rest: replace(image, place=replace(image.place, folder=rest)),
    "VOLUME": lambda image, rest: replace(image, volumes=(*image.volumes, rest)),
    "EXPOSE": lambda image, rest: replace(image, port=int(rest)),
    "STOPSIGNAL": lambda image, rest: replace(image, stop_signal=rest),
    "HEALTHCHECK": _healthcheck,
    "ENTRYPOINT": lambda image, rest: replace(image, entry=tuple(json.loads(rest))),
    "CMD": lambda image, rest: replace(image, command=tuple(json.loads(rest))),
}
