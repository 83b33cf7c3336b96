"""Questions and requests that start no study: what people say, and what answers it, from `questions.toml`."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

from bot.grammar.commands import Command, SmallTalk, Talk
from bot.grammar.errors import UnknownTopic
from bot.grammar.help_topics import find_topic
from bot.grammar.understanding.number_words import with_digits
from bot.grammar.understanding.phrases import GOAL_PHRASES, ORDER_PHRASES, SETTING_PHRASES
from bot.grammar.understanding.strategy_words import strategy_readings
from bot.grammar.understanding.symbol_words import symbol_of

_FILE = Path(__file__).with_suffix(".toml")
_GREETING = re.compile(
    r"^(?:(?:hey|hi|hello|ok|okay|so|please|pls|plz|bot|well|um|oh|ah|right|alright|actually|and|just"
    r"|kindly|now|then|let'?s"
    r"|go ahead and|(?:can|could|would|will) (?:you|u|we|someone|somebody|anyone)(?: please| kindly| just)?"
    r"|(?:i|we)(?:'d| would)? (?:want|like|need|love) (?:you |u )?to|(?:remind|tell) (?:me|us)"
    r"|(?:do )?(?:you|u|we) know"
    r"|any chance (?:of|you(?:'d| could| can))|mind|feel free to"
    r"|됐고|됐어|아니다|에이|안녕|안녕하세요|저기|저기요|그럼|그냥|이제|일단|근데|그런데|자|음|아|네"
    r"|혹시)[\s,!.:]+)+(?=\S)",
    re.IGNORECASE,
)
_FAREWELL = re.compile(
    r"(?:[\s,!.]+(?:please|pls|plz|thanks|thank you|thx|ty|bot|now|for now|right away|asap|then|mate"
    r"|if you can|if possible"
    r"|for me|for us|ok|okay|quickly|좀|요|부탁해요?|부탁드려요|부탁드립니다|해\s?줘|해\s?주세요))+[!.]*$",
    re.IGNORECASE,
)

#: Words that change nothing in a question.
_EMPTY = re.compile(
    r"\b(?:here|really|actually|currently|lately|exactly|right now|at the moment|for me|for us|again|then|just|maybe"
    r"|on your side|quickly|today|my last|a|the)\b|(?<!\S)(?:혹시|지금|좀|다시|한번|그냥|정말|진짜)(?!\S)"
)
_NAMED = re.compile(r"(?<!\S)opt-[0-9a-f]{1,32}(?![0-9a-z-])")
_GROUP = re.compile(r"\(\?P<([a-z]+)>")
_DENIAL = re.compile(r"\b(?:not|no|never|don'?t|without)\b|말고|말아|지 ?마|(?<!\S)안(?!\S)")
#: Longer texts are no question of this list.
MAX_QUESTION = 100
#: Longer texts are about several things.
MAX_WORDS = 10

#: A typed command, a finished one, or two typed ones to choose from.
Answered = str | Command | tuple[str, str]


@dataclass(frozen=True)
class Question:
    """Texts that mean the same, and what answers them."""

    regex: re.Pattern[str]
    answer: str | None = None
    thread: str | None = None
    choose: tuple[str, ...] = ()
    talk: str = ""
    topic: str = ""
    only_thread: bool = False

    @property
    def is_of_symbol(self) -> bool:
        """True for what is asked about a symbol."""
        return "{symbol}" in (self.answer or "")

    def reply(self, found: Mapping[str, str], study: str | None) -> Answered | None:
        """Return what answers a text with these groups; None where nothing does, such as for an unknown term."""
        if self.only_thread and study is None:
            return None
        if self.talk:
            return SmallTalk(Talk(self.talk), study)
        if self.topic:
            return _about(self.topic, found, study)
        facts = {**found, "study": study or ""}
        if "symbol" in facts:
            if not (symbol := symbol_of(facts["symbol"])):
                return None
            facts["symbol"] = symbol
        if self.choose:
            one, other = (command.format_map(facts) for command in self.choose)
            return one, other
        command = self.thread if study and self.thread is not None else self.answer
        return (command or "").format_map(facts)


@cache
def questions() -> Sequence[Question]:
    """Return every question in the order in which they are tried."""
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return [_question(entry, document["parts"]) for entry in document["question"]]


def _question(entry: Mapping[str, object], parts: Mapping[str, str]) -> Question:
    texts, rest = entry["texts"], {key: value for key, value in entry.items() if key != "texts"}
    assert isinstance(texts, list)
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in rest.items()}
    expression = "|".join(f"(?:{text})" for text in texts)
    for name, part in parts.items():
        expression = expression.replace(f"{{{name}}}", part)
    return Question(regex=re.compile(_with_own_groups(expression)), **fields)  # type: ignore[arg-type]


@cache
def subjects() -> Sequence[Question]:
    """Return what texts may be about, in the order in which their words count."""
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return [
        _question({**entry, "texts": [rf"(?<!\S)(?:{text})(?!\w)" for text in entry["texts"]]}, {})
        for entry in document["subject"]
    ]


def study_named(text: str) -> str | None:
    """Return the id of the only study that a text names."""
    named: set[str] = set(_NAMED.findall(text.lower()))
    return named.pop() if len(named) == 1 else None


def answer_about(text: str, study: str | None, symbol: str = "") -> Answered | None:
    """Return what informs about the subject of a short text that asks for nothing else, or None.

    With `symbol`, the only one that the text names, only what can be asked about a symbol.
    """
    plain = re.sub(r"[?!.,~…]+", " ", text.lower())
    if len(plain.split()) > MAX_WORDS:
        return None
    for subject in subjects():
        if subject.only_thread and _DENIAL.search(plain):
            continue
        is_about = bool(symbol) == subject.is_of_symbol and subject.regex.search(plain)
        if is_about and (answer := subject.reply({"symbol": symbol} if symbol else {}, study)):
            return answer
    return None


def _with_own_groups(expression: str) -> str:
    """Number the groups, so that several alternatives may have one of the same name."""
    numbers = count()
    return _GROUP.sub(lambda found: f"(?P<{found[1]}__{next(numbers)}>", expression)


def answer_of(text: str, study: str | None) -> Answered | None:
    """Return what answers a clean text as a whole, or None."""
    plain = re.sub(r"\s+", " ", text.lower()).strip(" ?!.,~…")
    if len(plain) > MAX_QUESTION:
        return None
    polite = politely(plain)
    for said in dict.fromkeys(
        (
            plain,
            polite,
            " ".join(_EMPTY.sub(" ", polite).split()),
            with_digits(polite),
            re.sub("(?:요|용|염|욤)$", "", polite),
        )
    ):
        for question in questions():
            found = question.regex.fullmatch(said)
            answer = question.reply(_groups(found), study) if found else None
            if answer is not None:
                return answer
    return None


def politely(text: str) -> str:
    """Return a text without the greeting in front and the thanks behind."""
    return _FAREWELL.sub("", _GREETING.sub("", text)).strip(" ?!.,~…")


def _groups(found: re.Match[str]) -> dict[str, str]:
    """Return the groups of a match by the names that the file gives them."""
    return {name.partition("__")[0]: value for name, value in found.groupdict().items() if value}


def _about(kind: str, found: Mapping[str, str], study: str | None) -> Answered | None:
    """Return help about a term, or the question why about a study."""
    if kind == "help":
        return _topic(found.get("topic", ""))
    if named := found.get("id"):
        return f"why {named}"
    if study:
        return "why"
    return _topic(found["topic"]) if kind == "why" and "topic" in found else None


def _topic(said: str) -> Command | None:
    """Return help about a term; None for one that help does not know."""
    word = re.sub(r"^(?:the|a|an) |(?: strategy| indicator| test| 전략| 지표| 검증)$", "", said.strip())
    tables = (GOAL_PHRASES, SETTING_PHRASES, ORDER_PHRASES)
    for name in (word, f"{word}s", *strategy_readings(word)[:1], *(table.get(word, "") for table in tables)):
        try:
            return find_topic(name)
        except UnknownTopic:
            continue
    return None
