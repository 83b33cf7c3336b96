"""Numbers in words become digits: `two hundred trials`, `five years`, `천 번`."""

import re

_NAMES = (
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {
    **{word: n for n, word in enumerate((*_NAMES[0], *_NAMES[1]))},
    **{word: 10 * n for n, word in enumerate(_TENS, start=2)},
}
_SCALES = {"hundred": 100, "thousand": 1_000}
_ONE = rf"(?:{'|'.join(_SMALL)})"
#: A number with a scale in it, such as `two hundred and fifty`.
_SCALED = (
    rf"(?:(?:{_ONE}|an?|a couple(?: of)?|couple(?: of)?|[0-9]+)[\s-]+)?(?:hundred|thousand)"
    rf"(?:[\s-]+(?:and[\s-]+)?(?:{_ONE}|hundred|thousand)(?![\s-]*(?:years?|yrs?|months?|percent|%)))*"
)
_UNITS = (
    r"(?:years?|yrs?|trials?|tries|sets|folds|months?|decades?|slippage|commissions?|fees?|costs?|percent|pct|bps?"
    r"|basis points?|days?|bars?|runs?|iterations?|times|attempts?|goes|rounds?|passes|samples?|trades|hours?|minutes?)"
)
_ENGLISH = re.compile(rf"\b{_SCALED}\b|\b{_ONE}(?:[\s-]{_ONE})?\b(?=[\s-]+{_UNITS}\b)", re.IGNORECASE)
_POINTS = re.compile(r"(?<=[0-9])\s*basis points?\b|(?<=[0-9])\s*(?:비피|베이시스 ?포인트)", re.IGNORECASE)
_PERCENT = re.compile(r"(?<=[0-9])\s*(?:percent|pct|per cent|percents|퍼센트|퍼|프로)(?![a-z가-힣])", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = re.compile(rf"\b({'|'.join(_MONTHS)})[a-z]*\.?\s+(?:of\s+)?((?:19|20)[0-9]{{2}})\b", re.IGNORECASE)
_KOREAN_MONTH = re.compile(r"((?:19|20)[0-9]{2})년\s*([0-9]{1,2})월")
_KOREAN_DIGITS = dict(zip("일이삼사오육칠팔구", range(1, 10), strict=True))
#: Money in words, for which the digit in front may be missing: `1억`, `천만 원`.
_KOREAN_MONEY = re.compile(r"(?<![\w])(?P<digit>[일이삼사오육칠팔구])?(?P<scale>억|천만|백만)(?=\s?원|으로|로|\s|$)")
#: Numbers in words before what they count; a lone digit is none, since `이번` is this time.
_KOREAN = re.compile(r"(?<![\w])([일이삼사오육칠팔구십백천만]*[십백천만])(?=\s?(?:번|회|개|차례)(?![가-힣]{4}))")
_KOREAN_YEARS = re.compile(r"(?<![가-힣])([일이삼사오육칠팔구십]{1,3})(?=\s?(?:년치|년간|년\s?동안|년어치|년))")
_KOREAN_SCALES = {"십": 10, "백": 100, "천": 1_000}


def with_digits(text: str) -> str:
    """Return a text with its numbers in digits, percentages with their sign, and months as `2010-01`."""
    text = _ENGLISH.sub(lambda found: str(_english(found[0].lower())), text)
    text = _POINTS.sub("bp", _PERCENT.sub("%", text))
    text = _MONTH.sub(lambda found: f"{found[2]}-{_MONTHS.index(found[1].lower()) + 1:02}", text)
    text = _KOREAN_MONTH.sub(lambda found: f"{found[1]}-{int(found[2]):02}", text)
    text = _KOREAN_MONEY.sub(lambda found: f"{_KOREAN_DIGITS.get(found['digit'], 1)}{found['scale']}", text)
    text = _KOREAN_YEARS.sub(lambda found: str(korean_number(found[1])), text)
    return _KOREAN.sub(lambda found: str(korean_number(found[1])), text)


def korean_number(word: str) -> int:
    """Return a Korean number: `이백오십` is 250, `만이천` 12,000."""
    total = part = digit = 0
    for letter in word:
        if letter == "만":
            total, part, digit = total + (part + digit or 1) * 10_000, 0, 0
        elif letter in _KOREAN_SCALES:
            part, digit = part + (digit or 1) * _KOREAN_SCALES[letter], 0
        else:
            digit = _KOREAN_DIGITS[letter]
    return total + part + digit


def _english(words: str) -> int:
    """Return an English number: `two hundred and fifty` is 250, `three thousand two hundred` 3,200."""
    total = part = 0
    for word in re.split(r"[\s-]+", words):
        if word == "couple":
            part = 2
        elif word == "thousand":
            total, part = total + (part or 1) * _SCALES[word], 0
        elif word == "hundred":
            part = (part or 1) * _SCALES[word]
        else:
            part += int(word) if word.isdecimal() else _SMALL.get(word, 0)
    return total + part
