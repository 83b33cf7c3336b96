"""What the files of a language hold: the macros with their bodies, and the tables of words."""

import re
from functools import cache

from reports.languages import TEMPLATES

_MACRO = re.compile(r"{%-? macro (\w+)\(.*?\) -?%}(.*?){%-? endmacro -?%}", re.DOTALL)


@cache
def macros_of(language: str, file: str) -> dict[str, str]:
    """The body of each macro of a file by its name."""
    return dict(_MACRO.findall((TEMPLATES / language / f"{file}.jinja").read_text(encoding="utf-8")))


def facts_of(body: str) -> frozenset[str]:
    """The facts that a sentence names."""
    return frozenset(re.findall(r"\bx\.(\w+)", body))
