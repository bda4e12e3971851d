"""Requests as Lambda hands them over: of a function URL or an HTTP API (payload 2.0), and of a REST API (1.0)."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode


def payload_2(
    method: str,
    path: str,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    host: str = "gateway.example.org",
    stage: str = "$default",
    encoded: bool = True,
) -> dict[str, Any]:
    """The event of a function URL, or of an HTTP API with a stage."""
    whole = path if stage == "$default" else f"/{stage}{path}"
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": whole,
        "rawQueryString": query,
        "headers": {name.lower(): value for name, value in (headers or {}).items()},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "domainName": host,
            "http": {"method": method, "path": whole, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": "r",
            "stage": stage,
            "timeEpoch": 1800000000000,
        },
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
    }


def payload_1(
    method: str, path: str, query: str = "", headers: Mapping[str, str] | None = None, body: bytes = b""
) -> dict[str, Any]:
    """The event of a REST API with the stage `prod`."""
    several = {name: [value] for name, value in (headers or {}).items()}
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": dict(headers or {}),
        "multiValueHeaders": several,
        "queryStringParameters": parameters or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in parameters.items()} or None,
        "requestContext": {"stage": "prod", "path": f"/prod{path}", "domainName": "gateway.example.org"},
        "body": body.decode() if body else None,
        "isBase64Encoded": False,
    }


def query_of(parameters: Mapping[str, str]) -> str:
    """A query string."""
    return urlencode(parameters)
