"""Facts into messages: with `bytecode.py`, the only module that knows Jinja.

Block Kit layouts are in `templates/blocks`, the sentences in `templates/<language>`; a layout renders to
a JSON string (the fallback text) followed by one JSON object a block. Layouts of the HTML report are in
`templates/html`, those of web pages in `templates/pages`. Every value is escaped on output
and the markup of a template passes; a number must go through a filter that rounds it, a name that is not
there is an error.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from optimizer.domain.study_request import StudySpec, differences
from optimizer.domain.study_results import Scored, StudyState, StudySummary, TrialRecord
from optimizer.errors import Phrase, SomethingBroke, UnknownWord, UserError
from optimizer.strategies.regimes.splitting import second_names, turned_on
from optimizer.strategies.registry import OVERLAYS, STRATEGIES
from optimizer.strategies.rules.built_in_sentences import has_sentence
from optimizer.validation.verdict import FEW_TRADES, judged
from reports import narrative
from reports.actions import ACTIONS
from reports.decision import course_of, decide
from reports.facts import HelpLine, Plan, StudyFacts
from reports.forecast_facts import forecast_line
from reports.languages import LANGUAGES, TEMPLATES, Language
from reports.layout_cache import kept_layouts
from reports.own_words import own_words
from reports.tables import report_tables
from reports.tables.symbol_table import symbol_rows
from reports.text.chart_points import equity_points, fold_points, short_name
from reports.text.markup import FILTERS, escape, typed
from reports.text.message import Message, fit
from reports.text.numbers import noun, plural
from reports.text.rule_words import said_rule, winning_rule

__all__ = ["LANGUAGES", "TEMPLATES", "Language", "Renderer", "renderer_of"]


class Renderer:
    """Words facts in one language."""

    def __init__(self, language: Language = "en", templates: Path = TEMPLATES) -> None:
        self.language = language
        self._environment = _environment(language, templates)
        self._environment.filters |= {"phrase": self.phrase, "usage": self._usage}

    def warm(self) -> None:
        """Compile every layout, so that nobody waits for it."""
        for name in self._environment.list_templates(extensions=["jinja"]):
            self._environment.get_template(name)

    def ack(self, study: StudyFacts, plan: Plan) -> Message:
        """What was understood, and when the answer comes."""
        return self.render("ack", study=study, plan=plan)

    def plan(self, spec: StudySpec, plan: Plan, *, command: str = "", name: str = "") -> Message:
        """What a study would do; nothing was started. `command` starts it, `name` is what it would be called."""
        return self.render("plan", spec=spec, plan=plan, command=command, name=name)

    def root(self, study: StudyFacts) -> Message:
        """The message that is edited in place while a study goes on."""
        return self.render("root", study=study)

    def status(self, study: StudyFacts) -> Message:
        """The same for one person, without buttons."""
        return self.render("status", study=study)

    def listing(
        self, studies: Sequence[StudyFacts], which: str = "all", *, queue: object = None, n_waiting: int = 0
    ) -> Message:
        """Several studies, one line each, and what waits; `which` is `all`, `mine` or `running`."""
        return self.render("listing", studies=studies, which=which, queue=queue, n_waiting=n_waiting)

    def result(self, study: StudyFacts) -> list[Message]:
        """The answer: the decision, and one further message with everything else."""
        return [self.decision(study), *self.details(study)]

    def decision(self, study: StudyFacts) -> Message:
        """The first message of a result: what to do, what it made on unseen bars, three facts, a button and a menu."""
        summary = _summary(study)
        return self.render("result_head", study=study, summary=summary, decision=decide(summary, study.spec))

    def details(self, study: StudyFacts) -> list[Message]:
        """The further message of a result; more than one only where it is longer than Slack takes."""
        summary = _summary(study)
        message = self.render(
            "result_details",
            study=study,
            summary=summary,
            nothing_won=narrative.nothing_won(summary),
            chapters=narrative.story(summary, study.spec),
            name=short_name(study.spec),
            folds=fold_points(summary, study.plain_goal),
            symbol_rows=symbol_rows(summary, study.goal),
            rows=best_rows(summary),
            ahead=forecast_line(summary),
        )
        return fit(message)

    def native_chart(self, name: str, study: StudyFacts) -> Message | None:
        """A chart that Slack draws itself, by the name of its picture; None where only the picture shows it."""
        summary = _summary(study)
        points = equity_points(summary) if name == "equity" else None
        if points is None:
            return None
        start = summary.window.holdout_start
        return self.render("chart_equity", name=short_name(study.spec), points=points, holdout_start=start)

    def why(self, study: StudyFacts) -> Message:
        """What the verdict of a finished study rests on, in three sentences."""
        summary = _summary(study)
        return self.render("why", study=study, summary=summary, reason=narrative.reason(summary))

    def failure(self, study: StudyFacts) -> Message:
        """What failed, at which trial, what was kept, and the command that resumes."""
        return self.render("failure", study=study, reason=self._sentence(_error(study)))

    def cancelled(self, study: StudyFacts) -> Message:
        """That a study was cancelled or paused, by whom, and how it goes on."""
        name = "paused" if study.status is StudyState.PAUSED else "cancelled"
        facts = {"study_name": study.study_name, "trials_completed": study.trials_completed, "by": study.acted_by}
        return self.notice(name, **facts, command=study.resume_command or f"resume {study.study_name}")

    def error(self, error: UserError) -> str:
        """The sentence of an error, escaped for Slack."""
        return str(self._sentence(error))

    def phrase(self, named: Phrase | UserError) -> Markup:
        """A phrase or an error in this language."""
        if isinstance(named, UserError):
            return self._sentence(named)
        facts = {name: self._phrase_fact(value) for name, value in named.facts.items()}
        return self._worded("phrases", named.key, facts)

    def refusal(self, error: UserError) -> Message:
        """An error as a private message, with the corrected command to copy where there is one."""
        return self.render("error", sentence=self._sentence(error), command=error.command)

    def help(self, topic: str = "", verbs: Sequence[HelpLine] = ()) -> Message:
        """How to ask: everything, or one strategy, overlay or verb. Raises UnknownWord."""
        if topic in STRATEGIES:
            return self.render("help_strategy", strategy=STRATEGIES[topic])
        if topic in OVERLAYS:
            return self.render("help_overlay", overlay=OVERLAYS[topic])
        chosen = [verb for verb in verbs if verb.key == topic]
        if topic and not chosen:
            raise UnknownWord.of(topic, [*STRATEGIES, *OVERLAYS, *(verb.key for verb in verbs)])
        layout = "help_verb" if chosen else "help_all"
        return self.render(layout, verbs=chosen or verbs, strategies=list(STRATEGIES.values()))

    def strategies(self) -> Message:
        """Every strategy's name and rule."""
        return self.render("strategies", strategies=list(STRATEGIES.values()))

    def notice(self, name: str, **facts: object) -> Message:
        """One sentence of `notices.jinja`, such as `cancelled` (study_name, trials_completed, by)."""
        return self.render("notice", notice=_variant(name, facts), x=facts)

    def report(self, study: StudyFacts, trials: Sequence[TrialRecord], pictures: Mapping[str, bytes]) -> str:
        """The HTML report: one file with everything in it. `pictures` are PNG bytes by chart name."""
        findings = self.findings(study, trials, report_tables.as_sources(pictures), n_trials=len(trials))
        return self._environment.get_template("report.jinja").render(language=self.language, **findings)

    def findings(
        self, study: StudyFacts, trials: Sequence[TrialRecord], charts: Mapping[str, str], *, n_trials: int
    ) -> dict[str, Any]:
        """What the report and the study's page show of a finished study. `charts` are addresses by chart name."""
        summary = _summary(study)
        columns, shown = report_tables.measure_columns(summary), report_tables.best_first(trials)
        return {
            "study": study,
            "summary": summary,
            "nothing_won": narrative.nothing_won(summary),
            "decision": decide(summary, study.spec),
            "chapters": narrative.chapters(summary, study.spec),
            "charts": charts,
            "measure_columns": columns,
            "measure_rows": report_tables.measure_rows(columns),
            "rows": best_rows(summary),
            "symbol_rows": symbol_rows(summary, study.goal),
            "forecasts": [(one, report_tables.forecast_rows(one)) for one in summary.forecasts],
            "trials": shown,
            "shown": len(shown),
            "n_trials": n_trials,
        }

    def web_page(self, name: str, /, **facts: object) -> str:
        """A web page, or a part or a file of one, by the name of its layout in `templates/pages`."""
        return self._environment.get_template(f"page_{name}").render(language=self.language, **facts)

    def render(self, kind: str, **facts: object) -> Message:
        """Any message by the name of its layout; raises jinja2's UndefinedError for a fact that is missing."""
        rendered = self._environment.get_template(f"{kind}.jinja").render(facts)
        text, *blocks = _documents(rendered)
        return Message(str(text), blocks, facts={"answer": kind, **facts})

    def labels(self, file: str, table: str) -> Mapping[str, Any]:
        """A table of words by their keys, such as `form` of grammar.jinja."""
        labels: Mapping[str, Any] = vars(self._words(file))[table]
        return labels

    def chart_words(self, name: str) -> tuple[str, str]:
        """A chart's title, and a description for people who cannot see it. Raises KeyError for another name."""
        return self.labels("report_words", "chart_titles")[name], self.labels("report_words", "charts")[name]

    def _sentence(self, error: UserError) -> Markup:
        facts = {name: self._error_fact(value) for name, value in error.facts.items()}
        return self._worded("errors", _key_of(error, self._words("errors")), facts)

    def _error_fact(self, value: object) -> Markup:
        return self.phrase(value) if isinstance(value, Phrase) else escape(typed(value))

    def _usage(self, text: str) -> Markup:
        """The usage of a command, with what stands for a word in this language."""
        words = self.labels("grammar", "placeholders")
        pattern = rf"(?<!\w)(?:{'|'.join(words)})(?!\w)"
        return Markup(re.sub(pattern, lambda found: words[found.group()], escape(text)))  # noqa: S704 - escaped here

    def _phrase_fact(self, value: object) -> object:
        """A number stays one, for the phrase to format."""
        return value if isinstance(value, int | float) else self._error_fact(value)

    def _worded(self, file: str, key: str, facts: Mapping[str, object]) -> Markup:
        sentence: Markup = getattr(self._words(file), key)(SimpleNamespace(**facts))
        return sentence

    def _words(self, file: str) -> Any:
        return self._environment.get_template(f"{file}.jinja").module


