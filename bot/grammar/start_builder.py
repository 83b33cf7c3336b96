"""The words that start a study: `AAPL RSI 200 goal=sortino maxdd<20 period=10..20 stop dry`."""

import re
from collections.abc import Sequence

from bot.grammar.commands import Mode, Start
from bot.grammar.errors import (
    CapitalMissing,
    EndsBeforeItStarts,
    MissingStart,
    MissingStrategy,
    MissingValue,
    NobodyToShareWith,
    NoExit,
    NoLongSide,
    NoShortSide,
    NothingToReenter,
    OneStrategy,
    Repeated,
    SymbolFirst,
    TwoBeginnings,
    UnknownOption,
    UnknownVerb,
)
from bot.grammar.options import FLAGS, OPTIONS, Fields, find_flag, find_option, read_trials
from bot.grammar.rules.typed import NO_RULES, SavedRules, is_rule_text, read_rule
from bot.grammar.tokens import Slip, Word, locate_errors
from bot.grammar.values import (
    is_symbol,
    percent_text,
    plain_number,
    read_number,
    read_number_range,
    read_percent,
    read_symbol_or_list,
)
from bot.grammar.verbs import VERB_WORDS, VERBS
from optimizer.domain.metrics import CAPS, FRACTIONS, find_cap
from optimizer.domain.space import Choice, Parameter, Range
from optimizer.domain.study_request import Account, Cap, Costs, Narrowed, Reentry, StudyRule, StudySpec
from optimizer.errors import OutOfRange, UnknownParameter, UnknownStrategy, UserError, nearest
from optimizer.strategies.registry import CLOSING, OVERLAYS, STRATEGIES, Strategy, find_strategy, space_of
from optimizer.strategies.rules.compiling import RULE, strategy_of_rule
from optimizer.strategies.rules.reading import parse_rule
from optimizer.strategies.rules.tree import Rule

#: Caps that only make sense as parts of a whole, with their greatest percentage: `0.25` is 25 % there.
_SHARES = {"maxdd": 100, "winrate": 100, "exposure": 100, "volatility": 1_000}

MAX_SYMBOLS = 20

_CAP = re.compile(r"([^\s<>=]+)([<>])(=?)(.*)")
_NUMBER_LIKE = re.compile(r"[+-]?\.?[0-9][0-9.,]*")
_START_FIELDS = ("name", "note", "mode", "is_dry", "is_quiet", "is_private", "is_confirmed")
_COST_FIELDS = tuple(Costs.model_fields)
_ACCOUNT_FIELDS = tuple(Account.model_fields)
#: Fields that are money, or count whole shares, by the words that set them: they need the size of the account.
_MONEY_FIELDS = {"per_share": "per_share=", "least_fee": "min_fee=", "is_whole": "whole"}
_MODES = tuple(Mode)
#: Timeframe at which a rule is read before the study's own is known: every other one is longer.
SHORTEST = "1m"


