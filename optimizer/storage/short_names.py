"""Short names of what is stored, such as `opt-7f3a`: given once, and found by any unique beginning."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from pymongo.errors import DuplicateKeyError

log = logging.getLogger(__name__)

Stored = TypeVar("Stored")
#: Makes random hex digits of so many bytes.
NewId = Callable[[int], str]


@dataclass(frozen=True, kw_only=True)
class ShortNames:
    """Names of one kind of document: a prefix and hex digits."""

    prefix: str
    n_bytes: tuple[int, ...]  # of each attempt to find a free name
    new_id: NewId = secrets.token_hex

    def beginning(self, word: str) -> str:
        """Beginning of a typed name, with or without the prefix; empty if no name can have it."""
        digits = word.lower().strip().removeprefix(self.prefix)
        return self.prefix + digits if digits.isalnum() else ""

    def meant(self, word: str, names: Iterable[str]) -> str | None:
        """Name equal to a word, or the only one that begins with it; None if there is none or more than one."""
        beginning = self.beginning(word)
        found = [name for name in names if beginning and name.startswith(beginning)]
        if beginning in found:
            return beginning
        return found[0] if len(found) == 1 else None

    async def give(self, store: Callable[[str], Awaitable[Stored]]) -> Stored:
        """Store under the first random name that is free: `store` raises DuplicateKeyError for a taken one."""
        for n_bytes in self.n_bytes:
            name = self.prefix + self.new_id(n_bytes)
            try:
                return await store(name)
            except DuplicateKeyError:
                log.info("name_taken name=%s", name)
        raise AssertionError("so many random names were taken")