@cache
def renderer_of(language: Language) -> Renderer:
    """The one renderer of a language; its compiled templates are kept."""
    return Renderer(language)


class BestSetRow:
    """A line of the table of best sets."""

    def __init__(self, kind: str, scored: Scored, all_scored: Sequence[Scored]) -> None:
        self.kind = kind  # "trial", "trial_default" (the default set among the best), "default" or "buy_and_hold"
        self.scored = scored
        self.values = tuple(other.value for other in all_scored)
        self.outside_sharpes = tuple(_outside_sharpe(other) for other in all_scored)
        self.returns = tuple(other.in_sample.total_return for other in all_scored)
        self.drawdowns = tuple(other.in_sample.max_drawdown for other in all_scored)

    @property
    def outside_sharpe(self) -> float | None:
        """The Sharpe ratio out of sample."""
        return _outside_sharpe(self.scored)


def best_rows(summary: StudySummary) -> list[BestSetRow]:
    """Rows of the best sets, then of the default set where it is not one of them, and of buy and hold."""
    is_listed = any(scored.params == summary.default.params for scored in summary.top)
    baselines = (
        {"buy_and_hold": summary.buy_and_hold}
        if is_listed
        else {"default": summary.default, "buy_and_hold": summary.buy_and_hold}
    )
    everything = (*summary.top, *baselines.values())
    kinds = (*(_kind(scored, summary) for scored in summary.top), *baselines)
    return [BestSetRow(kind, scored, everything) for kind, scored in zip(kinds, everything, strict=True)]


