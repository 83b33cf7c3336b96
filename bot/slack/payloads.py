"""Shapes of Slack's requests, as far as listeners rely on them; anything else is refused.

Only the fields that are read are required, so that additions by Slack do no harm. Only holders of the signing
secret reach this check, which should be Slack alone: it keeps a mistake from becoming a fault in a listener.
Source: docs.slack.dev/reference/interaction-payloads, docs.slack.dev/apis/events-api.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BaseModel, Field, Json, StringConstraints, TypeAdapter, ValidationError

#: Ids of people, channels, workspaces and organisations; ts of messages.
UserId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,30}$")]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[CDG][A-Z0-9]{2,30}$")]
TeamId = Annotated[str, StringConstraints(pattern=r"^[TE][A-Z0-9]{2,30}$")]
Ts = Annotated[str, StringConstraints(pattern=r"^\d{1,12}\.\d{1,9}$")]
StudyName = Annotated[str, StringConstraints(pattern=r"^opt-[0-9a-f]{4,32}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[\x21-\x7e]+$", max_length=2000)]
Text = Annotated[str, StringConstraints(max_length=60_000)]
Name = Annotated[str, StringConstraints(max_length=300)]


class _User(BaseModel):
    id: UserId


class _Channel(BaseModel):
    id: ChannelId


class _Team(BaseModel):
    id: TeamId


class _Words(BaseModel):
    text: Text


class _Element(BaseModel):
    action_id: Name | None = None


class _Block(BaseModel):
    type: Name
    elements: list[_Element] = Field(default_factory=list)


class _Message(BaseModel):
    text: Text = ""
    blocks: list[_Block] = Field(default_factory=list)


class _Option(BaseModel):
    value: Name
    text: _Words


class _Filled(BaseModel):
    """One input of a form, by its kind."""

    type: Name
    value: Text | None = None
    selected_option: _Option | None = None
    selected_options: list[_Option] | None = None
    selected_date: Name | None = None
    selected_user: UserId | None = None
    selected_time: Name | None = None
    selected_conversation: ChannelId | None = None


class _State(BaseModel):
    values: dict[Name, Annotated[dict[Name, _Filled], Field(min_length=1)]]


class _View(BaseModel):
    id: Name
    type: Literal["modal"]
    hash: Name = ""
    callback_id: Name = ""
    private_metadata: ChannelId | StudyName | Literal[""]
    state: _State


class _ViewOfHome(BaseModel):
    """Home tab, which has no state of inputs."""

    id: Name
    type: Literal["home"]


class _Interaction(BaseModel):
    user: _User
    team: _Team | None = None
    enterprise: _Team | None = None
    response_urls: list[dict[str, Any]] = Field(default_factory=list, max_length=1)
    trigger_id: Name = ""
    response_url: Url | None = None


class _Button(BaseModel):
    type: Literal["button"]
    action_id: Name
    value: Text
    text: _Words


class _MenuChoice(BaseModel):
    type: Literal["overflow"]
    action_id: Name
    selected_option: _Option


class _Choice(BaseModel):
    """Menu, or a field that reports what is typed into it."""

    type: Literal[
        "static_select", "multi_static_select", "radio_buttons", "checkboxes", "plain_text_input", "number_input"
    ]
    action_id: Name


class _Link(BaseModel):
    """Button that opens a page; nothing to do."""

    type: Literal["button"]
    action_id: Name
    url: Url


class _Container(BaseModel):
    thread_ts: Ts | Literal[""] | None = None


class _MessageAct(_Interaction):
    type: Literal["block_actions"]
    channel: _Channel
    container: _Container
    message: _Message | None = None
    actions: list[_Button | _MenuChoice | _Choice | _Link] = Field(min_length=1)


class _ViewAct(_Interaction):
    type: Literal["block_actions"]
    channel: None = None
    view: _View | _ViewOfHome
    actions: list[_Button | _MenuChoice | _Choice | _Link] = Field(min_length=1)


class _Submission(_Interaction):
    type: Literal["view_submission", "view_closed"]
    view: _View


class _Shortcut(_Interaction):
    type: Literal["message_action"]
    callback_id: Name
    channel: _Channel
    message: _Message


class _GlobalShortcut(_Interaction):
    type: Literal["shortcut"]
    callback_id: Name


class _File(BaseModel):
    """File of a message; of one that the bot may not see there is the id alone."""

    id: Name
    name: Text | None = None
    url_private: Url | None = None


class _Event(BaseModel):
    """Event; `user`, `channel`, `text` and `ts` are present where a person wrote."""

    type: Name
    subtype: Name | None = None
    user: UserId | None = None
    channel: ChannelId | None = None
    text: Text | None = None
    ts: Ts | None = None
    thread_ts: Ts | Literal[""] | None = None
    team: TeamId | None = None
    tab: Name | None = None
    channel_type: Name | None = None
    bot_id: Name | None = None
    files: list[_File] | None = Field(default=None, max_length=100)


class _Mention(_Event):
    type: Literal["app_mention"]
    user: UserId
    channel: ChannelId
    text: Text
    ts: Ts


class _UserMessage(_Event):
    """Message of a person, maybe with files; others have another subtype, or a bot's id."""

    type: Literal["message"]
    subtype: Literal["file_share"] | None = None
    user: UserId
    channel: ChannelId
    text: Text
    ts: Ts


