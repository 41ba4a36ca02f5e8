from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.connectors.hubspot_client.hub import Hub, serve, stop

Start = Callable[..., Hub]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start sandboxes with any options of `serve`."""
    running: list[Hub] = []

    def run(*args: Any, **options: Any) -> Hub:
        running.append(serve(*args, **options))
        return running[-1]

    yield run
    for hub in running:
        stop(hub)


@pytest.fixture
def hub(start: Start) -> Hub:
    """An empty sandbox."""
    return start()
