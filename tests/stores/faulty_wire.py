"""A wire to a store's server that can fail: it forwards, from 127.0.0.1, and cuts, refuses or lies on demand."""

import contextlib
import http.client
import re
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}
DECLARED = re.compile(rb'"size": ?"\d+"')


@dataclass
class FaultyWire:
    """What the wire does to the next requests for content.

    Attributes:
        endpoint: where clients connect.
        refuse: statuses to answer with, one request each, instead of asking the server.
        cut: after how many bytes of content to hang up, one request each.
        declared: the size that descriptions of an object give instead of the true one.
        content_requests: the `Range` of every request for content that was seen, or "".
    """

    endpoint: str
    refuse: deque[int] = field(default_factory=deque)
    cut: deque[int] = field(default_factory=deque)
    declared: int | None = None
    content_requests: list[str] = field(default_factory=list)


@contextlib.contextmanager
def faulty_wire(server: str) -> Iterator[FaultyWire]:
    """Forwards to a server, `http://127.0.0.1:PORT`."""
    target = urlsplit(server).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            content = self.command == "GET" and not self.path.startswith("/storage/")
            if content:
                wire.content_requests.append(self.headers.get("Range", ""))
                if wire.refuse:
                    self.close_connection = True
                    self.send_response(wire.refuse.popleft())
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
            upstream = http.client.HTTPConnection(target, timeout=20)
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            data = answer.read()
            upstream.close()
            self.answer(answer, data, wire.cut.popleft() if content and wire.cut else None)

        def answer(self, answer: http.client.HTTPResponse, data: bytes, cut: int | None) -> None:
            length = len(data)
            if self.command == "HEAD":
                length = int(answer.headers["Content-Length"]) if wire.declared is None else wire.declared
            elif wire.declared is not None and self.path.startswith("/storage/"):
                data = DECLARED.sub(b'"size":"%d"' % wire.declared, data)
                length = len(data)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if self.command != "HEAD":
                # A client that has seen enough hangs up.
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(data[:cut])
            self.close_connection = cut is not None

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as forwarder:
        wire = FaultyWire(f"http://127.0.0.1:{forwarder.server_port}")
        forwarder.daemon_threads = True
        thread = threading.Thread(target=forwarder.serve_forever)
        thread.start()
        try:
            yield wire
        finally:
            forwarder.shutdown()
            thread.join()
