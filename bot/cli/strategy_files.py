"""`optimize-bot strategies new NAME` and `strategies check FILE`: for authors of own strategies."""

import argparse
import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.cli.screen import Screen, plain_facts
from bot.runtime.own_strategies import reserved_words
from bot.runtime.processes import ChildProcesses, close_to_others
from bot.runtime.settings import Settings
from optimizer.errors import Phrase, UserError
from optimizer.strategies.declaration import OwnCode
from optimizer.strategies.plugins.example_file import example_of
from optimizer.strategies.plugins.loading import OwnStrategies, load_sources
from optimizer.strategies.plugins.plugin_errors import (
    BadStrategyName,
    Fault,
    NoStrategyFile,
    StrategyFileExists,
    refusal_of,
)
from optimizer.strategies.plugins.plugin_files import read_file, require_owned
from optimizer.strategies.plugins.plugin_module import KEY
from optimizer.strategies.registry import STRATEGIES
from reports.render import Renderer, renderer_of
from reports.text.terminal import unmarked

_CODE = 0o600


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Write an example, or try a file; returns the exit code."""
    screen, renderer = Screen(as_json=options.json), renderer_of(settings.language)
    if options.verb == "strategies new":
        return _write_example(options.named, settings, screen, renderer)
    return await asyncio.to_thread(_check, Path(options.named), settings, screen, renderer)


def _write_example(name: str, settings: Settings, screen: Screen, renderer: Renderer) -> int:
    """Write a commented example that passes its trial. Raises BadStrategyName or StrategyFileExists."""
    key = name.removesuffix(".py").lower()
    _require_free(key)
    close_to_others(settings.home)
    settings.strategies.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.strategies / f"{key}.py"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _CODE)
    except FileExistsError as failure:
        raise StrategyFileExists(file=str(path)) from failure
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(example_of(key, str(path)))
    message = renderer.notice("strategy_written", file=str(path), key=key)
    screen.show(message)
    screen.write(plain_facts(message))
    return 0


def _require_free(key: str) -> None:
    if not KEY.fullmatch(key):
        raise BadStrategyName(word=key, reason=Phrase("own_key", name=key))
    if key in reserved_words().names or key in STRATEGIES.key_of:
        raise BadStrategyName(word=key, reason=Phrase("own_name_taken", name=key))


def _check(path: Path, settings: Settings, screen: Screen, renderer: Renderer) -> int:
    """Try a file as the bot does at its start, and print what is wrong with it. Raises NoStrategyFile."""
    if not path.exists() and not path.is_symlink():
        raise NoStrategyFile(file=str(path))
    found = _tried(path, settings)
    for own in _codes(found):
        facts = {"milliseconds": own["milliseconds"], "n_bars": own["n_bars"]}
        screen.show(renderer.notice("strategy_passes", key=own["key"], **facts))
    for refusal in found.refused:
        screen.show(renderer.notice("strategy_fails", place=refusal.facts["place"], reason=refusal.facts["reason"]))
    screen.write(
        {
            "file": str(path),
            "passes": not found.refused,
            "strategies": _codes(found),
            "refused": [_refused(refusal, renderer) for refusal in found.refused],
        }
    )
    return 1 if found.refused else 0


def _tried(path: Path, settings: Settings) -> OwnStrategies:
    try:
        if path.parent.resolve() == settings.strategies.resolve():  # elsewhere a folder may be anybody's
            require_owned(os.lstat(settings.strategies))
        source = read_file(path)
    except Fault as fault:
        return OwnStrategies(refused=(refusal_of(path.name, fault),))
    return load_sources([source], reserved=reserved_words())


def _codes(found: OwnStrategies) -> list[dict[str, Any]]:
    codes: list[tuple[str, OwnCode]] = [(one.key, one.own) for one in found.strategies if one.own is not None]
    return [{"key": key, "milliseconds": own.milliseconds, "n_bars": own.n_bars} for key, own in codes]


def _refused(refusal: UserError, renderer: Renderer) -> Mapping[str, object]:
    facts = refusal.facts
    return {"file": facts["file"], "line": facts["line"], "sentence": unmarked(renderer.error(refusal))}
