from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sandbox.journal import Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "state.jsonl"


def write(path: Path, *numbers: int) -> None:
    journal = Journal(path)
    list(journal.replay())
    for number in numbers:
        journal.append({"n": number})
    journal.close()


def read(path: Path) -> list[int]:
    return [entry["n"] for entry in Journal(path).replay()]


def test_what_was_appended_comes_back_in_order(path: Path) -> None:
    write(path, 1, 2)
    write(path, 3)
    assert read(path) == [1, 2, 3]


def test_an_entry_is_on_disk_before_append_returns(path: Path) -> None:
    journal = Journal(path)
    journal.append({"n": 1})
    assert read(path) == [1]
    journal.close()


@pytest.mark.parametrize("torn", [b'{"n": 4', b'{"n": 4}', b'{"n": \xff'])
def test_a_torn_last_line_is_cut_off(path: Path, torn: bytes) -> None:
    write(path, 1, 2, 3)
    with path.open("ab") as file:
        file.write(torn)
    assert read(path) == [1, 2, 3]
    write(path, 5)
    assert read(path) == [1, 2, 3, 5]


def test_a_broken_line_in_the_middle_is_an_error(path: Path) -> None:
    write(path, 1)
    with path.open("ab") as file:
        file.write(b"garbage\n")
    write_after = Journal(path)
    with pytest.raises(ValueError, match="line 2"):
        list(write_after.replay())


def test_compacting_replaces_all_at_once(path: Path) -> None:
    write(path, *range(100))
    journal = Journal(path)
    assert [entry["n"] for entry in journal.replay()] == list(range(100))
    assert journal.lines == 100
    journal.compact({"n": number} for number in (98, 99))
    assert journal.lines == 2
    journal.append({"n": 100})
    journal.close()
    assert read(path) == [98, 99, 100]


def test_a_compaction_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    write(path, 1, 2, 3)

    def broken() -> Iterator[dict[str, int]]:
        yield {"n": 3}
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        Journal(path).compact(broken())
    assert read(path) == [1, 2, 3]


def test_without_a_path_nothing_happens(tmp_path: Path) -> None:
    journal = Journal(None)
    journal.append({"n": 1})
    journal.compact([{"n": 1}])
    journal.close()
    assert list(journal.replay()) == []
    assert list(tmp_path.iterdir()) == []
