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
_ENGLISH = re.compile(
    rf"\b(?:(?:{'|'.join(_SMALL)}|a|[0-9]+)[\s-]+)?(?:hundred|thousand)\b"
    rf"|\b(?:{'|'.join(_SMALL)})\b(?=[\s-]+(?:years?|yrs?|trials?|tries|sets|folds|months?|decades?|slippage|commissions?|fees?|costs?"
    r"|percent|pct|bps?|days?|bars?|runs?|iterations?|times)\b)",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"(?<=[0-9])\s*(?:percent|pct|per cent|퍼센트|퍼|프로)(?![a-z가-힣])", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = re.compile(rf"\b({'|'.join(_MONTHS)})[a-z]*\.?\s+(?:of\s+)?((?:19|20)[0-9]{{2}})\b", re.IGNORECASE)
_KOREAN_MONTH = re.compile(r"((?:19|20)[0-9]{2})년\s*([0-9]{1,2})월")
_KOREAN_DIGITS = dict(zip("일이삼사오육칠팔구", range(1, 10), strict=True))
#: Money in words, for which the digit in front may be missing: `1억`, `천만 원`.
_KOREAN_MONEY = re.compile(r"(?<![\w])(?P<digit>[일이삼사오육칠팔구])?(?P<scale>억|천만|백만)(?=\s?원|으로|로|\s|$)")
_KOREAN = re.compile(r"(?<![\w])([일이삼사오육칠팔구])?([백천만])(?=\s?(?:번|회)(?![가-힣]{3}))")
_KOREAN_SCALES = {"백": 100, "천": 1_000, "만": 10_000}


def with_digits(text: str) -> str:
    """Return a text with its numbers in digits, percentages with their sign, and months as `2010-01`."""
    text = _ENGLISH.sub(lambda found: str(_english(found[0].lower())), text)
    text = _PERCENT.sub("%", text)
    text = _MONTH.sub(lambda found: f"{found[2]}-{_MONTHS.index(found[1].lower()) + 1:02}", text)
    text = _KOREAN_MONTH.sub(lambda found: f"{found[1]}-{int(found[2]):02}", text)
    text = _KOREAN_MONEY.sub(lambda found: f"{_KOREAN_DIGITS.get(found['digit'], 1)}{found['scale']}", text)
    return _KOREAN.sub(lambda found: str(_KOREAN_DIGITS.get(found[1], 1) * _KOREAN_SCALES[found[2]]), text)


def _english(words: str) -> int:
    value = 1
    for word in re.split(r"[\s-]+", words):
        value = value * _SCALES[word] if word in _SCALES else int(word) if word.isdecimal() else _SMALL.get(word, 1)
    return value
