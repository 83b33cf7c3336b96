"""Opening the form that starts a study (the bare command, a button, a shortcut), and the one that repeats it."""

from slack_sdk.errors import SlackApiError

from bot.commands.button_commands import OpenForm, OpenRuleForm, OpenSaveForm, OpenScheduleForm
from bot.commands.common import find_visible
from bot.commands.forms.form_plan import plan_blocks
from bot.commands.forms.rule_form import rule_view
from bot.commands.forms.schedule_form import schedule_view
from bot.commands.forms.start_form import Block, Form, start_view
from bot.commands.info import show_help
from bot.commands.schedule import own_zone
from bot.context import NO_ANSWER, Answer, BotContext, Listeners
from bot.delivery.facts import study_facts
from bot.documents.saved_rules import saved_rules
from bot.grammar.commands import OpenModal, Start
from bot.grammar.parsing import parse
from bot.origin import Door, Origin, StudyOrigin
from optimizer.errors import Phrase, Unavailable, UserError
from optimizer.storage.documents import OptimizationStudy


async def open_form(command: OpenModal, origin: Origin, context: BotContext) -> Answer:
    """Open the form, filled in as the user's last study; show help where Slack offers no forms (a message)."""
    if not origin.trigger_id:
        return await show_help(command, origin, context)
    form = Form(symbol=command.symbol) if isinstance(command, OpenForm) else await last_form(origin.user_id)
    await _open_start(form, origin, context)
    return NO_ANSWER


async def _open_start(form: Form, origin: Origin, context: BotContext) -> None:
    plan = await plan_blocks(form, origin.renderer, context.services)
    await _open(start_view(form, origin.renderer, metadata=origin.channel_id, plan=plan), origin, context)


async def open_rule_form(command: OpenRuleForm, origin: Origin, context: BotContext) -> Answer:
    """Open the form of a rule, with its numbers to change."""
    start = parse(command.text, rules=await saved_rules())
    assert isinstance(start, Start), "the button was made of a start"
    await _open_start(Form.of(start), origin, context)
    return NO_ANSWER


async def open_save_form(command: OpenSaveForm, origin: Origin, context: BotContext) -> Answer:
    """Open the form that saves the rule of a start."""
    start = parse(command.text, rules=await saved_rules())
    assert isinstance(start, Start), "the button was made of a start"
    rule = start.specs[0].rule
    assert rule is not None, "of a rule"
    await _open(rule_view(rule, origin.renderer, metadata=origin.channel_id), origin, context)
    return NO_ANSWER


async def open_schedule_form(command: OpenScheduleForm, origin: Origin, context: BotContext) -> Answer:
    """Open the form that repeats a study, filled in for the user's time zone and this channel."""
    study = await find_visible(command.study, origin, context)
    facts = study_facts(study, now=context.clock())
    zone = await own_zone(origin, context)
    await _open(schedule_view(facts, origin.renderer, time_zone=zone, channel_id=origin.channel_id), origin, context)
    return NO_ANSWER


async def _open(view: Block, origin: Origin, context: BotContext) -> None:
    try:
        await context.client.views_open(trigger_id=origin.trigger_id, view=view)
    except SlackApiError as refusal:
        reason = str(refusal.response.get("error", ""))
        raise Unavailable(what=Phrase("the_form"), reason=reason, remedy=Phrase("type_the_command")) from refusal


async def last_form(user_id: str) -> Form:
    """The form of the last study that someone started in Slack; an empty one before their first."""
    mine = {"created_by": user_id, "origin.door": str(Door.SLACK)}
    study = await OptimizationStudy.find(mine).sort("-created_at").first_or_none()
    if study is None:
        return Form()
    try:
        start = parse(StudyOrigin.of(study).command, rules=await saved_rules())
    except UserError:  # words of an older version
        return Form()
    return Form.of(start) if isinstance(start, Start) else Form()


LISTENERS: Listeners = {
    OpenModal: open_form,
    OpenForm: open_form,
    OpenScheduleForm: open_schedule_form,
    OpenRuleForm: open_rule_form,
    OpenSaveForm: open_save_form,
}
