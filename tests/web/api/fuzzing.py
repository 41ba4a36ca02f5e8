"""Requests that Schemathesis makes of the API's description, and what it says of the answers."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "allow_header_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
)
"""Left out: what the description does not promise, as that whatever fits it is taken (names are unique)."""
PHASES = ("examples", "coverage", "fuzzing", "stateful")
REFUSED = (400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 431)


@dataclass
class Outcome:
    """What became of some runs."""

    cases: int = 0
    seconds: float = 0.0
    operations: int = 0
    seeds: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, report: dict[str, Any], told: str) -> None:
        """Count one run."""
        counts = report["test_cases"]
        self.cases += counts["generated"]
        self.seconds += report["running_time"] or 0.0
        self.operations = max(self.operations, report["operations"]["tested"])
        self.seeds.append(report["seed"])
        if not report["complete"] or counts["with_failures"] or report["errors"]:
            self.failures.append(told)


def fuzz(
    outcome: Outcome,
    url: str,
    key: str,
    *,
    seed: int,
    most: int,
    folder: Path,
    phases: tuple[str, ...] = PHASES,
) -> None:
    """One run against the site at `url`, with at most `most` made-up cases per operation and phase."""
    (folder / "schemathesis.toml").write_text(
        f"[checks.negative_data_rejection]\nexpected-statuses = {[str(each) for each in REFUSED]}\n"
    )
    requests.get(f"{url}/openapi.json", timeout=120)  # it is made when it is first asked for
    report = folder / "report.json"
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", "schemathesis.toml"),
        *("run", f"{url}/openapi.json", "--url", url, "--header", f"x-api-key: {key}"),
        *("--checks", ",".join(CHECKS), "--phases", ",".join(phases)),
        *("--max-examples", str(most), "--seed", str(seed), "--continue-on-failure"),
        *("--max-response-time", "5", "--generation-database", "none"),
        *("--warnings", "off", "--no-color", "--report", "json", "--report-json-path", str(report)),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    outcome.add(json.loads(report.read_text(encoding="utf-8")), done.stdout)
