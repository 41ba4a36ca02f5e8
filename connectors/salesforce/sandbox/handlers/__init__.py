"""One module per family of REST resources; a handler takes the org and a call and gives the answer."""

from __future__ import annotations
