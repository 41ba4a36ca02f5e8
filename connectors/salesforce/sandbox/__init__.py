"""A look-alike Salesforce: what a sync connector calls, over HTTP, with the quirks of the real one.

`build()` makes the org; `.app` is its ASGI app, to be served by `connectors.sandbox.server`.
"""

from __future__ import annotations

from connectors.salesforce.sandbox.build import SalesforceSandbox, build

__all__ = ["SalesforceSandbox", "build"]
