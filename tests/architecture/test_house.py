"""The rules of the house that no linter checks."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

from connectors.registry import GROUP, names, plugin

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 300
LONGER_BY_NATURE = ("/migrations/versions/",)
# Spelled in pieces, so that this file does not name what it forbids.
REGISTRIES = (
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "proxy.go" + "lang.org",
    "crates" + ".io",
    "arti" + "factory",
    "--index" + "-url",
    "--extra-index" + "-url",
)


def tracked(*patterns: str) -> list[Path]:
    """Files that git knows or would take, by pattern."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = [ROOT / line for line in listed.stdout.splitlines()]
    return [path for path in found if path.is_file()]


def test_imports_go_one_way() -> None:
    linter = str(Path(sys.executable).with_name("lint-imports"))
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_no_file_is_too_long() -> None:
    long = {}
    for path in tracked("*.py"):
        name = path.relative_to(ROOT).as_posix()
        count = len(path.read_text(encoding="utf-8").splitlines())
        if count > LONGEST and not any(part in f"/{name}" for part in LONGER_BY_NATURE):
            long[name] = count
    assert long == {}


def test_no_file_names_a_package_registry() -> None:
    named = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace").casefold()
        named += [f"{path.relative_to(ROOT)}: {each}" for each in REGISTRIES if each in text]
    assert named == []


def pins(name: str) -> dict[str, str]:
    """Package → version of a lock file, every one of which must have a hash."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line)
        assert match, f"{name}: {line[:60]!r} is no pin"
        assert "--hash=sha256:" in line, f"{name}: {match[1]} has no hash"
        found[normal(match[1])] = match[2]
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).casefold()


def requirements(lines: list[str]) -> set[str]:
    return {normal(re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0]) for line in lines}


def test_the_locks_pin_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    run, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    groups = project["dependency-groups"]
    asked = requirements(project["project"]["dependencies"]) | requirements(groups["build"])
    assert asked <= run.keys()
    assert requirements(groups["dev"]) <= dev.keys()
    both = run.keys() & dev.keys()
    assert {name: run[name] for name in both} == {name: dev[name] for name in both}


def test_every_entry_point_loads() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {name: plugin(name) for name in names()}
    assert set(declared["entry-points"][GROUP]) <= set(found)
    assert {name: each.name for name, each in found.items()} == {name: name for name in found}
    (command,) = (each for each in entry_points(group="console_scripts") if each.name == "concord")
    assert command.value == declared["scripts"]["concord"]
    assert callable(command.load())


def test_the_readme_names_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert {"run", "test", "setup"} <= targets
    named = set(re.findall(r"`make ([a-z-]+)`|^\s*make ([a-z-]+)", (ROOT / "README.md").read_text(), re.M))
    assert {first or second for first, second in named} <= targets
