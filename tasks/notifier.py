"""A process of its own that sends one notice by Apprise: `python -m tasks.notifier`, JSON on stdin.

Apart, since Apprise calls whatever its plug-ins want to call: here no name leads to a private network,
whoever resolves it, and a service that hangs is killed with the process. Exit status: 0 sent, 1 not sent,
2 no URL, 3 it would have led to a private network.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from apprise import Apprise, AppriseAsset, NotifyFormat

from connectors.outbound import is_public, private_allowed

SENT, FAILED, NO_URL, PRIVATE = range(4)
_refused: list[str] = []


def _guard() -> None:
    """Let names lead to the open internet alone, but that of a proxy, which is whom everything leads to."""
    resolve = socket.getaddrinfo
    proxies = {urlsplit(each).hostname for each in getproxies().values()}

    def resolved(host: Any, *args: Any, **options: Any) -> Any:
        found = resolve(host, *args, **options)
        if host not in proxies and not all(is_public(str(each[4][0])) for each in found):
            _refused.append("private")
            raise socket.gaierror(socket.EAI_NONAME, "an address of a private network")
        return found

    socket.getaddrinfo = resolved


def main() -> int:
    """Send what stdin says: `url`, `title`, `body`; without a body it is only read whether the URL is one."""
    logging.disable(logging.CRITICAL)  # its texts hold URLs
    given = json.load(sys.stdin)
    if not private_allowed():
        _guard()
    asset = AppriseAsset(secure_logging=True, async_mode=False, http_redirects=False)
    sender = Apprise(asset=asset)
    if not sender.add(given["url"]):
        return NO_URL
    if not given.get("body"):
        return SENT
    sent = sender.notify(body=given["body"], title=given["title"], body_format=NotifyFormat.TEXT)
    if _refused:
        return PRIVATE
    return SENT if sent else FAILED


if __name__ == "__main__":
    sys.exit(main())
