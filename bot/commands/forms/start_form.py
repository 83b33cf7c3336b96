"""The modal that starts a study: its fields are the strategy's declaration, its values are read by the grammar.

Five fields come first, with the plan of what they would start under them; the others are there once somebody asks for
them, or has set one of them in their last study.

A form goes round: the options of a study (`Form.of`) or the choices of a person (`Form.from_state`) become a view
(`start_view`), and a submitted form becomes a Start (`read_form`) or errors by field. A parameter's field
holds what one types after `period=`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.grammar.commands import Start
from bot.grammar.fields import ClashFields, FieldErrors, finish
from bot.grammar.formatting import option_words
from bot.grammar.options import FLAGS, MAX_GOALS
from bot.grammar.rules.typed import rule_of_text
from bot.grammar.start_builder import SHORTEST, StartBuilder, cap_text, narrowed_text, read_symbols
from bot.grammar.tokens import Word, plain, split
from optimizer.domain.space import Choice, Parameter, Range, tidy
from optimizer.domain.study_request import MAX_TRIALS, Narrowed, StudyRule, StudySpec
from optimizer.strategies.registry import OVERLAYS, Strategy, find_strategy, strategy_of
from optimizer.strategies.rules.compiling import RULE, strategy_of_rule
from optimizer.strategies.rules.errors import RuleError
from optimizer.strategies.rules.reading import parse_rule
from optimizer.strategies.rules.writing import rule_text
from reports.render import Renderer
from reports.text.rule_words import said_rule

CALLBACK_ID = "start_study"
#: Action that rebuilds the view, because another strategy has other fields.
STRATEGY_ACTION = "start_strategy"
#: Action that shows the plan of what is filled in, and the one that shows the other fields as well.
PLAN_ACTION, MORE_ACTION = "start_plan", "start_more"
#: Lengths of the period that are offered, in years.
_YEARS = (2, 3, 5, 10, 15, 20, 30)
_USUAL_YEARS = int(StudySpec.model_fields["years"].default)
#: Most characters of a rule's field.
LONGEST_RULE = 2_000
#: Slack's limit for the text of an option.
MAX_OPTION = 75

Block = dict[str, Any]

_YEARS_WORD = "years="
#: Value of the period that nobody needs to type.
_USUAL = "usual"


@dataclass(frozen=True, kw_only=True)
class Form:
    """Text of the fields; empty means untouched."""

    symbol: str = ""
    strategy: str = "rsi"
    rule: str = ""  # text of a rule, where the strategy is `rule`
    trials: str = "200"
    goals: tuple[str, ...] = ("sharpe",)
    years: str = ""  # empty: as long as usual, or from the first day
    is_full: bool = False  # with the fields behind "More"
    parameters: Mapping[str, str] = field(default_factory=dict)
    overlays: tuple[str, ...] = ()
    caps: str = ""
    start: str = ""
    end: str = ""
    options: str = ""
    flags: tuple[str, ...] = ()
    note: str = ""

    @property
    def shows_all(self) -> bool:
        """True if the other fields are shown: nothing that is set may be hidden."""
        others = (self.parameters, self.overlays, self.caps, self.start, self.end, self.options, self.flags, self.note)
        return self.is_full or any(others)

    @classmethod
    def of(cls, start: Start) -> "Form":
        """Build the form of a start, to prefill the modal with the last one."""
        spec = start.specs[0]
        flags = {"dry": start.is_dry, "quiet": start.is_quiet, "private": start.is_private}
        on = {**flags, "force": spec.force, "whole": spec.account.is_whole, "yes": start.is_confirmed}
        # A rule says itself whether it sells short.
        on["short"] = spec.allow_short and spec.rule is None
        own = strategy_of(spec).parameter_names
        words = option_words(start)
        years = [word.removeprefix(_YEARS_WORD) for word in words if word.startswith(_YEARS_WORD)]
        return cls(
            symbol=",".join(start.symbols),
            strategy=RULE if spec.rule else spec.strategy_name,
            rule=spec.rule.text if spec.rule else "",
            trials=str(spec.n_trials),
            goals=spec.goals,
            parameters={n.name: _value_text(n) for n in spec.narrowed if n.name in own},
            overlays=tuple(o for o in spec.overlays if all(n.name != o for n in spec.narrowed)),
            caps=" ".join(cap_text(cap) for cap in spec.caps),
            start=str(spec.start or ""),
            end=str(spec.end or ""),
            years="".join(years),
            options=" ".join(word for word in words if not word.startswith(_YEARS_WORD)),
            flags=tuple(flag for flag in FLAGS if on[flag]),
            note=start.note,
        )

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Form":
        """Read a person's choices: `state` is `view["state"]`. Fields of another strategy are left out."""
        values: Mapping[str, Mapping[str, Any]] = state.get("values", {})
        chosen = {block_id: chosen_values(next(iter(actions.values()), {})) for block_id, actions in values.items()}
        one = {block_id: "".join(words[:1]).strip() for block_id, words in chosen.items()}
        key, rule = "".join(chosen.get("strategy", ())) or "rsi", one.get("rule", "")
        strategy = _strategy_of(key, rule)
        names = {name: _parameter_block(key, name) for name in (strategy.parameter_names if strategy else ())}
        return cls(
            symbol=one.get("symbol", ""),
            strategy=strategy.key if strategy else key,
            rule=rule,
            trials=one.get("trials", ""),
            goals=chosen.get("goal", ()),
            years=one.get("years", "").removeprefix(_USUAL),
            is_full="options" in values,
            parameters={name: "|".join(chosen[block]) for name, block in names.items() if chosen.get(block)},
            overlays=chosen.get("overlays", ()),
            caps=one.get("caps", ""),
            start=one.get("from", ""),
            end=one.get("to", ""),
            options=one.get("options", ""),
            flags=chosen.get("flags", ()),
            note=one.get("note", ""),
        )


