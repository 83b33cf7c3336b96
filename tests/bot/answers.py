"""Every answer to a command, made of plausible facts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from bot.commands.channel import DatedList
from bot.commands.help_message import all_options, quantity_lines
from bot.delivery.group_table import GroupFacts
from bot.documents.audit_log import Outcome
from bot.documents.saved_rules import SavedRule
from bot.grammar.commands import Talk
from bot.grammar.help_topics import TERMS
from bot.grammar.verbs import VERBS
from bot.ops.health_checks import bad, doubtful, good
from bot.runtime.pacing import ChannelQueue
from bot.schedules.bar_refresh import Failing
from bot.schedules.channel_digests import DigestFacts, DigestRun, UpcomingRun
from optimizer.domain.metrics import GOALS
from optimizer.domain.results.forecast_results import ForecastMeasure, ForecastOf
from optimizer.domain.results.learned_results import Label, Quality, SignalQuality, Weight
from optimizer.domain.results.regime_results import DidNotTrade, Regime
from optimizer.domain.study_request import StudyRule
from optimizer.domain.study_results import StudyState, Verdict
from optimizer.domain.universe import Universe
from optimizer.errors import Phrase, ProviderDown
from optimizer.market.quality.data_findings import DataFinding, QualityReport, Severity
from optimizer.market.warehouse.warehouse import Coverage
from optimizer.outlook.regime_facts import RegimeFacts
from optimizer.outlook.scoreboard import scoreboard
from optimizer.outlook.signal_facts import Bucket, SignalFacts
from optimizer.outlook.signal_service import SignalRecord
from optimizer.storage.signal_documents import StoredSignal
from optimizer.strategies.registry import OVERLAYS
from optimizer.strategies.rules.compiling import strategy_of_rule
from optimizer.validation.statistics.across_symbols import AcrossSymbols, SymbolResult, across_symbols
from reports.facts import RuleFacts
from reports.forecast_facts import ForecastFacts
from reports.render import Renderer
from reports.text.message import Message
from reports.text.rule_words import said_rule
from tests.bot import bar_changes, recurring
from tests.reports import facts as told
from tests.reports import forecasts

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ONE, OTHER = told.finished("strong"), told.finished("overfit", study_name="opt-9b1c")
BARE = told.finished("folds_only", study_name="opt-11aa")
RUNNING = told.study(StudyState.RUNNING, study_name="opt-22bb", trials_completed=57)
ENTRY = SimpleNamespace(
    at=NOW, user_id="U012AB3CD", door="command", said="AAPL `RSI <!channel>", outcome=Outcome.DENIED.value,
    reason="`adopt` is for the role approver", reference="ab12cd",
)  # fmt: skip
REPORT = QualityReport(
    symbol="AAPL", timeframe="1d", source="sample", calendar="XNYS", data_hash="ab", checked_at=NOW,
    first=date(2008, 1, 2), last=date(2012, 1, 3), n_bars=1000, n_sessions=1001, n_missing=1,
    findings=(DataFinding(kind="no_volume", severity=Severity.MEDIUM, when=NOW, value=3.0, facts={"n": 3}),),
)  # fmt: skip
#: Every kind of data finding.
KINDS = (
    "order", "duplicate", "future", "clock", "shift_days", "shift_hours", "no_session", "other_calendar",
    "outside_hours", "thin_session", "missing", "missing_run", "sparse", "stale_end", "short", "not_finite",
    "not_positive", "inverted", "outside", "stale_run", "no_volume", "split", "spike", "outlier", "unfollowed",
    "stand_in", "unknown_exchange",
)  # fmt: skip
WORDS: dict[str, Any] = {
    "n": 3, "hours": -5.5, "days": 1, "calendar": "XNYS", "expected": 390, "end": "2026-11-24", "share": 0.81,
    "need": 252, "column": "high", "value": 0.123, "high": 10.25, "low": 9.5, "ratio": "2:1", "times": 11.6,
    "move": 0.005, "down": "yahoo", "source": "sample", "suffix": ".ZZ", "symbol": "ACME",
}  # fmt: skip
EVERY = tuple(
    DataFinding(kind=kind, severity=list(Severity)[i % 5], when=NOW.replace(hour=0, minute=0), value=0.123, facts=WORDS)
    for i, kind in enumerate(KINDS)
)
SERIES = Coverage(
    series_id=1, symbol="AAPL", timeframe="1d", source="sample", n_bars=3270, first=NOW, last=NOW, loaded_at=NOW,
    asked_from=None, checked_at=None,
)  # fmt: skip
QUEUE = ChannelQueue(n_answers=12, n_others=40, n_held=2, seconds=11.0)
DIGEST = DigestFacts(
    since=recurring.DUE - timedelta(days=1), until=recurring.DUE, studies=(ONE, OTHER, BARE), n_held=3,
    runs=(
        DigestRun(schedule_name="sch-2b", spec=told.SPEC,
                  run=SimpleNamespace(decision="switch", params=recurring.WINNER)),
        DigestRun(schedule_name="sch-9c", spec=told.SPEC, run=SimpleNamespace(decision=None, params={})),
    ),
    upcoming=(UpcomingRun(schedule_name="sch-2b", spec=told.SPEC, at=recurring.TIMES[0]),),
)  # fmt: skip
WHOAMI = {"user": "U012AB3CD", "n_running": 1, "n_waiting": 3, "may_run": 2, "may_wait": 20}

PROBES = [
    good("slack", Phrase("user_in_team_ms", user="optimizer", team="quant", ms="12")),
    good("slack_scopes", Phrase("scopes_granted", n=10, total=10)),
    bad("slack_scopes", Phrase("scopes_missing", scopes="channels:history"), Phrase("update_manifest")),
    bad("slack_token", Phrase("slack_unreachable", cause="TimeoutError"), Phrase("check_slack_url")),
    doubtful("slack", Phrase("slack_tokens_missing"), Phrase("create_the_app", link="https://api.slack.com/apps?new_app=1")),
    good("installations", Phrase("install_here", n=2, address="https://bot.example.com/slack/install")),
    good("mongodb", Phrase("embedded_server", n=12, ms="1")),
    good("duckdb", Phrase("no_bars_stored", sources="file, sample")),
    good("duckdb", Phrase("bars_stored", n=4, newest="2026-11-20", symbol="AAPL", source="yahoo")),
    doubtful(
        "duckdb", Phrase("bars_stored", n=1, newest="2013-03-01", symbol="AAPL", source="sample"),
        Phrase("bars_old", n_closed=3456),
    ),
    doubtful(
        "duckdb", Phrase("data_file_rebuilt", file="market.duckdb.damaged-20261120T081500", n=3),
        Phrase("import_what_is_missing"),
    ),
    doubtful(
        "mongodb_program", Phrase("mongodb_ended", version="6.0.5", end="2025-07-31"), Phrase("newer_mongodb")
    ),
    good("mongodb_program", Phrase("mongodb_version", version="8.0.24")),
    bad("workers", Phrase("some_workers_ready", n=1, total=2), Phrase("see_log")),
    good("machines", Phrase("workers_on_machines", n=3, machines="alpha (2), beta (1)")),
    doubtful(
        "machines", Phrase("workers_on_machines", n=3, machines="alpha (2), beta (1)"),
        Phrase("machines_silent", machines="beta (40 s)"),
    ),
    doubtful(
        "machines", Phrase("workers_on_machines", n=1, machines="alpha (1)"),
        Phrase("machines_of_other_version", machines="alpha", version="0.1.0+8604a953"),
    ),
    good("broker", Phrase("broker_connected")),
    doubtful("broker", Phrase("broker_away", reason=Phrase("login_refused")), Phrase("check_broker")),
    doubtful("broker", Phrase("celery_missing"), Phrase("install_celery")),
    doubtful(
        "mongodb_program", Phrase("own_mongodb_ended", version="6.0.5", end="2025-07-31"), Phrase("update_mongodb")
    ),
    good("clock", Phrase("clock_agrees", whose="Slack", seconds=1)),
    doubtful("clock", Phrase("clock_off", whose="MongoDB", seconds=400), Phrase("set_clock")),
    good("claims", Phrase("claim_takes", ms="2")),
    doubtful("claims", Phrase("claim_takes", ms="900"), Phrase("mongodb_nearer")),
    good("shared_files", Phrase("files_shared", ms="9")),
    bad(
        "shared_files",
        Phrase("files_not_shared", reason=Phrase("as_written", text="OperationFailure")),
        Phrase("allow_files"),
    ),
    good("address", Phrase("certificate_valid", host="bot.example.com", n=60)),
    doubtful("address", Phrase("certificate_valid", host="bot.example.com", n=1), Phrase("renew_certificate")),
    bad(
        "address",
        Phrase("certificate_refused", host="bot.example.com", reason="certificate has expired"),
        Phrase("renew_certificate"),
    ),
    doubtful(
        "address", Phrase("address_away", host="bot.example.com", reason="TimeoutError"), Phrase("check_public_url")
    ),
    good("port", Phrase("port_free", place="127.0.0.1:3000")),
    doubtful(
        "port",
        Phrase("port_not_free", place="127.0.0.1:3000", reason="Address already in use"),
        Phrase("choose_port"),
    ),
    good("sweeps", Phrase("never_swept")),
    doubtful("sweeps", Phrase("swept", at="2026-11-20 18:30", n=1200), Phrase("sweep_overdue")),
    bad("disk", Phrase("disk_free", gib="0.1", folder="/srv/bot"), Phrase("make_room")),
    good("schedules", Phrase("never_run", n=0)),
    doubtful(
        "schedules", Phrase("last_run_failed", n=3, schedule="sch-2b", at="2026-11-22 22:00"),
        Phrase("run_it_again", schedule="sch-2b"),
    ),
    good("refresh", Phrase("never_refreshed", time="22:30 UTC")),
    doubtful(
        "refresh", Phrase("refresh_failing", time="22:30 UTC", at="2026-11-22 22:30", n=4, failing="AAPL (yahoo)"),
        Phrase("see_data"),
    ),
    doubtful("access", Phrase("everyone_no_admin"), Phrase("name_admins")),
]  # fmt: skip
KEY = SimpleNamespace(key_name="desk", role_name="runner", created_at=NOW, created_by="alice", revoked_at=NOW)

DATED = DatedList(
    name="sp100", n_now=101, n_ever=163, first=date(1996, 1, 2), last=date(2026, 9, 21), changed_by="U012AB3CD",
    changed_at=NOW,
)  # fmt: skip
LISTS = (
    Universe(
        name="sp100", has_leavers=True, first=date(1996, 1, 2), last=date(2026, 9, 21), start=date(2016, 11, 20),
        end=date(2026, 11, 20), n_members=131, n_former=30, longest_of_several=("GM",), too_few_bars=("FOXA", "FOX"),
        without_bars=("NEWCO",), former_without_bars=tuple(f"OLD{number}" for number in range(23)),
    ),
    Universe(name="joined", first=date(2016, 1, 4), last=date(2024, 1, 2), start=date(2016, 11, 20),
             end=date(2026, 11, 20), n_members=1),
    Universe(name="tech", n_members=2),
)  # fmt: skip


def across(p_values: Sequence[float | None], *, doubts: bool = False) -> AcrossSymbols:
    """The judgement over symbols with these p values, whose own studies speak for them or do not."""
    verdict = Verdict.UNPROVEN if doubts else Verdict.PROMISING
    return across_symbols([SymbolResult(symbol=f"S{i}", p=p, verdict=verdict) for i, p in enumerate(p_values)])


SENTENCE = "buy when rsi(14) < 30 and close > sma(200); sell when rsi(14) > 55"
SAVED = SavedRule.model_construct(
    name="dip", version=2, text=SENTENCE, symbols=[], created_by="U012AB3CD", created_at=NOW
)
OLDER = SavedRule.model_construct(
    name="dip", version=1, text="buy when rsi(14) < 30; sell when rsi(14) > 70", symbols=[], created_by="alice",
    created_at=NOW,
)  # fmt: skip
RULE_SPEC = told.SPEC.model_copy(
    update={"strategy_name": "rule", "rule": StudyRule(text=SENTENCE), "narrowed": (), "overlays": ()}
)
RULE = RuleFacts(
    spec=RULE_SPEC, plan=replace(told.plan(), space=strategy_of_rule(SENTENCE).space), text=SENTENCE, n_free=4,
    most_free=6, unordered=(), n_studies=1, n_rules=0, n_sets=0,
)  # fmt: skip
TALLY = (("promising", 3), ("unproven", 270), ("overfit", 25), ("failed", 2))


def group(studies: list[Any], *, n: int = 0, n_done: int | None = None, **more: Any) -> GroupFacts:
    """A group that shows these of its `n` studies."""
    n = n or len(studies)
    return GroupFacts(
        studies=studies, n=n, n_done=n if n_done is None else n_done, tally=TALLY if n > 100 else (),
        by="U012AB3CD", is_large=n > 100,
        **({"spec": told.SPEC} | more),
    )  # fmt: skip


REGIME = RegimeFacts(
    symbol="AAPL", timeframe="1d", source="sample", as_of=datetime(2008, 10, 10, tzinfo=UTC), regime=Regime.VOLATILE,
    probabilities={Regime.BULLISH: 0.01, Regime.BEARISH: 0.08, Regime.VOLATILE: 0.91, Regime.SIDEWAYS: 0.0},
    since=date(2008, 9, 18), n_bars_since=17, previous=Regime.BEARISH, resumed=None, n_bars=2205,
    n_changes=5, volatility=0.584, below_high=-0.31, gain=-0.004,
    gain_interval=(-0.014, 0.006), metrics={"return_63": -0.4137}, data_hash="ab12cd34",
)  # fmt: skip
DOUBTS = (
    Phrase("bars_split", when="2008-09-22", value=-0.7512, ratio="4:1"),
    Phrase("bars_spike", when="2008-05-02", value=0.41),
)
FORECAST = ForecastFacts(
    names=("opt-7f3a",), specs=(told.SPEC,), forecast=forecasts.forecast(), hold=forecasts.forecast(ForecastOf.HOLD),
    n_bars=63, earlier=(forecasts.scored(1), forecasts.scored(value=-0.07)),
)  # fmt: skip
#: Twenty forecasts apart, of which two left their band, and one that waits; others of buy and hold.
BOARD = scoreboard([
    *(forecasts.scored(n, value=0.2 if n in (3, 9) else 0.041) for n in range(20)), forecasts.scored(20, value=None),
    *(forecasts.scored(n, kind=ForecastOf.HOLD) for n in range(4)),
    *(forecasts.scored(n, measure=ForecastMeasure.MAX_DRAWDOWN) for n in range(4)),
])  # fmt: skip
SAID = SimpleNamespace(
    symbol="AAPL", timeframe="1d", regime=Regime.VOLATILE, confidence=0.91, since=date(2008, 9, 18), n_bars_since=17,
    previous=Regime.BEARISH, as_of=datetime(2008, 10, 10, tzinfo=UTC),
)  # fmt: skip
FIRST_SAID = SimpleNamespace(**vars(SAID) | {"symbol": "BTC/USD", "timeframe": "1h", "previous": None})
QUALITY = SignalQuality(
    word=Quality.NO_BETTER, n_calls=2512, n_effective=502.4, base_rate=0.5545, auc=0.4796, p=0.83, brier=0.2504,
    base_brier=0.2504, skill=0.0, log_loss=0.694, base_log_loss=0.694, logistic_brier=0.2504,
)  # fmt: skip
SIGNAL = SignalFacts(
    symbol="AAPL", timeframe="1d", source="sample", as_of=datetime(2013, 3, 1, tzinfo=UTC), horizon=5, label=Label.GAIN,
    probability=0.5626, base_rate=0.5626, bucket=None, quality=QUALITY, slope=0.0, parts=(), n_train=1260,
    trained_until=date(2012, 12, 7), model_hash="12ef", data_hash="ab12cd34", version=1, dropped=(),
)  # fmt: skip
INFORMATIVE = replace(
    SIGNAL, probability=0.6419, bucket=Bucket.BUY, slope=0.83, dropped=("obv",),
    parts=(Weight(feature="rsi_14", weight=0.214), Weight(feature="price_change_1d", weight=-0.041)),
    quality=QUALITY.model_copy(update={"word": Quality.INFORMATIVE, "auc": 0.604, "p": 0.005, "brier": 0.2401}),
)  # fmt: skip


def _told(day: int, **scores: object) -> StoredSignal:
    told: StoredSignal = StoredSignal.model_construct(
        symbol="AAPL", timeframe="1d", source="sample", horizon=5, as_of=datetime(2013, 2, day, tzinfo=UTC),
        label=Label.BARRIER if day == 5 else Label.GAIN, probability=0.5626, base_rate=0.5541,
        **{"scored_at": None, "realised": None, "brier": None, "base_brier": None}
        | scores,
    )  # fmt: skip
    return told


SCORED_AT = datetime(2013, 2, 20, tzinfo=UTC)
RECORD = SignalRecord(
    symbol="AAPL",
    signals=(
        _told(19),
        _told(7, scored_at=SCORED_AT),
        _told(6, scored_at=SCORED_AT, realised=True, brier=0.1913, base_brier=0.1988),
        _told(5, scored_at=SCORED_AT, realised=False, brier=0.3165, base_brier=0.307),
    ),
)
CASES: dict[str, tuple[str, Mapping[str, Any]]] = {
    **{f"whoami {role}": ("whoami", {**WHOAMI, "role": role}) for role in ("nobody", "viewer", "runner", "admin")},
    "top": ("top", {"studies": [ONE, OTHER], "symbol": "AAPL", "strategy": "rsi", "is_all": True,
                    "has_unproven": True, "command": "top AAPL rsi all"}),
    "top of nothing": ("top", {"studies": [], "symbol": "AAPL", "strategy": "", "is_all": False,
                               "has_unproven": True, "command": "top AAPL"}),
    "compare": ("compare", {"one": ONE, "other": OTHER, "is_same_ground": True, "command": "compare opt-a opt-b"}),
    "compare apart": ("compare", {"one": ONE, "other": BARE, "is_same_ground": False, "command": "compare a b"}),
    "best": ("best", {"study": ONE, "command": "best AAPL rsi"}),
    "best of the bad": ("best", {"study": OTHER, "command": "best AAPL rsi"}),
    "best without holdout": ("best", {"study": BARE, "command": "best AAPL rsi"}),
    "group": ("group", {"group": group([ONE, RUNNING], n_done=1)}),
    "group of done": ("group", {"group": group([ONE, OTHER, BARE], across=across((0.001, 0.6, None)))}),
    "group of a list": ("group", {"group": group([ONE, OTHER, BARE], across=across((0.3, 0.6, 0.9)), universes=LISTS)}),
    "group without a test": ("group", {"group": group([ONE, OTHER], across=across((None, None)))}),
    "group that its studies doubt": ("group", {"group": group([ONE, OTHER], across=across((0.001, 0.6), doubts=True))}),
    "large group": ("group", {"group": group([ONE, RUNNING, BARE], n=300, n_done=214)}),
    "large group of done": ("group", {"group": group([ONE, OTHER, BARE], n=300)}),
    "rule": ("rule", {"rule": RULE, "command": 'AAPL "buy when rsi(14) < 30; sell when rsi(14) > 55" 200', "name": ""}),
    "rule of many numbers": ("rule", {"rule": replace(RULE, n_free=8, n_studies=3, n_rules=12, n_sets=2_310,
                                                      unordered=(("sma", "sma2"),)),
                                      "command": 'AAPL "buy when …" 200', "name": "spring"}),
    "terminal rule": ("terminal_rule", {"rule": RULE, "command": "optimize-bot run AAPL \"…\" 200 yes", "name": ""}),
    "rule list": ("rule_list", {"rules": [SAVED, OLDER]}),
    "rule versions": ("rule_versions", {"versions": [SAVED, OLDER]}),
    "rule saved": ("rule_saved", {"saved": SAVED}),
    "started": ("started", {"studies": [RUNNING, ONE], "spec": told.SPEC, "n_ahead": 1, "seconds": 3.2,
                            "universes": []}),
    "plans": ("plans", {"rows": [(told.SPEC, told.plan())] * 2, "spec": told.SPEC, "name": "",
                        "command": "/optimize AAPL,MSFT rsi 200", "universes": LISTS}),
    "survivorship": ("survivorship", {"universes": LISTS}),
    "across": ("across", {"across": across((0.001, 0.002, 0.6))}),
    "data": ("data", {"series": [SERIES], "n_series": 2}),
    "no data": ("data", {"series": [], "n_series": 0}),
    "data of a symbol": ("data_symbol", {"report": REPORT, "findings": REPORT.findings, "n_findings": 1,
                                         "picture": "      J F\n2026  █ !"}),
    "data with every finding": ("data_symbol", {"report": REPORT, "findings": EVERY, "n_findings": len(EVERY),
                                                "picture": "      J F\n2026  █ !"}),
    "data changes": ("data_changes", {"symbol": "AAPL", "rows": bar_changes.ROWS, "n_changes": 23}),
    "regime": ("regime", {"r": REGIME, "url": "https://bot.example.org/regimes?symbol=AAPL"}),
    "regime that foretells": (
        "regime",
        {"r": replace(REGIME, below_high=0.0, gain=0.009, gain_interval=(0.002, 0.016), resumed=date(2008, 2, 1)),
         "url": ""},
    ),
    "regime of doubtful bars": ("regime", {"r": replace(REGIME, doubts=DOUBTS), "url": ""}),
    "regime of hours": ("regime", {"r": replace(REGIME, doubts=DOUBTS, timeframe="4h"), "url": ""}),
    "regime of few bars": (
        "regime", {"r": replace(REGIME, doubts=DOUBTS[:1], gain=None, gain_interval=None), "url": ""},
    ),
    "forecast": ("forecast", {"forecast": FORECAST}),
    "forecast of weeks": ("forecast", {"forecast": replace(
        FORECAST, specs=(told.SPEC.model_copy(update={"timeframe": "1w"}),)
    )}),
    "forecast of champions": ("forecast", {"forecast": replace(
        FORECAST, names=("opt-7f3a", "opt-1c2d"), specs=(told.SPEC,) * 2, hold=None, earlier=(),
        forecast=forecasts.forecast(ForecastOf.PORTFOLIO),
    )}),
    "forecasts": ("forecasts_board", {"forecasts": BOARD, "symbol": ""}),
    "forecasts that are too few": ("forecasts_board", {"symbol": "AAPL", "forecasts": scoreboard([
        forecasts.scored(), forecasts.scored(1, closed="unknowable", value=None),
        forecasts.scored(2, made_at=NOW + timedelta(days=999)),
    ])}),
    "forecasts that are off": ("forecasts_board", {"symbol": "", "forecasts": scoreboard(
        forecasts.scored(n, value=0.2, crps=0.02) for n in range(12)
    )}),
    "forecasts of an edge that is gone": ("forecasts_board", {"symbol": "", "forecasts": scoreboard([
        *(forecasts.scored(n, value=-0.07 if n in (3, 9) else -0.04, pit=0.15) for n in range(20)),
        *(forecasts.scored(n, symbols=("MSFT",), study_name="opt-1c2d") for n in range(20)),
    ])}),
    "no forecasts": ("forecasts_board", {"forecasts": scoreboard([]), "symbol": "AAPL"}),
    "regimes": (
        "regime_list",
        {"rows": [SAID, FIRST_SAID], "without": [DidNotTrade(symbol="IBM", day="2008-10-10")] * 6, "n_others": 3},
    ),
    "regimes of none": ("regime_list", {"rows": [], "without": [], "n_others": 0}),
    "signal": ("signal", {"signal": SIGNAL}),
    "signal that informs": ("signal", {"signal": INFORMATIVE}),
    "signal of neither side": (
        "signal", {"signal": replace(INFORMATIVE, probability=0.5731, bucket=Bucket.NEUTRAL)}
    ),
    "signal of barriers": ("signal", {"signal": replace(INFORMATIVE, label=Label.BARRIER)}),
    "signal of hours": ("signal", {"signal": replace(SIGNAL, timeframe="1h")}),
    "signal of few calls": ("signal", {"signal": replace(SIGNAL, quality=None)}),
    "signals": ("signals", {"signals": RECORD}),
    "signals of none": ("signals", {"signals": SignalRecord(symbol="AAPL", signals=())}),
    "signals without a score": ("signals", {"signals": SignalRecord(symbol="AAPL", signals=RECORD.signals[:1])}),
    "data changes of nothing": ("data_changes", {"symbol": "AAPL", "rows": (), "n_changes": 0}),
    "changed bars": ("changed_bars", {"rows": bar_changes.POSTED, "n_series": 2, "n_others": 3}),
    "changed bars of one": ("changed_bars", {"rows": bar_changes.POSTED[:1], "n_series": 1, "n_others": 0}),
    "health": ("health", {"probes": PROBES}),
    "health all well": ("health", {"probes": PROBES[:1]}),
    "pressed": ("pressed", {"label": "Pause", "by": "U012AB3CD", "at": NOW}),
    **{f"small_talk {kind}": ("small_talk", {"talk": kind.value, "number": "0.1.0", "study": ""}) for kind in Talk},
    "small_talk what_now_study": ("small_talk", {"talk": "what_now", "number": "0.1.0", "study": "opt-7f3a"}),
    "understood": ("understood", {"command": "AAPL,IBM rsi 200", "names": (("AAPL", "Apple"), ("IBM", "IBM"))}),
    "two_readings": ("two_readings", {"x": {"one": "AAPL bollinger 200", "other": "AAPL zscore 200"}}),
    "web": ("web", {"url": "https://optimizer.example.com/sign-in?ticket=abc", "minutes": 10, "is_public": True}),
    "web here": ("web", {"url": "http://127.0.0.1:3000/sign-in?ticket=abc", "minutes": 10, "is_public": False}),
    "failures": ("failures", {"rows": [(told.failed(), "The bars cannot be used.")], "broken": [ENTRY],
                              "waiting": [("AAPL", forecasts.scored(value=None))]}),
    "no failures": ("failures", {"rows": [], "broken": [], "waiting": []}),
    "audit": ("audit", {"rows": [(ENTRY, ENTRY.reason)] * 30}),
    "no audit": ("audit", {"rows": []}),
    "config": ("config", {"channel": "C012AB3CD", "is_direct": False,
        "values": {"language": "ko", "broadcast": "no", "detail": "brief", "blocks": "old"},
                          "lists": [SimpleNamespace(name="tech", symbols=["AAPL", "MSFT"]),
                                    SimpleNamespace(name="sp500", symbols=["AAPL"] * 500)], "is_changed": True,
                          "key": "language", "dated": [DATED]}),
    "config without lists": ("config", {"channel": "D012AB3CD", "is_direct": True, "values": {"language": "en"},
                                        "lists": [], "is_changed": False, "key": "", "dated": []}),
    "config of quiet hours": (
        "config", {"channel": "C012AB3CD", "is_direct": False, "lists": [], "is_changed": True, "key": "quiet",
                   "dated": [],
                   "values": {"language": "en", "broadcast": "no", "quiet": "22:00-07:00", "digest": "off",
                              "tz": "Asia/Seoul"}},
    ),
    "preferences": ("preferences", {"values": {"mute": "no", "dm": "yes", "tz": "Asia/Seoul"}, "is_changed": True}),
    "listing with a queue": ("listing", {"studies": [RUNNING], "which": "running", "queue": QUEUE, "n_waiting": 3}),
    "digest": ("digest", {"digest": DIGEST, "shown": 2}),
    "digest of held posts": ("digest", {"digest": replace(DIGEST, studies=(), runs=(), upcoming=()), "shown": 2}),
    "goals": ("help_subject", {"subject": "goals", "rows": list(GOALS.values())}),
    "overlays": ("help_subject", {"subject": "overlays", "rows": list(OVERLAYS.values())}),
    "options": ("help_subject", {"subject": "options", "rows": all_options()}),
    "examples": ("help_subject", {"subject": "examples", "rows": []}),
    "indicators": ("help_subject", {"subject": "indicators", "rows": quantity_lines("en")}),
}  # fmt: skip
HANDED_OVER = {"study_name": "opt-7f3a", "file": "opt-7f3a.csv"}
NOTICES: dict[str, Mapping[str, Any]] = {
    "pausing": {"study_name": "opt-7f3a", "by": "U012AB3CD"},
    "more": {"study_name": "opt-7f3a", "by": "U012AB3CD", "n_more": 100, "n_trials": 300},
    "replaying": {"study_name": "opt-7f3a"},
    "replay_differs": {"study_name": "opt-7f3a", "field": "trials[3].value", "was": "1.0", "now": "1.1",
                       "is_same_version": False, "version": "0.1.0+ab"},
    "replay_equal_changed": {"study_name": "opt-7f3a", "n_trials": 200, "changed_file": "dip.py"},
    "replay_differs_changed": {"study_name": "opt-7f3a", "field": "trials[3].value", "was": "1.0", "now": "1.1",
                               "changed_file": "dip.py"},
    "strategy_written": {"file": "/home/alice/strategies/dip.py", "key": "dip"},
    "strategy_passes": {"key": "dip", "milliseconds": 0.31, "n_bars": 1500},
    "strategy_fails": {"place": Phrase("own_line", file="dip.py", line=7), "reason": Phrase("own_hangs")},
    "handed_over": {**HANDED_OVER, "in_thread": True, "is_direct": False},
    "shared": {"by": "U012AB3CD"},
    "shared_done": {},
    "muted": {},
    "unmuted": {},
    "group_file": {"n": 300},
    "ask_source": {},
    "ask_source_fresh": {},
    "ask_source_sample": {},
    "ask_source_names": {},
    "ask_source_again": {},
    "moved": {"channel": "C012AB3CD"},
    "moved_refused": {"channel": "C012AB3CD", "code": "is_archived"},
    "local_link": {"url": "http://127.0.0.1:3000/sign-in?ticket=WyJ", "minutes": 10},
    "slack_off": {"address": "http://127.0.0.1:3000"},
    "not_installed": {"reason": "invalid_state"},
    "not_installed_here": {},
    "form_without_symbol": {},
    "form_wrong": {"reason": "`APPL` → `AAPL`?"},
    "terminal_verbs": {},
    "rule_archived": {"rule": "dip"},
    "rule_dropped": {},
    "written": {"path": "/home/alice/opt-7f3a.csv"},
    "not_yours": {"study_name": "opt-7f3a", "owner": "U012AB3CD"},
    "warming": {},
    "warming_part": {"n": 2, "total": 6},
    "goes_on": {"study": "opt-7f3a"},
    "key_added": {"key_name": "desk", "role": "runner"},
    "key_revoked": {"key_name": "desk"},
    "key_granted": {"key_name": "desk", "channel": "C012AB3CD"},
    "no_keys": {},
    "key_line": {"key": KEY},
    "pruned": {"n_trials": 120000, "n_studies": 600, "n_kept": 12, "before": NOW},
    "prune_dry": {"n_trials": 120000, "n_studies": 600, "n_kept": 12, "before": NOW},
    "database_moved": {"n": 120420, "folder": "/srv/bot/mongodb"},
    "warm": {"seconds": 64},
    "step": {"part": "optimization_trials", "n": 120000},
    "backed_up": {"file": "backup.tar.gz", "n_documents": 120420, "n_snapshots": 12},
    "restored": {"home": "/srv/bot", "made_at": "2026-11-20 18:30"},
    "secrets_restored": {"file": "/srv/bot/restored-secrets.env"},
}  # fmt: skip
#: The same notices without a fact that others have.
SHORTER: dict[str, Mapping[str, Any]] = {
    "replay_differs": {"study_name": "opt-7f3a", "field": "seed", "was": "1", "now": "2"},
    "handed_over": {**HANDED_OVER, "in_thread": False, "is_direct": True},
    "key_line": {"key": SimpleNamespace(**{**vars(KEY), "revoked_at": None})},
    "cancelled": {"study_name": "opt-7f3a", "trials_completed": 120, "by": "", "command": "resume opt-7f3a"},
    "paused": {"study_name": "opt-7f3a", "trials_completed": 120, "by": "", "command": "resume opt-7f3a"},
    "resumed": {"study_name": "opt-7f3a", "trials_completed": 120, "by": ""},
}


def failing(say: Renderer) -> list[Failing]:
    """Series that could not be brought up to date."""
    down = ProviderDown(
        provider="yahoo", symbol="AAPL", reason=Phrase("unreachable", cause=Phrase("time_out")),
        remedy=Phrase("minutes_or_other_source"),
    )  # fmt: skip
    one = Failing(symbol="AAPL", timeframe="1d", last=NOW, reason=say.error(down), names=["sch-2b"], n_others=0)
    other = Failing(symbol="MSFT", timeframe="1h", last=None, reason=say.error(down), names=["opt-7f3a"], n_others=2)
    return [one, other]


def in_language_of(say: Renderer, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of an answer, those that are words in the reader's language."""
    words: dict[str, Any] = {}
    if facts.get("subject") == "indicators":
        words["rows"] = quantity_lines(say.language)
    if isinstance(rule := facts.get("rule"), RuleFacts):
        words["rule"] = replace(rule, text=said_rule(StudyRule(text=rule.text), say.language))
    return {**facts, **words}


