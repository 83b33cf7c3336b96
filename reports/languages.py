"""The languages there are: one folder of `templates` each, with the same files and the same words in them."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

TEMPLATES = Path(__file__).parents[1] / "templates"


def languages_of(templates: Path) -> tuple[str, ...]:
    """The codes of the languages in a folder of templates, in alphabetical order."""
    return tuple(sorted(path.parent.name for path in templates.glob("*/words.jinja")))


LANGUAGES = languages_of(TEMPLATES)


def _known(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError(f"there is no language `{code}`; choose one of {', '.join(LANGUAGES)}")
    return code


#: The code of a language, such as "en"; a model refuses one that has no folder.
Language = Annotated[str, AfterValidator(_known)]
