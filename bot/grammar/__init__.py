"""Text into typed commands, and back. Pure: no clock, no network, no store.

parse("AAPL RSI 200 goal=sortino maxdd<20")   → Start(specs=(StudySpec(...),), ...)
command_text(spec)                            → "/optimize AAPL rsi 200 goal=sortino maxdd<20"
"""

from bot.grammar.commands import Command
from bot.grammar.parsing import parse
from bot.grammar.text import command_text, schedule_text, start_text
from bot.grammar.verbs import VERB_WORDS, VERBS, AnswerTo, Role, Verb, verb_of

__all__ = [
    "VERBS",
    "VERB_WORDS",
    "AnswerTo",
    "Command",
    "Role",
    "Verb",
    "command_text",
    "parse",
    "schedule_text",
    "start_text",
    "verb_of",
]
