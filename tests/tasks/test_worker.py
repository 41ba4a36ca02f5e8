"""A real worker over a real Redis: what it is woken by, and what becomes of work when things die."""

from __future__ import annotations

import base64
import json
import logging
import os
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from bench.torture.whole.servers import Redis
from sync.cycle import run
from sync.steps import Order
from sync.store import runs
from sync.store.query import rows
from sync.store.schema import customers
from sync.store.worktables import jobs, lanes
from tasks.app import HARD_LIMIT, QUEUE, SOFT_LIMIT, WAKE, make_app, send_wake
from tasks.schedule import tick
from tests import servers
from tests.tasks.conftest import Crm, Production, until

ONE_CHILD = ("worker", "--concurrency", "1")


def first_sync(production: Production, crm: Crm) -> None:
    order = Order(kind="sync", trigger="manual", actor="test", yes=True)
    run(production.services, production.connect(crm), order, lambda _event: None)


def keys(production: Production) -> set[str]:
    with production.services.database.reading() as tx:
        return {row["external_id"] for row in rows(tx, select(customers.c.external_id))}


def job_states(production: Production) -> list[str]:
    with production.services.database.reading() as tx:
        return [row["state"] for row in rows(tx, select(jobs).order_by(jobs.c.id))]


def wake(production: Production) -> bool:
    """One beat of a ticker."""
    app = make_app(os.environ[servers.REDIS], lambda: 0, prefix=production.settings.redis_prefix)
    return tick(production.services) and send_wake(app)


def messages(production: Production) -> list[dict[str, Any]]:
    with redis.Redis.from_url(os.environ[servers.REDIS]) as client:
        found = client.lrange(f"{production.settings.redis_prefix}{QUEUE}", 0, -1)
        return [json.loads(each) for each in found]


def forget_messages(production: Production) -> None:
    with redis.Redis.from_url(os.environ[servers.REDIS]) as client:
        client.delete(*client.scan_iter(f"{production.settings.redis_prefix}*"))


def kill_all(pid: int) -> None:
    """Kill a worker and its children at once, as when a machine goes down."""
    whole = psutil.Process(pid)
    family = [*whole.children(recursive=True), whole]
    assert len(family) == 2
    for each in family:
        each.kill()
    assert psutil.wait_procs(family, timeout=10)[1] == []


def test_a_tick_wakes_a_worker_that_does_what_is_due(production: Production, crm: Crm) -> None:
    first_sync(production, crm)
    crm.create("k1", "Jane Roe")
    assert wake(production)
    (message,) = messages(production)
    # A message carries no work, no id and no name: a forged one can only cause an early look.
    assert message["headers"]["task"] == WAKE
    assert json.loads(base64.b64decode(message["body"]))[:2] == [[], {"wake_kind": "due"}]
    assert message["headers"]["expires"]
    assert message["headers"]["eta"] is None
    assert message["headers"]["timelimit"] in ([None, None], [HARD_LIMIT, SOFT_LIMIT])
    everything = json.dumps(message) + base64.b64decode(message["body"]).decode()
    for private in ("Jane", "k1", production.connection().id, production.organisation_id, crm.url):
        assert private not in everything

    forget_messages(production)  # Redis is lost with all that it held
    assert job_states(production) == ["open"]
    with production.process(*ONE_CHILD):
        assert wake(production), "what was not done wakes again at every beat"
        until(lambda: job_states(production) == ["done"])
        assert keys(production) == {"k1"}
        assert not wake(production)
        crm.create("k2")
        production.make_due()
        assert wake(production)
        until(lambda: keys(production) == {"k1", "k2"})
    assert set(job_states(production)) == {"done"}


def test_a_job_whose_worker_was_killed_is_taken_up_again(production: Production, crm: Crm) -> None:
    first_sync(production, crm)
    for number in range(30):
        crm.create(f"k{number}")
    hang = {"kind": "query", "fault": "timeout_before", "rate": 1.0, "seconds": 60.0}
    crm.control("PUT", "faults", [hang])
    with production.process(*ONE_CHILD) as process:
        wake(production)

        def at_work() -> bool:
            with production.services.database.reading() as tx:
                found = runs.listing(tx, production.organisation_id)
            asked = crm.control("GET", "stats")["faults"]
            return bool(asked) and found[0]["state"] == "running"

        until(at_work)
        kill_all(process.pid)
    assert job_states(production) == ["open"]
    with production.services.database.reading() as tx:
        (held,) = rows(tx, select(lanes).where(lanes.c.owner != ""))
    assert production.services.dead([held["owner"]]) == [held["owner"]]
    crm.control("DELETE", "faults")

    with production.process(*ONE_CHILD):
        assert wake(production), "a job that was begun and not finished is due"
        until(lambda: job_states(production) == ["done"])
    assert keys(production) == {f"k{number}" for number in range(30)}
    with production.services.database.reading() as tx:
        second, first, _ = runs.listing(tx, production.organisation_id)
        (job,) = rows(tx, select(jobs))
    assert (first["state"], second["state"]) == ("failed", "done")
    assert "cut off" in first["reason"]
    assert (job["attempts"], job["lost"]) == (0, 0)


def test_without_redis_the_tick_says_so_and_the_work_waits(
    production: Production, crm: Crm, caplog: pytest.LogCaptureFixture
) -> None:
    first_sync(production, crm)
    crm.create("k1")
    assert tick(production.services)
    started = time.monotonic()
    with caplog.at_level(logging.WARNING, logger="concord"):
        assert not send_wake(make_app("redis://:t0psecret@127.0.0.1:1/0", lambda: 0))
    assert time.monotonic() - started < 20, "a beat does not hang"
    assert "broker does not answer" in caplog.text
    assert "t0psecret" not in caplog.text
    assert job_states(production) == ["open"]
    assert wake(production)
    assert len(messages(production)) == 1


def test_a_redis_that_is_full_is_waited_for(production: Production, crm: Crm, tmp_path: Path) -> None:
    broker = Redis(tmp_path)
    try:
        settings = production.settings.model_copy(update={"redis_url": SecretStr(broker.url())})
        mine = replace(production, settings=settings)
        first_sync(mine, crm)
        crm.create("k1")
        assert tick(mine.services)
        app = make_app(broker.url(), lambda: 0, prefix=settings.redis_prefix)
        broker.fill()
        assert not send_wake(app)
        with mine.process(*ONE_CHILD) as process:
            log = next(mine.folder.glob("worker-*.log"))
            until(lambda: "maxmemory" in log.read_text())
            assert process.poll() is None, "it waits"
            broker.fill(full=False)
            assert send_wake(app)
            until(lambda: job_states(mine) == ["done"])
    finally:
        broker.kill()


def test_a_ticker_outlives_a_database_that_is_not_well(production: Production, crm: Crm) -> None:
    first_sync(production, crm)
    with production.services.database.transaction() as tx:
        tx.exec_driver_sql("ALTER TABLE schedules RENAME TO away")
    try:
        with production.process("tick", "--every", "0.2") as process:
            log = next(production.folder.glob("tick-*.log"))
            until(lambda: log.read_text().count("tries again") > 1)
            assert process.poll() is None
            with production.services.database.transaction() as tx:
                tx.exec_driver_sql("ALTER TABLE away RENAME TO schedules")
            until(lambda: job_states(production) == ["open"])
            until(lambda: messages(production))
    except BaseException:
        with suppress(DBAPIError), production.services.database.transaction() as tx:
            tx.exec_driver_sql("ALTER TABLE away RENAME TO schedules")
        raise
