"""The errors of a route in the API's description, made by the code that makes them in earnest."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from serve_app.http.errors import describe
from serve_app.http.schemas import ErrorResponse

_REQUEST = Request(
    {
        "type": "http",
        "method": "POST",
        "path": "/v1/audio/speech",
        "query_string": b"",
        "headers": [],
        "state": {"request_id": "req_0f8fad5bd9cb469fa16570867728950e"},
    }
)


def documented(*examples: Exception) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that may raise errors like ``examples``, by status, each with its example."""
    responses: dict[int | str, dict[str, Any]] = {}
    for error in examples:
        failure = describe(error, _REQUEST)
        response = responses.setdefault(
            failure.status,
            {
                "model": ErrorResponse,
                "description": "",
                "content": {"application/json": {"examples": {}}},
                "headers": {
                    name: {"description": "Seconds to wait before a new try.", "schema": {"type": "integer"}}
                    for name in failure.headers
                },
            },
        )
        response["content"]["application/json"]["examples"][failure.code] = {"value": failure.body.model_dump()}
        response["description"] = ", ".join(f"`{code}`" for code in response["content"]["application/json"]["examples"])
    responses["default"] = {"model": ErrorResponse, "description": "Any other error."}
    return responses
