"""Rules in words: shown as they were understood before anything runs, saved, listed, and taken off the list."""

from bot.access.roster import Denied
from bot.commands.button_commands import DropRule, EditAsRule
from bot.commands.common import find_result
from bot.context import Answer, Audience, BotContext, Listeners
from bot.delivery.rule_plans import facts_of
from bot.documents.saved_rules import SavedRule, archive_rule, newest_versions, save_rule, versions_of
from bot.grammar.commands import ArchiveRule, ListRules, SaveRule, ShowRule, Start
from bot.grammar.formatting import start_text
from bot.grammar.parsing import parse
from bot.origin import Origin
from bot.role import Role
from bot.schedules.universes import plan_selection, select
from optimizer.errors import UnknownWord, UserError
from optimizer.strategies.rules.built_in_sentences import has_sentence, rule_of_winner
from reports.facts import RuleFacts
from reports.text.message import Message


class UnknownRule(UnknownWord):
    """Raised for a rule that is not saved. Facts: word, known, nearest."""


class NoSavedRules(UserError):
    """Raised where no rule is saved at all."""


class NotYourRule(Denied):
    """Raised for a rule that someone else saved. Facts: word, owner."""


class NoSentence(UserError):
    """Raised for a strategy that no sentence says. Facts: word."""


async def understood(command: Start, origin: Origin, context: BotContext) -> Message:
    """Show a rule as it was understood, with its parameters and what was tried before, and buttons that go on."""
    plans = await plan_selection(await select(command, context.services), context.services)
    return rule_message(command, await facts_of(plans, origin.renderer.language), origin)


def rule_message(command: Start, facts: RuleFacts, origin: Origin) -> Message:
    """Word a rule with the command that runs it."""
    return origin.renderer.render("rule", rule=facts, command=start_text(command, prefix=""), name=command.name)


async def list_rules(command: ListRules, origin: Origin, context: BotContext) -> Answer:
    """Show every saved rule, one line each."""
    rules = await newest_versions()
    if not rules:
        raise NoSavedRules()
    return Answer(origin.renderer.render("rule_list", rules=rules), Audience.THREAD)


async def show_rule(command: ShowRule, origin: Origin, context: BotContext) -> Answer:
    """Show the versions of a rule; raises UnknownRule."""
    versions = await _require(command.name)
    return Answer(origin.renderer.render("rule_versions", versions=versions), Audience.THREAD)


async def save(command: SaveRule, origin: Origin, context: BotContext) -> Answer:
    """Save a rule as the next version of its name; raises RuleNameTaken for a symbol."""
    saved = await save_rule(command.name, command.rule, by=origin.user_id, now=context.clock())
    return Answer(origin.renderer.render("rule_saved", saved=saved))


async def archive(command: ArchiveRule, origin: Origin, context: BotContext) -> Answer:
    """Take a rule off the list; raises UnknownRule and NotYourRule."""
    versions = await _require(command.name)
    owner = versions[-1].created_by
    if owner != origin.user_id and origin.role < Role.APPROVER:
        raise NotYourRule(word=command.name, owner=owner)
    await archive_rule(command.name, by=origin.user_id, now=context.clock())
    return Answer(origin.renderer.notice("rule_archived", rule=command.name))


async def edit_as_rule(command: EditAsRule, origin: Origin, context: BotContext) -> Answer:
    """Show the winner of a study as a rule, ready to be changed; raises NoSentence."""
    study = await find_result(command.study, origin, context)
    spec = study.spec
    assert study.summary is not None, "only a finished study has a winner"
    if spec.rule is None and not has_sentence(spec.strategy_name):
        raise NoSentence(word=spec.strategy_name)
    text = rule_of_winner(spec, study.summary.winner.params)
    start = parse(f'{spec.label} "{text}" {spec.n_trials}')
    assert isinstance(start, Start), "a canonical sentence is read as a start"
    return Answer(await understood(start, origin, context), Audience.THREAD)


async def drop(command: DropRule, origin: Origin, context: BotContext) -> Answer:
    """Say that nothing was started."""
    return Answer(origin.renderer.notice("rule_dropped"))


async def _require(name: str) -> list[SavedRule]:
    versions = await versions_of(name)
    if not versions:
        raise UnknownRule.of(name, [saved.name for saved in await newest_versions()])
    return versions


LISTENERS: Listeners = {
    ListRules: list_rules,
    ShowRule: show_rule,
    SaveRule: save,
    ArchiveRule: archive,
    EditAsRule: edit_as_rule,
    DropRule: drop,
}
