"""Words of asking: how people say that they want something, which says nothing about what they want.

They are built from classes of words, so that a request in other words is one as well: who asks, what is wished and
what is to be done, in English; stems of verbs with their endings in Korean. None of them denies, puts a condition or
tells of what has been.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from bot.grammar.understanding.matching import Item, Kind, Pattern, any_of, pattern
from bot.grammar.understanding.phrases import FILLS
from optimizer.errors import distance

_CLASSES: Mapping[str, Sequence[str]] = tomllib.loads(
    Path(__file__).with_name("asking_words.toml").read_text(encoding="utf-8")
)
_HANGUL = re.compile(r"[가-힣]+")
_DOUBLED = {"run": "running", "set": "setting", "put": "putting", "get": "getting", "fit": "fitting"}


def _gerund(verb: str) -> str:
    """Return the form in -ing of a verb, whose particle stays behind it: `kick off` is `kicking off`."""
    first, space, rest = verb.partition(" ")
    form = _DOUBLED.get(first) or (first[:-1] if first.endswith("e") and first != "see" else first) + "ing"
    return form + space + rest


def _class(name: str) -> str:
    return any_of(_CLASSES[name])


@cache
def _frames() -> Sequence[str]:
    """Return the expressions of English requests without what is requested."""
    who, manner, do = _class("who"), rf"(?:\s+{_class('manner')})*", _class("do")
    doing = any_of(_gerund(verb) for verb in _CLASSES["do"])
    to_do = rf"(?:\s+(?:to\s+)?(?:{do}|{doing}))?"
    asked = (
        rf"(?:can|could|would|will|may|might|shall)(?:n'?t)?\s+{who}(?:\s+(?:mind"
        rf"|be so kind (?:as\s+)?to|be able to))?{manner}{to_do}"
    )
    wished = (
        rf"{who}(?:'?(?:m|d|ll|ve|re|s)|\s+(?:am|are|is|would|will|was|were|have|has)(?:\s+been)?)?(?:\s+be)?{manner}"
        rf"\s+{_class('wish')}(?:\s+(?:{who}|it))?{to_do}"
    )
    whether = rf"\s+(?:if|whether)\s+{who}\s+(?:can|could|would|might)"
    thing = (
        rf"(?:an?|the|another|one|some|our"
        rf"|my)?(?:\s*{_class('size')})*\s*{_class('thing')}(?:\s+(?:of|at|on|with|for|to))?"
    )
    return (
        rf"(?:{asked}|{wished})(?:{whether})?{to_do}",
        rf"(?:(?:i|we)(?:'ve|\s+have)?\s+)?been\s+(?:wanting|meaning|hoping|planning|dying|itching)\s+to{to_do}",
        rf"{_class('lead')}{manner}{to_do}",
        rf"(?:what\s+(?:do|would)\s+(?:you|u)\s+(?:think|say)\s+(?:about|of|to)|any\s+objections?\s+to|fancy)\s+{doing}",
        rf"(?:to\s+)?{do}",
        rf"needs?\s+(?:to\s+be\s+)?(?:{doing}|{_class('done')})",
        thing,
    )


def _fills(found: re.Match[str]) -> tuple[Item, ...]:
    return (Item(Kind.FILL, found[0]),)


def _behind(expression: str) -> Callable[[re.Match[str]], tuple[Item, ...] | None]:
    """Return what makes a fill of a match that stands behind another expression, and nothing of one that does not."""
    before = re.compile(rf"\b(?:{expression})\b")
    return lambda found: _fills(found) if before.search(found.string, 0, found.start()) else None


@cache
def _dependent() -> Sequence[Pattern]:
    """Return the patterns of words that ask behind a wish alone: without one `how`, `works` and `tested` report."""
    wish = rf"{_class('wish')}|let'?s|please|pls|can|could|would|check|test|find out|see|know"
    return (
        pattern(rf"(?:how|what|whether|if)\s+(?=(?:\S+\s+){{0,4}}{_class('fares')}\b)", _behind(wish), end=""),
        pattern(
            rf"{_class('fares')}(?:\s+(?:on|for|with|in|over))?",
            _behind(r"(?:see|know|check|wondering|curious|test|find out|interested)\b.{0,20}\b(?:how|what|whether|if)"),
        ),
        pattern(_class("done"), _behind(rf"{wish}|get|have|be")),
        pattern(any_of(map(_gerund, _CLASSES["do"])), _behind(rf"{wish}|about|mind|start|begin")),
    )


def asking_patterns() -> Sequence[Pattern]:
    """Return the patterns of words that ask to be told something, instead of having it searched, and of `or`."""
    show = (
        r"what(?:'s| is| are)?|which|show me|show|tell me|give me"
        r"|you pick|you choose|whichever|which is better|which one is better|idk"
        r"|(?:중에\s?)?(?:뭐가|어느 게|어떤 게)\s?(?:나아|좋아|나은지|좋을까)요?"
        r"|알려\s?줘요?|알려\s?주세요|보여\s?줘요?|보여\s?주세요|뭐야|뭐예요"
    )
    return (
        pattern(r"best|optimal|optimum|최적의|최적|최고의", lambda m: (Item(Kind.BEST, m[0]),)),
        *(pattern(frame, _fills) for frame in _frames()[:4]),
        *_dependent(),
        pattern(
            r"말고(?:요)?|instead of|rather than",
            lambda m: (Item(Kind.INSTEAD, m[0], ("before" if m[0].startswith("말") else "behind",)),),
        ),
        pattern(show, lambda m: (Item(Kind.SHOW, m[0]),)),
        pattern(r"or\s+(?:maybe|perhaps|possibly|else)", lambda m: (Item(Kind.JOIN, "or"),), end=r"(?![\w%])"),
        pattern(
            r"and then|and|then|or|아니면|또는|이나|그리고|및|compare|비교",
            lambda m: (Item(Kind.JOIN, m[0]),),
            end=r"(?![\w%])",
        ),
        pattern(
            r"(?<!실행 )(?<!진행 )(?:둘\s?)?(?:중에서|중에|중(?=\s?하나))(?:\s?하나(?:만)?(?:로|를)?)?"
            r"|one of them|either one",
            lambda m: (Item(Kind.JOIN, m[0].replace("둘", "").strip()),),
        ),
        pattern(r"[&+/]|vs\.?(?=\s)|versus(?=\s)", lambda m: (Item(Kind.JOIN, m[0]),), end=""),
    )


#: Ends of a Korean request; `해 봤어`, `돌리지 마` and `해 주던데` are none.
_WISHES = (
    r"(?:줘|주|봐|보|봐\s?주|봐\s?줘|달라)?\s?(?:"
    r"줘\s?봐요?|줘요?|줘라|주라|주세요|주실래요?|주시겠어요|주십시오|주시죠|주시길(?:\s?바랍니다)?"
    r"|줄래요?|달라고\s?(?:하네요?|해요?)"
    r"|봐\s?줘요?|봐\s?주세요|봐요?|보세요|보자|보죠|볼까요?|볼래요?|보고\s?싶(?:어요?|은데요?|습니다|네요?)"
    r"|보려고(?:요|\s?합니다|\s?해요?|\s?하는데요?)?"
    r"|줬으면\s?(?:해요?|좋겠어요?|합니다|하는데요?|좋겠는데요?)"
    r"|주시면\s?(?:(?:정말\s?)?(?:감사하겠습니다|고맙겠습니다|좋겠어요|좋겠습니다|감사해요|감사합니다|돼요|됩니다))"
    r"|(?:볼|줄|주실)\s?수\s?(?:있어요?|있나요?|있을까요?|있으세요|있으실까요|있습니까|있는지요?"
    r"|있을지요|있니|있으신가요)"
    r")"
)
#: Stems before `해`, the verbs themselves as they stand before another, and their bare stems.
_NOUNS = (
    "최적화|백테스트|백테스팅|테스트|실행|시작|탐색|검증|진행|적용|확인|분석|점검|검토|시도|실험"
    "|가동|수행|시뮬레이션|사용|이용|활용|설정|지정|세팅|한번|한 번"
)
_JOINED = "해|돌려|시켜|봐|굴려|찾아|알아봐|알아봐|걸어|잡아|써|넣어|맞춰|구해|살펴봐|뽑아"
_STEMS = "하|돌리|시키|보|굴리|찾|알아보|걸|잡|쓰|넣|맞추|구하|살펴보"
_PLANS = (
    r"(?:고|면서|며|자고?|죠|고\s?싶(?:어요?|은데요?|습니다|네요?|다)|려고(?:\s?(?:해요?|합니다"
    r"|하는데요?|요))?|려는데요?|도록|는\s?(?:거|걸|것)로"
    r"|기(?:로\s?(?:하자|해요?|합시다))?|ㅂ시다)"
)


def _korean_requests() -> str:
    """Return the expression of verbs with the endings of a request."""
    return (
        rf"(?:(?:{_NOUNS})(?:을|를|만|도)?\s?(?:좀\s?)?)?"
        rf"(?:(?:{_JOINED})\s?(?:{_WISHES})|(?:{_JOINED})(?:서|라|요|보자)?|(?:{_STEMS}){_PLANS}"
        r"|(?:해|돌려|굴려|시켜)\s?보(?:는|시는)\s?(?:거|건|게)\s?(?:어때요?|어떨까요?|어떠세요|어떤가요|어떻습니까)"
        r"|해\s?보고|할게요?|돌릴게요?|합시다|돌립시다"
        r"|가능(?:할까요|한가요|하신가요|하실까요)|(?:좀\s?)?부탁(?:해|드려|이야|이에요|이요)?요?"
        r"|부탁\s?(?:드립니다|드릴게요|드려도\s?될까요|드려요|합니다|드리겠습니다))"
    )


def fill_patterns() -> Sequence[Pattern]:
    """Return the patterns of words that say nothing about a study."""
    named = (
        r"(?:symbols?|tickers?|stocks?|instruments?|assets?|companys?|strategy|strategies|method|system|study|goals?"
        r"|objective|target|metric|timeframe|종목|전략|기법|방법|목표|지표|기준|횟수|시도|봉|소스|출처)"
        r"\s*(?:[=:]|(?:is|are|be|은|는|이|가)(?=\s))"
    )
    return (
        pattern(named, _fills, end=""),
        pattern(r"instead(?!\s+of)", _fills),
        pattern(r"either(?=.{1,60}\sor\s)", _fills),
        pattern(_korean_requests(), _fills, end=r"(?:요|용|염|~)?(?![\w%])"),
        pattern(
            r"(?:한|약|대략|대충|딱|총|전부|around|about|roughly|approx(?:imately|\.)?|some|say"
            r"|like)\s?(?=[0-9$]|the\s+(?:last|past))",
            _fills,
            end="",
        ),
        *(pattern(frame, _fills) for frame in _frames()[4:]),
        pattern(any_of((*FILLS, *_CLASSES["manner"], *_CLASSES["korean"])), _fills),
    )


_LOOKS = re.compile(
    r"\b(?:check|look|get|have|find|grab|examine|see(?!\s+(?:how|what|whether|if)))\b|(?:^|\s)(?:봐"
    r"|보고|궁금)|알아봐|확인|살펴"
)


def only_looks(text: str) -> bool:
    """Check whether a word that asks may also ask for what is known already: `check AAPL RSI`."""
    return bool(_LOOKS.search(text.lower()))


@cache
def _plainly() -> re.Pattern[str]:
    plain = [verb for verb in _CLASSES["do"] if not only_looks(verb)]
    return re.compile(rf"\b(?:please|pls|plz|{any_of(plain)})\b|(?:줘|주세요|줄래|부탁|돌려|해\s?보자|고고|ㄱㄱ)")


def asks_plainly(text: str) -> bool:
    """Check whether a text says that something is to be done, and not only looked at."""
    return bool(_plainly().search(text.lower()))


def open_fill_patterns() -> Sequence[Pattern]:
    """Return the patterns of Korean words that say nothing and that another word follows without a space."""
    words = (word for word in (*FILLS, *_CLASSES["korean"]) if _HANGUL.fullmatch(word) and len(word) > 1)
    return (pattern(_korean_requests(), _fills, end="요?"), pattern(any_of(words), _fills, end=""))


#: Shorter words have too many neighbours that mean something.
_SHORTEST_SLIP = 6


@cache
def _by_ends() -> Mapping[str, Sequence[str]]:
    """Return the longer words that say nothing, or count trials, by their first and last letter."""
    words: dict[str, list[str]] = {}
    counts = ("trials", "iterations", "backtests", "attempts", "samples", "combinations")
    for word in (*FILLS, *_CLASSES["do"], *counts):
        if word.isascii() and word.isalpha() and len(word) >= _SHORTEST_SLIP:
            words.setdefault(word[0] + word[-1], []).append(word)
    return words


def is_slip_of_fill(word: str) -> bool:
    """Check whether a word is one that says nothing, with one letter wrong between its first and its last."""
    if not (word.isascii() and word.isalpha() and _SHORTEST_SLIP <= len(word) <= 16):
        return False
    return any(distance(word, meant) == 1 for meant in _by_ends().get(word[0] + word[-1], ()))
