"""Questions and requests that start no study: what people say, and the command that answers it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.grammar.commands import Command, OpenModal, SmallTalk, Talk
from bot.grammar.errors import UnknownTopic
from bot.grammar.help_topics import find_topic
from bot.grammar.understanding.phrases import GOAL_PHRASES
from bot.grammar.understanding.study_words import strategy_readings

#: A typed command, a finished one, two commands to choose from, or None where the pattern does not fit after all.
Answered = str | Command | tuple[str, str] | None


@dataclass(frozen=True)
class Question:
    """A whole text, and what answers it in and outside of a study's thread."""

    regex: re.Pattern[str]
    answer: Callable[[re.Match[str], str | None], Answered]


def _q(regex: str, answer: Callable[[re.Match[str], str | None], Answered] | Answered) -> Question:
    fixed = answer if callable(answer) else lambda _match, _study: answer
    return Question(re.compile(regex), fixed)


def _in_thread(here: Answered, elsewhere: Answered) -> Callable[[re.Match[str], str | None], Answered]:
    return lambda _match, study: here if study else elsewhere


def _topic(found: re.Match[str], _study: str | None) -> Answered:
    """Help about a term; None for a term that help does not know."""
    word = re.sub(r"^(?:the|a|an) ", "", found["topic"].strip())
    for name in (word, *strategy_readings(word)[:1], GOAL_PHRASES.get(word, "")):
        try:
            return find_topic(name)
        except UnknownTopic:
            continue
    return None


def _why(found: re.Match[str], study: str | None) -> Answered:
    """The verdict of the study that is named or whose thread this is; elsewhere what the word means."""
    named = found.groupdict().get("id")
    if named:
        return f"why {named}"
    if study:
        return "why"
    topic = found.groupdict().get("topic")
    return _topic(found, study) if topic else None


def _repeated(_found: re.Match[str], study: str | None) -> Answered:
    return (f"replay {study}", f"more {study}") if study else None


def _export(found: re.Match[str], study: str | None) -> Answered:
    return f"export {found['kind']}" if study else None


_GREETING = re.compile(r"^(?:(?:hey|hi|hello|ok|okay|so|please|bot|안녕|안녕하세요|저기)[\s,!.:]+)+(?=\S)", re.IGNORECASE)
_FAREWELL = re.compile(r"(?:[\s,!.]+(?:please|pls|thanks|thank you|thx|bot|좀|부탁해요?|해\s?줘|해\s?주세요))+[!.]*$", re.IGNORECASE)
_ID = r"(?P<id>opt-[0-9a-f]+)"
_BEGIN = r"(?:please |can you |could you |i want to |let's )?"
_MEANT = r"(?:it|this|that|this study|the study|the result|이거|이게|이건|이 결과|그거)"
_VERDICT = r"(?:unproven|overfit|overfitted|strong|promising|rejected|bad|good|failed|failed unseen|미입증|과최적화|유력|유망|실패)"
_TALK = {
    Talk.HELLO: (
        r"(?:hi|hello|hey|yo|hi there|hey there|hello there|good (?:morning|afternoon|evening)|안녕|안녕하세요|안녕하십니까|하이)"
        r"(?: (?:bot|optimizer|everyone|all|team))?"
    ),
    Talk.THANKS: (
        r"(?:many )?(?:thanks|thank you|thx|ty|cheers)(?: (?:a lot|so much|very much|bot|again|all))?|great|nice|cool|awesome|perfect"
        r"|well done|good bot|고마워요?|고맙습니다|감사합니다|감사해요|감사|땡큐|수고했어요?|수고하셨습니다"
    ),
    Talk.VERSION: r"(?:what )?version(?: (?:are you|is this|do you run))?|what version is it|about|버전|버전 (?:알려줘|뭐야)",
    Talk.BYE: r"quit|exit|bye|bye bye|goodbye|good night|logout|log out|close|종료|나가기|잘 가|안녕히 계세요|끝",
    Talk.NEXT: (
        r"what (?:now|next)|what's next|next|next steps?|now what|what (?:should|can|do) i do(?: (?:now|next|with (?:it|this)))?"
        r"|and now|이제 뭐\s?(?:해|하지|해야\s?해|할까)(?:요)?|다음은|다음|그다음은|이제 어떻게 해(?:요)?|뭐\s?해야\s?(?:해|돼)"
    ),
    Talk.DELETE: (
        r"(?:delete|remove|erase|삭제|지워\s?줘|제거)(?: (?:a |the |my |this )?(?:study|studies|result|results|it|this|all|everything))?"
        r"(?: opt-[0-9a-f]+)?|(?:opt-[0-9a-f]+ )?(?:삭제|지워)(?:해?\s?줘)?"
    ),
}


