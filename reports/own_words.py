"""Tables of strategies' words that have those of a person's own strategies too, which their authors declared."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from optimizer.strategies.declaration import Strategy, Words
from optimizer.strategies.registry import STRATEGIES
from reports.languages import Language


class WithOwn(Mapping[str, Any]):
    """Words of our strategies by key, then those of a person's own, looked up anew each time."""

    def __init__(self, ours: Mapping[str, Any], own: Callable[[Strategy], Any]) -> None:
        self._ours = ours
        self._own = own

    def __getitem__(self, key: str) -> Any:
        return self._ours[key] if key in self._ours else self._own(STRATEGIES.own[key])

    def __iter__(self) -> Iterator[str]:
        return iter([*self._ours, *STRATEGIES.own])

    def __len__(self) -> int:
        return len(self._ours) + len(STRATEGIES.own)


def own_words(language: Language) -> Callable[[str, Mapping[str, Any]], WithOwn]:
    """Return what adds a person's own strategies to the table of a name, in one language."""
    readers: Mapping[str, Callable[[Strategy], Any]] = {
        "titles": lambda strategy: in_language(strategy.title, language) or strategy.key,
        "rules": lambda strategy: in_language(strategy.about, language) or strategy.key,
        "parameters": lambda strategy: {
            name: in_language(strategy.meanings.get(name, ""), language) or name.replace("_", " ")
            for name in strategy.space.names
        },
    }
    return lambda table, ours: WithOwn(ours, readers[table])


def in_language(words: Words, language: Language) -> str:
    """Return words in a language, in English where there are none in it, or in any other."""
    if isinstance(words, str):
        return words
    return words.get(language) or words.get("en") or next(iter(words.values()), "")
