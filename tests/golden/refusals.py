"""Every error there is with plausible facts, as people read it."""

from functools import cache
from importlib import import_module
from pkgutil import walk_packages

import bot
import optimizer
from optimizer.errors import Phrase, UserError
from reports.render import Renderer
from tests.words import facts_of, macros_of

#: Facts by their names; any other shows its name.
FACTS: dict[str, object] = {
    "word": "rsii", "nearest": "", "known": "rsi, sma", "name": "period", "low": "10", "high": "30", "value": "99",
    "step": "5", "choices": "revert, break", "symbol": "AAPL", "source": "yahoo", "timeframe": "1d", "n": 3,
    "start": "2020-01-01", "end": "2026-11-20", "study": "opt-7f3a", "schedule": "sch-2b", "state": "running",
    "user": "U012AB3CD", "owner": "U012AB3CD", "by": "U012AB3CD", "needs": "approver", "has": "viewer", "limit": 20,
    "setting": "OPTIMIZE_BOT_RUNNERS", "usage": "show ID", "example": "mon", "strategy": "rsi", "n_trials": 200,
    "reason": Phrase("no_answer"), "remedy": Phrase("try_again"), "what": Phrase("the_replay"),
    "reference": "ab12cd", "deaths": 3, "place": Phrase("own_line", file="dip.py", line=7),
    "file": "AAPL.csv", "line": 7, "provider": "yahoo", "have": 100, "need": 504, "when": "2008-03-03",
    "finding": Phrase("bars_missing", when="2008-03-03", calendar="XNYS"), "folder": "snapshots",
    "data_hash": "9f2c4e1a", "first": "2021-03-01", "last": "2026-11-20",
    "waiting": 21, "length": 4000, "holder": Phrase("process", number=4711), "extra": "yahoo", "path": "prices",
    "key": "desk",
    "endings": ".csv, .parquet", "version": 9, "field": "symbol", "minutes": 10, "home": "/srv/bot", "port": 3000,
    "pid": "4711",
    "least": 32, "host": "127.0.0.1", "at": 9, "text": "buy when rsx < 30; sell when rsi > 55",
    "other": "strategy", "channel": "C012AB3CD",
}  # fmt: skip

#: Facts that mean something else in one error.
OWN: dict[str, dict[str, object]] = {
    "NotAllowed": {"what": "adopt"}, "KeyTooSmall": {"what": "cancel", "role": "runner", "own": "viewer"},
    "NothingUnseen": {"what": Phrase("holdout_of_zero")}, "NoTimeframe": {"word": "1d", "known": "5m, 1h"},
    "UnusableBars": {"reason": Phrase("price_is", price=Phrase("close"), value=0)},
    "MissingSetting": {"name": "SLACK_BOT_TOKEN"}, "MissingKey": {"setting": "ALPHAVANTAGE_API_KEY"},
    "HomeUnusable": {"reason": "Read-only file system"}, "SecretTooShort": {"file": "/srv/bot/pages.secret"},
    "TooFewBars": {"reason": Phrase("empty_window")}, "TooFewForSignals": {"have": 100, "need": 505},
    "EmptySpace": {"reason": Phrase("all_tried")}, "GridTooLarge": {"n_sets": "75,264", "most": "10,000"},
    "WarehouseTooNew": {"known": 8},
    "NotQuietHours": {"word": "22:00"}, "AboutSlack": {"word": "mute"},
    "MissingLearner": {"strategy": "ml", "extra": "ml"},
    "NotExpressible": {
        "target": "pine", "part": "stop", "reason": Phrase("stops_later"), "study": "opt-7f3a", "instead": "python",
    },
    "DamagedSnapshot": {"reason": Phrase("unreadable")}, "BadFile": {"reason": Phrase("file_empty")},
    "BotDiffers": {"version": "0.1.0+0e14cd83", "own": "0.1.0+7b21a9f4"},
    "HomeInUse": {"holder": "run"}, "ChannelSetting": {"word": "language"}, "OnlyInSlack": {"word": "quiet"},
    "TwoReadings": {"one": "AAPL bollinger", "other": "AAPL zscore"}, "MissingSymbol": {"example": "AAPL rsi 200"},
    "InThread": {"word": "asdf"}, "GoalAlone": {"goal": "sharpe_ml"},
    "NotUnderstood": {"word": "lots", "read": "AAPL rsi 200"}, "NothingUnderstood": {"word": "asdf"},
    "WhichCrossing": {"word": "falls below", "one": "rsi(14) < 30", "other": "rsi(14) crosses below 30"},
    "MixedConnectors": {"one": "(a and b) or c", "other": "a and (b or c)"},
    "NotComparable": {"one": "close", "other": "rsi(14)", "unit_of_one": "price", "unit_of_other": "index"},
    "ComparesNumbers": {"one": "30", "other": "40"}, "ExitAlone": {"side": "sell", "other": "buy"},
    "UnexpectedInRule": {"expected": "when"}, "RuleEnds": {"expected": "number"}, "SideRepeated": {"side": "buy"},
    "WrongNumberOfNumbers": {"have": 1, "need": 3, "example": "macd(12, 26, 9)"}, "RangeBackwards": {"value": "20..10"},
    "RuleTooDeep": {"most": 20}, "RuleTooLong": {"n": "3,000", "most": "2,000"}, "TwoLanguages": {"word": "and"},
    "NotLonger": {"word": "1h", "base": "1d"}, "NoExit": {"known": "stop, take, trail, max_hold"},
    "BadAge": {"word": "year"}, "MoveDiffers": {"collection": "audit_log", "have": 12, "need": 11},
    "BackupExists": {"file": "backup.tar.gz"}, "NoBackup": {"file": "backup.tar.gz"}, "DatabaseTooNew": {"known": 8},
    "BackupTooNew": {"file": "backup.tar.gz"}, "NoSecrets": {"file": "backup.tar.gz"},
    "NothingToBackUp": {"home": "/var/lib/optimize-bot"},
    "FileUnusable": {"file": "backup.tar.gz", "reason": "Read-only file system"},
    "StudyStopped": {"state": "cancelled"}, "AlreadyFinished": {"state": "cancelled"},
}  # fmt: skip


def refusals(say: Renderer) -> dict[str, str]:
    """Each error's sentence, and the one with a nearest word where it has one."""
    found: dict[str, str] = {}
    for kind in own_kinds():
        found[kind.__name__] = say.error(_sample(kind, ""))
        near = say.error(_sample(kind, "rsi"))
        if near != found[kind.__name__]:
            found[f"{kind.__name__}.near"] = near
    return found


def _sample(kind: type[UserError], nearest: str) -> UserError:
    names = {name for parent in kind.__mro__ for name in _named(parent.__name__)}
    facts = {name: FACTS.get(name, f"({name})") for name in sorted(names)}
    return kind(**facts | {"nearest": nearest} | OWN.get(kind.__name__, {}))


@cache
def _named(kind: str) -> frozenset[str]:
    """The facts that an error's English sentences name."""
    bodies = macros_of("en", "errors")
    return frozenset().union(*(facts_of(bodies[name]) for name in (kind, f"{kind}_near") if name in bodies))


def family(root: type[UserError] = UserError) -> set[type[UserError]]:
    """A class and all that are made of it."""
    return {root}.union(*(family(kind) for kind in root.__subclasses__()))


@cache
def own_kinds() -> list[type[UserError]]:
    """The program's errors, of every module there is, without those that tests define."""
    for package in (bot, optimizer):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    own = [kind for kind in family() if not kind.__module__.startswith("tests")]
    return sorted(own, key=lambda kind: kind.__name__)
