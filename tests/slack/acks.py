"""What Slack does with the body of an ack: a message after a command, an action after a modal.

Source: docs.slack.dev/surfaces/modals (response_action) and
docs.slack.dev/interactivity/implementing-slash-commands (responding).
"""

from tests.slack.blocks import check_view
from tests.slack.response_urls import ResponseUrl
from tests.slack.server import SlackServer
from tests.slack.views import DEPTH, replaced, stored
from tests.slack.workspace import Json, Refusal, View, Workspace


def stack(workspace: Workspace, user: str) -> list[View]:
    """The user's open modals, the topmost last."""
    mine = [each for each in workspace.views.values() if each.user == user and each.is_open]
    return [each for each in mine if each.payload["type"] == "modal"]


def take(slack: SlackServer, url: ResponseUrl | None, payload: Json, answer: Json) -> None:
    """Carry out an ack's body; whatever Slack would show an error for is a violation."""
    kind = payload.get("type", "command")
    try:
        if kind == "view_submission":
            _after_submission(slack.workspace, slack.workspace.views[payload["view"]["id"]], answer)
        elif kind == "command" and answer and url:
            slack.response_urls.reply(url, answer)
        elif answer:
            raise Refusal("unexpected_ack_body", f"{kind} takes no body: {answer}")
    except Refusal as refusal:
        slack.ledger.violate(refusal.code, "; ".join(refusal.details), f"ack of {kind}")


def _after_submission(workspace: Workspace, view: View, answer: Json) -> None:
    match answer.get("response_action"):
        case None if not answer:
            close(workspace, view)
        case "clear":
            for each in stack(workspace, view.user):
                each.is_open = False
        case "errors":
            _check_errors(view, answer.get("errors"))
        case "update":
            replaced(workspace, view, _checked(answer.get("view")))
        case "push":
            if len(stack(workspace, view.user)) >= DEPTH:
                raise Refusal("push_limit_reached", f"{DEPTH} views are open")
            stored(workspace, view.user, _checked(answer.get("view")), previous=view)
        case other:
            raise Refusal("invalid_response_action", f"{other!r} in {answer}")


def close(workspace: Workspace, view: View) -> None:
    """Close a modal; the one under it shows again. All of its stack goes when it says so."""
    view.is_open = False
    if view.payload.get("clear_on_close"):
        for each in stack(workspace, view.user):
            each.is_open = False


def _checked(payload: object) -> Json:
    if flaws := check_view(payload):
        raise Refusal("invalid_view", *map(str, flaws))
    assert isinstance(payload, dict)
    return payload


def _check_errors(view: View, errors: object) -> None:
    """Every error must stand at an input's block, or the modal shows nothing at all."""
    inputs = {each["block_id"] for each in view.to_slack()["blocks"] if each["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise Refusal("invalid_errors", repr(errors))
    if strange := set(errors) - inputs:
        raise Refusal("invalid_errors", f"no input has the block_id {sorted(strange)}")
    if any(not isinstance(each, str) or not each.strip() for each in errors.values()):
        raise Refusal("invalid_errors", "an error without words")
