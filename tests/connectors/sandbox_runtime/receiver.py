"""A receiver of deliveries over real HTTP, that answers what the test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Post:
    """One POST as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float


class Receiver:
    """Keeps every POST. `answer` says the status and the body for each."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.posts: list[Post] = []
        self.answer: Callable[[Post], tuple[int, bytes]] = lambda _: (200, b"")
        self._arrived = threading.Condition()

    def take(self, post: Post) -> tuple[int, bytes]:
        """Keep a POST and answer it."""
        with self._arrived:
            self.posts.append(post)
            self._arrived.notify_all()
        return self.answer(post)

    def wait(self, count: int) -> list[Post]:
        """The POSTs, once there are so many."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.posts) >= count, 5), len(self.posts)
            return list(self.posts)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver at work."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said = receiver.take(Post(self.path, headers, body, time.time()))
            with suppress(ConnectionError):  # a sender that no longer waits
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", receiver.url)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/in")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
