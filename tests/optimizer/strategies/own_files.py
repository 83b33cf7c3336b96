"""Files of own strategies for tests: good ones of both paths, and one for each way to be wrong."""

#: The lines before a function of positions.
HEAD = """import numpy as np
from optimizer.strategies.plugin_api import bars_of, level_of, strategy, technical
"""


def slow_path(key: str, body: str, *, parameters: str = 'bars_of("period", 10, 30, 14)', more: str = "") -> str:
    """A file with a function of positions; the first line of its body is line 7."""
    return f'''{HEAD}

@strategy("{key}", {parameters}, warm_up="period"{more})
def positions(bars, period, **others):
    {body}
'''


#: RSI as the product has it, as a fast path.
FAST_RSI = """
from optimizer.strategies.plugin_api import Side, Space, Strategy, bars_of, level_of, technical


def strength(conditions, period):
    return technical.rsi(conditions.bars.close, period)


def long(conditions, p):
    return Side(
        enter=conditions.below(strength, p["period"], level=p["oversold"]),
        exit=conditions.above(strength, p["period"], level=p["overbought"]),
    )


def short(conditions, p):
    return Side(
        enter=conditions.above(strength, p["period"], level=p["overbought"]),
        exit=conditions.below(strength, p["period"], level=p["oversold"]),
    )


FAST = Strategy(
    key="fast_rsi",
    space=Space((bars_of("period", 10, 30, 14), level_of("oversold", 20, 35, 30), level_of("overbought", 65, 80, 70))),
    warm_up=lambda params: params["period"],
    long=long,
    short=short,
    title={"en": "RSI of my own", "ko": "나의 RSI"},
    about="Buys weakness.",
    aliases=("fast_reversal",),
)
"""
#: The same rule bar by bar: in once it is weak, out once it is strong.
SLOW_RSI = f"""{HEAD}

@strategy(
    "slow_rsi",
    bars_of("period", 10, 30, 14),
    level_of("oversold", 20, 35, 30),
    level_of("overbought", 65, 80, 70),
    warm_up="period",
)
def positions(bars, period, oversold, overbought):
    size, sizes = 0, []
    for value in technical.rsi(bars.close, period):
        size = 1 if value < oversold else 0 if value > overbought else size
        sizes.append(size)
    return sizes
"""
#: A file of two strategies, beside one of ours that is only imported.
TWO = f"""{HEAD}
from optimizer.strategies.rsi import RSI



def out(bars, period):
    return bars.close * 0


first = strategy("first_own", bars_of("period", 5, 9, 7), warm_up="period")(out)
second = strategy("second_own", bars_of("period", 5, 9, 7), warm_up=lambda params: 3)(out)
"""
GOOD = {"fast_rsi.py": FAST_RSI, "slow_rsi.py": SLOW_RSI, "two.py": TWO, "_helper.py": "1 / 0\n"}

_LOOKS_AHEAD = "return (np.append(bars.close[1:], bars.close[-1]) > bars.close).astype(float)"
_FAST_AHEAD = (
    FAST_RSI.replace("fast_rsi", "fast_ahead")
    .replace("fast_reversal", "fast_future")
    .replace("bars.close, period", 'bars.close.take(range(1, len(conditions.bars) + 1), mode="clip"), period')
)

