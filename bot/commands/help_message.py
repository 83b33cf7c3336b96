"""Help, generated from the declarations: for the listener, and for a terminal without any services."""

from bot.grammar.commands import Help, Topic
from bot.grammar.options import FLAGS, OPTIONS, Flag, Option
from bot.grammar.verbs import VERBS, Verb
from bot.role import Role
from optimizer.domain.metrics import GOALS
from optimizer.strategies.registry import OVERLAYS
from optimizer.strategies.rules.cursor import textbook
from optimizer.strategies.rules.quantity_catalogue import CATALOGUE
from optimizer.strategies.rules.writing import written_quantity
from reports.render import Language, Renderer
from reports.text.message import Message


def help_message(command: Help, renderer: Renderer, role: Role) -> Message:
    """Word the help about a topic, limited to what the role may do."""
    topic = command.topic
    match command.kind:
        case Topic.SUBJECT:
            tables = {"goals": list(GOALS.values()), "overlays": list(OVERLAYS.values()), "options": all_options()}
            rows = quantity_lines(renderer.language) if topic == "indicators" else tables.get(topic, [])
            return renderer.render("help_subject", subject=topic, rows=rows)
        case Topic.GOAL:
            return renderer.render("help_subject", subject="goals", rows=[GOALS[topic]])
        case Topic.OPTION:
            return renderer.render("help_subject", subject="options", rows=[o for o in all_options() if o.key == topic])
        case Topic.TERM:
            return renderer.render("help_term", term=topic)
        case Topic.VERB:
            return renderer.help(topic, list(VERBS.values()))
        case _:
            return renderer.help(topic, verbs_for(role))


def quantity_lines(language: Language) -> list[tuple[str, tuple[str, ...], str]]:
    """Return an example, other words and the unit of each quantity that rules can name."""
    is_korean = language == "ko"
    return [
        (
            written_quantity(textbook(entry), is_korean=is_korean),
            (entry.korean if is_korean else entry.english)[1:4],
            entry.unit.value,
        )
        for entry in CATALOGUE.values()
    ]


def all_options() -> list[Option | Flag]:
    """Return every option and flag of a start."""
    return [*OPTIONS.values(), *(flag for flag in FLAGS.values() if flag.key not in OPTIONS)]


def verbs_for(role: Role) -> list[Verb]:
    """Return the verbs that a role may use."""
    return [verb for verb in VERBS.values() if verb.role <= role]
