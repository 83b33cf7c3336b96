"""A local HTTP server that answers with what a test recorded, and remembers what it was asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer; `promised` is a Content-Length that may be a lie, `delay` seconds before it."""

    body: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    promised: int | None = None
    delay: float = 0.0


@dataclass
class Source:
    """Replies by the beginning of a path and parts of a query, the newest first; the last of several is repeated."""

    url: str = ""
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sent: list[dict[str, str]] = field(default_factory=list)  # headers of the requests, names in lower case
    stopping: threading.Event = field(default_factory=threading.Event)

    def reply(self, path: str, *replies: Reply) -> None:
        """Answer requests for paths that begin so (and have the query behind a `?`) with these, in order."""
        self.replies.pop(path, None)
        self.replies[path] = list(replies)

    def answer(self, target: str) -> Reply:
        """Take the next reply for a request."""
        parts = urlsplit(target)
        self.asked.append((parts.path, {name: texts[0] for name, texts in parse_qs(parts.query).items()}))
        fitting = (replies for wanted, replies in reversed(self.replies.items()) if _fits(wanted, *self.asked[-1]))
        found = next(fitting, [Reply(status=404)])
        return found.pop(0) if len(found) > 1 else found[0]

    def queries(self, path: str) -> list[dict[str, str]]:
        """The queries of the requests for paths that begin so."""
        return [query for asked, query in self.asked if asked.startswith(path)]


def _fits(wanted: str, path: str, query: dict[str, str]) -> bool:
    parts = urlsplit(wanted)
    return path.startswith(parts.path) and dict(parse_qsl(parts.query)).items() <= query.items()


@contextmanager
def serve() -> Iterator[Source]:
    """A source on a free port of this machine."""
    source = Source()

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            source.sent.append({name.lower(): text for name, text in self.headers.items()})
            reply = source.answer(self.path)
            source.stopping.wait(reply.delay)
            body = reply.body.encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            self.send_header("Content-Length", str(reply.promised or len(body)))
            for name, text in reply.headers.items():
                self.send_header(name, text)
            self.end_headers()
            with suppress(ConnectionError):  # whoever asked may have lost patience: that is what some tests are about
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    server.daemon_threads = True
    source.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield source
    finally:
        source.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
