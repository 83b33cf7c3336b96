"""Words of time: windows of history, lengths of bars, and when a schedule runs."""

import re
from collections.abc import Sequence

from bot.grammar.understanding.matching import Item, Kind, Pattern, pattern

_DAYS = {
    **dict.fromkeys(("monday", "mon", "월요일", "월"), "mon"),
    **dict.fromkeys(("tuesday", "tues", "tue", "화요일", "화"), "tue"),
    **dict.fromkeys(("wednesday", "wed", "수요일", "수"), "wed"),
    **dict.fromkeys(("thursday", "thurs", "thu", "목요일", "목"), "thu"),
    **dict.fromkeys(("friday", "fri", "금요일", "금"), "fri"),
    **dict.fromkeys(("saturday", "sat", "토요일", "토"), "sat"),
    **dict.fromkeys(("sunday", "sun", "일요일", "일"), "sun"),
}
_DAY = "|".join(sorted((day for day in _DAYS if day.isascii()), key=len, reverse=True))
_LONG_DAY = "(?:mon|tues|wednes|thurs|fri|satur|sun)day|[월화수목금토일]요일"
_KOREAN_DAY = "[월화수목금토일]요일|[월화수목금토일]"
_DATE = r"(?:19|20)[0-9][0-9](?:-[0-9]{1,2}(?:-[0-9]{1,2})?)?(?![0-9-])"
_YEARS = r"(?:years?|yrs?|y|년)"
_UNTIL = r"(?:until|'?till?|to|thru|through|up to|ending(?: in| at)?|and)"
#: What may stand in front of a window and changes nothing of it.
_OVER = (
    r"(?:(?:covering|spanning|over|for|during|across|in|on|using|around|about|roughly|approximately"
    r"|within)\s+)?(?:the\s+)?(?:(?:period|years|window|range|stretch|time)\s+)?(?:(?:of|from|between)\s+)?"
)
_BARS = r"(?:\s*(?:bars?|candles?|charts?|timeframe|data|봉))"
_UNITS = {"minute": "m", "minutes": "m", "min": "m", "분": "m", "hour": "h", "hours": "h", "hr": "h", "시간": "h"}
_HALVES = {"am": 0, "pm": 12, "오전": 0, "아침": 0, "새벽": 0, "오후": 12, "저녁": 12, "밤": 12}


_ZONES = {
    **dict.fromkeys(
        ("seoul time", "korean time", "korea time", "kst", "서울 시간", "한국 시간", "한국시간"), "Asia/Seoul"
    ),
    **dict.fromkeys(("utc time", "utc", "gmt"), "UTC"),
    **dict.fromkeys(("new york time", "eastern time", "뉴욕 시간", "미국 동부 시간"), "America/New_York"),
}


def _word(text: str, *words: str) -> tuple[Item, ...]:
    return tuple(Item(Kind.WORD, text, (word,)) for word in words)


def _span(found: re.Match[str]) -> tuple[Item, ...]:
    return _word(found[0], f"from={found[1]}", f"to={found[2]}")


def _years(found: re.Match[str]) -> tuple[Item, ...]:
    return _word(found[0], f"years={found[1]}")


def _months(found: re.Match[str]) -> tuple[Item, ...]:
    """Months as years; a part of a year is refused by the grammar, which says so."""
    return _word(found[0], f"years={int(found[1]) / 12:.3g}")


def _bar_length(found: re.Match[str]) -> tuple[Item, ...]:
    return _word(found[0], f"timeframe={found[1]}{_UNITS.get(found[2], found[2])}")


def _named_length(found: re.Match[str]) -> tuple[Item, ...]:
    names = {"hourly": "1h", "시간": "1h", "daily": "1d", "일": "1d", "weekly": "1w", "주": "1w", "monthly": "1mo"}
    return _word(found[0], f"timeframe={names.get(found[1], '1mo')}")


def _days(found: re.Match[str]) -> tuple[Item, ...]:
    """Days of the week, in their order."""
    named = re.findall(rf"{_DAY}|{_KOREAN_DAY}", found["days"])
    chosen = {_DAYS[name] for name in named}
    days = ",".join(day for day in dict.fromkeys(_DAYS.values()) if day in chosen)
    return (Item(Kind.CADENCE, found[0], (f"weekly {days}",)),)


def _monthly(found: re.Match[str]) -> tuple[Item, ...]:
    return (Item(Kind.CADENCE, found[0], (f"monthly {found['day']}",)),)


