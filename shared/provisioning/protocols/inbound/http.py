"""A request to the gateway and its answer, whatever brought it: a function URL, or either API Gateway."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LARGEST_BODY: Final = 1_048_576  # bytes
MOST_HEADERS: Final = 100
LONGEST_HEADER: Final = 8192  # characters of one header, and of the path
MOST_PARAMETERS: Final = 50


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names in lower case; `path` decoded, without a stage of API Gateway, `query` decoded.

    `base`: scheme, host and stage before the path, for the addresses of answers; empty if nobody said.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; `body` is text."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


def too_large(request: Request) -> Response | None:
    """The refusal of what is beyond the bounds of every endpoint, before anything of it is read."""
    plain = {"content-type": "text/plain; charset=utf-8"}
    if len(request.body) > LARGEST_BODY:
        return Response(413, plain, f"{len(request.body)} bytes; at most {LARGEST_BODY}")
    if len(request.headers) > MOST_HEADERS or max(map(len, request.headers.values()), default=0) > LONGEST_HEADER:
        return Response(431, plain, f"at most {MOST_HEADERS} headers of {LONGEST_HEADER} characters")
    if len(request.path) > LONGEST_HEADER or len(request.query) > MOST_PARAMETERS:
        return Response(414, plain, f"at most {LONGEST_HEADER} characters and {MOST_PARAMETERS} parameters")
    return None
