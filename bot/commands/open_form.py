"""Opening the form that starts a study: by the bare command, a button on the home tab, or a message's shortcut."""

from slack_sdk.errors import SlackApiError

from bot.commands.button_commands import OpenForm
from bot.commands.info import show_help
from bot.commands.start_form import Form, start_view
from bot.context import NO_ANSWER, Answer, BotContext, Listeners
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
    view = start_view(form, origin.renderer, metadata=origin.channel_id)
    try:
        await context.client.views_open(trigger_id=origin.trigger_id, view=view)
    except SlackApiError as refusal:
        reason = str(refusal.response.get("error", ""))
        raise Unavailable(what=Phrase("the_form"), reason=reason, remedy=Phrase("type_the_command")) from refusal
    return NO_ANSWER


async def last_form(user_id: str) -> Form:
    """The form of the last study that someone started in Slack; an empty one before their first."""
    mine = {"created_by": user_id, "origin.door": str(Door.SLACK)}
    study = await OptimizationStudy.find(mine).sort("-created_at").first_or_none()
    if study is None:
        return Form()
    try:
        start = parse(StudyOrigin.of(study).command)
    except UserError:  # words of an older version
        return Form()
    return Form.of(start) if isinstance(start, Start) else Form()


LISTENERS: Listeners = {
    OpenModal: open_form,
    OpenForm: open_form,
}
