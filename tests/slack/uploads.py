"""`files.*`: announce, send the bytes, complete; and what is shared in a thread then.

Source: docs.slack.dev/messaging/working-with-files (uploading files) and the pages of the methods.
"""

import json
from collections.abc import Mapping

from tests.slack.request import Method, Request, check_words, posted
from tests.slack.workspace import File, Json, Refusal, Workspace


def get_upload_url(request: Request) -> Json:
    """files.getUploadURLExternal: the length must be what will be sent."""
    name, length = request.text("filename"), request.number("length", 0)
    if length <= 0:
        raise Refusal("invalid_arguments", "length must be positive")
    if "/" in name or "\\" in name:
        raise Refusal("invalid_arguments", "filename holds a path")
    file = File(
        id=request.workspace.new_id("F"),
        name=name,
        size=length,
        user=request.token.user,
        alt_text=str(request.args.get("alt_txt") or ""),
    )
    request.workspace.files[file.id] = file
    return {"upload_url": f"{request.origin}/upload/v1/{file.id}", "file_id": file.id}


def receive(workspace: Workspace, file_id: str, content: bytes) -> File:
    """The bytes arrive at the upload URL; Refusal when they are not those announced."""
    file = workspace.files.get(file_id)
    if file is None or file.is_complete:
        raise Refusal("file_not_found", file_id)
    if len(content) != file.size:
        raise Refusal("file_upload_size_mismatch", f"announced {file.size} bytes, sent {len(content)}")
    file.content = content
    return file


def complete_upload(request: Request) -> Json:
    """files.completeUploadExternal: share in a channel or a thread, or keep the files private."""
    asked = request.args.get("files")
    listed = json.loads(asked) if isinstance(asked, str) else asked
    if not isinstance(listed, list) or not listed:
        raise Refusal("invalid_arguments", "missing required field: files")
    files = [_completed(request, each) for each in listed]
    targets = [each for each in str(request.args.get("channels") or "").split(",") if each]
    if request.args.get("channel_id"):
        targets.append(str(request.args["channel_id"]))
    for target in targets:
        _share(request, target, files)
    return {"files": [each.to_slack(request.origin) for each in files]}


def _completed(request: Request, listed: Json) -> File:
    file = request.file(str(listed.get("id")))
    if file.content is None or file.is_complete:
        raise Refusal("file_not_found", f"{file.id}: " + ("completed before" if file.is_complete else "no bytes came"))
    file.title = str(listed.get("title") or file.name)
    file.is_complete = True
    return file


def _share(request: Request, target: str, files: list[File]) -> None:
    request.args["channel"] = target
    channel = request.writable()
    comment = str(request.args.get("initial_comment") or "")
    check_words(request, {"text": comment})
    for file in files:
        file.channels.append(channel.id)
    posted(
        request,
        channel,
        text=comment,
        thread_ts=str(request.args.get("thread_ts") or ""),
        subtype="file_share",
        files=[file.to_slack(request.origin) for file in files],
    )


def info(request: Request) -> Json:
    """files.info."""
    return {"file": request.file(request.text("file", code="file_not_found")).to_slack(request.origin)}


def delete(request: Request) -> Json:
    """files.delete: the bot's own."""
    file = request.file(request.text("file", code="file_not_found"))
    if file.user != request.token.user:
        raise Refusal("cant_delete_file", file.user)
    del request.workspace.files[file.id]
    return {}


METHODS: Mapping[str, Method] = {
    "files.completeUploadExternal": complete_upload,
    "files.delete": delete,
    "files.getUploadURLExternal": get_upload_url,
    "files.info": info,
}
