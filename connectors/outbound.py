"""Where a CRM may stand: the hosts that may be named over the network, and no address inside our own.

Whoever sets a connection's URL by HTTP chooses whom this machine calls, and sends credentials to. So the host
must be the CRM's own; and because a name may lead anywhere, whatever it resolves to is looked at once more
when the connection is made, and that very address is called.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from connectors.errors import Misconfigured
from connectors.transport import base_url, is_trusted

PRIVATE_ALLOWED = "CONCORD_ALLOW_PRIVATE_URLS"
"""Set to 1, this lets a URL lead anywhere. It is for sandboxes and tests."""
_URL = re.compile(r"https://((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63})/?", re.IGNORECASE)
_LONGEST = 253
_TRANSLATED = IPv6Network("64:ff9b::/96")  # NAT64: the last four bytes are an IPv4 address


def private_allowed() -> bool:
    """Whether the environment lets URLs lead anywhere."""
    return os.environ.get(PRIVATE_ALLOWED) == "1"


def named_url(url: str, hosts: Sequence[str]) -> str:
    """A URL that came in over the network, if it is https and leads to one of these hosts.

    Args:
        url: scheme and host alone: no port, no user, no path, no address in numbers.
        hosts: names, or endings of names that begin with a dot.

    Raises:
        Misconfigured: it does not. The text does not repeat it.
    """
    if private_allowed():
        return url if url.startswith("memory:") else base_url(url)
    found = _URL.fullmatch(url)
    host = found[1].lower() if found else ""
    if len(host) > _LONGEST or not any(
        host.endswith(each) if each[0] == "." else host == each for each in hosts
    ):
        allowed = ", ".join(f"*{each}" if each[0] == "." else each for each in hosts) or "none"
        raise Misconfigured(
            "must be https:// and one of the CRM's own hosts, with nothing else",
            cure=f"The hosts that may be named are: {allowed}.",
        )
    return f"https://{host}"


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet; what is embedded in an IPv6 address counts, too."""
    found: IPv4Address | IPv6Address | None = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found.teredo is not None:
            return False
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _TRANSLATED:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
        found = inner or found
    assert found is not None  # noqa: S101 - for mypy: ip_address raises instead
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def public_addresses(host: str, port: int | None) -> list[str]:
    """The addresses of a host, resolved once.

    Raises:
        OSError: it has none.
        Misconfigured: one of them is not of the open internet.
    """
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found = list(dict.fromkeys(str(each[4][0]) for each in answers))
    if not all(is_public(each) for each in found):
        raise Misconfigured(
            "The host leads to an address of a private network; it was not called.",
            cure=f"Correct the URL; for a sandbox set {PRIVATE_ALLOWED}=1.",
        )
    return found


class _Guarded(HTTPSConnection):
    """Connects to an address that was looked at, under the name that was asked for."""

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            addresses = public_addresses(name, self.port)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        failure: Exception = NewConnectionError(self, "The host has no address.")
        try:
            for address in addresses:
                self._dns_host = address
                try:
                    return super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError) as error:
                    failure = error
        finally:
            self._dns_host = name
        raise failure


class _GuardedPool(HTTPSConnectionPool):
    ConnectionCls = _Guarded


def guard(pool: PoolManager, host: str) -> None:
    """Let a pool connect to addresses of the open internet alone, unless its host is of this machine.

    A proxy resolves names itself, and is whom the connection leads to: there is nothing to look at here.
    """
    if not (is_trusted(host) or private_allowed() or pool.proxy is not None):
        pool.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": _GuardedPool}


class GuardedAdapter(HTTPAdapter):
    """What `guard` does, for a session of requests. Its proxies are pools of their own."""

    def __init__(self, host: str) -> None:
        self._host = host
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pool."""
        super().init_poolmanager(*args, **options)
        guard(self.poolmanager, self._host)


def guarded_session(host: str) -> requests.Session:
    """A session that follows no redirection, and calls private addresses of this machine's own host alone."""
    http = requests.Session()
    http.max_redirects = 0
    http.mount("https://", GuardedAdapter(host))
    return http
