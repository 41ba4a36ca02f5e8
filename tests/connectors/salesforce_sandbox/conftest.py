from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.salesforce.sandbox import build
from tests.connectors.salesforce_sandbox.org import RECORDED, Org

MakeOrg = Callable[..., Org]


@pytest.fixture
def make_org() -> Iterator[MakeOrg]:
    """Makes sandboxes, with the arguments of `build`, and stops them."""
    made: list[Org] = []

    def make(**options: object) -> Org:
        made.append(Org(build(**options)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for org in made:
        org.close()


@pytest.fixture
def org(make_org: MakeOrg) -> Org:
    """An empty sandbox."""
    return make_org()


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of exchanges and describes recorded from real orgs."""
    if not RECORDED.is_dir():
        pytest.skip("the recorded data of real orgs is not here (../shared/data/salesforce)")
    return RECORDED
