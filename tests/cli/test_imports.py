"""Files by the command line: shown, asked about, done, told what was not taken, cut off and gone on with."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.e2e.conftest import CONCORD, Shell

FILE = "external_id;Company;E-mail;Tier\nA;Aye;a@x.example;gold\nB;;b@x.example;\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_text(FILE, encoding="utf-8")
    return path


def names(terminal: Shell) -> list[str]:
    return [
        each["external_id"] for each in terminal.json("customers", "list", "--limit", "10000")["customers"]
    ]


def test_a_file_is_shown_first_and_done_when_it_is_approved(terminal: Terminal, file: Path) -> None:
    shown = terminal.json("import", str(file), "--map", "Tier=custom_data.tier", "--dry-run")
    assert (shown["counts"], shown["delimiter"]) == ({"create": 1, "rejected": 1}, ";")
    assert shown["rows"]["create"][0]["changes"]["custom_data.tier"] == [None, "gold"]
    dry = terminal.run("import", str(file), "--dry-run").err
    assert "Nothing of it was kept" in dry
    assert "approve" not in dry
    assert terminal.json("imports", "list")["imports"] == []

    waiting = terminal.json("import", str(file), code=3)
    assert waiting["ignored"] == ["Tier"]
    assert names(terminal) == []
    into = file.with_name("result.csv")
    done = terminal.json("imports", "approve", waiting["id"][:16], "--result", str(into), code=4)
    assert done["state"] == "done"
    assert names(terminal) == ["A"]
    other = file.with_name("again.csv")
    terminal.run("imports", "result", waiting["id"], "--into", str(other))
    assert into.read_text() == other.read_text()
    assert '"3","rejected","customer_name","is required for a new customer","B"' in into.read_text()
    said = terminal.run("imports", "show", waiting["id"]).out
    assert "is required for a new customer" in said
    assert "not taken" in said
    again = terminal.json("import", str(file), "--yes", code=4)
    assert (again["counts"], again["same_file"]) == ({"unchanged": 1, "rejected": 1}, waiting["id"])

    undone = terminal.json("imports", "undo", waiting["id"], "--yes")["runs"][0]
    assert undone["undone"] == {"delete": 1}
    assert names(terminal) == []
    assert len(terminal.json("imports", "list")["imports"]) == 2


def test_of_many_that_would_go_back_the_first_are_shown_and_all_are_counted(
    terminal: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "many.csv"
    rows = "".join(f"M{number:04d},Many {number}\n" for number in range(1_050))
    file.write_text(f"external_id,customer_name\n{rows}")
    done = terminal.json("import", str(file), "--yes")
    said = terminal.run("imports", "undo", done["id"], "--preview").out
    assert "1050 would go back, 0 left alone" in said
    assert said.count("deleted here") == 100
    assert "See all of it with" in said


def test_what_waits_is_cancelled_and_resumed(terminal: Terminal, file: Path) -> None:
    made = terminal.json("import", str(file), code=3)
    assert terminal.json("imports", "cancel", made["id"])["before"] == "needs_approval"
    assert "waits for an approval" not in terminal.run("imports", "approve", made["id"], code=1).err
    assert terminal.json("imports", "resume", made["id"], code=3)["state"] == "needs_approval"
    assert "waits for an approval" in terminal.run("imports", "resume", made["id"], code=1).err


def test_what_is_asked_is_said_with_its_cure(terminal: Terminal, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"x,y\n1,2\n")
    assert "#1=FIELD" in terminal.run("import", str(bad), code=2).err
    numbered = ["--no-header", "--map", "#1=external_id", "--map", "#2=customer_name"]
    assert terminal.json("import", str(bad), *numbered, code=3)["counts"] == {"create": 2}
    assert "COLUMN=FIELD" in terminal.run("import", str(bad), "--map", "x", code=2).err
    assert "cannot be read" in terminal.run("import", str(tmp_path / "none.csv"), code=2).err


def test_an_export_is_written_and_read_again(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("customers", "add", '{"customer_name": "=A", "phone_number": "+1 212 555 0100"}')
    into = tmp_path / "out.csv"
    assert terminal.json("export", "customers", "--into", str(into)) == {"customers": 1, "into": str(into)}
    assert terminal.json("import", str(into), "--yes")["counts"] == {"unchanged": 1}
    assert terminal.run("export", "customers", "--json", code=2).err
    sample = tmp_path / "sample.csv"
    terminal.run("export", "sample", "--into", str(sample))
    assert terminal.json("import", str(sample), "--yes")["counts"] == {"skipped": 1}
    assert "cannot be written" in terminal.run("export", "sample", "--into", str(tmp_path), code=2).err


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    "point", ["import.read:2", "import.plan_before_commit:2", "import.before_commit:2", "import.applied:1"]
)
def test_one_that_was_killed_goes_on_and_does_nothing_twice(
    request: pytest.FixtureRequest, tmp_path: Path, point: str, where: str
) -> None:
    shell = Shell(tmp_path / "data")
    if where == "postgresql":
        request.getfixturevalue("postgresql")
        shell.more["CONCORD_DATABASE_URL"] = request.getfixturevalue("postgresql_url")
        shell.more["CONCORD_SECRET_KEY"] = "k" * 43 + "="
    file = tmp_path / "many.csv"
    count = 2_500
    lines = "".join(f"K{number:05d},Name {number},n{number}@x.example\n" for number in range(count))
    file.write_text(f"external_id,name,email\n{lines}")
    command = [CONCORD, "import", str(file), "--yes"]
    environment = {**shell.environment, "CONCORD_CRASH_AT": point}
    killed = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (made,) = shell.json("imports", "list")["imports"]
    assert made["state"] == "running"
    done = resumed(shell, made["id"])
    assert done["counts"] == {"create": count}
    assert sorted(names(shell)) == [f"K{number:05d}" for number in range(count)]


def resumed(shell: Shell, run_id: str) -> dict[str, object]:
    """Go on, and approve the plan if it had not been."""
    ended = shell.run("imports", "resume", run_id, "--json", code=None)
    assert ended.code in (0, 3), ended.err
    return shell.json("imports", "approve", run_id) if ended.code else ended.json
