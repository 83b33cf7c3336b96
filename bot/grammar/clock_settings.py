"""Settings that are times: quiet hours and the digest of a channel, and a person's time zone."""

from collections.abc import Callable, Mapping

from bot.grammar.cadence import find_time_zone, read_clock
from bot.grammar.errors import NotQuietHours

#: Value of a setting that is not in use, as it is stored and shown.
OFF = "off"
_OFF_WORDS = (OFF, "no", "none", "끄기", "끔", "없음")


def read_quiet(text: str) -> str:
    """Read `22:00-07:00`, `10pm-7am` or `off`. Raises NotATime and NotQuietHours."""
    if text.lower() in _OFF_WORDS:
        return OFF
    start, dash, end = text.lower().replace("~", "-").partition("-")
    if not dash or not start or not end or read_clock(start) == read_clock(end):
        raise NotQuietHours(word=text)
    return f"{_clock(start)}-{_clock(end)}"


def read_digest(text: str) -> str:
    """Read `08:00`, `8am` or `off`. Raises NotATime."""
    return OFF if text.lower() in _OFF_WORDS else _clock(text.lower())


def _clock(text: str) -> str:
    hour, minute = read_clock(text)
    return f"{hour:02}:{minute:02}"


#: Readers of a channel's settings that are times.
CHANNEL_CLOCKS: Mapping[str, Callable[[str], str]] = {
    "quiet": read_quiet,
    "digest": read_digest,
    "tz": find_time_zone,
}
#: Value of a person's time zone that follows their Slack.
AS_IN_SLACK = "slack"


def read_own_zone(text: str) -> str:
    """Read a person's time zone, or `slack` for the one that they have there. Raises UnknownTimeZone."""
    return AS_IN_SLACK if text.lower() == AS_IN_SLACK else find_time_zone(text)
