"""What the description says of the routes beside the API, of no organisation: health and metrics."""

from __future__ import annotations

from typing import Any

from web.api.answers import problems
from web.meters import CONTENT_TYPE

SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "The value of `CONCORD_WEB_TOKEN`."},
}
_STATUS = {"type": "string", "enum": ["ok", "not ok"], "description": "Whether all is well."}
_HEALTH = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": _STATUS,
        "problem": {"type": ["string", "null"], "description": "What is wrong first."},
        "database": {"type": "string"},
        "jobs": {
            "type": "object",
            "properties": {
                "due": {"type": ["integer", "null"]},
                "dead": {"type": ["integer", "null"]},
                "oldest_due_seconds": {"type": ["number", "null"]},
            },
        },
        "connections": {
            "type": ["object", "null"],
            "description": "How many are in each state.",
            "additionalProperties": {"type": "integer"},
        },
    },
}
_STRANGERS = (
    "A stranger learns `status` alone; the rest is for whoever sends the site's token as `Authorization`."
)


def _health(description: str, status: str) -> dict[str, Any]:
    example = {"status": status}
    return {
        "description": description,
        "content": {"application/json": {"schema": _HEALTH, "example": example}},
    }


def paths() -> dict[str, Any]:
    """The routes, as the description has them."""
    known = problems()
    refused = {str(status): known[status] for status in (401, 404, 431)}
    return {
        "/health": {
            "get": {
                "operationId": "get_health",
                "tags": ["site"],
                "summary": "Whether the installation is well",
                "description": f"Whether the installation is well.\n\n{_STRANGERS}",
                "security": [{}, {"token": []}],
                "responses": {
                    "200": _health("All is well", "ok"),
                    "401": refused["401"],
                    "431": refused["431"],
                    "503": _health("Something is wrong", "not ok"),
                },
            }
        },
        "/metrics": {
            "get": {
                "operationId": "get_metrics",
                "tags": ["site"],
                "summary": "Metrics for Prometheus",
                "description": "Metrics for Prometheus.\n\nWithout `CONCORD_WEB_TOKEN` this is shut: 404.",
                "security": [{"token": []}],
                "responses": {
                    "200": {
                        "description": "In the text format",
                        "content": {
                            CONTENT_TYPE.partition(";")[0]: {
                                "schema": {"type": "string"},
                                "example": 'concord_connections{state="active"} 2.0\n',
                            }
                        },
                    },
                    **refused,
                },
            }
        },
    }
