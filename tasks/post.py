"""Messages to addresses that users name: over https, to the open internet alone, and never for long.

Nothing of an answer is kept but its status: whoever names an address cannot read through this machine what
stands behind it.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests

from connectors.errors import Misconfigured
from connectors.outbound import PRIVATE_ALLOWED, GuardedAdapter, guarded_session, is_public, private_allowed
from connectors.transport import is_loopback
from sync.deliver import GONE, Answer, Failure
from sync.hook_message import Message

CONNECT, READ = 5.0, 10.0
LONGEST = 20.0
"""Seconds after which an answer that comes in drops is given up."""
LONGEST_WAIT = 3_600.0
_END = 1.0
_LIVE = threading.BoundedSemaphore(16)  # threads that send, in this process
_TOO_MANY = 429
_SERVER = 500
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


def outgoing_url(url: str) -> str:
    """An address that messages may be sent to.

    Raises:
        Misconfigured: it is not https, holds a password, or names an address of a private network. The text
            does not repeat it.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _no_url() from None
    if not host or not _PRINTABLE.fullmatch(text) or "\\" in text or port == 0:
        raise _no_url()
    schemes = ("https", "http") if private_allowed() else ("https",)
    if parts.scheme not in schemes:
        raise Misconfigured("must begin with https://")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Misconfigured("must hold neither user nor password nor a fragment")
    if not private_allowed() and (is_loopback(host) or not _may_be_public(host)):
        raise Misconfigured(
            "leads to an address of a private network", cure=f"For a sandbox set {PRIVATE_ALLOWED}=1."
        )
    return text


def _no_url() -> Misconfigured:
    return Misconfigured("is no URL", cure="For instance https://hooks.acme.example/concord")


def _may_be_public(host: str) -> bool:
    """False for numbers of a private network; a name is looked at when it is called."""
    try:
        ip_address(host)
    except ValueError:
        return True
    return is_public(host)


def post(url: str, message: Message) -> Answer:
    """Send a message; no redirection is followed, and no body is read."""
    found, line = list[Answer](), _Line()
    if not _LIVE.acquire(timeout=LONGEST):
        return Answer(None, "too many others do not answer", Failure.AWAY)

    def send() -> None:
        try:
            found.append(_send(url, message, line))
        finally:
            _LIVE.release()

    # An answer whose headers come in drops ends no read in time: the line is cut, which ends it.
    thread = threading.Thread(target=send, name="post", daemon=True)
    thread.start()
    thread.join(LONGEST)
    if not thread.is_alive():
        return found[0]
    line.cut()
    thread.join(_END)
    return Answer(None, "no answer in time", Failure.AWAY)


class _Line(GuardedAdapter):
    """Knows its connections, so that they can be cut while somebody reads from them."""

    def __init__(self) -> None:
        self._made: list[Any] = []
        self._cut = False
        super().__init__("")

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        """The pool of an address, direct or by a proxy; it is this session's own."""
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        make = pool.ConnectionCls

        def kept(*given: Any, **named: Any) -> Any:
            made = make(*given, **named)
            connect = made.connect

            def connected() -> None:
                self._made.append(made)
                connect()
                if self._cut:
                    raise requests.Timeout

            made.connect = connected
            return made

        pool.ConnectionCls = kept
        return pool

    def cut(self) -> None:
        """End every connection, and those that are just being made once they are."""
        self._cut = True
        for each in self._made:
            if (sock := each.sock) is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


def _no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """In the place of ~/.netrc, which is never looked into."""
    return request


def _send(url: str, message: Message, line: _Line) -> Answer:
    try:
        outgoing_url(url)  # the setting that allowed it may be gone
        with guarded_session("") as http:
            http.mount("https://", line)
            http.mount("http://", line)
            http.auth = _no_login
            http.max_redirects = 1  # none is followed; with 0 one would pass for an error of the line
            answer = http.post(
                url,
                data=message.body,
                headers=dict(message.headers),
                timeout=(CONNECT, READ),
                allow_redirects=False,
                stream=True,
            )
            answer.close()
    except Misconfigured:
        return Answer(None, "it leads to an address of a private network", Failure.REFUSED)
    except requests.exceptions.SSLError:
        return Answer(None, "its certificate is not good", Failure.REFUSED)
    except requests.Timeout:
        return Answer(None, "no answer in time", Failure.AWAY)
    except (requests.RequestException, OSError, ValueError) as error:
        return Answer(None, f"no connection ({type(error).__name__})", Failure.AWAY)
    return _judged(answer.status_code, answer.headers.get("Retry-After", ""))


def _judged(status: int, wait: str) -> Answer:
    if 200 <= status < 300:
        return Answer(status)
    after = min(float(wait), LONGEST_WAIT) if wait.isascii() and wait.isdecimal() else 0.0
    problem = f"it answered {status}"
    if status == _TOO_MANY or status >= _SERVER:
        return Answer(status, problem, Failure.AWAY, after)
    return Answer(status, "it is gone (410)" if status == GONE else problem, Failure.REFUSED)