def start_view(form: Form, say: Renderer, *, metadata: str = "", plan: Sequence[Block] = ()) -> Block:
    """Build the modal for a form, in a language. `metadata` returns with the submission (at most 3,000 characters).

    `plan` are the blocks of what the form would start (`form_plan.py`).
    """
    labels = say.labels("grammar", "form")
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        **({"private_metadata": metadata} if metadata else {}),
        "title": plain_text(labels["title"]),
        "submit": plain_text(labels["submit"]),
        "close": plain_text(labels["close"]),
        "blocks": [*_first_blocks(form, say), *plan, *_other_blocks(form, say)],
    }


def read_form(form: Form) -> Start:
    """The start that a form asks for. Raises BadFields with an error for each field that cannot be read."""
    errors, symbols = FieldErrors(), tuple[str, ...]()
    with errors.about("symbol"):
        symbols = read_symbols(Word(0, "".join(plain(form.symbol).split())))
    builder = StartBuilder(find_strategy("rsi"))
    is_seen = False
    with errors.about("rule" if form.strategy == RULE else "strategy"):
        builder, is_seen = _builder(form)
    for block_id, text in _typed_fields(form):
        with errors.about(block_id):
            for word in split(text):
                builder.take(word)
    errors.raise_any()
    start = finish(builder, symbols, _CLASHES)
    return replace(start, is_confirmed=start.is_confirmed or is_seen)


def _builder(form: Form) -> tuple[StartBuilder, bool]:
    """Return the builder of a form's strategy or rule, and whether the rule was seen as it was understood."""
    if form.strategy != RULE:
        return StartBuilder(find_strategy(form.strategy)), False
    rule = rule_of_text(form.rule)
    is_seen = form.rule.strip() in (rule_text(parse_rule(rule.text), is_korean=korean) for korean in (False, True))
    return StartBuilder(strategy_of_rule(rule.text, SHORTEST), rule), is_seen


def _strategy_of(key: str, rule: str) -> Strategy | None:
    """Return the strategy of a form; of a rule that cannot be read yet None. Raises UnknownStrategy."""
    if key != RULE:
        return find_strategy(key)
    try:
        return strategy_of_rule(rule_of_text(rule).text, SHORTEST)
    except RuleError:
        return None


_CLASHES = ClashFields(
    years="years", end="to", mode="options", reenter="options", by_regime="options", other="strategy"
)


def _typed_fields(form: Form) -> Iterator[tuple[str, str]]:
    """Return each touched field with what one would type for it."""
    keyed = {
        "trials": form.trials,
        "from": form.start,
        "to": form.end,
        "goal": ",".join(form.goals),
        "years": form.years,
    }
    yield from ((key, f'{key}="{_one(value)}"') for key, value in keyed.items() if value)
    for name, value in form.parameters.items():
        yield _parameter_block(form.strategy, name), f'{name}="{_one(value)}"'
    yield "overlays", " ".join(form.overlays)
    yield "caps", form.caps
    yield "options", form.options
    yield "flags", " ".join(form.flags)
    yield "note", f'note="{_one(form.note, space=" ")}"' if form.note else ""


