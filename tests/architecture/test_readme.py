"""The pages tell the truth: commands, options, links, named tests and tables are those of the code."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.main import application
from connectors.sandbox.faults import Fault
from sync.core.actions import ConflictKind
from sync.core.policy import PRESETS
from sync.settings import Settings
from sync.store.schema import metadata

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    path
    for pattern in ("*.md", "docs/*.md", "connectors/**/*.md", "sync/**/*.md")
    for path in sorted(ROOT.glob(pattern))
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
COMMANDS: Any = typer.main.get_command(application())


def named(paths: list[Path]) -> list[Any]:
    return [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in paths]


def prose(text: str) -> str:
    return FENCE.sub("", text)


def commands_in(text: str) -> list[str]:
    """Every `concord ...`: lines of shell blocks, and code within the text."""
    lines = [line for kind, body in FENCE.findall(text) if kind == "sh" for line in body.splitlines()]
    spans = re.findall(r"`([^`\n]+)`", prose(text))
    found = [re.sub(r"^([A-Z_]+=\S+ |\$ )+", "", each) for each in (*lines, *spans)]
    return [each for each in found if each.startswith("concord ")]


def complaint(line: str) -> str | None:
    """What is wrong with a command line, if anything."""
    command, words = COMMANDS, shlex.split(line)[1:]
    while words and hasattr(command, "commands"):
        command = command.commands.get(words.pop(0))
        if command is None:
            return f"{line}: there is no such command"
    ways = [(*each.opts, *each.secondary_opts) for each in command.params]
    known = {option for each in ways for option in each} | {"--help"}
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
    return f"{line}: has no {', '.join(unknown)}" if unknown else None


def table_under(header: str, text: str = README) -> list[list[str]]:
    """The rows of the one table whose header line begins so."""
    assert text.count(f"\n{header}") == 1, header
    rows = []
    for line in text.partition(f"\n{header}")[2].splitlines()[2:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


def first_codes(header: str, text: str = README) -> list[str]:
    """What stands as code at the beginning of each row."""
    return [found[1] for row in table_under(header, text) if (found := re.match(r"`([^`]+)`", row[0]))]


@pytest.mark.parametrize("page", named(PAGES))
def test_commands_and_options_exist(page: Path) -> None:
    wrong = [complaint(line) for line in commands_in(page.read_text(encoding="utf-8"))]
    assert [each for each in wrong if each] == []


def test_the_readme_shows_every_command() -> None:
    shown = {line.split()[1] for row in table_under("| command |") for line in commands_in(row[0])}
    assert shown == set(COMMANDS.commands)


@pytest.mark.parametrize("page", named(PAGES))
def test_links_lead_somewhere(page: Path) -> None:
    text = prose(page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        found = page.parent / path if path else page
        assert found.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.M)
            assert heading in {title.lower().replace(" ", "-") for title in titles}, target


@pytest.mark.parametrize("page", named(PAGES))
def test_named_files_and_tests_exist(page: Path) -> None:
    spans = re.findall(r"`((?:tests|sync|connectors|tasks|cli|bench|docs)/[^`\s]+)`", prose(page.read_text()))
    for span in spans:
        path, _, test = span.partition("::")
        assert (ROOT / path).exists(), span
        if test:
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            assert test in {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}, span


def test_every_promise_names_a_test_or_says_not_yet() -> None:
    rows = table_under("| | promise |")
    assert [row[0] for row in rows] == [f"I{number}" for number in range(1, 11)]
    assert all("::test_" in row[2] or "not yet" in row[2] for row in rows)


def test_the_settings_are_those_of_the_code() -> None:
    read = {f"CONCORD_{name.upper()}" for name in Settings.model_fields}
    folders = ("connectors", "sync", "tasks", "web", "cli")
    for path in (each for folder in folders for each in ROOT.glob(f"{folder}/**/*.py")):
        read |= set(re.findall(r"environ\S*\(?\[?\"(CONCORD_\w+)", path.read_text(encoding="utf-8")))
    assert "CONCORD_PLAIN_HTTP_HOSTS" in read
    assert sorted(first_codes("| variable |")) == sorted(read)


def test_the_kinds_of_the_queue_are_those_of_the_code() -> None:
    assert first_codes("| kind |") == [kind.value for kind in ConflictKind]
    ways = re.findall(r"`(--[a-z-]+)", " ".join(row[2] for row in table_under("| kind |")))
    options = {
        option for each in COMMANDS.commands["conflicts"].commands["resolve"].params for option in each.opts
    }
    assert set(ways) <= options


def test_the_presets_are_those_of_the_code() -> None:
    (row,) = (row for row in table_under("| setting |") if row[0].startswith("presets"))
    assert sorted(re.findall(r"`(\w+)`", row[1])) == sorted(PRESETS)


def test_the_faults_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "sandboxes.md").read_text(encoding="utf-8")
    assert first_codes("| fault | what", text) == [fault.value for fault in Fault]


def test_the_tables_are_those_of_the_code() -> None:
    text = (ROOT / "sync" / "README.md").read_text(encoding="utf-8")
    assert set(first_codes("| table |", text)) == set(metadata.tables)
