"""Topics of `help`: every verb, strategy, goal, overlay, option and term of an answer, and a few subjects."""

from collections.abc import Iterable, Iterator

from bot.grammar.commands import Help, Topic
from bot.grammar.errors import UnknownTopic
from bot.grammar.options import FLAGS, OPTIONS
from bot.grammar.verbs import VERBS
from optimizer.domain.metrics import GOALS
from optimizer.strategies.registry import OVERLAYS, STRATEGIES

#: Topics about a whole table rather than one entry, with their words.
_SUBJECTS = {
    "goals": ("목표들",),
    "overlays": ("오버레이",),
    "options": ("옵션",),
    "examples": ("예시",),
    "indicators": ("지표", "rule language", "규칙 문법"),
}

#: Terms of the answers, with their other words; explained in `templates/<language>/glossary.jinja`.
TERMS = {
    "strong": ("유력",),
    "promising": ("유망",),
    "unproven": ("미입증",),
    "failed unseen": ("failed", "표본 외 실패"),
    "overfit": ("overfitting", "과최적화", "과적합"),
    "pbo": ("overfit chance", "과최적화 확률"),
    "deflated sharpe": ("dsr", "deflated", "deflated sharpe ratio", "디플레이티드 샤프", "디플레이티드 샤프 비율"),
    "confidence": ("skill", "luck", "확신도", "우연"),
    "out of sample": ("oos", "unseen", "out-of-sample", "표본 외", "표본외"),
    "in sample": ("in-sample", "표본 내"),
    "walk-forward": ("walk forward", "walkforward", "워크포워드"),
    "interval": ("90% interval", "구간", "신뢰 구간", "신뢰구간"),
    "plateau": ("spike", "slope", "neighbours", "안정 구간"),
    "buy and hold": ("buy-and-hold", "hold", "단순 보유"),
    "default parameters": ("default", "defaults", "textbook", "기본값"),
    "champion": ("challenger", "챔피언", "도전자"),
    "basis points": ("bps", "bp"),
    "drawdown": ("max drawdown", "낙폭"),
    "pareto": ("pareto set", "knee", "파레토"),
}


def topics() -> dict[str, tuple[Topic, str]]:
    """Map every word that help knows to the kind and key of its topic; the first meaning of a word counts."""
    found: dict[str, tuple[Topic, str]] = {}
    for word, kind, key in _entries():
        found.setdefault(word, (kind, key))
    return found


def find_topic(word: str) -> Help:
    """Return the help command for a word. Raises UnknownTopic."""
    known = topics()
    if word not in known:
        raise UnknownTopic.of(word, known)
    kind, key = known[word]
    return Help(topic=key, kind=kind)


def _entries() -> Iterator[tuple[str, Topic, str]]:
    yield from _words(Topic.SUBJECT, ((key, aliases) for key, aliases in _SUBJECTS.items()))
    yield from _words(Topic.VERB, ((verb.key, verb.aliases) for verb in VERBS.values()))
    yield from _words(Topic.STRATEGY, ((strategy.key, strategy.aliases) for strategy in STRATEGIES.values()))
    yield from _words(Topic.GOAL, ((key, ()) for key in GOALS))
    yield from _words(Topic.OVERLAY, ((key, ()) for key in OVERLAYS))
    yield from _words(Topic.OPTION, ((option.key, option.aliases) for option in OPTIONS.values()))
    yield from _words(Topic.OPTION, ((flag.key, flag.aliases) for flag in FLAGS.values()))
    yield from _words(Topic.TERM, TERMS.items())


def _words(kind: Topic, keyed: Iterable[tuple[str, Iterable[str]]]) -> Iterator[tuple[str, Topic, str]]:
    return ((word, kind, key) for key, aliases in keyed for word in (key, *aliases))
