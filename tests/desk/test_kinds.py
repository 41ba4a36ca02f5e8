"""Every kind of question, in either CRM, decided in a browser; then the CRM is as was decided."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from sync import connect
from sync.core.actions import ConflictKind
from sync.store import connections
from sync.store.session import Database
from sync.users import UserRole
from tasks import wiring
from tests.desk.conftest import desk_of
from tests.desk.kinds import ENTITY, PLAYS, STAFF, Scene
from tests.desk.stack import NAMES, stack_of
from tests.web.conftest import serve


@pytest.fixture(params=NAMES)
def scene(postgresql: Database, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A reviewer, and a site over one sandbox, which is empty; two more fields are mapped."""
    for served in serve(postgresql, public_url=None):
        for desk in desk_of(served, browser):
            with stack_of(served, names=(request.param,)) as stack:
                stack.map(request.param, "business_entity_id", ENTITY[request.param])
                stack.map(request.param, "custom_data.staff", STAFF[request.param])
                with served.database.reading() as tx:
                    connection = connections.find(tx, served.organisation_id, request.param)
                seal, settings = wiring.open_seal(served.settings), {"require_valid_address": True}
                connect.change(served.database, seal, connection, actor="test", settings=settings)
                yield Scene(desk.signed_in(UserRole.REVIEWER, "/desk/conflicts"), stack, request.param)


def test_every_kind_is_decided_and_the_crm_changes(scene: Scene) -> None:
    assert {play.__name__ for play in PLAYS} == {*ConflictKind}
    for number in range(10):  # beside whom two that are gone are no reason for the brake
        scene.create(f"X{number}", name="Unchanged")
    on_stage = [play(scene) for play in PLAYS]
    for act in range(4):
        on_stage = [play for play in on_stage if next(play, play) is not play]
        if act == 2:
            assert [each.row["kind"] for each in scene.stack.questions()] == []
        scene.stack.sync(full=act == 1)
        if act == 1:
            assert {each.row["kind"] for each in scene.stack.questions()} == {*ConflictKind}
        if act > 1:
            scene.stack.sync()
    on_stage = [play for play in on_stage if next(play, play) is not play]
    assert on_stage == []
    assert scene.stack.questions() == []
