"""How a token is got from Salesforce: by client credentials, or by a signed assertion (JWT bearer).

The login is ours, so that the SDK works in its "direct" mode: in its login modes it repeats a call after
a 401 without the call's own headers, which turns a conditional write into an unconditional one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import jwt
import orjson
import requests

from connectors.access import Grant, Token
from connectors.errors import AuthFailed, Misconfigured, Unavailable
from connectors.salesforce import errors
from connectors.transport import TIMEOUT, Meter, is_trusted

ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS = 180
"""How long an assertion is good. Source: Salesforce help, OAuth 2.0 JWT bearer flow (at most 3 minutes)."""

_HOSTS = (".salesforce.com", ".force.com", ".salesforce.mil", ".sfcrmproducts.cn")
_PRODUCTION, _SANDBOX = "https://login.salesforce.com", "https://test.salesforce.com"


class Login:
    """Gets tokens for one org. Counts every attempt in the meter, as `token`."""

    def __init__(self, http: requests.Session, url: str, meter: Meter) -> None:
        self._http, self._url, self._meter = http, url, meter

    def fetch(self, credentials: Mapping[str, str]) -> Grant:
        """A new token, with the host to use it at.

        Raises:
            AuthFailed: Salesforce refuses the credentials, or some are missing.
            Misconfigured: the private key is none, or the token is for a host that is not Salesforce's.
            Retryable: there was no answer. The call that needs the token was not made.
        """
        flow = _signed if "private_key" in credentials else _client_credentials
        send = flow(self._url, credentials)
        self._meter.count("token")
        try:
            response = send(self._http)
        except requests.RequestException as error:
            failure = errors.of_transport(error)
        else:
            return Grant(self._token(response))
        raise Unavailable(failure.reason, cure=failure.cure)

    def _token(self, response: requests.Response) -> Token:
        if response.status_code != requests.codes.ok:
            raise errors.of_login(response)
        try:
            answer = orjson.loads(response.content)
            token, instance = str(answer["access_token"]), str(answer["instance_url"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise AuthFailed("Salesforce's login answered with something else than a token.") from None
        return Token(token, trusted(instance, self._url))


def trusted(instance: str, url: str) -> str:
    """The host that a token is for: Salesforce's own, or the one that was configured.

    Raises:
        Misconfigured: it is another.
    """
    parts, own = urlsplit(instance), urlsplit(url).hostname or ""
    host = parts.hostname or ""
    bare = parts.scheme == "https" and parts.netloc.lower() == host
    if is_trusted(own) or (bare and (host == own or host.endswith(_HOSTS))):
        return instance.rstrip("/")
    raise Misconfigured("Salesforce's login names a host that is not Salesforce's.", cure="Check the URL.")


_Send = Callable[[requests.Session], requests.Response]


def _client_credentials(url: str, credentials: Mapping[str, str]) -> _Send:
    pair = (_needed(credentials, "client_id"), _needed(credentials, "client_secret"))
    form = {"grant_type": "client_credentials"}
    return lambda http: http.post(f"{url}/services/oauth2/token", data=form, auth=pair, timeout=TIMEOUT)


def _signed(url: str, credentials: Mapping[str, str]) -> _Send:
    claims = {
        "iss": _needed(credentials, "client_id"),
        "sub": _needed(credentials, "username"),
        "aud": credentials.get("audience") or audience_of(url),
        "exp": int(time.time()) + ASSERTION_SECONDS,
    }
    try:
        assertion = jwt.encode(claims, credentials["private_key"], algorithm="RS256")
    except (jwt.PyJWTError, ValueError, TypeError):
        assertion = ""
    if not assertion:  # raised here, not above: what a library says of a key is no text to chain
        raise Misconfigured(
            "The private key is not an RSA key in PEM form without a passphrase.",
            cure="Set it: concord connections set NAME --private-key-file FILE",
        )
    form = {"grant_type": ASSERTION, "assertion": assertion}
    return lambda http: http.post(f"{url}/services/oauth2/token", data=form, timeout=TIMEOUT)


def audience_of(url: str) -> str:
    """Whom an assertion is for: Salesforce's login server, or that of its test orgs."""
    host = urlsplit(url).hostname or ""
    test = host == "test.salesforce.com" or ".sandbox." in host or "--" in host.partition(".")[0]
    return _SANDBOX if test else _PRODUCTION


def _needed(credentials: Mapping[str, str], name: str) -> str:
    value = credentials.get(name)
    if not value:
        raise AuthFailed(
            f"The connection has no {name}.",
            cure="Set it: concord connections set NAME --client-id ... --client-secret ...",
        )
    return value
