"""The operator's own strategies, loaded once in a process, under names that mean nothing else in a command."""

from functools import cache
from pathlib import Path

from bot.grammar.commands import Topic
from bot.grammar.help_topics import topics
from bot.grammar.options import FLAGS, OPTIONS
from bot.runtime.settings import Settings
from optimizer.domain.metrics import CAPS, GOALS
from optimizer.strategies.plugins.loading import OwnStrategies, Reserved, load_plugins
from optimizer.strategies.plugins.plugin_files import PluginKinds
from optimizer.strategies.registry import OVERLAYS


def load_own_strategies(settings: Settings) -> OwnStrategies:
    """Try and load what the settings allow, and let every part of this process know it."""
    found = _loaded(settings.plugins, settings.strategies)
    found.use()
    return found


@cache
def _loaded(kinds: PluginKinds, folder: Path) -> OwnStrategies:
    """Load once: what a process was started with it keeps, whatever becomes of the files."""
    return load_plugins(kinds, folder, reserved=reserved_words()) if kinds is not PluginKinds.OFF else OwnStrategies()


def reserved_words() -> Reserved:
    """Collect what already means something in a command: as its second word, and before `=`."""
    options = {word for option in OPTIONS.values() for word in (option.key, *option.aliases)}
    options |= {word for flag in FLAGS.values() for word in (flag.key, *flag.aliases)}
    names = {word for word, (kind, _) in topics().items() if kind is not Topic.STRATEGY}
    return Reserved(names={*names, *options, *CAPS}, parameters={*options, *OVERLAYS, *CAPS, *GOALS})
