"""Where a command was typed, by whom, and in which language to answer."""

from dataclasses import asdict, dataclass

from reports.render import Language, Renderer, renderer_of

#: The mark of studies that are told in Slack.
DOOR = "slack"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a command was typed, and by whom."""

    channel_id: str
    user_id: str
    team_id: str = ""
    thread_ts: str = ""
    language: Language = "en"
    delivery: str = ""  # Slack's name of this delivery; the same one may come twice

    @property
    def renderer(self) -> Renderer:
        """Words in the asker's language."""
        return renderer_of(self.language)

    def as_origin(self, command: str) -> dict[str, str]:
        """What a study keeps of where it was asked for, and with which words."""
        return {"door": DOOR, "command": command, **asdict(self)}
