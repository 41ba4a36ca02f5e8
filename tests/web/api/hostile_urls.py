"""URLs of somebody who wants this machine to call what it must not, and a listener that sees calls."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INSIDE = (
    *("127.0.0.1", "127.1", "127.000.000.001", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1"),
    "0.0.0.0",  # noqa: S104 - it is not bound to
    *("017700000001", "0", "127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "127.127.127.127"),
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]"),
    *("[2002:7f00:1::]", "[fe80::1%25lo]", "[fc00::1]", "169.254.169.254", "100.64.0.1", "10.0.0.1"),
    *("192.168.0.1", "172.16.0.1", "metadata.google.internal", "127.0.0.1.nip.io", "localtest.me"),
    *("①②⑦.⓪.⓪.①", "127。0。0。1", "ⓛocalhost", "kubernetes.default.svc", "crm.internal", "93.184.216.34"),
)
FORMS = ("https://{host}", "http://{host}", "https://{host}:{port}", "http://{host}:{port}/")
TRICKS = (
    "https://acme.my.salesforce.com@127.0.0.1:{port}",
    "https://acme.my.salesforce.com:443@127.0.0.1:{port}/",
    "https://api.hubapi.com@localhost:{port}",
    "https://127.0.0.1:{port}#acme.my.salesforce.com",
    "https://127.0.0.1:{port}?acme.my.salesforce.com",
    "https://127.0.0.1:{port}/acme.my.salesforce.com",
    "https://127.0.0.1:{port}\\@acme.my.salesforce.com",
    "https://127.0.0.1:{port}\\.my.salesforce.com",
    "https://127.0.0.1:{port}%23.my.salesforce.com",
    "https://127.0.0.1%2f.my.salesforce.com",
    "https://127.0.0.1%5c.my.salesforce.com",
    "https://127.0.0.1%00.my.salesforce.com",
    "https://127.0.0.1\t.my.salesforce.com",
    "https://127.0.0.1\n.my.salesforce.com",
    "https://127.0.0.1 .my.salesforce.com",
    "https://user@acme.my.salesforce.com",
    "https://user:secret@api.hubapi.com",
    "https://@api.hubapi.com",
    "https://acme.my.salesforce.com:{port}",
    "https://acme.my.salesforce.com:443",
    "https://acme.my.salesforce.com:",
    "https://api.hubapi.com:22",
    "https://acme.my.salesforce.com.evil.example",
    "https://api.hubapi.com.evil.example",
    "https://evilsalesforce.com",
    "https://evil-salesforce.com",
    "https://evil-force.com",
    "https://evilapi.hubapi.com",
    "https://sub.api.hubapi.com",
    "https://hubapi.com",
    "https://.my.salesforce.com",
    "https://..my.salesforce.com",
    "https://-a.my.salesforce.com",
    "https://a..my.salesforce.com",
    "https://acme.my.salesforce.com.",
    "https://api.hubapi.com.",
    "https://acme.my.salesforce。com",
    "https://acme.my.ſalesforce.com",
    "https://acme.my.salesforсe.com",
    "https://аpi.hubapi.com",
    "https://api.hubapi.com/../127.0.0.1",
    "https://api.hubapi.com//127.0.0.1:{port}",
    "https://api.hubapi.com/path",
    "https://api.hubapi.com?url=http://127.0.0.1:{port}",
    "https://api.hubapi.com#x",
    "https:api.hubapi.com",
    "https:/api.hubapi.com",
    "https:///api.hubapi.com",
    "https:\\\\api.hubapi.com",
    "//api.hubapi.com",
    "api.hubapi.com",
    "http://api.hubapi.com",
    "http://acme.my.salesforce.com",
    "ftp://acme.my.salesforce.com",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "dict://127.0.0.1:{port}/x",
    "ldap://127.0.0.1:{port}",
    "jar:http://127.0.0.1:{port}!/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "memory://crm",
    "unix:///var/run/docker.sock",
    "https://[acme.my.salesforce.com]",
    "https://[::1].my.salesforce.com",
    "https://{{host}}.my.salesforce.com",
    "https://a_b.my.salesforce.com",
    "https://*.my.salesforce.com",
    "https://" + "a" * 64 + ".my.salesforce.com",
    "https://" + "a." * 130 + "my.salesforce.com",
    "https://xn--.my.salesforce.com.xn--",
    "https://acme.my.salesforce.com\u200b",
    "https://acme.my.salesforce.com\u0301",
    "https://",
    "https:// ",
)


def hostile(port: int) -> list[str]:
    """All of them; where a port can be named it is that of the listener."""
    inside = [form.format(host=host, port=port) for host in INSIDE for form in FORMS]
    return [*inside, *(each.replace("{port}", str(port)) for each in TRICKS)]


class Trap:
    """Counts the connections that somebody makes to a port of this machine."""

    def __init__(self) -> None:
        self.seen = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def wait(self) -> None:
        """Until it is closed."""
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            self.seen += 1
            caller.close()

    def close(self) -> None:
        """End the wait."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def trapping() -> Iterator[Trap]:
    """A trap that listens."""
    trap = Trap()
    thread = threading.Thread(target=trap.wait, daemon=True)
    thread.start()
    try:
        yield trap
    finally:
        trap.close()
        thread.join(10)
