"""Errors as people read them: what `pytest.raises` is for exceptions, with the English sentence to match."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from optimizer.errors import Phrase, UserError
from reports.render import renderer_of
from reports.text.terminal import unmarked

Refusal = TypeVar("Refusal", bound=UserError)


def worded(named: Phrase | UserError) -> str:
    """An error or a phrase in English, as plain text."""
    return unmarked(renderer_of("en").phrase(named))


@contextmanager
def refused(kind: type[Refusal], *, match: str) -> Iterator[pytest.ExceptionInfo[Refusal]]:
    """Expect an error whose English sentence matches."""
    with pytest.raises(kind) as raised:
        yield raised
    assert re.search(match, worded(raised.value)), worded(raised.value)
