"""What may become of one call to an SP, for a test's script."""

import json
from collections.abc import Callable

from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse, Unanswered
from tests.simulation.provider import Provider

Step = Callable[[Provider, HttpRequest], Answer]
"""What becomes of one call to an SP."""


def refused(_provider: Provider, _request: HttpRequest) -> Answer:
    """Nothing was sent."""
    return Unanswered("connection refused", sent=False)


def lost_before(_provider: Provider, _request: HttpRequest) -> Answer:
    """No answer, and no effect."""
    return Unanswered("no answer within 10 s", sent=True)


def lost_after(provider: Provider, request: HttpRequest) -> Answer:
    """No answer, but the effect."""
    provider.answer(request)
    return Unanswered("no answer within 10 s", sent=True)


def says_no(status: int, detail: str = "", **headers: str) -> Step:
    """The SP's own refusal."""

    def answer(_provider: Provider, _request: HttpRequest) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return HttpResponse(status, named, json.dumps({"status": str(status), "detail": detail}).encode())

    return answer


def as_it_is(provider: Provider, request: HttpRequest) -> Answer:
    """The SP does what it does."""
    return provider.answer(request)
