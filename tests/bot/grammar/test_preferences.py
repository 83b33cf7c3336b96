"""What is typed for quiet hours, digests, and one's own preferences."""

import pytest

from bot.grammar import commands
from bot.grammar.errors import NotATime, NotQuietHours, UnknownSetting, UnknownTimeZone
from bot.grammar.parsing import parse
from optimizer.errors import UserError, WrongChoice


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("config quiet 22:00-07:00", commands.Config("quiet", "22:00-07:00")),
        ("config quiet=10pm-7am", commands.Config("quiet", "22:00-07:00")),
        ("config quiet 22:00 - 7:00", commands.Config("quiet", "22:00-07:00")),
        ("config quiet off", commands.Config("quiet", "off")),
        ("설정 quiet 22시-7시", commands.Config("quiet", "22:00-07:00")),
        ("config digest 8am", commands.Config("digest", "08:00")),
        ("config digest=no", commands.Config("digest", "off")),
        ("config tz seoul", commands.Config("tz", "Asia/Seoul")),
        ("config quiet", commands.Config("quiet")),
        ("mute", commands.Mute()),
        ("음소거", commands.Mute()),
        ("unmute", commands.Unmute()),
        ("preferences", commands.Preferences()),
        ("prefs mute yes", commands.Preferences("mute", "yes")),
        ("preferences dm=no", commands.Preferences("dm", "no")),
        ("preferences tz Seoul", commands.Preferences("tz", "Asia/Seoul")),
        ("preferences tz=slack", commands.Preferences("tz", "slack")),
        ("내설정 dm", commands.Preferences("dm")),
    ],
)
def test_settings_that_are_times_and_preferences_are_read(text: str, command: commands.Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("config quiet 22:00", NotQuietHours),
        ("config quiet 22:00-22:00", NotQuietHours),
        ("config quiet 22:00-late", NotATime),
        ("config digest soon", NotATime),
        ("config tz Nowhere", UnknownTimeZone),
        ("preferences color red", UnknownSetting),
        ("preferences dm maybe", WrongChoice),
        ("preferences tz Nowhere", UnknownTimeZone),
    ],
)
def test_what_is_no_time_or_choice_is_refused(text: str, error: type[UserError]) -> None:
    with pytest.raises(error):
        parse(text)
