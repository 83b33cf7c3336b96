"""Fonts of the charts: matplotlib's own, which has no Hangul, and NanumGothic, which has no minus sign.

Only the font files of the package `koreanize-matplotlib` are used: its import would change matplotlib's settings
for every chart of the process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import matplotlib as mpl
from matplotlib import font_manager

from reports.languages import Language

LATIN, HANGUL = "DejaVu Sans", "NanumGothic"
_PACKAGE = "koreanize_matplotlib"
#: Weights by file; matplotlib takes the bold one for half bold.
_FACES = {"NanumGothic.ttf": 400, "NanumGothicBold.ttf": 700}
#: Languages that are written in Hangul throughout; in others it may be part of a name.
_HANGUL_FIRST = frozenset({"ko"})


@contextmanager
def fonts_of(language: Language) -> Iterator[None]:
    """Draw what is drawn inside in a language's font; a character that it lacks comes from the other one."""
    _add_hangul()
    families = [HANGUL, LATIN] if language in _HANGUL_FIRST else [LATIN, HANGUL]
    with mpl.rc_context({"font.family": families}):
        yield


@cache
def _add_hangul() -> None:
    """Let matplotlib know the font, once in a process."""
    spec = find_spec(_PACKAGE)
    assert spec is not None, "installed with the bot"
    assert spec.submodule_search_locations is not None, "it is a package"
    known = font_manager.fontManager
    for face, weight in _FACES.items():
        known.addfont(Path(spec.submodule_search_locations[0]) / "fonts" / face)
        known.ttflist[-1] = replace(known.ttflist[-1], weight=weight)