def everything(say: Renderer) -> dict[str, list[Message]]:
    """Each answer by a name of its own."""
    cases: dict[str, list[Message]] = {"audit_entry": [say.render("audit", rows=[(ENTRY, ENTRY.reason)])]}
    cases["refresh_failure"] = [say.render("refresh_failure", rows=failing(say), n_others=3)]
    cases |= {
        case.replace(" ", "_"): [say.render(layout, **in_language_of(say, facts))]
        for case, (layout, facts) in CASES.items()
    }
    failed = told.failed()
    assert failed.failure is not None
    assert failed.failure.error is not None
    facts = {
        "rows": [(failed, say.error(failed.failure.error))],
        "broken": [ENTRY],
        "waiting": [("AAPL", forecasts.scored(value=None))],
    }
    cases["failures"] = [say.render("failures", **facts)]
    cases.pop("audit")  # thirty alike; one is shown
    notices = {f"notice_{name}": [say.notice(name, **facts)] for name, facts in NOTICES.items()}
    notices |= {f"notice_short_{name}": [say.notice(name, **facts)] for name, facts in SHORTER.items()}
    notices["notice_handed_over_here"] = [say.notice("handed_over", **HANDED_OVER, in_thread=False, is_direct=False)]
    terms = {f"term_{key.replace(' ', '_')}": [say.render("help_term", term=key)] for key in TERMS}
    return {**cases, **notices, **terms, **{f"verb_{key}": [say.help(key, list(VERBS.values()))] for key in VERBS}}
