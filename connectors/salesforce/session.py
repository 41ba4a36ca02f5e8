"""A session with one Salesforce org: login, renewal, timeouts, retries and the count of calls.

The login is ours, so that the SDK works in its "direct" mode: in its login modes it repeats a call after
a 401 without the call's own headers, which turns a conditional write into an unconditional one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce

from connectors.errors import AuthFailed, Misconfigured
from connectors.mapping import Codec
from connectors.port import ConnectorConfig
from connectors.salesforce import errors
from connectors.transport import TIMEOUT, Meter, Retries, base_url, is_loopback

API_VERSION = "62.0"
CLIENT = "concord"
_HOSTS = (".salesforce.com", ".force.com", ".salesforce.mil", ".sfcrmproducts.cn")


class _Adapter(HTTPAdapter):
    """Gives every call a timeout, and leads the SDK's hard-wired https to a server on this machine."""

    def __init__(self, target: str | None) -> None:
        self._target = urlsplit(target) if target else None
        super().__init__()

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
        self._credentials = config.credentials
        self._codec, self._key_field = codec, config.external_id
        self._meter, self._retries = meter, retries
        self._version = str(config.options.get("api_version", API_VERSION))
        self._http = requests.Session()
        local = is_loopback(urlsplit(self.url).hostname or "")
        self._http.trust_env = not local
        self._http.max_redirects = 0
        self._http.mount("https://", _Adapter(self.url if local else None))
        self._http.mount("http://", _Adapter(None))
        self._http.headers["Sforce-Call-Options"] = f"client={CLIENT}"
        self._sf: Salesforce | None = None

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
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """One call to a resource below `path`, tried again as far as that is safe.

        Raises:
            ConnectorError: the answer is no success; its text quotes nothing of the answer.
        """
        content = None if body is None else orjson.dumps(body)

        def once() -> requests.Response:
            response = self._send(kind, method, path, params=params, content=content, headers=headers)
            if response.status_code == requests.codes.unauthorized and self._can_renew:
                self._sf = None
                response = self._send(kind, method, path, params=params, content=content, headers=headers)
            if response.status_code >= requests.codes.multiple_choices:
                raise errors.of_response(response, self._codec, self._key_field)
            return response

        return self._retries.run(once, repeatable=repeatable)

    def _send(
        self,
        kind: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None,
        content: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> requests.Response:
        sf = self._sf or self._login()
        self._meter.count(kind)
        try:
            return sf.session.request(
                method,
                sf.base_url + path,
                params=params,
                data=content,
                headers={**sf.headers, **(headers or {})},
            )
        except requests.RequestException as error:
            raise errors.of_transport(error) from None

    @property
    def _can_renew(self) -> bool:
        return "session_id" not in self._credentials

    def _login(self) -> Salesforce:
        token, instance = self._token() if self._can_renew else (self._credentials["session_id"], self.url)
        self._sf = Salesforce(
            session_id=token, instance_url=instance, session=self._http, version=self._version
        )
        return self._sf

    def _token(self) -> tuple[str, str]:
        """A new access token by the client credentials flow, and the host to use it at."""
        self._meter.count("token")
        try:
            pair = (self._credentials["client_id"], self._credentials["client_secret"])
        except KeyError as error:
            raise AuthFailed(
                f"The connection has no {error.args[0]}.",
                cure="Set it: concord connections set NAME --client-id ... --client-secret ...",
            ) from None
        try:
            response = self._http.post(
                f"{self.url}/services/oauth2/token", data={"grant_type": "client_credentials"}, auth=pair
            )
        except requests.RequestException as error:
            raise errors.of_transport(error) from None
        if response.status_code != requests.codes.ok:
            raise errors.of_login(response)
        try:
            answer = orjson.loads(response.content)
            token, instance = str(answer["access_token"]), str(answer["instance_url"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise AuthFailed("Salesforce's login answered with something else than a token.") from None
        return token, self._trusted(instance)

    def _trusted(self, instance: str) -> str:
        """The host that the token is for: Salesforce's own, or the one that was configured."""
        host = urlsplit(instance).hostname or ""
        own = urlsplit(self.url).hostname
        if host == own or is_loopback(own or "") or host.endswith(_HOSTS):
            return instance.rstrip("/")
        raise Misconfigured(
            "Salesforce's login names a host that is not Salesforce's.", cure="Check the URL."
        )

    def close(self) -> None:
        """Give back connections."""
        self._http.close()
