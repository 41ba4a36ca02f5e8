"""One HTTP exchange with HubSpot through its SDK: timeouts, retries, pace, counts, exact status codes.

The SDK's API objects are kept, because each access to one on the client makes a new connection pool, and
they share one pool. Bodies are taken unparsed (`_preload_content=False`): the SDK would turn an answer of
an unexpected status into None, and a page of HTML into a record without values.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import hubspot
import msgspec
from hubspot.crm.companies import BatchApi, SearchApi
from hubspot.crm.companies.exceptions import ApiException as CompaniesError
from hubspot.crm.properties.exceptions import ApiException as PropertiesError
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError
from urllib3.util.retry import Retry

from connectors.access import Token
from connectors.bearer import Bearer, OwnTokens
from connectors.errors import Misconfigured, Unavailable
from connectors.hubspot.errors import Moving, failure_of, unreadable
from connectors.hubspot.login import Login, fixed_token
from connectors.hubspot.refusals import Refusal, parse_refusal
from connectors.outbound import guard
from connectors.port import ConnectorConfig
from connectors.records import JSON
from connectors.transport import TIMEOUT, Meter, Pace, Retries, base_url, is_trusted

T = TypeVar("T")

SEARCH_PER_SECOND = 5
CALLS_PER_10_SECONDS = 100
"""HubSpot's limits for the smallest subscription. Source: HubSpot docs, API usage guidelines."""

UNAUTHORIZED = 401
_REFUSED = (400, 404, 409)
"""Answers to a write that say what is wrong with its rows; nothing was written."""


class Batch(msgspec.Struct):
    """The answer of a batch call; `errors` may be there under any of the good status codes."""

    results: list[msgspec.Raw]
    errors: list[Any] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """What HubSpot answered, and its clock (milliseconds since 1970, whole seconds) at that moment."""

    value: T
    at: int


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes | str


_BATCH = msgspec.json.Decoder(Batch)