def _one(value: str, *, space: str = "") -> str:
    """Return a field's text as one value, without the quotes that would end it."""
    return space.join(plain(value).replace('"', "'").split())


def _first_blocks(form: Form, say: Renderer) -> list[Block]:
    labels = say.labels("grammar", "form")
    strategies = {key: f"{title} ({key})" for key, title in say.labels("strategy_words", "titles").items()}
    strategies[RULE] = labels["own_rule"]
    goals = {key: f"{title} ({key})" for key, title in say.labels("words", "goals").items()}
    best = {**select_field(goals, form.goals, several=True), "max_selected_items": MAX_GOALS}
    strategy = {**select_field(strategies, [form.strategy]), "action_id": STRATEGY_ACTION}
    return [
        _planned(input_block("symbol", labels["symbol"], text_field(form.symbol, "AAPL"), hint=labels["symbol_hint"])),
        {**input_block("strategy", labels["strategy"], strategy), "dispatch_action": True},
        *([_rule_block(form, labels)] if form.strategy == RULE else []),
        _planned(input_block("trials", labels["trials"], _number(form.trials, 1, MAX_TRIALS))),
        _planned(input_block("goal", labels["goal"], best, hint=labels["goal_hint"])),
        _planned(input_block("years", labels["years"], _period(form.years, labels))),
    ]


def _planned(block: Block) -> Block:
    """Let a field show the plan anew when it changes: a typed one when its text does."""
    element = {**block["element"], "action_id": PLAN_ACTION}
    if element["type"] in ("plain_text_input", "number_input"):
        element["dispatch_action_config"] = {"trigger_actions_on": ["on_character_entered"]}
    return {**block, "element": element, "dispatch_action": True}


def _period(years: str, labels: Mapping[str, str]) -> Block:
    """Build the menu of lengths, with one of another length that the form has."""
    offered = sorted({*_YEARS, *([int(years)] if years.isdecimal() else [])})
    values = {_USUAL if n == _USUAL_YEARS else str(n): labels["last_years"].format(n=n) for n in offered}
    return select_field(values, [years or _USUAL])


def _other_blocks(form: Form, say: Renderer) -> list[Block]:
    """Build the fields behind "More", or the button that shows them; of a rule its numbers are always there."""
    parameters = _parameter_blocks(form, say)
    if form.shows_all:
        return [*parameters, *_last_blocks(form, say)]
    label = say.labels("grammar", "form")["more"]
    button = {"type": "button", "action_id": MORE_ACTION, "value": "more", "text": plain_text(label)}
    more = {"type": "actions", "block_id": "more", "elements": [button]}
    return [*(parameters if form.strategy == RULE else ()), more]


def _rule_block(form: Form, labels: Mapping[str, str]) -> Block:
    text = {**text_field(form.rule, labels["rule_hint"], limit=LONGEST_RULE), "multiline": True}
    return input_block("rule", labels["rule"], text)


def _parameter_blocks(form: Form, say: Renderer) -> list[Block]:
    strategy = _strategy_of(form.strategy, form.rule)
    if strategy is None:
        return []
    meanings = say.labels("strategy_words", "parameters").get(strategy.key, {})
    return [
        input_block(
            _parameter_block(strategy.key, parameter.name),
            parameter.name,
            _parameter_field(parameter, form.parameters.get(parameter.name, ""), say),
            hint=meanings.get(parameter.name, ""),
            optional=True,
        )
        for parameter in strategy.parameters
    ]


def _last_blocks(form: Form, say: Renderer) -> list[Block]:
    labels = say.labels("grammar", "form")
    strategy = _strategy_of(form.strategy, form.rule)
    own = strategy.space.by_name if strategy else {}
    overlays = {name: _overlay_text(overlay, say) for name, overlay in OVERLAYS.items() if name not in own}
    flags = say.labels("grammar", "flags")
    return [
        input_block("overlays", labels["overlays"], _boxes(overlays, form.overlays), optional=True),
        input_block("caps", labels["caps"], text_field(form.caps, "maxdd<20 trades>30"), optional=True),
        input_block("from", labels["from"], _date(form.start), optional=True),
        input_block("to", labels["to"], _date(form.end), optional=True),
        input_block("options", labels["options"], text_field(form.options, "cost=10 slippage=5 seed=7"), optional=True),
        input_block("flags", labels["flags"], _boxes(flags, form.flags), optional=True),
        input_block("note", labels["note"], {**text_field(form.note, "", limit=300), "multiline": True}, optional=True),
    ]