def _cadence(word: str, *, is_certain: bool = True) -> Pattern:
    """Build a pattern of a bare cadence; an uncertain one may be a length of bars as well."""
    phrases = {
        "daily": r"(?:every|each)\s*(?:single\s+)?(?:day|morning|evening|night|afternoon)|매일마다|매일매일"
        r"|매일\s*(?=오전|오후|아침|저녁|밤|새벽|[0-9])"
        if is_certain
        else "daily|매일",
        "weekdays": r"every weekday|each weekday|on weekdays|weekdays|평일마다|평일",
        "weekly": r"every week|each week|once a week" if is_certain else "weekly|매주|주마다",
        "monthly": r"every month|each month|once a month" if is_certain else "monthly|매월|매달",
    }
    lengths = {"daily": "1d", "weekly": "1w", "monthly": "1mo"}
    readings = (word,) if is_certain else (word, f"timeframe={lengths[word]}")
    return pattern(phrases[word], lambda found: (Item(Kind.CADENCE, found[0], readings),))


def _clock(found: re.Match[str]) -> tuple[Item, ...]:
    """Time of day; an impossible one keeps its digits, for the grammar to refuse."""
    hour, minute, half = int(found["hour"]), int(found["minute"] or 0), found["half"] or ""
    if half in _HALVES and 1 <= hour <= 12:
        hour = hour % 12 + _HALVES[half]
    return (Item(Kind.CLOCK, found[0], (f"{hour:02}:{minute:02}",)),)


def _korean_clock(found: re.Match[str]) -> tuple[Item, ...]:
    hour, minute, half = int(found["hour"]), 30 if found["thirty"] else int(found["minute"] or 0), found["half"]
    if half and 1 <= hour <= 12:
        hour = hour % 12 + _HALVES[half]
    return (Item(Kind.CLOCK, found[0], (f"{hour:02}:{minute:02}",)),)


def _bare_hour(found: re.Match[str]) -> tuple[Item, ...]:
    """`at 9`: in the morning or in the evening."""
    hour = int(found[1])
    readings = (f"{hour:02}:00", f"{hour + 12}:00") if 1 <= hour < 12 else (f"{hour:02}:00",)
    return (Item(Kind.CLOCK, found[0], readings),)


def _noon(found: re.Match[str]) -> tuple[Item, ...]:
    return (Item(Kind.CLOCK, found[0], ("12:00" if found[1] in ("noon", "정오") else "00:00",)),)


WHEN: Sequence[Pattern] = (
    pattern(
        rf"(?:every|each|on|weekly on|weekly|every week on|once a week on"
        rf"|each week on)\s+(?P<days>(?:{_DAY})s?(?:\s*(?:,|and|&)\s*(?:{_DAY})s?)*)",
        _days,
    ),
    pattern(rf"(?P<days>(?:{_DAY.replace('|', 's|')}s))", _days),
    pattern(rf"매주\s*(?P<days>(?:{_KOREAN_DAY})(?:\s*[,와과]?\s*(?:{_KOREAN_DAY}))*)(?:마다)?", _days),
    pattern(r"(?P<days>[월화수목금토일]요일)마다", _days),
    pattern(r"(?:monthly|every month)\s+(?:on\s+)?(?:the\s+)?(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?", _monthly),
    pattern(r"(?:on\s+)?the\s+(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?\s+of\s+(?:every|each|the)\s+month", _monthly),
    pattern(rf"({'|'.join(_ZONES)})", lambda m: _word(m[0], f"tz={_ZONES[' '.join(m[1].split())]}")),
    pattern(r"(?:매월|매달)\s*(?P<day>[0-9]{1,2})일(?:마다)?", _monthly),
    *(_cadence(word) for word in ("daily", "weekdays", "weekly", "monthly")),
    pattern(r"(?:at\s+)?(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9][0-9]))?\s?(?P<half>am|pm)", _clock),
    pattern(r"(?:at\s+)?(?P<hour>[0-9]{1,2}):(?P<minute>[0-9][0-9])(?P<half>)", _clock),
    pattern(
        r"(?P<half>오전|오후|아침|저녁|밤"
        r"|새벽)?\s*(?P<hour>[0-9]{1,2})시(?!간)(?:\s*(?P<minute>[0-9]{1,2})분"
        r"|\s*(?P<thirty>반))?(?:마다)?",
        _korean_clock,
    ),
    pattern(r"(?:at\s+)?(noon|midnight|정오|자정)", _noon),
    pattern(r"at\s+([0-9]{1,2})(?!\s*(?:%|bps?|trials|percent))", _bare_hour),
    pattern(rf"(?P<days>{_LONG_DAY})", _days),
)

