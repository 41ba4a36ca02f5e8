"""The settings without which Celery loses or doubles work, and how the limits stand to one another."""

from __future__ import annotations

import subprocess
import sys

import pytest
from kombu.exceptions import ContentDisallowed, DecodeError
from kombu.serialization import loads

from connectors.transport import TIMEOUT
from sync.services import LEASE_SECONDS
from tasks import wiring
from tasks.app import QUEUE, TELL, WAKE, WAKE_EXPIRES, make_app
from tasks.schedule import DEFAULT_EVERY
from tests.tasks.conftest import until

EXPECTED = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "task_ignore_result": True,
    "task_track_started": False,
    "accept_content": ["json"],
    "task_serializer": "json",
    "broker_connection_retry_on_startup": True,
    "task_publish_retry": False,
    "worker_soft_shutdown_timeout": 30,
    "worker_max_tasks_per_child": 1_000,
    "task_default_queue": QUEUE,
    "result_backend": None,
}
TRANSPORT = {
    "visibility_timeout": 3_600,
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "global_keyprefix": "mine:",
}


def test_the_settings_in_force() -> None:
    conf = make_app("redis://broker.example/0", lambda: 0, prefix="mine:").conf
    assert {name: conf[name] for name in EXPECTED} == EXPECTED
    assert conf["broker_transport_options"] == TRANSPORT
    assert conf["worker_max_memory_per_child"] >= 500_000
    assert not conf["result_extended"]


def test_each_limit_leaves_room_for_the_one_inside_it() -> None:
    conf = make_app("redis://broker.example/0", lambda: 0).conf
    visible = conf["broker_transport_options"]["visibility_timeout"]
    assert sum(TIMEOUT) < conf["task_soft_time_limit"] < conf["task_time_limit"] < visible
    # A lease is renewed before every call to a CRM, so it must outlast one.
    assert sum(TIMEOUT) < LEASE_SECONDS
    # A message that nobody took is worthless once the next tick has sent its own.
    assert WAKE_EXPIRES <= DEFAULT_EVERY <= 60


def test_there_are_two_tasks_and_they_carry_nothing() -> None:
    calls = iter([1])
    app = make_app("memory://localhost/", lambda: next(calls))
    ours = [name for name in app.tasks if not name.startswith("celery.")]
    assert sorted(ours) == [TELL, WAKE]
    assert app.tasks[WAKE].ignore_result
    app.tasks[WAKE]("due")
    assert list(calls) == []


def test_who_holds_a_lease_is_known_and_known_to_be_gone() -> None:
    command = [sys.executable, "-c", "from tasks.wiring import owner; print(owner())"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        told = child.stdout.read().strip()
        # It has ended, but nobody has asked how: a zombie is as gone as one that was buried.
        until(lambda: wiring.dead_owners([told]) == [told], 10)
    host, space, pid, started = told.split("/")
    assert wiring.dead_owners([told]) == [told]
    mine = wiring.owner()
    assert mine != told
    for living in (mine, f"elsewhere/{space}/{pid}/{started}", f"{host}/0/{pid}/{started}", "old-format", ""):
        assert wiring.dead_owners([living]) == []
    # The same process id, given to a new process since.
    _, _, my_pid, _ = mine.split("/")
    assert wiring.dead_owners([f"{host}/{space}/{my_pid}/1"]) != []


@pytest.mark.parametrize("hostile", [b"\x80\x04", b"not json", b'{"task": "os.system"}'])
def test_what_is_no_wake_up_is_not_understood(hostile: bytes) -> None:
    accept = make_app("memory://localhost/", lambda: 0).conf["accept_content"]
    with pytest.raises(ContentDisallowed):
        loads(hostile, "application/x-python-serialize", "binary", accept={f"application/{accept[0]}"})
    with pytest.raises((DecodeError, AssertionError)):
        assert WAKE in str(loads(hostile, "application/json", "utf-8", accept={"application/json"}))