def _kind(scored: Scored, summary: StudySummary) -> str:
    return "trial_default" if scored.params == summary.default.params else "trial"


def _key_of(error: UserError, sentences: Any) -> str:
    """The macro of an error: named as its class or the nearest parent that has one, `_near` with a nearest word."""
    names = (kind.__name__ for kind in type(error).__mro__)
    name = next(name for name in names if hasattr(sentences, name))
    near = f"{name}_near"
    return near if error.facts.get("nearest") and hasattr(sentences, near) else name


def _environment(language: Language, templates: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([templates / name for name in (language, "shared", "blocks", "html", "pages")]),
        autoescape=True,  # together with `finalize`: values are escaped our way, markup passes
        finalize=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=kept_layouts(language),
    )
    environment.filters.update(FILTERS)
    environment.globals |= {"actions": ACTIONS, "few": FEW_TRADES, "languages": LANGUAGES}
    environment.globals |= {"differences": differences, "own_words": own_words(language)}
    environment.globals |= {"plural": plural, "noun": noun, "course_of": course_of, "judged": judged}
    environment.filters["is_sentence"] = has_sentence
    environment.globals |= {"turned_on": turned_on, "second_names": second_names}
    environment.globals["said_rule"] = partial(said_rule, language=language)
    environment.globals["winning_rule"] = partial(winning_rule, language=language)
    return environment


def _variant(name: str, facts: Mapping[str, Any]) -> str:
    """The macro of a notice: some have a second sentence for a fact that is not always there."""
    match name:
        case "cancelled" | "paused" | "resumed" if facts.get("by"):
            return f"{name}_by"
        case "repeated" | "repeated_done" | "shared" | "details_posted" | "details_there" if facts.get("url"):
            return f"{name}_linked"
        case "replay_equal" | "replay_differs" if facts.get("changed_file"):
            return f"{name}_changed"
        case "replay_differs" if not facts.get("is_same_version", True):
            return "replay_differs_version"
        case "handed_over" if facts["in_thread"]:
            return "handed_over_in_thread"
        case "handed_over" if facts["is_direct"]:
            return "handed_over_direct"
        case "key_line" if facts["key"].revoked_at:
            return "key_line_revoked"
    return name


def _documents(text: str) -> list[Any]:
    """The JSON values that stand one after the other in a rendered layout."""
    decoder, at, found = json.JSONDecoder(), 0, []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


def _error(study: StudyFacts) -> UserError:
    assert study.failure is not None, "a failure is rendered only of a study that failed"
    return study.failure.error or SomethingBroke(reference=study.failure.reference)


def _summary(study: StudyFacts) -> StudySummary:
    assert study.summary is not None, "a result is rendered only of a finished study"
    return study.summary if study.summary.case else judged(study.summary)


def _outside_sharpe(scored: Scored) -> float | None:
    return None if scored.out_of_sample is None else scored.out_of_sample.sharpe_ratio
