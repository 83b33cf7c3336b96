"""Body of a start request into a command; every wrong field is named, with the sentence that Slack would show.

Each field becomes the word that one would type for it, and is read as that word is.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from bot.api.errors import MissingField, NotACap, OneOf, RuleNotConfirmed
from bot.api.requests import MAX_HOLDOUT, MAX_NAME, MAX_NOTES, OptimizationRequest, SearchRange, SearchWindow
from bot.grammar.commands import Mode, Start
from bot.grammar.errors import NotADate, Repeated
from bot.grammar.fields import ClashFields, FieldErrors, finish
from bot.grammar.rules.typed import NO_RULES, SavedRules, rule_of_text
from bot.grammar.start_builder import SHORTEST, StartBuilder, read_narrowed
from bot.grammar.tokens import Word, plain
from bot.grammar.values import basis_points_text, percent_text, plain_number, read_symbol_or_list, read_text
from optimizer.domain.space import Choice, Parameter
from optimizer.domain.study_request import StudyRule
from optimizer.errors import OutOfRange, UnknownOverlay, UnknownParameter
from optimizer.strategies.registry import OVERLAYS, Strategy, find_strategy
from optimizer.strategies.rules.compiling import RULE, strategy_of_rule

_CLASHES = ClashFields(
    years="/window/years",
    end="/window/end",
    mode="/mode",
    reenter="/reenter",
    by_regime="/by_regime",
    other="/search_space",
)


def start_of(request: OptimizationRequest, rules: SavedRules = NO_RULES) -> Start:
    """The command that a request means; `rules` are the saved ones.

    Raises BadFields with an error for each field that cannot be read, and for a rule that is not confirmed.
    """
    errors = FieldErrors()
    symbols = _symbols(request, errors)
    rule = _rule(request, rules, errors)
    with errors.about("/strategy" if request.rule is None else "/rule"):
        strategy = _strategy(request, rule)
        builder = StartBuilder(strategy, rule)
        for at, (pointer, text) in enumerate(_words(request, strategy, errors)):
            with errors.about(pointer):
                builder.take(Word(at, text))
        if rule is not None:
            _require_confirmed(request, rule, strategy, errors)
    name = _text("name", request.name, MAX_NAME, errors)
    note = _text("notes", request.notes, MAX_NOTES, errors)
    errors.raise_any()
    start = finish(builder, symbols, _CLASHES)
    return replace(start, is_quiet=request.quiet, name=name, note=note, is_confirmed=rule is not None)


def _rule(request: OptimizationRequest, rules: SavedRules, errors: FieldErrors) -> StudyRule | None:
    """Return the rule of a request, saved or in words; None where it has a strategy."""
    if request.rule is None:
        return None
    with errors.about("/rule"):
        if request.strategy is not None:
            raise OneOf(field="rule", other="strategy")
        return rules.get(request.rule.lower()) or rule_of_text(request.rule)
    errors.raise_any()
    return None


def _strategy(request: OptimizationRequest, rule: StudyRule | None) -> Strategy:
    if rule is not None:
        return strategy_of_rule(rule.text, SHORTEST, rule.name or RULE)
    if request.strategy is None:
        raise MissingField(field="strategy")
    return find_strategy(request.strategy)


def _require_confirmed(request: OptimizationRequest, rule: StudyRule, strategy: Strategy, errors: FieldErrors) -> None:
    """Refuse a rule whose canonical text the request does not confirm; nothing is started before it was seen."""
    digest = rule_digest(rule)
    with errors.about("/confirmed"):
        if request.confirmed != digest:
            raise RuleNotConfirmed(rule=rule.text, parameters=", ".join(strategy.space.names), nearest=digest)


def rule_digest(rule: StudyRule) -> str:
    """Digest of a rule as it was understood, by which a request confirms it."""
    return hashlib.blake2b(rule.text.encode(), digest_size=6).hexdigest()


def _symbols(request: OptimizationRequest, errors: FieldErrors) -> list[str]:
    one, many = request.symbol, request.symbols
    with errors.about("/symbol"):
        if one is None and many is None:
            raise MissingField(field="symbol")
        if one is not None and many is not None:
            raise OneOf(field="symbol", other="symbols")
    given = {"/symbol": one} if one is not None else {f"/symbols/{i}": symbol for i, symbol in enumerate(many or ())}
    found: list[str] = []
    for pointer, typed in given.items():
        with errors.about(pointer):
            symbol = read_symbol_or_list(typed)
            if symbol in found:
                raise Repeated(word=symbol)
            found.append(symbol)
    return found


def _words(request: OptimizationRequest, strategy: Strategy, errors: FieldErrors) -> Iterator[tuple[str, str]]:
    """Each field with what one would type for it."""
    yield from _settings(request)
    yield from _window(request.window, errors)
    for i, cap in enumerate(request.caps):
        with errors.about(f"/caps/{i}"):
            if not set("<>") & set(cap):
                raise NotACap(word=cap)
            yield f"/caps/{i}", cap
    for i, name in enumerate(request.overlays):
        with errors.about(f"/overlays/{i}"):
            if name.lower() not in OVERLAYS:
                raise UnknownOverlay.of(name, OVERLAYS)
            yield f"/overlays/{i}", name
    for name, wanted in request.search_space.items():
        pointer = f"/search_space/{_escaped(name)}"
        with errors.about(pointer):
            parameter = _parameter(name, strategy)
            text = _range_text(wanted, parameter)
            read_narrowed(parameter, text)
            yield pointer, f"{parameter.name}={text}"


def _settings(request: OptimizationRequest) -> Iterator[tuple[str, str]]:
    """Return the fields that are one option each."""
    yield "/n_trials", f"trials={request.n_trials}"
    yield "/goal", f"goal={request.goal}"
    yield "/reenter", f"reenter={request.reenter}"
    if request.by_regime:
        yield "/by_regime", f"by_regime={','.join(request.by_regime)}"
    yield "/min_trades", f"min_trades={request.min_trades}"
    yield "/sampler", f"sampler={request.sampler}"
    yield "/seed", f"seed={request.seed}"
    yield "/timeframe", f"timeframe={request.timeframe}"
    if request.mode != Mode.EACH:
        yield "/mode", f"mode={request.mode}"
    if request.source is not None:
        yield "/source", f"source={request.source}"
    if request.costs.commission_bps is not None:
        yield "/costs/commission_bps", f"cost={basis_points_text(float(request.costs.commission_bps))}"
    if request.costs.slippage_bps is not None:
        yield "/costs/slippage_bps", f"slippage={basis_points_text(float(request.costs.slippage_bps))}"
    if request.costs.tax_bps:
        yield "/costs/tax_bps", f"tax={basis_points_text(float(request.costs.tax_bps))}"
    yield from _account(request)
    if request.allow_short:
        yield "/allow_short", "short"
    if request.force:
        yield "/force", "force"


def _account(request: OptimizationRequest) -> Iterator[tuple[str, str]]:
    costs, account = request.costs, request.account
    if costs.borrow:
        yield "/costs/borrow", f"borrow={percent_text(float(costs.borrow))}"
    if costs.per_share:
        yield "/costs/per_share", f"per_share={plain_number(costs.per_share)}"
    if costs.least_fee:
        yield "/costs/least_fee", f"min_fee={plain_number(costs.least_fee)}"
    if account.capital is not None:
        yield "/account/capital", f"capital={plain_number(account.capital)}"
    if account.whole_shares:
        yield "/account/whole_shares", "whole"
    if account.interest_symbol is not None:
        yield "/account/interest_symbol", f"rf={account.interest_symbol}"
    elif account.interest:
        yield "/account/interest", f"rf={percent_text(float(account.interest))}"
    if request.benchmark is not None:
        yield "/benchmark", f"benchmark={request.benchmark}"


def _window(window: SearchWindow, errors: FieldErrors) -> Iterator[tuple[str, str]]:
    for pointer, key, day in (("/window/start", "from", window.start), ("/window/end", "to", window.end)):
        if day is not None:
            with errors.about(pointer):
                if len(day) != len("2005-01-03"):  # a command may leave month and day out; a program has no reason
                    raise NotADate(name=key, value=day)
                yield pointer, f"{key}={day}"
    if window.years is not None:
        yield "/window/years", f"years={window.years}"
    if window.folds is not None:
        yield "/window/folds", f"folds={window.folds}"
    if window.holdout is not None:
        with errors.about("/window/holdout"):
            if not 0 <= window.holdout <= MAX_HOLDOUT:
                near = min(max(window.holdout, 0), MAX_HOLDOUT)
                raise OutOfRange(name="holdout", low=0, high=MAX_HOLDOUT, value=_plain(window.holdout), nearest=near)
            yield "/window/holdout", f"holdout={percent_text(float(window.holdout))}"


def _parameter(name: str, strategy: Strategy) -> Parameter:
    known = {**OVERLAYS, **{parameter.name: parameter for parameter in strategy.parameters}}
    plain_name = name.lower().removeprefix(f"{strategy.key}_")
    if plain_name not in known:
        raise UnknownParameter.of(name, known)
    return known[plain_name]


def _range_text(wanted: SearchRange, parameter: Parameter) -> str:
    """Return a range as one types it behind `period=`."""
    given = {name for name in ("value", "choices", "low", "high", "step") if getattr(wanted, name) is not None}
    for alone in ("value", "choices"):
        if alone in given and len(given) > 1:
            raise OneOf(field=alone, other=min(given - {alone}))
    if wanted.value is not None:
        return _plain(wanted.value)
    if isinstance(parameter, Choice):
        return "|".join(wanted.choices or parameter.choices)
    if wanted.choices is not None:
        return "|".join(wanted.choices)
    low = parameter.low if wanted.low is None else wanted.low
    high = parameter.high if wanted.high is None else wanted.high
    step = "" if wanted.step is None else f":{_plain(wanted.step)}"
    return f"{_plain(low)}..{_plain(high)}{step}"


def _text(field: str, typed: str, limit: int, errors: FieldErrors) -> str:
    with errors.about(f"/{field}"):
        return read_text(field, plain(typed), limit=limit)
    return ""


def _plain(value: float | str) -> str:
    """Return a value as one types it; a whole number keeps all its digits, however many."""
    return plain_number(value) if isinstance(value, float) else str(value)


def _escaped(name: str) -> str:
    """Escape a name for a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
