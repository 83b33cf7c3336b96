"""A Web API call's arguments, wherever the client put them: the query, a form or a JSON body."""

import json
from typing import Any

from aiohttp import web

PARSED = ("blocks", "metadata", "view", "attachments", "files")


async def arguments_of(request: web.Request) -> dict[str, Any]:
    """The arguments from the query, a form or a JSON body, with the JSON ones parsed."""
    arguments: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        arguments |= json.loads(await request.read() or b"{}")
    elif request.can_read_body:
        arguments |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    for name in PARSED:
        if isinstance(arguments.get(name), str):
            arguments[name] = _parsed(arguments[name])
    return arguments


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
