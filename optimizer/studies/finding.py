"""The study that a word means: one finder for every command, the API and the pages."""

import re

from optimizer.errors import UserError, nearest
from optimizer.storage.curves import with_curves
from optimizer.storage.documents import BY_AGE, OptimizationStudy
from optimizer.storage.short_names import ShortNames
from optimizer.storage.study_queries import EVERY, Query, both, without_charts

STUDY_IDS = ShortNames(prefix="opt-", n_bytes=(2, 2, 2, 3, 4, 8))
#: Studies of one name that an error lists.
_NAMESAKES = 5
#: Newest studies among which a misspelt word is looked for.
_RECENT = 50


class UnknownStudy(UserError):
    """No study has this id or name, or several ids begin with it. Facts: word, nearest."""


class SeveralStudies(UserError):
    """Several studies have the name that was typed. Facts: word, known."""


async def find_study(word: str, among: Query = EVERY) -> OptimizationStudy:
    """Find a study of `among` by its id, with or without the prefix, by a unique beginning of it, or by its name.

    Raises UnknownStudy and SeveralStudies; the others are as if they did not exist.
    """
    name = word.strip()
    study = await _by_id(word, among) or (await _by_name(name, among) if name else None)
    if study is None:
        raise UnknownStudy(word=word, nearest=await _nearest(word, among))
    return await with_curves(study)


async def _by_id(word: str, among: Query) -> OptimizationStudy | None:
    if not (beginning := STUDY_IDS.beginning(word)):
        return None
    query = both({"study_name": {"$regex": f"^{beginning}"}}, among)
    found = await OptimizationStudy.find(query).sort("study_name").limit(2).to_list()
    studies = {study.study_name: study for study in found}
    name = STUDY_IDS.meant(word, studies)
    return None if name is None else studies[name]


async def _by_name(name: str, among: Query) -> OptimizationStudy | None:
    if not name.isprintable():  # MongoDB takes no NUL, and no name has one
        return None
    query = both({"name": {"$regex": f"^{re.escape(name)}$", "$options": "i"}}, among)
    found = await OptimizationStudy.find(query).sort("-created_at").limit(_NAMESAKES).to_list()
    if len(found) > 1:
        raise SeveralStudies(word=name, known=", ".join(study.study_name for study in found))
    return found[0] if found else None


async def _nearest(word: str, among: Query) -> str:
    recent = await without_charts(among, order=dict(BY_AGE), limit=_RECENT, index=BY_AGE)
    own = nearest(word, [study.name for study in recent if study.name])
    return own or nearest(STUDY_IDS.beginning(word), [study.study_name for study in recent])
