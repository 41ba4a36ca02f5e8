"""A session with one Salesforce org: its token, timeouts, retries and the count of calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson
import requests
from simple_salesforce.api import Salesforce

from connectors.access import Token
from connectors.bearer import Bearer, OwnTokens
from connectors.mapping import Codec
from connectors.outbound import GuardedAdapter
from connectors.port import ConnectorConfig
from connectors.salesforce import errors
from connectors.salesforce.login import Login, trusted
from connectors.transport import TIMEOUT, Meter, Retries, base_url, is_trusted

API_VERSION = "62.0"
UNAUTHORIZED = 401
CLIENT = "concord"


class _Adapter(GuardedAdapter):
    """Gives every call a timeout, and leads the SDK's hard-wired https to a server on this machine."""

    def __init__(self, host: str, target: str | None) -> None:
        self._target = urlsplit(target) if target else None
        super().__init__(host)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request."""
        kwargs["timeout"] = kwargs.get("timeout") or TIMEOUT
        if self._target is not None:
            parts = urlsplit(str(request.url))
            request.headers.setdefault("Host", parts.netloc)
            request.url = urlunsplit((self._target.scheme, self._target.netloc, parts.path, parts.query, ""))
        return super().send(request, *args, **kwargs)


class Session:
    """One org. Calls are counted by kind in the meter, a renewed login included."""

    def __init__(self, config: ConnectorConfig, codec: Codec, meter: Meter, retries: Retries) -> None:
        self.url = base_url(config.url)
        self._codec, self._key_field = codec, config.external_id
        self._meter, self._retries = meter, retries
        self._version = str(config.options.get("api_version", API_VERSION))
        self._http = requests.Session()
        host = urlsplit(self.url).hostname or ""
        local = is_trusted(host)
        self._http.trust_env = not local
        self._http.max_redirects = 0
        self._http.mount("https://", _Adapter(host, self.url if local else None))
        self._http.mount("http://", _Adapter(host, None))
        self._http.headers["Sforce-Call-Options"] = f"client={CLIENT}"
        session_id = config.credentials.get("session_id")
        self._fixed = Token(session_id, self.url) if session_id else None
        login = Login(self._http, self.url, meter)
        self._bearer = Bearer(config.tokens or OwnTokens(config.credentials), login.fetch)
        self._sdk: tuple[Token, Salesforce] | None = None

    @property
    def path(self) -> str:
        """Where the REST resources of this API version stand."""
        return f"/services/data/v{self._version}"

    def call(
        self,
        kind: str,
        method: str,
        path: str,
        *,
        repeatable: bool,
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> requests.Response:
        """One call to a resource below `path`, tried again as far as that is safe.

        Raises:
            ConnectorError: the answer is no success; its text quotes nothing of the answer.
        """
        content = None if body is None else orjson.dumps(body)

        def send(token: Token) -> requests.Response:
            return self._send(token, kind, method, path, params=params, content=content)

        def once() -> requests.Response:
            response = send(self._fixed) if self._fixed else self._bearer.call(send, _refused)
            if response.status_code >= requests.codes.multiple_choices:
                raise errors.of_response(response, self._codec, self._key_field)
            return response

        return self._retries.run(once, repeatable=repeatable)

    def _send(
        self,
        token: Token,
        kind: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None,
        content: bytes | None,
    ) -> requests.Response:
        sf = self._client(token)
        self._meter.count(kind)
        try:
            return sf.session.request(
                method,
                sf.base_url + path,
                params=params,
                data=content,
                headers=sf.headers,
            )
        except requests.RequestException as error:
            raise errors.of_transport(error) from None

    def _client(self, token: Token) -> Salesforce:
        """The SDK under this token; calls of other threads may be under another at this moment."""
        known = self._sdk
        if known is not None and known[0].value == token.value:
            return known[1]
        made = Salesforce(
            session_id=token.value,
            instance_url=trusted(token.host, self.url),
            session=self._http,
            version=self._version,
        )
        self._sdk = token, made
        return made

    def close(self) -> None:
        """Give back connections."""
        self._http.close()


def _refused(response: requests.Response) -> bool:
    return response.status_code == UNAUTHORIZED
