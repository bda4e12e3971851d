"""Driving a dialogue by hand: the answers are given in order, the requests are kept."""

import json
from collections.abc import Mapping
from typing import Any

from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Answer, Delivery, Dialogue, Ending, HttpRequest, HttpResponse, Unanswered

IDENTITY = "0b8ff0e2-6f0f-4c3e-9b0f-3f6a2a1f4c11"
LOST = Unanswered("no answer within 10 s", sent=True)
REFUSED = Unanswered("not connected", sent=False)
VALUES = {"userName": "ann.other", "name.givenName": "Ann"}


def service(**changes: Any) -> Service:
    fields = {"id": "library", "protocol": "scim", "endpoint": "https://sp.example.org", "account": {"userName": "x"}}
    return Service.model_validate({**fields, **changes})


def delivery(
    phase: Phase = Phase.ACTIVE,
    values: Mapping[str, Any] = VALUES,
    groups: tuple[str, ...] = (),
    known: Known | None = None,
    ids: Mapping[str, str] | None = None,
    *,
    look: bool = False,
) -> Delivery:
    desired = Desired(phase, {} if phase is Phase.ABSENT else values, groups)
    return Delivery(IDENTITY, desired, known or Known(), look, "operation-1", 7, ids or {})


def existing(values: Mapping[str, Any] = VALUES, phase: Phase = Phase.ACTIVE, groups: tuple[str, ...] = ()) -> Known:
    return Known(phase, "77", values, groups)


def ok(status: int = 200, body: Any = None, **headers: str) -> HttpResponse:
    return HttpResponse(status, headers, b"" if body is None else json.dumps(body).encode())


def error(status: int, detail: str = "", scim_type: str = "") -> HttpResponse:
    return ok(status, {"status": str(status), "detail": detail, "scimType": scim_type})


def user(remote_id: str = "77", mark: str | None = IDENTITY, **fields: Any) -> dict[str, Any]:
    shown = {"id": remote_id, "active": True, "userName": "ann.other", "name": {"givenName": "Ann"}, **fields}
    return shown if mark is None else {**shown, "externalId": mark}


def listed(*resources: Any, total: int | None = None) -> HttpResponse:
    return ok(200, {"totalResults": len(resources) if total is None else total, "Resources": list(resources)})


def talk(dialogue: Dialogue, *answers: Answer) -> tuple[list[Any], Ending]:
    """The requests and the ending. All answers must be used, and no more asked for."""
    requests: list[Any] = []
    left = list(answers)
    try:
        request = next(dialogue)
        while True:
            requests.append(request)
            assert left, f"asked for more: {request}"
            request = dialogue.send(left.pop(0))
    except StopIteration as stopped:
        assert not left, f"not asked for: {left}"
        return requests, stopped.value


def shape(requests: list[HttpRequest]) -> list[str]:
    return [f"{request.method} {request.path}" for request in requests]


def operations(request: HttpRequest) -> list[dict[str, Any]]:
    listed_: list[dict[str, Any]] = request.body["Operations"]
    return listed_