class StartBuilder:
    """Takes words and becomes a Start; every word must have a meaning, and nothing may be given twice."""

    def __init__(self, strategy: Strategy, rule: StudyRule | None = None) -> None:
        """Begin with a strategy; that of a rule comes with the rule."""
        self._strategy = strategy
        self._rule = rule
        self._fields: Fields = {}
        self._places: dict[str, int] = {}  # position of the word that set each field
        self._caps: dict[tuple[str, bool], Cap] = {}
        self._narrowed: dict[str, Narrowed] = {}
        self._overlays: set[str] = set()

    def take(self, word: Word) -> None:
        """Read one word after the strategy. Raises Slip when it has no meaning here, or is given twice."""
        with locate_errors(word):
            if found := _CAP.fullmatch(word.text):
                self._take_cap(word, found)
            elif word.pair:
                self._take_pair(word, *word.pair)
            elif _NUMBER_LIKE.fullmatch(word.text):
                self._set(word, read_trials(word.text))
            else:
                self._take_lone(word)

    def finish(self, symbols: Sequence[str]) -> Start:
        """Build the start for these symbols and watch lists. Raises Slip when its parts contradict each other."""
        self._check(symbols)
        extras = {name: self._fields.pop(name) for name in _START_FIELDS if name in self._fields}
        try:
            spec = self._spec(symbols[0])
            space_of(spec)
        except UserError as error:
            raise Slip(error) from error
        specs = tuple(spec.model_copy(update={"symbol": symbol}) for symbol in symbols)
        return Start(specs=specs, **extras)  # type: ignore[arg-type]

    def _check(self, symbols: Sequence[str]) -> None:
        several = len(symbols) > 1 or symbols[0].startswith("@")
        start, end = self._fields.get("start"), self._fields.get("end")
        if self._fields.get("mode") is Mode.SHARED and not several:
            raise Slip(NobodyToShareWith(word=symbols[0]), {self._places["mode"]: ""})
        if self._fields.get("reenter") is Reentry.SIGNAL and not self._closing():
            raise Slip(NothingToReenter(known=", ".join(CLOSING)), {self._places["reenter"]: ""})
        if self._rule is not None:
            self._check_rule(parse_rule(self._rule.text))
        for name in _MONEY_FIELDS:
            if self._fields.get(name) and "capital" not in self._fields:
                raise Slip(CapitalMissing(word=_MONEY_FIELDS[name]))
        if start and "years" in self._fields:
            raise Slip(TwoBeginnings(), {self._places["years"]: ""})
        if start and end and str(start) >= str(end):
            raise Slip(EndsBeforeItStarts(start=start, end=end))

    def _check_rule(self, rule: Rule) -> None:
        """A rule's short side is traded unless that is refused, and each position must be closed by something."""
        if rule.is_without_exit and not self._closing():
            raise Slip(NoExit(known=", ".join(CLOSING)))
        if self._fields.get("allow_short") and not rule.has_short:
            raise Slip(NoShortSide(), {self._places["allow_short"]: ""})
        if not rule.has_long and self._fields.get("allow_short") is False:
            raise Slip(NoLongSide(), {self._places["allow_short"]: ""})
        self._fields.setdefault("allow_short", rule.has_short)

    def _closing(self) -> set[str]:
        """Overlays that close a position; a split of one by regime turns it on."""
        split = self._fields.get("by_regime", ())
        return self._overlays.union(split).intersection(CLOSING)  # type: ignore[arg-type]

    def _spec(self, symbol: str) -> StudySpec:
        fields = dict(self._fields)
        costs = {name: fields.pop(name) for name in _COST_FIELDS if name in fields}
        account = {name: fields.pop(name) for name in _ACCOUNT_FIELDS if name in fields}
        declared = dict.fromkeys((*self._own_names(), *OVERLAYS))
        return StudySpec(
            symbol=symbol,
            strategy_name=self._strategy.key,
            rule=self._rule,
            caps=tuple(self._caps[key] for key in sorted(self._caps)),
            narrowed=tuple(self._narrowed[name] for name in declared if name in self._narrowed),
            overlays=tuple(name for name in OVERLAYS if name in self._overlays),
            costs=Costs.model_validate(costs),
            account=Account.model_validate(account),
            **fields,  # type: ignore[arg-type]
        )

    def _set(self, word: Word, fields: Fields) -> None:
        for name in fields:
            if name in self._fields:
                raise Slip(Repeated(word=word.text), {word.at: ""})
            self._places[name] = word.at
        self._fields.update(fields)

    def _take_cap(self, word: Word, found: re.Match[str]) -> None:
        name, sign, equal, value = found.groups()
        if equal:
            raise Slip(
                UnknownOption(word=word.text, nearest=f"{name}{sign}{value}", known=""),
                {word.at: f"{name}{sign}{value}"},
            )
        if not value:
            raise MissingValue(word=f"{name}{sign}", example=f"{name}{sign}20")
        cap = read_cap(name.lower(), sign, value)
        key = (cap.goal, cap.is_upper)
        if key in self._caps:
            raise Slip(Repeated(word=word.text), {word.at: ""})
        self._caps[key] = cap

    def _take_pair(self, word: Word, key: str, value: str) -> None:
        key = key.lstrip("-")
        parameter = None if key == "mode" and value.lower() in _MODES else self._parameter(key)
        option = find_option(key)
        if parameter is None and option is None:
            raise UnknownParameter.of(key, self._known_keys())
        if not value:
            raise MissingValue(word=f"{key}=", example=_example(parameter) if parameter else option.example)  # type: ignore[union-attr]
        if parameter is not None:
            self._narrow(word, parameter, value)
        elif option is not None:
            self._set(word, option.read(value))

    def _take_lone(self, word: Word) -> None:
        flag = find_flag(word.lower)
        if flag is not None:
            self._set(word, dict(flag.fields))
            return
        parameter = self._parameter(word.lower.lstrip("-"))
        if parameter is None:
            option = find_option(word.lower.lstrip("-"))
            if option is not None:
                raise MissingValue(word=option.key, example=option.example)
            raise UnknownOption.of(word.text, (*FLAGS, *self._known_keys()))
        if parameter.name in self._own_names():
            raise MissingValue(word=parameter.name, example=_example(parameter))
        if parameter.name in self._overlays:
            raise Slip(Repeated(word=word.text), {word.at: ""})
        self._overlays.add(parameter.name)

    def _narrow(self, word: Word, parameter: Parameter, value: str) -> None:
        if parameter.name in self._narrowed or parameter.name in self._overlays:
            raise Slip(Repeated(word=word.text), {word.at: ""})
        self._narrowed[parameter.name] = read_narrowed(parameter, value)
        if parameter.name not in self._own_names():
            self._overlays.add(parameter.name)

    def _own_names(self) -> tuple[str, ...]:
        return self._strategy.parameter_names

    def _known_keys(self) -> tuple[str, ...]:
        return (*self._own_names(), *OVERLAYS, *OPTIONS)

    def _parameter(self, key: str) -> Parameter | None:
        """Return the strategy's parameter, with or without the strategy's name in front, or the overlay of a key."""
        own = {parameter.name: parameter for parameter in self._strategy.parameters}
        for prefix in ("", f"{self._strategy.key}_", *(f"{alias}_" for alias in self._strategy.aliases)):
            if key.startswith(prefix) and key.removeprefix(prefix) in own:
                return own[key.removeprefix(prefix)]
        return OVERLAYS.get(key)


