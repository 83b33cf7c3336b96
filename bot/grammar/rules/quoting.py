"""A rule typed in the place of a strategy: it is found in the text and put into double quotes, so that it is one word.

An English one begins with its first side and an `if` or `when`, a Korean one behind the symbols and the options that
follow them, or behind its name; it ends at `with` (`설정`), after which the usual words follow. Orders at its end
(`; stop 5%`) are the overlays of these names.
"""

import re

#: Verbs before the word that a Korean rule follows: symbols, or the name that it is saved under.
_VERBS = r"(?:start|optimize|최적화|시작|schedule|일정|예약|rule|규칙)"
_SIDE = (
    r"(?:go\s+long|enter\s+long|close\s+long|exit\s+long|buy\s+to\s+cover|sell\s+short|go\s+short|enter\s+short"
    r"|close\s+short|exit\s+short|buy|sell|short|cover|long|exit|enter)"
)
_ENGLISH = re.compile(rf"(?<!\S){_SIDE}\s+(?:when|if|whenever)(?!\w)", re.IGNORECASE)
_KOREAN = re.compile(r"(?:면|때|경우|시)\s*[,]?\s*(?:공?매[수도]|숏|롱|환매수?|청산|산다|사고|판다|팔고|사기|팔기)")
_FRONT = re.compile(rf"\s*(?:{_VERBS}\s+)?\S+\s+(?:[a-z_]+=\S+\s+)*", re.IGNORECASE)
_END = re.compile(r"\s(?:with|설정)(?=\s|$)", re.IGNORECASE)
_ORDERS = {
    "stop": re.compile(r"(?:stop(?:\s+loss)?|손절)\s*(?:at\s+)?(\d+(?:\.\d+)?)\s*%?", re.IGNORECASE),
    "take": re.compile(r"(?:take(?:\s+profit)?|익절)\s*(?:at\s+)?(\d+(?:\.\d+)?)\s*%?", re.IGNORECASE),
    "trail": re.compile(r"(?:trail(?:ing)?(?:\s+stop)?|추적\s*손절)\s*(\d+(?:\.\d+)?)\s*%?", re.IGNORECASE),
    "max_hold": re.compile(r"(?:max(?:imum)?[\s_]+hold|최대\s*보유)\s*(\d+)\s*(?:bars?|days?|봉|일)?", re.IGNORECASE),
}


def quote_rule(text: str) -> str:
    """Put the rule of a command into double quotes, with its orders behind it; a text without one is not changed."""
    if '"' in text:
        return text
    start = _start(text)
    if start is None:
        return text
    end = _END.search(text, start)
    rule, rest = text[start : end.start() if end else len(text)], text[end.end() :] if end else ""
    sides, orders = _without_orders(rule)
    return " ".join(filter(None, (text[:start].rstrip(), f'"{sides}"', *orders, rest.strip())))


def _start(text: str) -> int | None:
    """Position at which a rule begins, or None."""
    if found := _ENGLISH.search(text):
        return found.start()
    front = _FRONT.match(text)
    return front.end() if front and _KOREAN.search(text, front.end()) else None


def _without_orders(rule: str) -> tuple[str, list[str]]:
    """The sides of a rule, and the orders at its end as words of a command."""
    parts, orders = rule.split(";"), list[str]()
    while len(parts) > 1 and (order := _order(parts[-1].strip())):
        orders.insert(0, order)
        parts.pop()
    return ";".join(parts).strip(), orders


def _order(text: str) -> str:
    found = ((name, pattern.fullmatch(text)) for name, pattern in _ORDERS.items())
    return next((f"{name}={match[1]}" for name, match in found if match), "")
