"""The errors of a route in the API's description, made by the code that makes them in earnest."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request

from serve_app.http.access import is_open
from serve_app.http.errors import Unauthorized, describe
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


def describe_keys(app: FastAPI) -> None:
    """Adds to the description of ``app`` which operations want an API key, and how it is sent."""
    plain = app.openapi

    def with_keys() -> dict[str, Any]:
        if app.openapi_schema is None:
            description = plain()
            description.setdefault("components", {})["securitySchemes"] = _SCHEMES
            for path, operations in description["paths"].items():
                for method, operation in operations.items():
                    if not is_open(method.upper(), path):
                        # The empty one: a server on the loopback interface takes requests without.
                        operation["security"] = [*({name: []} for name in _SCHEMES), {}]
                        operation["responses"] = {**_UNAUTHORIZED, **operation["responses"]}
            app.openapi_schema = description
        return app.openapi_schema

    app.openapi = with_keys  # type: ignore[method-assign]


_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, as OpenAI's clients send it."},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key."},
}
_UNAUTHORIZED = {
    "401": {
        **documented(
            Unauthorized("This server needs an API key.", "missing_api_key"),
            Unauthorized("That is not an API key of this server.", "invalid_api_key"),
            Unauthorized("The API key 3f9c0a17b2d4 has been revoked.", "revoked_api_key"),
            Unauthorized("The API key 3f9c0a17b2d4 has expired.", "expired_api_key"),
        )[401],
        "headers": {"WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}},
    }
}
_UNAUTHORIZED["401"].pop("model")
_UNAUTHORIZED["401"]["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/ErrorResponse"}
