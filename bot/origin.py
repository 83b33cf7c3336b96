"""Origin of a command: its channel, its user, and the languages of the answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from bot.role import Role
from optimizer.lazy import LazyModule
from optimizer.storage.documents import OptimizationStudy
from reports.languages import Language

if TYPE_CHECKING:
    from reports import render
else:
    render = LazyModule("reports.render")  # where something is worded


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """File that came with a command; it is read when a command wants it."""

    name: str
    read: Callable[[], Awaitable[str]]  # raises UnreadableAttachment


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Channel and user of a command."""

    channel_id: str  # empty: nothing is posted
    user_id: str
    team_id: str = ""
    thread_ts: str = ""
    language: Language = "en"  # of private answers
    public_language: Language = "en"  # of what everyone in the channel sees
    is_broadcast: bool = False  # whether the channel wants results shown outside their threads
    is_brief: bool = True  # whether the channel wants the decision alone, and the rest when somebody asks for it
    audience_channel_id: str = ""  # whose members may see what is told elsewhere; empty: that channel's own
    role: Role = Role.NOBODY
    trigger_id: str = ""  # lets a form be opened within three seconds; empty where Slack offers none
    delivery: str = ""  # Slack's name of this delivery; the same one may come twice
    is_overheard: bool = False  # the answer is posted where others read it too
    attachment: Attachment | None = None  # a file that came with the command

    @property
    def renderer(self) -> "render.Renderer":
        """Renderer for the user."""
        return render.renderer_of(self.language)

    @property
    def public_renderer(self) -> "render.Renderer":
        """Renderer for everyone in the channel."""
        return render.renderer_of(self.public_language)

    @property
    def is_direct(self) -> bool:
        """True for a conversation with the bot alone."""
        return self.channel_id.startswith("D")

    def of_study(
        self, command: str, *, is_quiet: bool = False, group: str = "", is_in_table: bool = False
    ) -> "StudyOrigin":
        """The origin of a study that is requested here with these words."""
        return StudyOrigin(
            door=Door.SLACK if self.channel_id else Door.API,
            command=command,
            channel_id=self.channel_id,
            user_id=self.user_id,
            team_id=self.team_id,
            thread_ts=self.thread_ts,
            language=self.public_language,
            delivery=self.delivery,
            group=group,
            is_in_table=is_in_table,
            is_quiet=is_quiet,
            is_broadcast=self.is_broadcast,
            is_brief=self.is_brief,
        )


class Door(StrEnum):
    """Where studies are requested."""

    SLACK = auto()  # the result is posted there
    API = auto()
    TERMINAL = auto()
    SCHEDULE = auto()


def _flag(value: object) -> object:
    """Earlier versions stored "yes" or an empty string."""
    return value == "yes" if isinstance(value, str) else value


_Flag = Annotated[bool, BeforeValidator(_flag)]


class StudyOrigin(BaseModel):
    """Where a study was requested, by whom and with which words: the document that is stored with it."""

    model_config = ConfigDict(frozen=True)

    door: Door | None = None  # None: the study was stored by a program
    command: str = ""
    channel_id: str = ""
    user_id: str = ""
    team_id: str = ""
    thread_ts: str = ""
    language: Language = "en"
    delivery: str = ""
    group: str = ""
    is_in_table: bool = False  # the group is large: its table and its file say everything
    schedule: str = ""  # the name of a schedule that requested it
    is_quiet: _Flag = Field(default=False, validation_alias=AliasChoices("is_quiet", "quiet"))
    is_broadcast: _Flag = Field(default=False, validation_alias=AliasChoices("is_broadcast", "broadcast"))
    is_brief: bool = True

    @classmethod
    def of(cls, study: OptimizationStudy) -> "StudyOrigin":
        """Read the origin stored with a study."""
        return cls.model_validate(study.origin)

    def as_document(self) -> dict[str, Any]:
        """The origin as it is stored."""
        return self.model_dump(mode="json")