WINDOWS: Sequence[Pattern] = (
    pattern(rf"(?:from|between)\s+({_DATE})\s*(?:-|to|and|until|till|through)\s*({_DATE})", _span),
    pattern(rf"{_OVER}({_DATE})\s*(?:\.\.+|~|-|{_UNTIL}|부터)\s*({_DATE})(?!-)", _span),
    pattern(rf"{_OVER}(?:the\s+)?(19[5-9]0|20[0-3]0)'?s", lambda m: _word(m[0], f"from={m[1]}", f"to={int(m[1]) + 9}")),
    pattern(r"((?:19|20)[0-9][0-9])\s*-\s*((?:19|20)[0-9][0-9])(?!-)", _span),
    pattern(rf"({_DATE})(?:년)?\s*(?:부터|에서|~|-)\s*({_DATE})(?:년)?(?:\s*까지)?(?!-)", _span),
    pattern(r"((?:19|20)[0-9]{2})\s*/\s*((?:19|20)[0-9]{2})", _span),
    pattern(
        r"(?:until|till|to|through|up to|-|~)\s*(?:now|today|the present|present|date|this year)"
        r"|(?:지금|현재|오늘)\s*까지",
        lambda m: (Item(Kind.FILL, m[0]),),
    ),
    pattern(r"(?:the\s+)?(?:last|past)\s+year", lambda m: _word(m[0], "years=1")),
    pattern(
        rf"({_DATE})(?:년)?\s*(?:until|till|to|through|up to|-|~|부터)\s*"
        r"(?:now|today|the present|present|지금|현재|오늘)(?:까지)?",
        lambda m: _word(m[0], f"from={m[1]}"),
    ),
    pattern(
        rf"(?:(?:with |on |over )?data\s+)?(?:(?:ever )?since|from|(?:starting|beginning|start)(?: in"
        rf"| from| at)?|back to|after|post)"
        rf"[\s-]+(?:the\s+(?:start|beginning)\s+of\s+)?({_DATE})(?:\s+(?:onwards?|on|and later|forward))?",
        lambda m: _word(m[0], f"from={m[1]}"),
    ),
    pattern(rf"({_DATE})(?:년)?\s*(?:부터|이후|onwards?|\+)", lambda m: _word(m[0], f"from={m[1]}")),
    pattern(
        rf"(?:until|'?till?|to|thru|through|up to|ending(?: in| at)?)\s+(?:the\s+end\s+of\s+)?({_DATE})",
        lambda m: _word(m[0], f"to={m[1]}"),
    ),
    pattern(rf"({_DATE})(?:년)?\s*까지", lambda m: _word(m[0], f"to={m[1]}")),
    pattern(r"(?:in|during)\s+((?:19|20)[0-9][0-9])", lambda m: _word(m[0], f"from={m[1]}", f"to={m[1]}")),
    pattern(
        rf"{_OVER}(?:last|past|recent|previous|latest|most recent|최근|지난|과거|요\s?근래"
        rf"|근래)\s*(?:약\s*|한\s*)?([0-9]{{1,3}})[\s-]*{_YEARS}"
        r"(?:\s?(?:of data|of history|of bars|of prices|worth of data|history|or so|간|치|동안|어치|정도))*",
        _years,
    ),
    pattern(
        rf"(?:going\s+back\s+)?{_OVER}([0-9]|[1-5][0-9])[\s-]?{_YEARS}"
        r"(?:\s?(?:of data|of history|of bars|of prices|worth of data|worth|history|back|or so|간|치"
        r"|동안|어치|정도))*(?!\s*(?:부터|까지))",
        _years,
    ),
    pattern(r"(?:the\s+)?(?:last|past|최근|지난)\s*([0-9]{1,3})\s*(?:months?|mo|개월)(?:간|치)?", _months),
)

LENGTHS: Sequence[Pattern] = (
    pattern(rf"([0-9]{{1,3}})\s*(minutes?|min|m|분|hours?|hr|h|시간|d|w)[\s-]*{_BARS}", _bar_length),
    pattern(r"([0-9]{1,3})(min|m|h|d|w|mo)", _bar_length),
    pattern(r"([0-9]{1,3})[\s-]?(minutes?|min(?!\.?\s+[0-9]+\s+trades)|hours?|hr|분|시간)", _bar_length),
    pattern(rf"(hourly){_BARS}?|(?<=\s)(시간)봉", lambda m: _word(m[0], "timeframe=1h")),
    pattern(rf"(daily|weekly|monthly)[\s-]*{_BARS}", _named_length),
    pattern(r"(일|주|월|시간)봉", _named_length),
    *(_cadence(word, is_certain=False) for word in ("daily", "weekly", "monthly")),
)
