"""The study that a word means: one finder for every command, the API and the pages."""

import re

from optimizer.errors import UserError, nearest
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.short_names import ShortNames
from optimizer.storage.study_queries import without_charts

STUDY_IDS = ShortNames(prefix="opt-", n_bytes=(2, 2, 2, 3, 4, 8))
#: Studies of one name that an error lists.
_NAMESAKES = 5
#: Newest studies among which a misspelt word is looked for.
_RECENT = 50


class UnknownStudy(UserError):
    """No study has this id or name, or several ids begin with it. Facts: word, nearest."""


class SeveralStudies(UserError):
    """Several studies have the name that was typed. Facts: word, known."""


async def find_study(word: str) -> OptimizationStudy:
    """Find a study by its id, with or without the prefix, by a unique beginning of it, or by the name it was given.

    Raises UnknownStudy and SeveralStudies.
    """
    name = word.strip()
    study = await _by_id(word) or (await _by_name(name) if name else None)
    if study is None:
        raise UnknownStudy(word=word, nearest=await _nearest(word))
    return study


async def _by_id(word: str) -> OptimizationStudy | None:
    if not (beginning := STUDY_IDS.beginning(word)):
        return None
    query = {"study_name": {"$regex": f"^{beginning}"}}
    found = await OptimizationStudy.find(query).sort("study_name").limit(2).to_list()
    studies = {study.study_name: study for study in found}
    name = STUDY_IDS.meant(word, studies)
    return None if name is None else studies[name]


async def _by_name(name: str) -> OptimizationStudy | None:
    if not name.isprintable():  # MongoDB takes no NUL, and no name has one
        return None
    query = {"name": {"$regex": f"^{re.escape(name)}$", "$options": "i"}}
    found = await OptimizationStudy.find(query).sort("-created_at").limit(_NAMESAKES).to_list()
    if len(found) > 1:
        raise SeveralStudies(word=name, known=", ".join(study.study_name for study in found))
    return found[0] if found else None


async def _nearest(word: str) -> str:
    recent = await without_charts({}, order={"created_at": -1}, limit=_RECENT)
    own = nearest(word, [study.name for study in recent if study.name])
    return own or nearest(STUDY_IDS.beginning(word), [study.study_name for study in recent])