def read_cap(name: str, sign: str, value: str) -> Cap:
    """Read `maxdd<20` as a cap whose bound is 0.2; bounds on other measures are plain numbers.

    A drawdown may be written as the loss it is: `maxdd<-20` and `maxdd>-20` are `maxdd<20`. Raises UnknownGoal,
    NotANumber, OutOfRange.
    """
    goal = find_cap(name)
    if goal == "maxdd" and value.startswith("-"):
        sign, value = "<", value.removeprefix("-")
    if goal in _SHARES:
        bound = read_percent(name, value, low=0, high=_SHARES[goal], takes_fraction=True)
    elif CAPS[goal] in FRACTIONS:
        bound = read_percent(name, value, low=-1_000, high=1_000_000)
    else:
        bound = read_number(name, value, low=-1_000_000, high=1_000_000)
    return Cap(goal=goal, is_upper=sign == "<", bound=bound)


def cap_text(cap: Cap) -> str:
    """Return a cap as a person types it."""
    bound = percent_text(cap.bound) if CAPS[cap.goal] in FRACTIONS else plain_number(cap.bound)
    return f"{cap.goal}{'<' if cap.is_upper else '>'}{bound}"


def read_narrowed(parameter: Parameter, value: str) -> Narrowed:
    """Read `14`, `10..20:2`, or `revert|break` (with commas too) for a parameter.

    Raises OutOfRange, NotANumber, NotARange, EmptySpace or WrongChoice where the parameter has no such value.
    """
    if isinstance(parameter, Choice):
        choices = tuple(dict.fromkeys(re.split(r"[|,]", value.lower())))
        parameter.narrowed(choices)
        return Narrowed(name=parameter.name, choices=choices)
    stretch = read_number_range(parameter.name, value, like=(parameter.low, parameter.high))
    if parameter.unit == "%" and "%" not in value and 0 < stretch.low <= stretch.high < 1 <= parameter.low:
        stretch = stretch.from_fraction()
    parameter.narrowed(stretch.low, stretch.high, stretch.step)
    return Narrowed(name=parameter.name, low=stretch.low, high=stretch.high, step=stretch.step)


def narrowed_text(narrowed: Narrowed) -> str:
    """Return a narrowed parameter as a person types it."""
    if narrowed.choices:
        return f"{narrowed.name}={'|'.join(narrowed.choices)}"
    assert narrowed.low is not None and narrowed.high is not None  # noqa: PT018
    low, high = plain_number(narrowed.low), plain_number(narrowed.high)
    step = f":{plain_number(narrowed.step)}" if narrowed.step is not None else ""
    return f"{narrowed.name}={low}" if low == high and not step else f"{narrowed.name}={low}..{high}{step}"


def _example(parameter: Parameter) -> str:
    if isinstance(parameter, Range):
        return f"{parameter.name}={plain_number(parameter.default)}"
    return f"{parameter.name}={parameter.default}"


def read_start(words: Sequence[Word], rules: SavedRules = NO_RULES) -> Start:
    """Read symbols, strategy or rule, and options. Raises Slip at the first word that is wrong."""
    if not words:
        raise Slip(MissingStart(usage=VERBS["start"].usage))
    words = _rule_first(words)
    strategy, rule = _strategy_or_rule(words, rules)
    symbols = read_symbols(words[0])
    builder = StartBuilder(strategy, rule)
    for word in words[2:]:
        builder.take(word)
    return builder.finish(symbols)


