"""`views.*`: modals opened by a trigger, updated, stacked at most three deep, and the home tab.

Source: docs.slack.dev/surfaces/modals and the pages of the methods.
"""

import hashlib
import json
from collections.abc import Mapping

from tests.slack.blocks import check_view
from tests.slack.request import Method, Request, check_words
from tests.slack.workspace import Json, Refusal, View, Workspace

DEPTH = 3


def checked_view(request: Request) -> Json:
    """The `view` argument; `invalid_arguments` with what is wrong with it, as Slack answers."""
    view = request.args.get("view")
    payload = json.loads(view) if isinstance(view, str) else view
    if not isinstance(payload, dict):
        raise Refusal("invalid_arguments", "missing required field: view")
    if flaws := check_view(payload):
        raise Refusal("invalid_arguments", *map(str, flaws))
    check_words(request, {"blocks": payload["blocks"]})
    return payload


def stored(workspace: Workspace, user: str, payload: Json, *, previous: View | None = None) -> View:
    """A new view on top of `previous`."""
    view_id = workspace.new_id("V")
    taken = {each.payload.get("external_id") for each in workspace.views.values() if each.is_open}
    if payload.get("external_id") and payload["external_id"] in taken:
        raise Refusal("duplicate_external_id", payload["external_id"])
    view = View(
        id=view_id,
        user=user,
        payload=payload,
        hash=_hash(workspace, payload),
        root_id=previous.root_id if previous else view_id,
        previous_id=previous.id if previous else "",
    )
    workspace.views[view_id] = view
    return view


def replaced(workspace: Workspace, view: View, payload: Json) -> View:
    """The same view with new content and a new hash."""
    view.payload, view.hash = payload, _hash(workspace, payload)
    return view


def _hash(workspace: Workspace, payload: Json) -> str:
    digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:8]
    return f"{workspace.new_ts()}.{digest}"


def _modal(request: Request) -> Json:
    payload = checked_view(request)
    if payload["type"] != "modal":
        raise Refusal("invalid_arguments", "only modals can be opened, not a home tab")
    return payload


def open_view(request: Request) -> Json:
    """views.open."""
    payload = _modal(request)
    trigger = request.workspace.take_trigger(request.text("trigger_id"))
    return {"view": stored(request.workspace, trigger.user, payload).to_slack()}


def push(request: Request) -> Json:
    """views.push on the user's topmost modal."""
    payload = _modal(request)
    trigger = request.workspace.take_trigger(request.text("trigger_id"))
    mine = [each for each in request.workspace.views.values() if each.user == trigger.user and each.is_open]
    stack = [each for each in mine if each.payload["type"] == "modal"]
    if not stack:
        raise Refusal("no_open_view")
    if len(stack) >= DEPTH:
        raise Refusal("push_limit_reached", f"{DEPTH} views are open")
    return {"view": stored(request.workspace, trigger.user, payload, previous=stack[-1]).to_slack()}


def update(request: Request) -> Json:
    """views.update by view_id or external_id, guarded by `hash` when given."""
    payload = checked_view(request)
    view = _named(request)
    given = request.args.get("hash")
    if given and given != view.hash:
        raise Refusal("hash_conflict", f"{given} is not {view.hash}")
    return {"view": replaced(request.workspace, view, payload).to_slack()}


def _named(request: Request) -> View:
    for view in request.workspace.views.values():
        is_named = view.id == request.args.get("view_id")
        external_id = request.args.get("external_id")
        if view.is_open and (is_named or (external_id and external_id == view.payload.get("external_id"))):
            return view
    raise Refusal("not_found", "no open view of this id")


def publish(request: Request) -> Json:
    """views.publish: one home tab a user."""
    user, payload = request.user("user_id"), checked_view(request)
    if payload["type"] != "home":
        raise Refusal("invalid_arguments", "only a home tab can be published")
    for view in request.workspace.views.values():
        if view.user == user.id and view.payload["type"] == "home":
            if request.args.get("hash") not in (None, view.hash):
                raise Refusal("hash_conflict", view.hash)
            return {"view": replaced(request.workspace, view, payload).to_slack()}
    return {"view": stored(request.workspace, user.id, payload).to_slack()}


METHODS: Mapping[str, Method] = {
    "views.open": open_view,
    "views.publish": publish,
    "views.push": push,
    "views.update": update,
}
