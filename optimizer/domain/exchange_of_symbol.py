"""Exchanges by the symbols that trade there.

The suffix of a symbol, as Yahoo writes it, names its exchange; without one it is New York's. A pair with a dash
(`BTC-USDT`) trades always, two currencies of states or a metal and one (`EURUSD`) on weekdays.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

DEFAULT = "XNYS"
ALWAYS = "24/7"
WEEKDAYS = "24/5"
#: Calendar by the suffix of a symbol, as Yahoo writes it
#: (https://help.yahoo.com/kb/exchanges-data-providers-yahoo-finance-sln2310.html).
SUFFIXES: Mapping[str, str] = {
    **dict.fromkeys((".KS", ".KQ"), "XKRX"),
    ".T": "XTKS",
    ".HK": "XHKG",
    **dict.fromkeys((".SS", ".SZ"), "XSHG"),
    **dict.fromkeys((".TW", ".TWO"), "XTAI"),
    ".SI": "XSES",
    **dict.fromkeys((".NS", ".BO"), "XBOM"),
    ".JK": "XIDX",
    ".BK": "XBKK",
    ".KL": "XKLS",
    ".PS": "XPHS",
    ".AX": "XASX",
    ".NZ": "XNZE",
    **dict.fromkeys((".L", ".IL"), "XLON"),
    ".IR": "XDUB",
    ".DE": "XETR",
    **dict.fromkeys((".F", ".BE", ".MU", ".HA"), "XFRA"),
    ".DU": "XDUS",
    ".HM": "XHAM",
    ".SG": "XSTU",
    ".PA": "XPAR",
    ".AS": "XAMS",
    ".BR": "XBRU",
    ".LS": "XLIS",
    ".MI": "XMIL",
    ".MC": "XMAD",
    ".SW": "XSWX",
    ".VI": "XWBO",
    ".WA": "XWAR",
    ".PR": "XPRA",
    ".BD": "XBUD",
    ".IS": "XIST",
    ".SR": "XSAU",
    ".ME": "XMOS",
    ".ST": "XSTO",
    ".CO": "XCSE",
    ".HE": "XHEL",
    ".OL": "XOSL",
    ".IC": "XICE",
    ".TL": "XTAL",
    ".RG": "XRIS",
    ".VS": "XLIT",
    **dict.fromkeys((".TO", ".V", ".NE", ".CN"), "XTSE"),
    ".SA": "BVMF",
    ".MX": "XMEX",
    ".BA": "XBUE",
    ".SN": "XSGO",
    ".LM": "XLIM",
    ".CL": "XBOG",
    ".JO": "XJSE",
    ".KA": "XKAR",
    "=X": WEEKDAYS,
    "=F": "CMES",
}
#: Calendar of an index that is not New York's.
INDEXES: Mapping[str, str] = {
    "^KS11": "XKRX", "^KS200": "XKRX", "^KQ11": "XKRX", "^N225": "XTKS", "^HSI": "XHKG", "^TWII": "XTAI",
    "^NSEI": "XBOM", "^BSESN": "XBOM", "^FTSE": "XLON", "^GDAXI": "XETR", "^FCHI": "XPAR", "^STOXX50E": "XETR",
    "^AEX": "XAMS", "^IBEX": "XMAD", "^SSMI": "XSWX", "^GSPTSE": "XTSE", "^BVSP": "BVMF", "^AXJO": "XASX",
}  # fmt: skip
#: An ending that names an exchange; a share class (`BRK.B`) or a unit has one letter, which New York's have too.
_SUFFIX = re.compile(r".*(\.[A-Z]{2,4})")
#: A pair; a share class or a warrant has one or two letters behind its dash.
_PAIR = re.compile(r"[A-Z0-9]+-[A-Z]{3,5}")
#: What banks trade in pairs. No share has a symbol of six letters without a suffix.
_MONEY = (
    "AUD|BRL|CAD|CHF|CLP|CNH|CNY|COP|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|MYR|NOK|NZD|PHP|PLN|RON|RUB|"
    "SEK|SGD|THB|TRY|TWD|USD|ZAR"
)
_CURRENCIES = re.compile(rf"(XAU|XAG|XPT|XPD|{_MONEY})({_MONEY})")


def calendar_name(symbol: str) -> str:
    """Name of the calendar that a symbol trades by; weekdays where its ending names no exchange that is known."""
    if symbol in INDEXES:
        return INDEXES[symbol]
    for suffix, name in SUFFIXES.items():
        if symbol.endswith(suffix):
            return name
    if unknown_suffix(symbol) or _CURRENCIES.fullmatch(symbol):
        return WEEKDAYS
    return ALWAYS if _PAIR.fullmatch(symbol) else DEFAULT


@lru_cache(1024)
def is_currency(symbol: str) -> bool:
    """Check whether a symbol is a pair of currencies, which trades on every weekday."""
    return symbol.endswith("=X") or _CURRENCIES.fullmatch(symbol) is not None


def unknown_suffix(symbol: str) -> str:
    """Return the ending of a symbol that names an exchange, if none is known by it; else an empty string."""
    found = _SUFFIX.fullmatch(symbol)
    return found[1] if found and found[1] not in SUFFIXES else ""
