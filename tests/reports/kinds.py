"""Every kind of message, made of plausible facts."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

from optimizer.domain.results.learned_results import (
    Doubt,
    Label,
    LearnedReport,
    NullRange,
    Quality,
    SignalQuality,
    TrainingProgress,
    Twin,
    Weight,
)
from optimizer.domain.study_request import Cap, Costs, Narrowed, SamplerKind, StudySpec
from optimizer.domain.study_results import StudyState
from optimizer.errors import UnknownStrategy
from optimizer.market.quality.data_findings import DataNote
from optimizer.strategies.declaration import OwnCode
from optimizer.strategies.registry import OVERLAYS, STRATEGIES, space_of
from optimizer.validation.verdict import judged
from reports.facts import Failure, StudyFacts
from reports.render import Renderer
from reports.text.message import Message
from tests.reports import facts

#: Code of a person's own strategy in Python.
OWN_CODE = OwnCode(file="dip.py", path="/srv/bot/strategies/dip.py", digest="ab12", seconds=0.000312, n_bars=1500)
#: A request that differs from the plain one in every field.
REQUESTED = StudySpec(
    symbol="AAPL",
    partners=("MSFT",),
    strategy_name="donchian",
    n_trials=500,
    goals=("sharpe", "maxdd"),
    caps=(Cap(goal="maxdd", is_upper=True, bound=0.25), Cap(goal="trades", is_upper=False, bound=30.0)),
    narrowed=(
        Narrowed(name="entry", low=20, high=20),
        Narrowed(name="exit", low=5, high=20),
        Narrowed(name="stop", low=4, high=10, step=2),
        Narrowed(name="mode", choices=("break",)),
    ),
    overlays=("stop", "take"),
    start=date(2005, 1, 3),
    end=date(2012, 12, 28),
    years=8,
    holdout=0.2,
    folds=6,
    costs=Costs(commission_bps=2.0),
    allow_short=True,
    min_trades=10,
    sampler=SamplerKind.SOBOL,
    seed=41,
    source="yahoo",
    timeframe="1h",
    force=True,
)
#: What policies of a study learned: something, and nothing that lasts.
POLICIES = LearnedReport(
    kind="rl",
    n_refits=14,
    n_train=1260,
    trained_until=date(2012, 11, 12),
    weights=(Weight(feature="week", weight=-1.4), Weight(feature="near_high", weight=-0.6)),
    seeds=(0.71, 0.57, 0.88, 0.59, 1.02),
    twins=(Twin(name="hold", sharpe=1.08), Twin(name="ridge", sharpe=0.4), Twin(name="momentum", sharpe=0.93)),
    nulls=NullRange(vote=0.79, low=-0.3, high=0.42, n=19, p=0.05),
    doubled_costs=0.46,
)
DOUBTED = POLICIES.model_copy(
    update={
        "weights": (),
        "seeds": (-0.21, 0.35, 0.62, 0.08, 0.11),
        "nulls": NullRange(vote=0.21, low=-0.3, high=0.42, n=19, p=0.25),
        "doubled_costs": -0.12,
        "doubts": (Doubt.SEEDS_DISAGREE, Doubt.TWIN_AS_GOOD, Doubt.NULLS_AS_GOOD, Doubt.COSTS_TURN_IT),
    }
)
UNASKED = POLICIES.model_copy(update={"nulls": None})
IDLE = POLICIES.model_copy(update={"seeds": (None,) * 5})
#: What a model of signals learned when it was asked for barriers.
SIGNALS = LearnedReport(
    kind="ml",
    n_refits=32,
    n_train=1260,
    trained_until=date(2012, 11, 12),
    weights=(Weight(feature="rsi_14", weight=0.21), Weight(feature="price_change_5d", weight=0.14)),
    horizon=10,
    label=Label.BARRIER,
    slope=0.41,
    quality=SignalQuality(
        word=Quality.WEAK, n_calls=2512, n_effective=251.2, base_rate=0.5545, auc=0.5411, p=0.035, brier=0.2467,
        base_brier=0.2471, skill=0.0016, log_loss=0.686, base_log_loss=0.687, logistic_brier=0.2469,
    ),
)  # fmt: skip
LEARNED = {
    "signals": SIGNALS,
    "policies": POLICIES,
    "policies_unasked": UNASKED,
    "policies_doubted": DOUBTED,
    "policies_idle": IDLE,
}
#: A kind of market that turned of late, and one that is old and the first.
REGIMES = (facts.REGIME, facts.REGIME.model_copy(update={"n_bars": 2353, "since": facts.WINDOW.start, "before": None}))
OLD = DataNote(kind="stale_end", facts={"n": 3456, "when": "2013-03-01"})
ACTED = ("cancelled", "paused", "resumed")
VERBS = [SimpleNamespace(key="list", usage="list [mine]", english="the studies", korean="탐색 목록")]


def everything(say: Renderer) -> dict[str, list[Message]]:
    """Each kind of message, made of plausible facts."""
    by = {"study_name": "opt-7f3a", "by": "U012AB3CD", "trials_completed": 57, "command": "/optimize resume opt-7f3a"}
    early = facts.study(StudyState.FAILED, trials_completed=0, failure=Failure(reference="ab12cd"))
    queued, plan = (
        facts.study(StudyState.QUEUED, queue_position=2),
        facts.plan(n_ahead=1, findings=(DataNote(kind="no_volume", facts={"n": 3, "when": "2008-03-03"}),)),
    )
    return {
        **{f"root_{state}": [say.root(facts.study(state, trials_completed=57))] for state in StudyState},
        "root_compiling": [say.root(facts.study(StudyState.QUEUED, queue_position=1, engine=(2, 6)))],
        "root_first": [say.root(facts.study(StudyState.RUNNING, trials_completed=0, best_value=None))],
        "root_validating": [say.root(facts.study(StudyState.RUNNING, is_validating=True))],
        "root_beside_noise": [
            say.root(
                facts.study(
                    StudyState.RUNNING,
                    is_validating=True,
                    training=TrainingProgress(row=3, n_rows=19, is_noise=True),
                )
            )
        ],
        "root_training": [
            say.root(
                facts.study(
                    StudyState.RUNNING,
                    trials_completed=0,
                    best_value=None,
                    training=TrainingProgress(row=3, n_rows=20),
                )
            )
        ],
        "root_left": [say.root(facts.study(StudyState.RUNNING, trials_completed=124, seconds_left=18.2))],
        "root_told": [say.root(facts.finished("overfit"))],
        "root_acted": [say.root(facts.study(StudyState.CANCELLED, acted_by="U012AB3CD"))],
        **{f"result_{name}": say.result(facts.finished(name)) for name in facts.SUMMARIES},
        **{f"result_{name}": say.result(_learned(report)) for name, report in LEARNED.items()},
        "result_weighed": say.result(_weighed(0.021)),
        "result_weighed_by_nothing": say.result(_weighed(0.0)),
        "in_a_market": [
            message for regime in REGIMES for message in say.result(facts.in_market("promising", regime))
        ],
        "unfurl": [say.render("unfurl", study=facts.finished("unproven"))],
        "chart_equity": [*_charts(say)],
        **{f"why_{name}": [say.why(facts.finished(name))] for name in facts.SUMMARIES},
        "result_old_bars": say.result(facts.finished("unproven", findings=(OLD, *plan.findings))),
        "ack": [say.ack(queued, plan)],
        "ack_late": [say.ack(queued, facts.plan(n_messages=23, queue_seconds=24.0))],
        "ack_unhurried": [say.ack(queued, facts.plan(seconds=None, is_exhaustive=True, n_folds=0))],
        "plan": [say.plan(facts.SPEC, plan, command="/optimize AAPL RSI 200")],
        "terminal_plan": [say.render("terminal_plan", spec=facts.SPEC, plan=plan)],
        "plan_bare": [say.plan(facts.SPEC, facts.plan(seconds=None, window=facts.SUMMARIES["bare"].window))],
        "plan_form": [say.render("form_plan", spec=facts.SPEC, plan=plan, n_others=n) for n in (0, 2)],
        "plan_ordered": [say.plan(facts.SPEC, facts.plan(space=STRATEGIES["sma"].space))],
        "plan_chosen": [say.plan(facts.SPEC, facts.plan(space=STRATEGIES["bollinger"].space))],
        "plan_by_regime": [
            say.plan(spec, facts.plan(space=space_of(spec), regimes=facts.PLANNED))
            for spec in (facts.BY_REGIME_SPEC, facts.BY_REGIME_SPEC.shared_with(("AAPL", "IBM")))
        ],
        "plan_own": [say.plan(facts.SPEC, facts.plan(own_code=OWN_CODE))],
        "status": [say.status(facts.study(StudyState.RUNNING))],
        "listing": [say.listing([facts.finished("strong"), facts.study(StudyState.RUNNING)])],
        "root_requested": [say.root(facts.study(StudyState.QUEUED, spec=REQUESTED, name="spring"))],
        "ack_requested": [say.ack(facts.study(StudyState.QUEUED, spec=REQUESTED, name="spring"), plan)],
        "plan_requested": [say.plan(REQUESTED, plan, name="spring")],
        "listing_requested": [say.listing([facts.study(StudyState.RUNNING, spec=REQUESTED, name="spring")])],
        "listing_mine": [say.listing([], "mine")],
        "listing_running": [say.listing([], "running")],
        "failure": [say.failure(facts.failed())],
        "failure_early": [say.failure(early)],
        "cancelled": [say.cancelled(facts.study(StudyState.CANCELLED, trials_completed=57, acted_by="U012AB3CD"))],
        "paused": [say.cancelled(facts.study(StudyState.PAUSED, trials_completed=57))],
        "refusal": [say.refusal(UnknownStrategy.of("rsii", STRATEGIES))],
        "refusal_mended": [say.refusal(UnknownStrategy(word="rsii", nearest="rsi", known="", command="AAPL RSI 200"))],
        "help": [say.help("", VERBS)],
        "help_verb": [say.help("list", VERBS)],
        **{f"help_{key}": [say.help(key)] for key in (*STRATEGIES, *OVERLAYS)},
        "strategies": [say.strategies()],
        **{f"notice_{name}": [say.notice(name, **by)] for name in ACTED},
        "notice_working": [say.notice("working")],
        **{
            f"notice_{name}{'_linked' if url else ''}": [say.notice(name, study="opt-7f3a", seconds=50.0, url=url)]
            for name in ("repeated", "repeated_done") for url in ("", "https://quant.slack.com/archives/C012AB3CD/p1")
        },
        **{
            f"notice_{name}{'_linked' if url else ''}": [say.notice(name, study_name="opt-7f3a", url=url)]
            for name in ("details_posted", "details_there") for url in ("", "https://quant.slack.com/archives/C012AB3CD/p1")
        },
        "notice_shared_linked": [say.notice("shared", by="U012AB3CD", url="https://quant.slack.com/archives/C012AB3CD/p1")],
        "notice_not_yours": [say.notice("not_yours", study_name="opt-7f3a", owner="U012AB3CD")],
        "notice_broken": [say.notice("broken", reference="ab12cd")],
        "notice_chart_missing": [say.notice("chart_missing", reason="upload refused")],
        "notice_replay_equal": [say.notice("replay_equal", study_name="opt-7f3a", n_trials=200)],
        "notice_replay_differs": [say.notice("replay_differs", study_name="opt-7f3a", field="seed", was="1", now="2")],
        "notice_files": [say.notice("files", folder="out", names=["equity.png"])],
    }  # fmt: skip


def _weighed(added: float) -> facts.StudyFacts:
    """A study whose goal a model weighs; the winner's Sharpe ratio is raised by a part of it."""
    whole, spec = facts.SUMMARIES["promising"], facts.SPEC.model_copy(update={"goals": ("sharpe_ml",)})
    sharpe = whole.winner.in_sample.sharpe_ratio or 0.0
    winner = whole.winner.model_copy(update={"value": sharpe * (1.0 + added)})
    summary = whole.model_copy(update={"winner": winner, "top": (winner, *whole.top[1:])})
    command = "/optimize AAPL RSI 200 goal=sharpe_ml"
    return facts.finished("promising", spec=spec, summary=summary, best_value=winner.value, command=command)


def _learned(report: LearnedReport) -> StudyFacts:
    """A strong result of a strategy that learns, with what it learned."""
    summary = facts.SUMMARIES["strong"].model_copy(update={"learned": report})
    return replace(facts.finished("strong"), summary=judged(summary))


def _charts(say: Renderer) -> list[Message]:
    """Native charts of a study with held-out bars, and of one without."""
    drawn = [say.native_chart("equity", facts.finished(name)) for name in ("promising", "bare")]
    return [chart for chart in drawn if chart is not None]
