"""Notices by Apprise: which of its URLs may be used, and the process that sends them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

from connectors.errors import Misconfigured
from connectors.outbound import PRIVATE_ALLOWED, is_public, private_allowed
from connectors.transport import is_loopback

LONGEST = 40.0
"""Seconds after which a service that does not answer is given up."""
KINDS: Mapping[str, str] = {
    "mailto": "mail",
    "mailtos": "mail",
    "slack": "slack",
    "workflows": "teams",
    "jsons": "json",
    "json": "json",
}
"""Scheme → kind. Teams has nothing but its workflows any more."""
_NATIVE = {"hooks.slack.com": "slack", ".logic.azure.com": "teams", ".api.powerplatform.com": "teams"}
_MAIL = frozenset({"from", "to", "cc", "bcc", "reply", "name", "smtp", "mode", "user", "pass"})
_OPTIONS: Mapping[str, frozenset[str]] = {
    "mail": _MAIL,
    "slack": frozenset({"to", "footer", "image"}),
    "teams": frozenset({"api-version", "sp", "sv", "sig", "ver"}),
    "json": frozenset(),
}
"""What may stand behind the question mark: others read files, or switch off what keeps a message safe."""
_KEPT = ("PATH", "HOME", "LANG", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_PROBLEMS = {
    1: "the service did not take it",
    2: "its URL is none that Apprise can read",
    3: "it leads to an address of a private network",
}


def channel_kind(url: str) -> str:
    """What kind of channel a URL leads to: `mail`, `slack`, `teams` or `json`.

    Raises:
        Misconfigured: it may not be used, or is none. The text does not repeat it.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    except ValueError:
        raise Misconfigured("is no URL") from None
    kind = _kind(parts.scheme, host)
    if kind is None or (parts.scheme == "json" and not private_allowed()):
        raise Misconfigured(
            "must begin with mailto:, mailtos:, slack:, workflows: or jsons:, or a Slack or Teams webhook",
            cure="For instance mailtos://user:password@smtp.acme.example?from=a@acme.example&to=b@acme.example",
        )
    unknown = sorted(name for name in names - _OPTIONS[kind] if not (kind == "json" and name[:1] in "+ "))
    if unknown:
        known = ", ".join(sorted(_OPTIONS[kind])) or "headers as +Name=value"
        raise Misconfigured(f"has options that may not be used; for {kind} there are: {known}")
    if not private_allowed() and (is_loopback(host) or _is_private(host)):
        raise Misconfigured(
            "leads to an address of a private network",
            cure=f"For a server of your own set {PRIVATE_ALLOWED}=1.",
        )
    if problem := _run({"url": url}):
        raise Misconfigured(problem.removeprefix("its URL "))
    return kind


def notify(url: str, title: str, body: str) -> str:
    """Send a notice; what went wrong, or nothing."""
    return _run({"url": url, "title": title, "body": body})


def _kind(scheme: str, host: str) -> str | None:
    if scheme != "https":
        return KINDS.get(scheme)
    return next(
        (kind for end, kind in _NATIVE.items() if host == end or (end[0] == "." and host.endswith(end))), None
    )


def _is_private(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


def _run(told: Mapping[str, str]) -> str:
    environment = {
        name: os.environ[name] for name in (*_KEPT, *_PROXIES, PRIVATE_ALLOWED) if name in os.environ
    }
    command = [sys.executable, "-P", "-m", "tasks.notifier"]
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command,
            input=json.dumps(told).encode(),
            env=environment,
            capture_output=True,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "the service did not answer in time"
    return _PROBLEMS.get(done.returncode, "the notice could not be sent") if done.returncode else ""