#: File, its code, and what is said of it.
WRONG = {
    "syntax.py": ("import numpy\n\ndef f(:\n    pass\n", r"`syntax.py`, line 3: it is not Python \(.+\)"),
    "raises.py": (
        "x = 1\n\nraise ValueError('no such thing')\n",
        "`raises.py`, line 3: its code fails with ValueError: no such thing",
    ),
    "none.py": ("x = 1\n", "`none.py`: it declares no strategy"),
    "ahead.py": (
        slow_path("ahead", _LOOKS_AHEAD),
        r"line 5: it looks ahead: the position at bar \d+ \(201\d-\d\d-\d\d\) with period=14 is [01], and [01] when "
        r"only the first \d+ bars are there",
    ),
    "ahead_often.py": (
        slow_path("ahead_often", "return (technical.rsi(np.roll(bars.close, -1), period) < 30).astype(float)"),
        "it looks ahead: the position at bar",
    ),
    "of_all.py": (
        slow_path("of_all", "return (bars.close > bars.close.mean()).astype(float)"),
        r"it looks ahead: the position at bar \d+ .* when only the first \d+ bars are there",
    ),
    "fast_ahead.py": (_FAST_AHEAD, r"line \d+: it looks ahead: the (entry long|exit of the long side) at bar"),
    "chance.py": (
        slow_path("chance", "return (np.random.default_rng().random(len(bars)) > 0.5).astype(float)"),
        r"line 5: computed twice, it differs, first at bar 0 \(2010-01-04\) with period=",
    ),
    "slow.py": (
        slow_path("slow", "import time; time.sleep(0.6); return bars.close * 0"),
        r"line 5: a set takes \d+ ms over 1,500 bars; at most 50 ms are allowed",
    ),
    "shape.py": (
        slow_path("shape", "return bars.close[1:] * 0"),
        r"it returns float64\[1499\] and not one number for each of 1500 bars",
    ),
    "nan.py": (
        slow_path("nan", "return technical.rsi(bars.close, period) * 0"),
        "its position at bar 0 .* is not a number",
    ),
    "half.py": (
        slow_path("half", "return np.full(len(bars), 0.5)"),
        r"line 5: its position at bar 0 \(2010-01-04\) is 0.5; only `-1`, `0` and `1` are allowed",
    ),
    "key_error.py": (
        slow_path("key_error", "x = others\n    return x['nothing']"),
        "line 8: its code fails with KeyError: 'nothing'",
    ),
    "hangs_at_import.py": ("import time\n\nwhile True:\n    time.sleep(0.1)\n", "line 4: it does not return"),
    "hangs.py": (slow_path("hangs", "while True: pass"), "line 7: it does not return"),
    "exits.py": (slow_path("exits", "import os; os._exit(0)"), "`exits.py`: it ends its process"),
    "sys_exits.py": (slow_path("sys_exits", "import sys; sys.exit()"), "line 7: it ends its process"),
    "killed.py": (
        slow_path("killed", "import ctypes; ctypes.string_at(0)"),
        "`killed.py`: its process was ended by signal 11",
    ),
    "memory.py": (
        slow_path("memory", "x = []\n    while True: x.append(np.empty(2**25))"),
        "line 8: it asks for more than a gibibyte of memory",
    ),
    "writes.py": (
        slow_path("writes", "open('/tmp/never-written', 'w').write('x'); return bars.close * 0"),
        "line 7: it writes or changes files, and a strategy may only compute",
    ),
    "removes.py": ("import os\nos.remove('/tmp/never-there')\n", "line 2: it writes or changes files"),
    "starts.py": ("import subprocess\nsubprocess.run(['true'])\n", "line 2: it starts a process, and"),
    "connects.py": (
        "import socket\nsocket.create_connection(('127.0.0.1', 9))\n",
        "line 2: it opens a connection",
    ),
    "in_place.py": (
        slow_path("in_place", "bars.close[0] = 1.0; return bars.close * 0"),
        "it writes into the bars that it is given",
    ),
    "masks.py": (
        FAST_RSI.replace("fast_rsi", "masks")
        .replace("fast_reversal", "mm")
        .replace("    short=short,", "    short=short, masks_per_set=3,"),
        r"a set needs more masks than the 3 that it declares",
    ),
    "no_side.py": (
        FAST_RSI.replace("fast_rsi", "no_side").replace("fast_reversal", "ns").replace("return Side(", "return dict("),
        "a rule returns dict and not a `Side`",
    ),
    "slots.py": (
        FAST_RSI.replace("fast_rsi", "slots")
        .replace("fast_reversal", "ss")
        .replace(
            'exit=conditions.above(strength, p["period"], level=p["overbought"])', "exit=[10_000] * len(p['period'])"
        ),
        "a side must hold what conditions return, one for each of 1 sets",
    ),
    "key.py": (slow_path("My Key", "return bars.close * 0"), "`My Key` cannot be a key"),
    "alias.py": (
        slow_path("alias", "return bars.close * 0", more=", aliases=('two words',)"),
        "cannot be another name",
    ),
    "bounds.py": (
        slow_path("bounds", "return bars.close * 0", parameters='bars_of("period", 10, 30, 40)'),
        "the parameter `period` is declared wrongly",
    ),
    "words.py": (
        slow_path("words", "return bars.close * 0", more=", title='x' * 61"),
        "must be one line of at most 60",
    ),
    "warm.py": (
        slow_path("warm", "return bars.close * 0", parameters='bars_of("period", 10, 3000, 14)'),
        "`warm_up` of its declaration",
    ),
    "ours.py": (slow_path("rsi", "return bars.close * 0"), "the name `rsi` means something else in a command"),
    "our_alias.py": (slow_path("turtle", "return bars.close * 0"), "the name `turtle` means something else"),
    "verb.py": (slow_path("status", "return bars.close * 0"), "the name `status` means something else"),
    "overlay.py": (slow_path("stop", "return bars.close * 0"), "the name `stop` means something else"),
    "option.py": (slow_path("seed", "return bars.close * 0"), "the name `seed` means something else"),
    "korean_verb.py": (slow_path("own_verb", "return bars.close * 0", more=", aliases=('목록',)"), "the name `목록`"),
    "parameter.py": (
        slow_path(
            "own_cost", "return bars.close * 0", parameters='bars_of("period", 5, 9, 7), bars_of("cost", 5, 9, 7)'
        ),
        "the parameter `cost` has the name of an option or an overlay",
    ),
    "again.py": (slow_path("slow_rsi", "return bars.close * 0"), "the name `slow_rsi` means something else"),
}