class _SystemMessage(_Event):
    """Message that no person wrote, or that was changed."""

    type: Literal["message"]
    subtype: Name


class _BotMessage(_Event):
    type: Literal["message"]
    bot_id: Name


class _HomeOpened(_Event):
    type: Literal["app_home_opened"]
    user: UserId


class _SharedLink(BaseModel):
    url: Text


class _LinkShared(_Event):
    """Message, or one that is being written, with links to the bot's pages."""

    type: Literal["link_shared"]
    user: UserId
    channel: ChannelId  # COMPOSER for one that is being written
    message_ts: Name
    links: list[_SharedLink] = Field(max_length=200)
    unfurl_id: Name | None = None
    source: Name | None = None


class _AssistantThread(BaseModel):
    user_id: UserId
    channel_id: ChannelId
    thread_ts: Ts


class _ThreadStarted(_Event):
    type: Literal["assistant_thread_started"]
    assistant_thread: _AssistantThread


def _require_unread_kind(kind: str) -> str:
    """Accept only the kinds of events that no listener reads."""
    if kind in ("app_mention", "message", "app_home_opened", "link_shared", "assistant_thread_started"):
        raise ValueError("this event has a shape of its own")
    return kind


class _Other(_Event):
    type: Annotated[Name, AfterValidator(_require_unread_kind)]


class _Callback(BaseModel):
    type: Literal["event_callback"]
    event_id: Name
    team_id: TeamId | None = None
    authorizations: list[dict[str, Any]] | None = None
    event: _Mention | _BotMessage | _UserMessage | _SystemMessage | _HomeOpened | _LinkShared | _ThreadStarted | _Other


class _Challenge(BaseModel):
    """Slack's one-time check of the address."""

    type: Literal["url_verification"]
    challenge: Name


class _Command(BaseModel):
    command: Annotated[str, StringConstraints(pattern=r"^/[\w-]{1,40}$")]
    text: Text = ""
    channel_id: ChannelId
    user_id: UserId
    team_id: TeamId
    trigger_id: Name
    response_url: Url | None = None


class _CertificateCheck(BaseModel):
    """Slack's check of the certificate."""

    ssl_check: Literal["1"]


_INTERACTION: TypeAdapter[Any] = TypeAdapter(Json[_MessageAct | _ViewAct | _Submission | _Shortcut | _GlobalShortcut])
_EVENT: TypeAdapter[Any] = TypeAdapter(Json[_Callback | _Challenge])
_FORM: TypeAdapter[Any] = TypeAdapter(_Command | _CertificateCheck)


def is_known_shape(headers: Mapping[str, str], body: bytes) -> bool:
    """Check whether a listener can read this request; `headers` by names in lower case."""
    try:
        if headers.get("content-type", "").startswith("application/json"):
            _EVENT.validate_python(body)
            return True
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        if "payload" in fields:
            _INTERACTION.validate_python(fields["payload"])
        else:
            _FORM.validate_python(fields)
    except (ValidationError, UnicodeDecodeError):
        return False
    return True