class Wire:
    """The SDK's API objects of one account, and the only way to call them.

    Args:
        config: `credentials` with `token`, or with `client_id`, `client_secret` and `refresh_token`;
            the option `oauth_version` is part of the path of HubSpot's token endpoint; `search_per_second`
            and `calls_per_10_seconds` are HubSpot's limits for the account (no limit on this machine unless
            they are given).
        retries: how patiently a call is repeated.

    Attributes:
        meter: counts every HTTP request by kind.
    """

    def __init__(self, config: ConnectorConfig, retries: Retries) -> None:
        url = base_url(config.url)
        self._fixed = fixed_token(config.credentials)
        client = hubspot.HubSpot(
            host=url,
            retry=Retry(total=0, respect_retry_after_header=False, raise_on_status=False),
        )
        self.companies = client.crm.companies.basic_api
        self._client = self.companies.api_client
        self.batches = BatchApi(self._client)
        self.searches = SearchApi(self._client)
        self.properties = client.crm.properties.core_api
        self._pool = self._client.rest_client.pool_manager
        guard(self._pool, urlsplit(url).hostname or "")
        self.properties.api_client.rest_client.pool_manager = self._pool
        for api in (self.companies, self.properties):
            api.api_client.set_default_header("Accept-Encoding", "gzip")
        self.meter = Meter(config.allowance)
        self._retries = retries
        login = Login(self._form, self.meter, config.options)
        self._bearer = Bearer(config.tokens or OwnTokens(config.credentials), login.fetch)
        free = is_trusted(urlsplit(url).hostname or "")
        options = config.options
        searches = _limit(options, "search_per_second", None if free else SEARCH_PER_SECOND)
        calls = _limit(options, "calls_per_10_seconds", None if free else CALLS_PER_10_SECONDS)
        self._search_pace = Pace(searches, 1.0) if searches else None
        self._pace = Pace(calls, 10.0) if calls else None

    def ask(
        self,
        kind: str,
        method: Callable[..., Any],
        decoder: msgspec.json.Decoder[T],
        *args: object,
        good: Sequence[int] = (200,),
        **more: object,
    ) -> Reply[T]:
        """Read something; repeated until it is answered.

        Raises:
            ConnectorError: no answer, or none with a `good` status and a body in the form of `decoder`.
        """

        def once() -> Reply[T]:
            answer = self._exchange(kind, method, args, more, write=False)
            return Reply(_value(answer, decoder, good, write=False), _time_of(answer))

        return self._patiently(once, repeatable=True)

    def send(
        self, kind: str, method: Callable[..., Any], inputs: Sequence[Mapping[str, Any]]
    ) -> Batch | Refusal:
        """Write a batch; repeated only if it is certain that nothing was written.

        Returns:
            The answer, or why the whole batch was refused.

        Raises:
            Retryable: with `outcome_unknown` if something may have been written.
            Fatal: nothing can be written.
        """

        def once() -> Batch | Refusal:
            answer = self._exchange(kind, method, ({"inputs": list(inputs)},), {}, write=True)
            if answer.status in _REFUSED:
                return parse_refusal(answer.body)
            return _value(answer, _BATCH, (200, 201, 207), write=True)

        return self._patiently(once, repeatable=False)

    def account(self, **more: object) -> Any:
        """The account's details, for which the SDK has no API object; to be passed to `ask`."""
        accept = {"Accept": "application/json"}
        return self._client.call_api(
            "/account-info/v3/details", "GET", {}, [], accept, auth_settings=["oauth2"], **more
        )

    def close(self) -> None:
        """Close every connection; a later call opens a new one."""
        self._pool.clear()
        self.meter.close()

    def _patiently(self, once: Callable[[], T], *, repeatable: bool) -> T:
        try:
            return self._retries.run(once, repeatable=repeatable)
        except Moving as moving:
            told = moving.told()
        raise told

    def _exchange(
        self,
        kind: str,
        method: Callable[..., Any],
        args: Sequence[object],
        more: Mapping[str, object],
        *,
        write: bool,
    ) -> _Answer:
        pace = self._search_pace if kind == "search" else self._pace
        if pace is not None:
            pace.wait()

        def send(token: Token) -> _Answer:
            self.meter.count(kind)
            auth = {"in": "header", "key": "Authorization", "value": f"Bearer {token.value}"}
            return self._once(method, args, {**more, "_request_auth": auth}, write=write)

        return send(self._fixed) if self._fixed else self._bearer.call(send, _refused)

    def _form(self, path: str, form: Mapping[str, str]) -> tuple[int, bytes | str]:
        """Post a form without a token; its status and body."""
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        answer = self._once(
            self._client.call_api,
            (path, "POST", {}, [], headers),
            {"post_params": [*form.items()]},
            write=False,
        )
        return answer.status, answer.body

    @staticmethod
    def _once(
        method: Callable[..., Any], args: Sequence[object], more: Mapping[str, object], *, write: bool
    ) -> _Answer:
        failure: Unavailable
        # Failures are raised outside the handlers: the SDK's exceptions hold bodies and must not be chained.
        try:
            response = method(*args, **more, _preload_content=False, _request_timeout=TIMEOUT)
            return _Answer(response.status, response.headers, response.data)
        except (CompaniesError, PropertiesError) as error:
            return _Answer(error.status or 0, error.headers or {}, error.body or b"")
        except UnicodeDecodeError as error:
            # The SDK decodes the body of an error as UTF-8 while it handles it.
            return _Answer(getattr(error.__context__, "status", 0), {}, b"")
        except HTTPError as error:
            failure = _unreachable(error, write=write)
        raise failure


def _value(answer: _Answer, decoder: msgspec.json.Decoder[T], good: Sequence[int], *, write: bool) -> T:
    if answer.status not in good:
        raise failure_of(answer.status, answer.headers, answer.body, write=write)
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return decoder.decode(answer.body)
    raise unreadable(write=write)


def _refused(answer: _Answer) -> bool:
    return answer.status == UNAUTHORIZED


def _unreachable(error: HTTPError, *, write: bool) -> Unavailable:
    """No answer. Only while a connection is made is it certain that nothing has been sent."""
    cause = error.reason if isinstance(error, MaxRetryError) else error
    if isinstance(cause, NewConnectionError | ConnectTimeoutError):
        return Unavailable("HubSpot cannot be reached.")
    return Unavailable(f"HubSpot's answer did not arrive ({type(cause).__name__}).", outcome_unknown=write)


def _time_of(answer: _Answer) -> int:
    with suppress(ValueError):
        return int(parsedate_to_datetime(answer.headers.get("Date", "")).timestamp() * 1000)
    return int(time.time() * 1000)


def _limit(options: Mapping[str, JSON], name: str, default: int | None) -> int | None:
    value = options.get(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Misconfigured(f"The option {name} must be a whole number above 0.")
    return value
