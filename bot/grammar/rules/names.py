"""Names of saved rules: a word of its own, which no command, strategy or option has."""

import re

from bot.grammar.errors import NotARuleName, RuleNameTaken
from bot.grammar.options import FLAGS, OPTIONS
from bot.grammar.verbs import VERB_WORDS
from optimizer.strategies.registry import OVERLAYS, STRATEGIES
from optimizer.strategies.rules.compiling import RULE

_NAME = re.compile(r"[a-z가-힣][a-z0-9가-힣_-]{1,29}")


def read_rule_name(text: str) -> str:
    """Read a name, in lower case. Raises NotARuleName and RuleNameTaken."""
    name = text.lower()
    if not _NAME.fullmatch(name):
        raise NotARuleName(word=text)
    if name in _taken():
        raise RuleNameTaken(word=name)
    return name


def _taken() -> set[str]:
    strategies = {word for strategy in STRATEGIES.values() for word in (strategy.key, *strategy.aliases)}
    options = {word for option in OPTIONS.values() for word in (option.key, *option.aliases)}
    flags = {word for flag in FLAGS.values() for word in (flag.key, *flag.aliases)}
    return {RULE, *VERB_WORDS, *strategies, *options, *flags, *OVERLAYS}
