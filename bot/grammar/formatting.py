"""Studies back into words: the replay line of a message, and the command that a correction offers."""

from collections.abc import Sequence

from bot.grammar.commands import AddSchedule, Mode, Start
from bot.grammar.start_builder import cap_text, narrowed_text
from bot.grammar.tokens import Word, quote
from bot.grammar.values import basis_points_text, percent_text, plain_number
from bot.grammar.verbs import VERB_WORDS
from optimizer.domain.study_request import BenchmarkPart, Costs, Reentry, SamplerKind, StudySpec, share_of_cash
from optimizer.strategies.rules.reading import parse_rule

PREFIX = "/optimize"
_SHARED = "mode=shared"


def command_text(spec: StudySpec, *, prefix: str = PREFIX) -> str:
    """Return the command that starts this study; defaults are left out, the number of trials is not."""
    return _join(prefix, (*_spec_words(spec, spec.label), *([_SHARED] if spec.is_shared else [])))


def start_text(start: Start, *, prefix: str = PREFIX) -> str:
    """Return the command of this start, with all its symbols and flags."""
    return _join(prefix, (*_spec_words(start.specs[0], ",".join(start.symbols)), *_extras(start)))


def schedule_text(command: AddSchedule, *, prefix: str = PREFIX) -> str:
    """Return the command of this schedule; one made in a study's thread has only its phrase."""
    start = command.start
    search = (*_spec_words(start.specs[0], ",".join(start.symbols)), *_extras(start)) if start else ()
    zone = [f"tz={command.time_zone}"] if command.time_zone else []
    return _join(prefix, ("schedule", *search, command.when.text, *zone))


def option_words(start: Start) -> list[str]:
    """Return the options of a start that have no field of their own in a form."""
    spec = start.specs[0]
    overlays = [narrowed_text(n) for n in spec.narrowed if n.name in spec.overlays]
    mode = [_SHARED] if start.mode is Mode.SHARED else []
    name = [f"name={quote(start.name)}"] if start.name else []
    return [*overlays, *_settings(spec), *mode, *name]


def words_text(words: Sequence[Word], *, prefix: str = PREFIX) -> str:
    """Return words as a person types them."""
    return _join(prefix, [word.typed for word in words])


def _join(prefix: str, words: Sequence[str]) -> str:
    return " ".join(filter(None, (prefix, *words)))


def _spec_words(spec: StudySpec, symbols: str) -> list[str]:
    front = ["start"] if symbols.lower() in VERB_WORDS else []
    narrowed = {n.name for n in spec.narrowed}
    return [
        *front,
        symbols,
        _strategy_word(spec),
        str(spec.n_trials),
        *([f"goal={','.join(spec.goals)}"] if spec.goals != ("sharpe",) else []),
        *(cap_text(cap) for cap in spec.caps),
        *(narrowed_text(n) for n in spec.narrowed),
        *(overlay for overlay in spec.overlays if overlay not in narrowed),
        *_span(spec),
        *_settings(spec),
        *(["whole"] if spec.account.is_whole else []),
        *_direction(spec),
        *(["force"] if spec.force else []),
    ]


def _strategy_word(spec: StudySpec) -> str:
    """Word in the place of the strategy: of a saved rule its name and version, of another rule its text in quotes."""
    if spec.rule is None:
        return spec.strategy_name
    return f"{spec.rule.name}@{spec.rule.version}" if spec.rule.name else f'"{spec.rule.text}"'


def _direction(spec: StudySpec) -> list[str]:
    """Word for the direction, where it is not the one that the strategy or the rule has by itself."""
    usual = spec.rule is not None and parse_rule(spec.rule.text).has_short
    return [] if spec.allow_short == usual else ["short=yes" if spec.allow_short else "short=no"]


def _span(spec: StudySpec) -> list[str]:
    return [
        *([f"from={spec.start}"] if spec.start else []),
        *([f"to={spec.end}"] if spec.end else []),
    ]


def _settings(spec: StudySpec) -> list[str]:
    plain, costs = StudySpec.model_fields, Costs()
    cost, slippage, tax = spec.costs.commission_bps, spec.costs.slippage_bps, spec.costs.tax_bps
    return [
        *([f"years={spec.years}"] if spec.start is None and spec.years != plain["years"].default else []),
        *([f"holdout={percent_text(spec.holdout)}"] if spec.holdout != plain["holdout"].default else []),
        *([f"folds={spec.folds}"] if spec.folds != plain["folds"].default else []),
        *([f"cost={basis_points_text(cost)}"] if cost != costs.commission_bps else []),
        *([f"slippage={basis_points_text(slippage)}"] if slippage != costs.slippage_bps else []),
        *([f"tax={basis_points_text(tax)}"] if tax else []),
        *_account(spec),
        *([f"reenter={spec.reenter}"] if spec.reenter != Reentry.FRESH else []),
        *([f"by_regime={','.join(spec.by_regime)}"] if spec.by_regime else []),
        *([f"min_trades={spec.min_trades}"] if spec.min_trades != plain["min_trades"].default else []),
        *([f"sampler={spec.sampler}"] if spec.sampler != SamplerKind.TPE else []),
        *([f"seed={spec.seed}"] if spec.seed != plain["seed"].default else []),
        *([f"source={spec.source}"] if spec.source else []),
        *([f"timeframe={spec.timeframe}"] if spec.timeframe != plain["timeframe"].default else []),
    ]


def _account(spec: StudySpec) -> list[str]:
    costs, account = spec.costs, spec.account
    return [
        *([f"borrow={percent_text(costs.borrow)}"] if costs.borrow else []),
        *([f"rf={account.interest_symbol}"] if account.interest_symbol else []),
        *([f"rf={percent_text(account.interest)}"] if account.interest else []),
        *([f"capital={plain_number(account.capital)}"] if account.capital else []),
        *([f"per_share={plain_number(costs.per_share)}"] if costs.per_share else []),
        *([f"min_fee={plain_number(costs.least_fee)}"] if costs.least_fee else []),
        *([f"benchmark={_benchmark_text(spec.benchmark)}"] if spec.benchmark is not None else []),
    ]


def _benchmark_text(parts: Sequence[BenchmarkPart]) -> str:
    in_cash = share_of_cash(parts)
    if len(parts) < 2 and in_cash in (0.0, 1.0):
        return parts[0].symbol if parts else "cash"
    named = [f"{part.symbol}:{percent_text(part.weight)}" for part in parts]
    return ",".join([*named, f"cash:{percent_text(in_cash)}"] if in_cash else named)


def _extras(start: Start) -> list[str]:
    flags = {"dry": start.is_dry, "quiet": start.is_quiet, "private": start.is_private, "yes": start.is_confirmed}
    texts = {"name": start.name, "note": start.note}
    return [
        *([_SHARED] if start.mode is Mode.SHARED else []),
        *(flag for flag, is_set in flags.items() if is_set),
        *(f"{key}={quote(value)}" for key, value in texts.items() if value),
    ]
