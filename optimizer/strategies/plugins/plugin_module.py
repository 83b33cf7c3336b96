"""From the code of a plugin to its strategies: the module is run, and what it declares is checked."""

import math
import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

from optimizer.domain.space import Choice, Parameter, Params, Range, Space
from optimizer.errors import Phrase
from optimizer.strategies.declaration import OwnCode, Strategy, Words
from optimizer.strategies.plugins.fence import fenced
from optimizer.strategies.plugins.own_rules import fenced_strategy
from optimizer.strategies.plugins.plugin_errors import Fault
from optimizer.strategies.plugins.plugin_files import GROUP, PluginSource
from optimizer.strategies.registry import STRATEGIES

#: Seconds in which a module must have run.
IMPORT_SECONDS = 20.0
#: Bars and sets of a trial.
TRIAL_BARS, TRIAL_SETS = 1500, 20
#: Keys are typed in commands and shown as they are; other names may be of any script.
KEY = re.compile(r"[a-z][a-z0-9_]{1,29}")
_ALIAS = re.compile(r"[^\s\"'`,=<>@~|:;/\\.()A-Z-]{1,30}")
_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,19}")
_UNITS = ("", "%", "bars", "deviations", "ranges")
_MOST_WORDS = {"title": 60, "about": 200, "meanings": 100}
_MOST_PARAMETERS, _MOST_MASKS = 8, 64


def load_strategies(source: PluginSource, *, seconds: float = IMPORT_SECONDS) -> tuple[Strategy, ...]:
    """Run a plugin's module and return the strategies that it declares, checked. Raises Fault."""
    made = fenced(partial(_run, source), path=source.path, seconds=seconds)
    found = list(_declared(made))
    if not found:
        raise Fault(Phrase("own_none"))
    for strategy in found:
        fenced(partial(require_sound, strategy), path=source.path, seconds=seconds)
    return tuple(found)


def own_strategies(source: PluginSource) -> Iterator[Strategy]:
    """Yield the strategies of a source that passed its trial, each fenced and with its code. Raises Fault."""
    for strategy in load_strategies(source):
        if strategy.key in source.seconds:
            own = OwnCode(
                file=source.name,
                path=source.path,
                digest=source.digest,
                seconds=source.seconds[strategy.key],
                n_bars=TRIAL_BARS,
            )
            yield fenced_strategy(replace(strategy, own=own))


def _run(source: PluginSource) -> Any:
    """Run a file's text, or load an entry point."""
    if source.text is None:
        return EntryPoint(name=source.name, value=source.entry_point, group=GROUP).load()
    name = f"optimize_bot_strategy_{re.sub('[^A-Za-z0-9_]', '_', source.name.removesuffix('.py'))}"
    module = ModuleType(name)
    module.__file__ = source.path
    sys.modules[name] = module  # dataclasses and numba look a function's module up
    exec(compile(source.text, source.path, "exec", dont_inherit=True), vars(module))  # noqa: S102 - what plugins are for
    return module


def _declared(made: Any) -> Iterator[Strategy]:
    """Yield the strategies of a module, or the one that an entry point names; ones of ours are only imported there."""
    candidates = vars(made).values() if isinstance(made, ModuleType) else (made,)
    ours, seen = {id(strategy) for strategy in STRATEGIES.ours.values()}, set[int]()
    for value in candidates:
        if isinstance(value, Strategy) and id(value) not in ours | seen:
            seen.add(id(value))
            yield value


def require_sound(strategy: Strategy) -> None:
    """Check a declaration. Raises Fault for the first thing that is wrong with it."""
    if not isinstance(strategy.key, str) or not KEY.fullmatch(strategy.key):
        raise Fault(Phrase("own_key", name=strategy.key))
    for alias in strategy.aliases:
        if not isinstance(alias, str) or not _ALIAS.fullmatch(alias):
            raise Fault(Phrase("own_alias", name=alias))
    _require_space(strategy.space)
    texts = {"title": [strategy.title], "about": [strategy.about], "meanings": [*strategy.meanings.values()]}
    for field, values in texts.items():
        for words in values:
            _require_words(field, words)
    if not all(callable(rule) for rule in (strategy.long, strategy.short or len, strategy.warm_up)):
        raise Fault(Phrase("own_declaration", field="long, short, warm_up"))
    if not isinstance(strategy.masks_per_set, int) or not 1 <= strategy.masks_per_set <= _MOST_MASKS:
        raise Fault(Phrase("own_declaration", field="masks_per_set"))
    longest: Params = {parameter.name: parameter.values[-1] for parameter in strategy.space.parameters}
    for params in (strategy.space.default, longest):
        n_bars: Any = strategy.warm_up(params)
        if not isinstance(n_bars, int) or not 0 <= n_bars < TRIAL_BARS:
            raise Fault(Phrase("own_declaration", field="warm_up"))


def _require_space(space: Space) -> None:
    if not isinstance(space, Space) or not 1 <= len(space.parameters) <= _MOST_PARAMETERS:
        raise Fault(Phrase("own_parameters", most=_MOST_PARAMETERS))
    for parameter in space.parameters:
        if not _is_sound(parameter) or space.by_name[parameter.name] is not parameter:
            raise Fault(Phrase("own_parameter", name=parameter.name))


def _is_sound(parameter: Parameter) -> bool:
    if not _PARAMETER.fullmatch(parameter.name) or parameter.unit not in _UNITS:
        return False
    if isinstance(parameter, Choice):
        words = all(re.fullmatch(r"[a-z][a-z0-9_]*", choice) for choice in parameter.choices)
        return words and parameter.default in parameter.choices
    return isinstance(parameter, Range) and _is_sound_range(parameter)


def _is_sound_range(parameter: Range) -> bool:
    numbers = (parameter.low, parameter.high, parameter.step, parameter.default)
    is_ordered = all(map(math.isfinite, numbers)) and parameter.low <= parameter.default <= parameter.high
    is_whole = not parameter.integer or all(float(number).is_integer() for number in numbers)
    return is_ordered and is_whole and parameter.step > 0 and (parameter.high - parameter.low) / parameter.step < 10_000


def _require_words(field: str, words: Words) -> None:
    texts = [words] if isinstance(words, str) else [*words.values()]
    for text in texts:
        if not isinstance(text, str) or len(text) > _MOST_WORDS[field] or not (text == "" or text.isprintable()):
            raise Fault(Phrase("own_words", field=field, most=_MOST_WORDS[field]))


def require_free(strategy: Strategy, taken: Collection[str], taken_parameters: Collection[str]) -> None:
    """Raise Fault for a name that means something else in a command already."""
    for name in (strategy.key, *strategy.aliases):
        if name in taken:
            raise Fault(Phrase("own_name_taken", name=name))
    for name in strategy.space.names:
        if name in taken_parameters:
            raise Fault(Phrase("own_parameter_taken", name=name))
