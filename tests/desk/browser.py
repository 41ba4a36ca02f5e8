"""A real browser: Debian's Chromium, driven by Playwright. Whatever it complains of fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

REQUIRED = "CONCORD_TEST_BROWSER_REQUIRED"
"""Set where a missing browser is a failure, not a reason to skip."""
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


def executable() -> str:
    """Where Chromium is; skips or fails the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        reason = "there is no Chromium here (Debian: apt-get install chromium)"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser."""
    path = executable()
    with sync_playwright() as playwright:
        browser = _launch(playwright, path)
        try:
            yield browser
        finally:
            browser.close()


def _launch(playwright: Playwright, path: str) -> Browser:
    return playwright.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))


@dataclass
class Person:
    """Somebody at a browser. `expected`: beginnings of console messages that the test is about."""

    context: BrowserContext
    url: str
    page: Page = field(init=False)
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(30_000)
        self.page = self.context.new_page()
        self.page.add_init_script(_VIOLATIONS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def open(self, path: str) -> Page:
        """Open a page of the site, and look it over."""
        self.page.goto(self.url + path)
        self.check()
        return self.page

    def sign_in(self, email: str, password: str) -> Page:
        """Sign in, from wherever the browser is."""
        if "/sign-in" not in self.page.url:
            self.page.goto(f"{self.url}/desk/sign-in")
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        return self.page

    def check(self) -> None:
        """No console error, no report of the policy, no finding of axe, nothing wider than the window."""
        assert self.page.evaluate("window.violations") == []
        heard = [each for each in self.complaints if not any(part in each for part in self.expected)]
        assert heard == []
        found = Axe().run(self.page, options={"resultTypes": ["violations"]})
        assert found.violations_count == 0, found.generate_report()
        wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"the page is {wide} pixels wider than the window"
