"""Every message about schedules, champions and the home tab, made of plausible facts."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from bot.documents.recurring import RunState
from bot.grammar.cadence import Cadence, ScheduleWhen
from bot.schedules.forecast_scoring import ForecastRecord
from bot.schedules.run_roots import ListRunFacts
from bot.slack.home_tab import ChampionRecord, Decided, HomeFacts
from optimizer.domain.study_results import Interval, StudyState, Verdict
from optimizer.errors import Phrase, Unavailable
from optimizer.market.quality.data_findings import DataNote
from optimizer.outlook.scoreboard import scoreboard
from optimizer.validation.champions.challenge import Challenge, Decision, DecisionReason
from reports.render import Renderer
from reports.text.message import Message
from tests.reports import facts as told
from tests.reports import forecasts

ZONE = ZoneInfo("Asia/Seoul")
DUE = datetime(2026, 11, 23, 7, 0, tzinfo=ZONE)
NOW = datetime(2026, 11, 22, 22, 4, tzinfo=UTC)
BEFORE = datetime(2026, 11, 15, 22, 0, tzinfo=UTC)
WINNER = told.rsi(11, 32, 68)
FORMER = told.rsi(14, 30, 70)


def challenge(decision: Decision, reason: DecisionReason, **changes: Any) -> Challenge:
    """What a comparison found."""
    found: dict[str, Any] = {
        "decision": decision,
        "reason": reason,
        "start": date(2025, 5, 19),
        "end": date(2026, 11, 20),
        "n_bars": 378,
        "n_bars_needed": None,
        "champion": told.measures(0.61, 0.1213, -0.1871, 17),
        "challenger": told.measures(0.83, 0.1747, -0.1532, 21),
        "buy_and_hold": told.measures(0.44, 0.2104, -0.2217, 0),
        "difference": 0.0412,
        "interval": Interval(low=-0.0216, high=0.1047),
        "probability": 0.8734,
    }
    return Challenge(**found | changes)


CHALLENGES = {
    "same": challenge(Decision.KEEP, DecisionReason.SAME, difference=0.0, interval=None, probability=None),
    "behind": challenge(Decision.KEEP, DecisionReason.BEHIND, difference=-0.0312, probability=0.2114),
    "ahead": challenge(
        Decision.SWITCH,
        DecisionReason.AHEAD,
        difference=0.1912,
        interval=Interval(low=0.0713, high=0.3127),
        probability=0.9945,
    ),
    "maybe": challenge(Decision.CANT_TELL, DecisionReason.MAYBE_LUCK, n_bars_needed=1234),
    "hardly": challenge(Decision.CANT_TELL, DecisionReason.MAYBE_LUCK, difference=0.0011, probability=0.5312),
    "few": challenge(
        Decision.CANT_TELL, DecisionReason.TOO_FEW_BARS, n_bars=21, n_bars_needed=42, interval=None, probability=None
    ),
    "none": challenge(
        Decision.CANT_TELL, DecisionReason.TOO_FEW_BARS, n_bars=0, n_bars_needed=63, start=None, end=None,
        difference=None, interval=None, probability=None,
    ),
}  # fmt: skip

SCHEDULE = SimpleNamespace(
    schedule_name="sch-2b", spec=told.SPEC, time_zone="Asia/Seoul", created_by="U012AB3CD", channel_id="C012AB3CD",
    phrase=ScheduleWhen(cadence=Cadence.WEEKLY, hour=7, minute=0, days=("mon",)),
)  # fmt: skip
CHAMPION = SimpleNamespace(
    symbol="AAPL", strategy_name="rsi", timeframe="1d", params=FORMER, study_name="opt-1c2d", adopted_by="U012AB3CD",
    adopted_at=datetime(2026, 10, 5, 8, 0, tzinfo=UTC), why="steadier <!channel> `x`", verdict=Verdict.PROMISING,
    out_of_sample=0.8412,
)  # fmt: skip
HOURLY = SimpleNamespace(**{**vars(CHAMPION), "timeframe": "4h", "why": ""})
TIMES = [DUE, datetime(2026, 11, 30, 7, 0, tzinfo=ZONE), datetime(2026, 12, 7, 7, 0, tzinfo=ZONE)]


def run(found: Challenge | None, **changes: Any) -> SimpleNamespace:
    """A run of the schedule."""
    facts = {
        "symbol": "",
        "challenge": found,
        "params": WINNER,
        "started_at": NOW,
        "schedule_name": "sch-57",
        "asked_by": "",
        "stale": None,
        "n_missed": 0,
    }
    return SimpleNamespace(**{**facts, "champion": "opt-1c2d", **changes})


def weekly(of_run: SimpleNamespace, notes: Sequence[DataNote] = (), **changes: Any) -> SimpleNamespace:
    """The facts of a weekly post."""
    study = SimpleNamespace(
        study_name="opt-7f3a", spec=told.SPEC, trials_completed=200, source="yahoo", data_notes=notes,
        window=SimpleNamespace(end_date=date(2026, 11, 20)),
    )  # fmt: skip
    facts = {
        "schedule": SCHEDULE, "run": of_run, "study": study, "summary": told.finished("promising").summary,
        "champion": CHAMPION, "champion_params": FORMER,
        "before": run(CHALLENGES["behind"], params=told.rsi(12, 30, 70), started_at=BEFORE), "late_at": None,
        "next_at": TIMES[1], "is_same_as_before": False, "may_adopt": True, "record": None, "regime_before": None,
    }  # fmt: skip
    return SimpleNamespace(**facts | changes)


def line(last: Any = None) -> SimpleNamespace:
    """A schedule in a list."""
    return SimpleNamespace(schedule=SCHEDULE, command="/optimize AAPL rsi 200", times=TIMES, last=last)


def listed() -> SimpleNamespace:
    """The same for a watch list, asked for in a direct message."""
    schedule = SimpleNamespace(**vars(SCHEDULE) | {"spec": told.SPEC.for_symbol("@tech"), "channel_id": "D012AB3CD"})
    last = run(CHALLENGES["ahead"], symbol="AAPL")
    return SimpleNamespace(schedule=schedule, command="/optimize @tech rsi 200", times=TIMES, last=last)


def home(**changes: Any) -> HomeFacts:
    """What a home tab says."""
    full: dict[str, Any] = {
        "running": [told.study(StudyState.RUNNING, trials_completed=57), told.study(StudyState.QUEUED)],
        "n_running": 11,
        "decisions": [
            Decided(at=DUE, study=told.finished("strong")),
            Decided(at=DUE, run=run(CHALLENGES["ahead"]), spec=told.SPEC),
        ],
        "schedules": [line(), listed()], "n_schedules": 9,
        "champions": [
            ChampionRecord(champion=CHAMPION, n_challenges=n, n_kept=kept) for n, kept in ((0, 0), (1, 1), (6, 5))
        ],
        "n_champions": 12,
    }  # fmt: skip
    return HomeFacts(**full | changes)


EMPTY: dict[str, Any] = {name: 0 if name.startswith("n_") else [] for name in HomeFacts.__dataclass_fields__}


def _lists() -> dict[str, Any]:
    """A run over a watch list at its start, under way after a delay, and done, also of more symbols than fit."""
    decided = [
        run(CHALLENGES[name], symbol=symbol, state=RunState.TOLD, decision=CHALLENGES[name].decision)
        for name, symbol in (("ahead", "AAPL"), ("same", "IBM"), ("maybe", "MSFT"))
    ]
    lost = run(None, symbol="GOOG", state=RunState.TOLD, decision=None, asked_by="U012AB3CD")
    waits = run(None, symbol="GOOG", state=RunState.SEARCHING, decision=None, n_missed=1)
    many = [run(None, symbol=f"S{n}", state=RunState.TOLD, decision=Decision.KEEP) for n in range(31)]
    schedule: Any = SimpleNamespace(**vars(SCHEDULE) | {"spec": told.SPEC.for_symbol("@tech")})
    begun, late, done = [waits, waits], [waits, *decided], [lost, *decided]
    runs: dict[str, list[Any]] = {"begun": begun, "late": late, "done": done, "many": many}
    return {
        f"weekly_list_{name}": ListRunFacts(schedule=schedule, runs=each, late_at=DUE if name == "late" else None)
        for name, each in runs.items()
    }


def everything(say: Renderer) -> dict[str, list[Message]]:
    """Each message by a name of its own."""
    posts = {f"weekly_{name}": weekly(run(found)) for name, found in CHALLENGES.items()}
    posts["weekly_first"] = weekly(
        run(CHALLENGES["maybe"], champion=""), champion=None, champion_params=FORMER, before=None
    )
    posts["weekly_late"] = weekly(
        run(CHALLENGES["same"], n_missed=2, stale={"kind": "ProviderDown"}, params=FORMER),
        [DataNote(kind="stale_end", facts={"when": "2026-11-20", "n": 6})],
        late_at=DUE, is_same_as_before=True, may_adopt=False, next_at=None,
    )  # fmt: skip
    posts["weekly_asked"] = weekly(run(CHALLENGES["ahead"], asked_by="U012AB3CD", champion="opt-9b1c"))
    posts["weekly_forecasts"] = weekly(
        run(CHALLENGES["same"]),
        record=ForecastRecord(board=scoreboard([forecasts.scored(n) for n in range(12)]), is_outside=False),
    )
    posts["weekly_outside"] = weekly(
        run(CHALLENGES["same"]),
        record=ForecastRecord(board=scoreboard([forecasts.scored(n, value=-0.2) for n in range(2)]), is_outside=True),
    )
    lost = scoreboard([forecasts.scored(n, value=-0.07 if n in (3, 9) else -0.04, pit=0.15) for n in range(20)])
    posts["weekly_below"] = weekly(
        run(CHALLENGES["same"]), record=ForecastRecord(board=lost, is_outside=False, below=lost.below[0])
    )
    changed = told.in_market("promising", told.REGIME).summary
    this_week = changed.model_copy(update={"regime": told.REGIME.model_copy(update={"since": date(2013, 2, 25)})})
    for name, summary in (("earlier", changed), ("this_week", this_week)):
        posts[f"weekly_turned_{name}"] = weekly(
            run(CHALLENGES["maybe"]), summary=summary, regime_before=told.REGIME.before
        )
    reason = say.error(Unavailable(what="A", reason="it ended <!channel>", remedy=Phrase("try_again")))
    failure = {"schedule": SCHEDULE, "spec": told.SPEC, "reason": reason}
    study = told.finished("promising")
    adopt = {"study": study, "summary": study.summary, "value": "opt-7f3a"}
    return {
        **{name: [say.render("weekly", w=facts)] for name, facts in posts.items()},
        **{name: [say.render("weekly_list", g=facts)] for name, facts in _lists().items()},
        "weekly_failure": [say.render("weekly_failure", **failure, run=run(CHALLENGES["same"]), late_at=None)],
        "weekly_failure_late": [
            say.render("weekly_failure", **failure, run=run(CHALLENGES["same"], n_missed=1), late_at=DUE)
        ],
        "scheduled": [say.render("scheduled", rows=[line(), line()], by="U012AB3CD")],
        "scheduled_list": [say.render("scheduled", rows=[listed()], by="U012AB3CD")],
        "schedules": [say.render("schedules", rows=[line(), line(run(CHALLENGES["ahead"])), listed()], n=3)],
        "schedules_none": [say.render("schedules", rows=[], n=0)],
        "unscheduled": [say.render("unscheduled", rows=[line()], by="U012AB3CD")],
        "schedules_form": [say.render("schedule_form", study=told.finished("promising"))],
        "champions": [say.render("champion_list", rows=[CHAMPION, HOURLY], n=3)],
        "champions_none": [say.render("champion_list", rows=[], n=0)],
        "schedule_runs": [say.render("schedule_runs", schedule=SCHEDULE)],
        "schedule_runs_direct": [say.render("schedule_runs", schedule=listed().schedule)],
        "adopt": [say.render("adopt", **adopt, former=None)],
        "adopt_again": [say.render("adopt", **adopt, former=CHAMPION)],
        "adopted": [say.render("adopted", champion=CHAMPION, former=None, study=study)],
        "adopted_again": [say.render("adopted", champion=CHAMPION, former=CHAMPION, study=study)],
        "notice_adopted_done": [say.notice("adopted_done", study_name="opt-7f3a")],
        "home": [say.render("home", h=home(), may_start=True, user="U012AB3CD")],
        "home_empty": [say.render("home", h=HomeFacts(**EMPTY), may_start=False, user="U012AB3CD")],
        "home_closed": [say.render("home_closed", h=home(), may_start=False, user="U012AB3CD")],
    }