def _rule_first(words: Sequence[Word]) -> Sequence[Word]:
    """Return the words with a rule that follows options put before them, right after the symbols."""
    at = next((place for place, word in enumerate(words) if place and not _is_option(word)), 0)
    if at < 2 or not is_rule_text(words[at]):
        return words
    return [words[0], words[at], *words[1:at], *words[at + 1 :]]


def _is_option(word: Word) -> bool:
    """Check whether a word is `key=value`; a rule may have an equal sign too."""
    return word.pair is not None and word.pair[0].isidentifier()


def _strategy_or_rule(words: Sequence[Word], rules: SavedRules) -> tuple[Strategy, StudyRule | None]:
    if len(words) > 1 and is_rule_text(words[1]):
        return strategy_of_typed(words[1], rule := read_rule(words[1])), rule
    if len(words) > 1 and not is_strategy(words[1].text) and (saved := rules.get(words[1].lower)):
        return strategy_of_typed(words[1], saved), saved
    return _strategy(words, rules), None


def strategy_of_typed(word: Word, rule: StudyRule) -> Strategy:
    """Strategy of a rule that a word is. Raises Slip where the rule has nothing to search."""
    with locate_errors(word):
        return strategy_of_rule(rule.text, SHORTEST, rule.name or RULE)


def is_strategy(text: str) -> bool:
    """Check whether a word is a strategy's key or alias."""
    return text.lower() in STRATEGIES.key_of


def read_symbols(word: Word) -> tuple[str, ...]:
    """Read the symbols and watch lists of the first word. Raises Slip."""
    found: list[str] = []
    with locate_errors(word):
        for part in word.text.split(","):
            symbol = read_symbol_or_list(part)
            if symbol in found:
                raise Slip(Repeated(word=part), {word.at: _without_repeats(word.text)})
            found.append(symbol)
        if len(found) > MAX_SYMBOLS:
            raise OutOfRange(name="symbols", low=1, high=MAX_SYMBOLS, value=len(found), nearest=MAX_SYMBOLS)
    return tuple(found)


def _without_repeats(text: str) -> str:
    return ",".join(dict.fromkeys(part.upper() for part in text.split(",")))


def _strategy(words: Sequence[Word], rules: SavedRules) -> Strategy:
    """Return the strategy that the second word names. Raises the most helpful Slip where it names none."""
    first = words[0]
    if len(words) == 1 or words[1].pair or _NUMBER_LIKE.fullmatch(words[1].text):
        raise _no_strategy(first)
    second = words[1]
    if is_strategy(second.text):
        return find_strategy(second.lower)
    if is_strategy(second.text.partition(",")[0]):
        raise Slip(OneStrategy(word=second.text), {second.at: second.text.replace(",", " ")})
    if is_strategy(first.text) and is_symbol(second.text):
        error = SymbolFirst(word=first.text, symbol=second.text)
        raise Slip(error, {first.at: second.typed, second.at: first.typed})
    if not nearest(second.text, STRATEGIES.key_of) and _is_no_symbol(first):
        raise _unknown_verb(first)
    if near := nearest(second.lower, rules):
        raise Slip(UnknownStrategy(word=second.text, nearest=near, known=""), {second.at: near})
    with locate_errors(second):
        return find_strategy(second.lower)


def _no_strategy(first: Word) -> Slip:
    if _is_no_symbol(first):
        return _unknown_verb(first)
    symbols, _, last = first.text.rpartition(",")
    instead = f"{symbols} {last}" if symbols and is_strategy(last) else f"{first.text} rsi"
    return Slip(MissingStrategy(word=first.text), {first.at: instead})


def _is_no_symbol(first: Word) -> bool:
    """Check whether the first word rather is a mistyped verb."""
    symbols = first.text.split(",")
    return not all(is_symbol(s) or s.startswith("@") for s in symbols) or bool(nearest_verb(first.text))


def nearest_verb(text: str) -> str:
    """Return the verb that a word misspells: with the same first letter, since a symbol may look like anything."""
    alike = [word for word in VERB_WORDS if word[0] == text[:1].lower() and abs(len(word) - len(text)) <= 2]
    return nearest(text, alike)


def _unknown_verb(first: Word) -> Slip:
    near = nearest_verb(first.text)
    error = UnknownVerb(word=first.text, nearest=near, known=", ".join(VERBS))
    return Slip(error, {first.at: near} if near else None)