def _parameter_block(strategy: str, name: str) -> str:
    """Build a block named by the strategy too, so that Slack never keeps a value for another strategy's parameter."""
    return f"parameter:{strategy}:{name}"


def _parameter_field(parameter: Parameter, value: str, say: Renderer) -> Block:
    if isinstance(parameter, Choice):
        return select_field({choice: choice for choice in parameter.choices}, value.split("|"), several=True)
    default_value = f"{say.labels('grammar', 'form')['default']} {tidy(parameter.default)}"
    return text_field(value, f"{_range_text(parameter, say)} · {default_value}", limit=60)


def _range_text(parameter: Range, say: Renderer) -> str:
    numbers = f"{tidy(parameter.low)}..{tidy(parameter.high)}:{tidy(parameter.step)}"
    return f"{numbers} {say.labels('strategy_words', 'units')[parameter.unit]}".strip()


def _overlay_text(overlay: Parameter, say: Renderer) -> str:
    return f"{overlay.name} {_range_text(overlay, say)}" if isinstance(overlay, Range) else overlay.name


def said_text(rule: StudyRule, say: Renderer) -> str:
    """Text of a rule in the language of a form."""
    return said_rule(rule, say.language)


def plain_text(text: str) -> Block:
    """Text without markup."""
    return {"type": "plain_text", "text": text}


def input_block(block_id: str, label: str, element: Block, *, hint: str = "", optional: bool = False) -> Block:
    """Build an input with its label; its value is found by `block_id`."""
    element = {"action_id": "value", **element}
    block = {
        "type": "input",
        "block_id": block_id,
        "label": plain_text(label),
        "element": element,
        "optional": optional,
    }
    return {**block, "hint": plain_text(hint)} if hint else block


def text_field(value: str, placeholder: str, *, limit: int = 500) -> Block:
    """Build a field to type in."""
    element: Block = {"type": "plain_text_input", "max_length": limit}
    if placeholder:
        element["placeholder"] = plain_text(placeholder)
    return {**element, "initial_value": value[:limit]} if value else element


def _number(value: str, low: int, high: int) -> Block:
    element: Block = {
        "type": "number_input",
        "is_decimal_allowed": False,
        "min_value": str(low),
        "max_value": str(high),
    }
    # Slack refuses a view with another number in it; in the field it stays as it was typed.
    fits = value.isdecimal() and low <= int(value) <= high
    return {**element, "initial_value": value} if fits else element


def _date(value: str) -> Block:
    return {"type": "datepicker", "initial_date": value} if value else {"type": "datepicker"}


def _options(texts: Mapping[str, str]) -> list[Block]:
    return [{"text": plain_text(text[:MAX_OPTION]), "value": value} for value, text in texts.items()]


def select_field(texts: Mapping[str, str], chosen: Sequence[str], *, several: bool = False) -> Block:
    """Build a menu of texts by their values."""
    options = _options(texts)
    initial = [option for option in options if option["value"] in chosen]
    element: Block = {"type": "multi_static_select" if several else "static_select", "options": options}
    if initial:
        element |= {"initial_options": initial} if several else {"initial_option": initial[0]}
    return element


def _boxes(texts: Mapping[str, str], chosen: Sequence[str]) -> Block:
    return {**select_field(texts, chosen, several=True), "type": "checkboxes"}


def chosen_values(action: object) -> tuple[str, ...]:
    """Return the value of one input, whatever its kind."""
    if not isinstance(action, Mapping):
        return ()
    options = action.get("selected_options") or [action.get("selected_option")]
    values = [option.get("value") for option in options if isinstance(option, Mapping)]
    values += [action.get(name) for name in ("value", "selected_date", "selected_time", "selected_conversation")]
    return tuple(value for value in values if isinstance(value, str) and value)


def _value_text(narrowed: Narrowed) -> str:
    return narrowed_text(narrowed).partition("=")[2]