def _talk(kind: Talk) -> Callable[[re.Match[str], str | None], Answered]:
    return lambda _match, study: SmallTalk(kind, study)


QUESTIONS: Sequence[Question] = (
    *(_q(regex, _talk(kind)) for kind, regex in _TALK.items()),
    _q(
        r"help me|i need help|help please|how (?:does (?:this|it) work|do (?:i|you) (?:start|use|work|run).*|to .*)|what can (?:you do|i (?:type|do|ask|say))"
        r"|what do you do|who are you|what are you|commands?|command list|list commands|show commands|usage|manual|instructions|examples?"
        r"|menu|\?+|도와\s?(?:줘|주세요)|도움|뭐\s?할\s?수\s?있(?:어|나|니|어요|나요)|뭘\s?할\s?수\s?있어(?:요)?|사용법|사용\s?방법|명령어|명령어 목록|"
        r"(?:도움말|사용법|명령어)(?: (?:보여|알려)\s?(?:줘|주세요))|어떻게 (?:써|쓰는 거야|사용해|해)(?:요)?",
        lambda m, _s: "help examples" if m[0].startswith("example") else "help",
    ),
    _q(r"options|which options.*|what options.*", "help options"),
    _q(r"goals|which goals.*|what goals.*|목표 목록", "help goals"),
    _q(
        r"(?:(?:show|list|which|what)(?: (?:me|are))?(?: (?:the|all))? )?strategies(?: (?:do you know|are there|do you have|exist|can you run))?"
        r"|what strategies (?:are there|do you have|do you know)|전략 목록|어떤 전략이? 있(?:어|나|어요|나요)|전략 (?:보여|알려)\s?(?:줘|주세요)",
        "strategies",
    ),
    _q(r"(?:.+ )?buy[ -]and[ -]hold|(?:.+ )?단순 보유", lambda _m, _s: find_topic("buy and hold")),
    # Why: of a study, or what a term means.
    _q(rf"(?:why|explain|왜)(?: is| did| was)? {_ID}(?: .*)?", _why),
    _q(rf"{_ID}(?:은|는|이|가)? (?:왜.*|설명.*)", _why),
    _q(rf"(?:so )?why(?: is| was| are)?(?: {_MEANT})?(?: (?P<topic>{_VERDICT}))?", _why),
    _q(
        rf"why (?:did|does|do) (?:it|this) (?:fail|lose|not work).*|how come.*|is (?:it|this) (?:real|good|overfit|overfitted|luck|any good|reliable|true|significant)"
        rf"|(?:can|should|may) (?:i|we) (?:trust|use|trade|adopt|believe) {_MEANT}|(?:explain|설명)(?: (?:it|this|the (?:verdict|result)))?"
        r"|how (?:good|reliable|sure) is (?:it|this)|what does (?:it|this) mean|so what|verdict",
        _why,
    ),
    _q(
        r"(?:이거|이게|이건|이 결과)?\s?왜(?: (?:이래|그래|이런 거야|안 돼))?(?:요)?|(?:이거|이게|이건|이 결과)?(?:은|는|가)?\s?왜 (?P<topic>미입증|과최적화|유력|유망|실패|표본 외 실패)"
        r"(?:이야|야|이에요|예요|인가요|인가|이지|지|입니까|했어|했나요)?|(?:이거 )?(?:믿어도|써도|사용해도|채택해도) (?:돼|되나|될까|되나요|돼요)"
        r"|(?:이거 )?(?:과최적화|진짜|우연)(?:야|이야|인가|인가요|예요)|(?:이거 |결과 )?설명\s?해?\s?(?:줘|주세요)|이유가? (?:뭐야|뭔가요)|무슨 뜻이야",
        _why,
    ),
    _q(r"(?:help (?:with|on|about|for)|explain|define|definition of|meaning of|describe) (?P<topic>.+)", _topic),
    _q(r"what(?:'s| is| are| does)? (?P<topic>.+?)(?: mean| do)?", _topic),
    _q(r"how does (?P<topic>.+?) work", _topic),
    _q(r"(?P<topic>.+?)(?:이|가|란|은|는|이란)?\s?(?:뭐야|뭐예요|뭔가요|뭐지|무엇인가요|무슨 뜻이야|설명해\s?줘|이 뭐야)", _topic),
    # Lists.
    _q(
        r"history|(?:(?:show|list|see|get)(?: me)? )?(?:(?:all|my|the|recent|latest|last|past|previous|finished) )+(?:studies|results|runs|optimizations|backtests)"
        r"|(?:show|list)(?: me)? (?:studies|runs)|studies|runs|what (?:did|have) i run|(?:내|최근|지난) (?:탐색|결과|기록|연구|스터디|백테스트)(?: (?:보여|알려)\s?(?:줘|주세요))?|기록|이력|히스토리",
        lambda m, _s: "list all" if re.search(r"\ball\b", m[0]) else "list",
    ),
    _q(
        r"(?:(?:show|see|give)(?: me)? )?(?:the |your )?(?:results?|outcome)(?: please)?|결과(?: (?:보여|알려)\s?(?:줘|주세요))?|결과는",
        _in_thread("show", "list"),
    ),
    _q(rf"(?:(?:show|open|see|view)(?: me)? )?(?:(?:the )?(?:results?|study)(?: (?:of|for))? )?{_ID}(?: (?:보여|알려)\s?(?:줘|주세요)| 결과.*| 보기)?", lambda m, _s: f"show {m['id']}"),
    _q(rf"결과 {_ID}", lambda m, _s: f"show {m['id']}"),
    _q(rf"(?:show|open|see|view|display) {_MEANT}", _in_thread("show", "list")),
    _q(
        r"(?:what(?:'s| is)|who is|anything) (?:running|going on|in progress|waiting)(?: now)?|running|progress|queue|(?:the )?status(?: please| report)?|are you busy"
        r"|(?:지금 )?(?:뭐|뭐가|무엇이) (?:돌아가|돌고 있어|실행 중이야|하고 있어)(?:요)?|실행\s?중(?:인\s?(?:거|것|탐색))?(?: .*)?|진행\s?상황|대기열|상태(?: (?:보여|알려)\s?(?:줘|주세요))?|상태는",
        "status",
    ),
    _q(rf"(?:status|progress)(?: (?:of|for))? {_ID}|how(?:'s| is) (?P<other>opt-[0-9a-f]+)(?: (?:doing|going))?", lambda m, _s: f"status {m['id'] or m['other']}"),
    _q(r"how(?:'s| is) (?:it|this)(?: (?:doing|going))?|is it (?:done|finished)(?: yet)?|다 됐어|끝났어", "status"),
    _q(
        r"(?:(?:show|list|who is|who's|who are|what is|see)(?: me)? )?(?:(?:the|my|all|our) )?champions?(?: list)?|list of champions|챔피언(?:이|은)? ?(?:목록|누구야|뭐야)?(?:보여\s?줘)?|챔피언 (?:보여|알려)\s?(?:줘|주세요)",
        "champions",
    ),
    _q(
        r"(?:schedules?|일정|예약) (?:list|show|목록|보기|보여\s?줘|보여\s?주세요|알려\s?줘|확인)|(?:(?:show|list|see)(?: me)? )?(?:(?:all|my|the|active) )*schedules|my schedule"
        r"|what(?:'s| is) scheduled|(?:delete|remove|cancel|stop|drop) (?:a |the |my |this )?schedules?|(?:일정|예약) (?:삭제|취소)(?:해?\s?줘)?|schedule (?:delete|remove|cancel)",
        "schedules",
    ),
    _q(r"(?:delete|remove|cancel|stop|drop)(?: (?:the )?schedule)? (?P<schedule>sch-[0-9a-f]+)|schedule (?:delete|remove|cancel) (?P<other>sch-[0-9a-f]+)|(?:일정|예약) (?:삭제|취소) (?P<third>sch-[0-9a-f]+)|(?P<fourth>sch-[0-9a-f]+) (?:삭제|취소)(?:해?\s?줘)?", lambda m, _s: f"unschedule {m['schedule'] or m['other'] or m['third'] or m['fourth']}"),
    _q(
        r"leaderboard|rank(?:ing|s)?|top [0-9]+|(?:the )?best (?:strategies|studies|results)|top strategies|순위 (?:보여|알려)\s?(?:줘|주세요)|랭킹|리더보드", "top"
    ),
    _q(r"(?:top|best) (?:strategies|studies|results) (?:for|of|on) (?P<symbol>[a-z0-9.^=-]+)", lambda m, _s: f"top {m['symbol']}"),
    _q(
        r"(?:what|which) (?:data|symbols|tickers|stocks|bars) (?:do you have|are there|can i use|are available|have you)|(?:(?:show|list)(?: me)? )?(?:the |all )?(?:data|symbols|tickers|bars)|데이터 (?:보여|알려)\s?(?:줘|주세요)|종목 목록|(?:어떤|무슨) 종목이? 있어(?:요)?|종목",
        "data",
    ),
    _q(r"(?:show )?data (?:for|of|on) (?P<symbol>[a-z0-9.^=-]+)", lambda m, _s: f"data {m['symbol']}"),
    _q(r"(?:compare )?(?P<one>opt-[0-9a-f]+)(?:랑|와|과|하고)?\s?(?:vs\.?|versus|and|with|to|,|&)?\s?(?P<other>opt-[0-9a-f]+)(?:\s?비교(?:해?\s?(?:줘|주세요))?)?", lambda m, _s: f"compare {m['one']} {m['other']}"),
    _q(r"who am i|what am i|(?:my|what(?:'s| is) my) (?:role|rights|permissions|limits?)|내 ?(?:권한|역할|정보)(?: .*)?", "whoami"),
    _q(r"ping|are you (?:ok|there|alive|up|working|well)|alive|살아\s?있어(?:요)?", "health"),
    _q(r"errors?|(?:show|list|last|recent) (?:errors|failures)|what failed|오류 (?:보여|알려)\s?줘", "failures"),
    _q(r"(?:web ?site|dashboard|web ?page|pages|link|url|browser|대시보드|웹 ?페이지|홈페이지)", "web"),
    _q(r"(?:open (?:the )?)?form|new study|폼|양식|새 탐색", lambda _m, _s: OpenModal()),
    _q(r"(?:show )?(?:my |the )?(?:settings|preferences|configuration)|설정 (?:보여|알려)\s?줘", "config"),
    _q(
        r"(?:(?:set|change|switch) )?(?:the )?(?:language|lang|언어)(?:를|을)?(?: to| =|=)? ?(?P<name>ko|korean|한국어|en|english|영어)(?:로)?(?: 바꿔\s?줘| 변경)?"
        r"|(?P<other>한국어|영어)로(?: (?:해|바꿔|답해|말해)\s?(?:줘|주세요))?|(?:speak|in) (?P<third>korean|english)",
        lambda m, _s: f"config language {'ko' if (m['name'] or m['other'] or m['third']) in ('ko', 'korean', '한국어') else 'en'}",
    ),
    # What is done with a study.
    _q(r"(?:please )?(?:(?:stop|abort|kill|end|halt|terminate|중지|중단|그만|멈춰)(?:해?\s?줘)? (?:(?:the )?study )?opt-[0-9a-f]+|opt-[0-9a-f]+(?:을|를)? (?:취소|중지|중단|멈춰|그만)(?:해?\s?(?:줘|주세요))?)", lambda m, _s: f"cancel {re.findall('opt-[0-9a-f]+', m[0])[0]}"),
    _q(rf"(?:please )?(?:stop|abort|halt|cancel|kill)(?: {_MEANT})?(?: please)?|중지(?:해?\s?줘)?|중단(?:해?\s?줘)?|그만(?:해)?|멈춰(?:\s?줘)?|취소해?\s?(?:줘|주세요)", "cancel"),
    _q(rf"(?:please )?(?:pause|hold)(?: {_MEANT})?(?: please)?|잠깐 멈춰(?:\s?줘)?|일시정지해?\s?줘", "pause"),
    _q(rf"(?:continue|unpause|go on|carry on|resume)(?: {_MEANT}| (?P<id>opt-[0-9a-f]+))?(?: please)?", lambda m, _s: f"resume {m['id'] or ''}".strip()),
    _q(rf"(?:run|do|try|start|execute)(?: {_MEANT})? again|again|rerun(?: {_MEANT})?|repeat(?: {_MEANT})?|다시(?: (?:해|돌려|실행해)\s?(?:줘|주세요|봐))?", _repeated),
    _q(r"(?:run |do |try |add )?(?P<n>[0-9]{1,5}) more(?: (?:trials|tries|runs|sets))?(?: please)?|(?P<k>[0-9]{1,5})(?:회|번)? (?:더|추가)(?: .*)?", lambda m, s: f"more {m['n'] or m['k']}" if s else None),
    _q(r"(?:some )?more(?: trials)?(?: please)?|more of (?:it|this)|더(?: (?:해|돌려)\s?줘)?", lambda _m, s: "more" if s else None),
    _q(r"(?:export|download|save|give me|send me|send|get)?\s?(?:it |this |me )?(?:as |in |to |the )*(?:a )?(?P<kind>csv|json|html|python|backtesting|vectorbt|freqtrade|pine|trades|positions)(?: file)?(?:로)?(?: (?:내보내|보내|받고|저장해)\s?(?:줘|주세요|싶어)?)?(?: please)?", _export),
    _q(r"(?:export|download|save) (?P<id>opt-[0-9a-f]+)(?: (?:as|in|to))? (?P<kind>[a-z]+)", lambda m, _s: f"export {m['id']} {m['kind']}"),
    _q(rf"(?:adopt|채택해\s?줘)(?: {_MEANT})?(?: please)?", lambda _m, s: "adopt" if s else None),
    _q(rf"replay(?: {_MEANT})?(?: please)?", "replay"),
)


def answer_of(text: str, study: str | None) -> Answered:
    """Return what answers a clean text as a whole, or None."""
    plain = re.sub(r"\s+", " ", text.lower()).strip(" ?!.,~…")
    for said in dict.fromkeys((plain, politely(plain))):
        for question in QUESTIONS:
            found = question.regex.fullmatch(said)
            answer = question.answer(found, study) if found else None
            if answer is not None:
                return answer
    return None


def politely(text: str) -> str:
    """Return a text without the greeting in front and the thanks behind."""
    return _FAREWELL.sub("", _GREETING.sub("", text)).strip(" ?!.,~…")
