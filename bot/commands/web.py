"""A link of one's own to the pages."""

from bot.grammar.commands import OpenWeb
from bot.office import Answer, Office
from bot.pages.doorway import LINK_LIVES, Doorway
from bot.place import Place


async def open_web(command: OpenWeb, place: Place, office: Office) -> Answer:
    """A link that signs the asker in, once and soon; told to nobody else."""
    settings = office.desk.settings
    ticket = Doorway.of(settings.home, office.clock).link_for(place.user_id, place.team_id)
    message = place.renderer.render(
        "web",
        url=f"{settings.web_address}/sign-in?ticket={ticket}",
        minutes=int(LINK_LIVES.total_seconds() // 60),
        is_public=bool(settings.public_url),
    )
    return Answer(message)
