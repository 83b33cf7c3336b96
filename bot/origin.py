"""Origin of a command: its channel, its user, and the languages of the answers."""

from dataclasses import dataclass

from bot.role import Role
from reports.render import Language, Renderer, renderer_of

#: Entry points: studies that are posted in Slack, and studies that are not posted.
DOOR = "slack"
SILENT_DOOR = "api"


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
    role: Role = Role.NOBODY
    trigger_id: str = ""  # lets a form be opened within three seconds; empty where Slack offers none
    delivery: str = ""  # Slack's name of this delivery; the same one may come twice

    @property
    def renderer(self) -> Renderer:
        """Renderer for the user."""
        return renderer_of(self.language)

    @property
    def public_renderer(self) -> Renderer:
        """Renderer for everyone in the channel."""
        return renderer_of(self.public_language)

    @property
    def is_direct(self) -> bool:
        """True for a conversation with the bot alone."""
        return self.channel_id.startswith("D")

    def as_document(self, command: str, *, is_quiet: bool = False, group: str = "") -> dict[str, str]:
        """Return what a study stores of its origin and command; flags are "yes" or empty."""
        return {
            "door": DOOR if self.channel_id else SILENT_DOOR,
            "command": command,
            "channel_id": self.channel_id,
            "user_id": self.user_id,
            "team_id": self.team_id,
            "thread_ts": self.thread_ts,
            "language": self.public_language,
            "delivery": self.delivery,
            "group": group,
            "quiet": "yes" if is_quiet else "",
            "broadcast": "yes" if self.is_broadcast else "",
        }
