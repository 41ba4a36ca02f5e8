"""`health`: whether a process of a distributed installation is well, for container health checks."""

from __future__ import annotations

from typing import Annotated
from urllib.error import URLError
from urllib.request import urlopen

import redis
import typer
from celery.utils.nodenames import default_nodename

from cli.context import DONE, FAILED, AsJson
from cli.output import Output
from connectors.records import JSON
from sync.errors import ConcordError
from sync.settings import load
from tasks import wiring
from tasks.app import make_app

PATIENCE = 10.0


def health(
    worker: Annotated[bool, typer.Option("--worker", help="A worker of this host must answer, too.")] = False,
    url: Annotated[str | None, typer.Option("--url", help="Only whether this address answers.")] = None,
    as_json: AsJson = False,
) -> int:
    """Exit code 0 if database and broker (and a worker) answer."""
    output = Output(as_json=as_json)
    problem = _answers(url) if url else _well(worker=worker)
    body: dict[str, JSON] = {"healthy": problem is None, "reason": problem}
    if as_json:
        output.json(body)
    else:
        output.say(problem or "healthy")
    return DONE if problem is None else FAILED


def _answers(url: str) -> str | None:
    if not url.startswith(("http://", "https://")):
        return "the address must begin with http:// or https://"
    try:
        with urlopen(url, timeout=PATIENCE) as response:  # noqa: S310 - the scheme was checked
            response.read(1)
    except (URLError, OSError) as error:
        return f"{url} does not answer ({type(error).__name__})"
    return None


def _well(*, worker: bool) -> str | None:
    settings = load()
    try:
        wiring.open_database(settings).close()
        broker = wiring.broker_url(settings)
        with redis.Redis.from_url(broker, socket_connect_timeout=PATIENCE) as client:
            client.ping()
    except ConcordError as error:
        return str(error)
    except redis.RedisError as error:
        return f"Redis does not answer ({type(error).__name__})"
    if worker:
        app = make_app(broker, lambda: 0, prefix=settings.redis_prefix)
        with app.connection_for_write() as connection:
            # Asked by name: the worker of another host says nothing about this one.
            mine = [default_nodename("")]
            inspect = app.control.inspect(destination=mine, timeout=PATIENCE / 2, connection=connection)
            if not inspect.ping():
                return "no worker of this host answers"
    return None
