"""What a failed call to Slack means: one table for everything that is sent.

Only what is about the message or the channel is final. What is about the bot waits until somebody has fixed it, and
everything that is not an answer of Slack waits. A code that Slack does not document is waited out for a while
(`UNKNOWN_SECONDS`), since most of Slack's new codes have been about a moment; then it counts as one about the channel,
so that the conversation moves to its person and names the code: nothing is lost without a word.

Source: the errors of each page under docs.slack.dev/reference/methods, of `chat.*`, `files.*` and `views.*`.
"""

import math
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError, SlackRequestError
from slack_sdk.web.async_slack_response import AsyncSlackResponse


class Reach(StrEnum):
    """What an error is about, and so what else would meet it."""

    MESSAGE = auto()  # this message, wherever it is sent
    CHANNEL = auto()  # every message to this channel
    BOT = auto()  # every call, until a person has fixed it
    WAIT = auto()  # this moment
    UNKNOWN = auto()  # waited out for a while, then like CHANNEL


#: Seconds that a code which Slack does not document is waited out.
UNKNOWN_SECONDS = 300.0
#: The same for a file that Slack's storage refuses: it keeps everything behind it waiting.
UPLOAD_SECONDS = 30.0
#: Longest wait that a `Retry-After` may ask for, in seconds.
LONGEST_RETRY_AFTER = 600.0

_ABOUT_THE_MESSAGE = """
    alt_txt_too_large as_user_not_supported attachment_payload_limit_exceeded bad_image bad_title block_mismatch
    cannot_auth_user cannot_find_message cannot_find_service cannot_parse_attachment cannot_prompt
    cannot_reply_to_message cannot_unfurl_message cannot_unfurl_url cant_broadcast_message cant_delete_file
    cant_delete_message cant_update_message channels_limit_exceeded compliance_exports_prevent_deletion
    delete_not_allowed duplicate_channel_not_found duplicate_external_id duplicate_message_not_found
    edit_window_closed exchanged_trigger_id expired_trigger_id file_deleted file_deleting_disabled file_not_found
    file_upload_size_restricted file_uploads_disabled file_uploads_except_images_disabled hash_conflict
    invalid_arg_name invalid_arguments invalid_array_arg invalid_attachments invalid_blocks invalid_blocks_format
    invalid_charset invalid_external_id invalid_form_data invalid_metadata_format invalid_metadata_schema
    invalid_post_type invalid_scheduled_message_id invalid_time invalid_trigger_id invalid_unfurls_format
    markdown_text_conflict message_not_found message_not_in_streaming_state message_not_owned_by_app
    metadata_too_large missing_argument missing_channel missing_file_data missing_post_type missing_recipient_team_id
    missing_recipient_user_id missing_ts missing_unfurls msg_blocks_too_long msg_too_long
    no_dual_broadcast_content_update no_text not_allowed not_found push_limit_reached slack_connect_blocked_file_type
    slack_connect_canvas_sharing_blocked slack_connect_file_link_sharing_blocked slack_connect_lists_sharing_blocked
    snippet_too_large storage_limit_reached time_in_past time_too_far too_large too_many_attachments
    too_many_contact_cards unknown_snippet_type unknown_subtype unknown_type user_not_found view_too_large
"""
_ABOUT_THE_CHANNEL = """
    access_denied cannot_find_channel channel_not_found channel_type_not_supported invalid_channel is_archived
    is_inactive messages_tab_disabled no_permission not_in_channel posting_to_channel_denied
    posting_to_general_channel_denied restricted_action restricted_action_non_threadable_channel
    restricted_action_read_only_channel restricted_action_thread_locked restricted_action_thread_only_channel
    team_not_found user_not_in_channel
"""
_ABOUT_THE_BOT = """
    accesslimited account_inactive deprecated_endpoint ekm_access_denied enterprise_is_restricted invalid_auth
    invalid_token is_bot metadata_must_be_sent_from_app method_deprecated missing_scope not_allowed_token_type
    not_authed not_enabled org_login_required team_access_not_granted token_expired token_revoked
    two_factor_setup_required unknown_method user_is_bot user_is_restricted
"""
_ABOUT_THE_MOMENT = """
    external_channel_migrating fatal_error file_update_failed internal_error message_limit_exceeded
    messaging_processing_failed rate_limited ratelimited request_timeout restricted_too_many service_unavailable
    streaming_state_conflict team_added_to_org update_failed
"""
#: Reach by Slack's code.
BY_CODE: Mapping[str, Reach] = {
    **dict.fromkeys(_ABOUT_THE_MESSAGE.split(), Reach.MESSAGE),
    **dict.fromkeys(_ABOUT_THE_CHANNEL.split(), Reach.CHANNEL),
    **dict.fromkeys(_ABOUT_THE_BOT.split(), Reach.BOT),
    **dict.fromkeys(_ABOUT_THE_MOMENT.split(), Reach.WAIT),
}
#: Codes for a channel that the bot cannot post to.
UNREACHABLE = frozenset(_ABOUT_THE_CHANNEL.split())


