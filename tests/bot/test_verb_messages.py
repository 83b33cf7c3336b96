"""Every answer to a command, in both languages, as Slack would take it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bot.commands.tell import all_options
from bot.documents import Outcome
from bot.probes import bad, good
from optimizer.market.bars import Coverage
from optimizer.market.findings import Finding, QualityReport, Severity
from optimizer.metrics import GOALS
from optimizer.spec import StudyState
from optimizer.strategies import OVERLAYS
from reports.message import Message
from reports.render import LANGUAGES, Language, renderer_of
from tests.reports import facts as told
from tests.slack.blocks import check_message_blocks

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
    findings=(Finding(kind="no_volume", severity=Severity.MEDIUM, when=NOW, value=3.0, facts={"n": 3}),),
)  # fmt: skip
SERIES = Coverage(
    series_id=1, symbol="AAPL", timeframe="1d", source="sample", n_bars=3270, first=NOW, last=NOW, loaded_at=NOW,
    asked_from=None, checked_at=None,
)  # fmt: skip
WHOAMI = {"user": "U012AB3CD", "n_running": 1, "n_waiting": 3, "may_run": 2, "may_wait": 20}

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
    "group": ("group", {"studies": [ONE, RUNNING], "by": "U012AB3CD"}),
    "group of done": ("group", {"studies": [ONE, OTHER, BARE], "by": "U012AB3CD"}),
    "started": ("started", {"studies": [RUNNING, ONE], "n_ahead": 1, "seconds": 3.2}),
    "plans": ("plans", {"rows": [(told.SPEC, told.plan())] * 2, "command": "/optimize AAPL,MSFT rsi 200"}),
    "data": ("data", {"series": [SERIES], "n_series": 2}),
    "no data": ("data", {"series": [], "n_series": 0}),
    "data of a symbol": ("data_symbol", {"report": REPORT, "findings": REPORT.findings, "n_findings": 1,
                                         "picture": "      J F\n2026  █ !"}),
    "health": ("health", {"probes": [good("MongoDB", "embedded server"), bad("Disk", "full", "Make room.")]}),
    "failures": ("failures", {"rows": [(told.failed(), "The bars cannot be used.")], "broken": [ENTRY]}),
    "no failures": ("failures", {"rows": [], "broken": []}),
    "audit": ("audit", {"rows": [(ENTRY, ENTRY.reason)] * 30}),
    "no audit": ("audit", {"rows": []}),
    "config": ("config", {"channel": "C012AB3CD", "is_direct": False, "values": {"language": "ko", "broadcast": "no"},
                          "lists": [SimpleNamespace(name="tech", symbols=["AAPL", "MSFT"])], "is_changed": True,
                          "key": "language"}),
    "config without lists": ("config", {"channel": "D012AB3CD", "is_direct": True, "values": {"language": "en"},
                                        "lists": [], "is_changed": False, "key": ""}),
    "goals": ("help_subject", {"subject": "goals", "rows": list(GOALS.values())}),
    "overlays": ("help_subject", {"subject": "overlays", "rows": list(OVERLAYS.values())}),
    "options": ("help_subject", {"subject": "options", "rows": all_options()}),
    "examples": ("help_subject", {"subject": "examples", "rows": []}),
}  # fmt: skip
NOTICES: dict[str, Mapping[str, Any]] = {
    "pausing": {"study_name": "opt-7f3a", "by": "U012AB3CD"},
    "more": {"study_name": "opt-7f3a", "by": "U012AB3CD", "n_more": 100, "n_trials": 300},
    "replaying": {"study_name": "opt-7f3a"},
    "replay_differs": {"study_name": "opt-7f3a", "field": "trials[3].value", "was": "1.0", "now": "1.1",
                       "is_same_version": False, "version": "0.1.0+ab"},
    "handed_over": {"study_name": "opt-7f3a", "file": "opt-7f3a.csv", "in_thread": True},
    "shared": {"by": "U012AB3CD"},
    "shared_done": {},
    "moved": {"channel": "C012AB3CD"},
    "not_yours": {"study_name": "opt-7f3a", "owner": "U012AB3CD"},
}  # fmt: skip


def check(message: Message) -> None:
    flaws = check_message_blocks(message.blocks)
    assert not flaws
    assert message.text.strip()
    assert "<!channel>" not in str(message.blocks)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_every_answer_is_a_message_slack_takes(case: str, language: Language) -> None:
    layout, facts = CASES[case]

    check(renderer_of(language).render(layout, **facts))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NOTICES)
def test_every_notice_is_a_message_slack_takes(name: str, language: Language) -> None:
    check(renderer_of(language).notice(name, **NOTICES[name]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pressed_button_says_who_and_when(language: Language) -> None:
    message = renderer_of(language).render("pressed", label="Pause", by="U012AB3CD", at=NOW)

    assert "<@U012AB3CD>" in message.blocks[0]["elements"][0]["text"]
    assert f"<!date^{int(NOW.timestamp())}^" in message.blocks[0]["elements"][0]["text"]


def test_the_leaderboard_is_numbered_over_all_its_parts() -> None:
    studies = [ONE] * 7
    facts = {"symbol": "", "strategy": "", "is_all": False, "has_unproven": True, "command": "top"}

    message = renderer_of("en").render("top", studies=studies, **facts)

    lines = [line for block in message.blocks[1:-1] for line in block["text"]["text"].splitlines()]
    assert [line.split(".")[0] for line in lines] == [str(n) for n in range(1, 8)]
