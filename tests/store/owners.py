"""Databases of plain users, and what an administrator does for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from sync.store import walls
from sync.store.session import Database
from tests import servers


@contextmanager
def admin(url: str) -> Iterator[psycopg.Connection[Any]]:
    """The administrator of the test server, in this database."""
    place = make_url(os.environ[servers.DATABASE]).set(
        drivername="postgresql", database=make_url(url).database
    )
    with psycopg.connect(place.render_as_string(hide_password=False), autocommit=True) as connection:
        yield connection


@contextmanager
def owned_database(name: str, *, rights: str = "") -> Iterator[str]:
    """A database that belongs to a plain user of its own, who may do nothing beyond it but `rights`."""
    role = sql.Identifier(name)
    with ExitStack() as stack:
        server = os.environ[servers.DATABASE]
        with admin(server) as connection:
            options = sql.SQL("LOGIN PASSWORD 'walls' NOSUPERUSER " + rights)
            connection.execute(sql.SQL("CREATE ROLE {} ").format(role) + options)
        stack.callback(drop_roles, server, name)
        url = stack.enter_context(servers.own_database(name))
        with admin(url) as connection:
            database = sql.Identifier(str(make_url(url).database))
            connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, role))
        yield make_url(url).set(username=name, password="walls").render_as_string(hide_password=False)


def drop_roles(url: str, *names: str) -> None:
    with admin(url) as connection:
        for name in names:
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def cured(url: str, database: Database) -> None:
    """Let an administrator run what `standing` asks for."""
    with database.reading() as tx:
        statements = walls.standing(tx).statements
    with admin(url) as connection:
        connection.execute(statements.encode())