class NotSlack(SlackClientError):
    """Raised for an answer that Slack does not give, such as success without a `ts`: it shows nothing."""


#: Expected failures of a call to Slack; everything else is a fault of the bot.
TROUBLE = (SlackClientError, aiohttp.ClientError, TimeoutError, ConnectionError)


@dataclass(frozen=True, kw_only=True)
class SlackFault:
    """Failed call: what it is about, and how long Slack says to wait, in seconds."""

    reach: Reach
    code: str  # one word for the log and the document; never what a person wrote, never a token
    retry_after: float | None = None
    needed: str = ""  # the scope that is missing
    patience: float = UNKNOWN_SECONDS  # how long one of an unknown reach is waited out, in seconds


def classify(code: str, status: int = 200) -> Reach:
    """Return what an answer is about, by Slack's code (empty: the answer is not Slack's) and the HTTP status."""
    if status == 429 or status >= 500 or not code:
        return Reach.WAIT
    return BY_CODE.get(code, Reach.UNKNOWN)


def fault_of(trouble: BaseException) -> SlackFault:
    """Classify one of TROUBLE."""
    if isinstance(trouble, SlackRequestError):  # Slack's file storage refused the file
        return SlackFault(reach=Reach.UNKNOWN, code=type(trouble).__name__, patience=UPLOAD_SECONDS)
    response = trouble.response if isinstance(trouble, SlackApiError) else None
    if isinstance(response, dict):  # of a bot without Slack
        return SlackFault(reach=Reach.BOT, code=str(response.get("error")))
    # An answer that is no JSON comes from a proxy, and does not show what happened to the message.
    if not isinstance(response, AsyncSlackResponse):
        return SlackFault(reach=Reach.WAIT, code=type(trouble).__name__)
    answer = response.data if isinstance(response.data, dict) else {}
    code, status = str(answer.get("error") or ""), response.status_code
    return SlackFault(
        reach=classify(code if answer.get("ok") is False else "", status),
        code=code or str(status),
        retry_after=retry_after(response.headers.get("Retry-After")) if status == 429 else None,
        needed=str(answer.get("needed") or ""),
    )


def retry_after(header: str | None) -> float | None:
    """Read a `Retry-After` in seconds; None where it is missing or makes no sense."""
    try:
        seconds = float(header) if header is not None else math.nan
    except ValueError:
        return None
    return min(seconds, LONGEST_RETRY_AFTER) if math.isfinite(seconds) and seconds >= 0 else None


async def answer_of(call: Awaitable[AsyncSlackResponse]) -> Mapping[str, Any]:
    """Return Slack's answer to a call; raises NotSlack for one that no JSON object is, on which the client breaks."""
    try:
        answer = await call
    except (AttributeError, TypeError, ValueError) as fault:
        raise NotSlack("unreadable answer") from fault
    if not isinstance(answer.data, dict):
        raise NotSlack("no JSON object")
    return answer.data


def field_of(answer: object, name: str, *, may_be_empty: bool = False) -> Any:
    """Return a field of an answer; raises NotSlack without it, since then Slack did not write the answer."""
    value = answer.get(name) if isinstance(answer, Mapping) else None
    if value is None or not (value or may_be_empty):
        raise NotSlack(f"success without `{name}`")
    return value
