"""The driver's own limits, with transports by hand."""

import asyncio
from collections.abc import Iterator

import pytest

from provisioning.adapters.delivery.driver import STEPS, Courier
from provisioning.core.account import Known
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import (
    LONGEST,
    Accepted,
    Answer,
    Dialogue,
    Ending,
    HttpRequest,
    HttpResponse,
    Outcome,
    Publish,
    Unanswered,
)

SERVICE = Service.model_validate(
    {"id": "library", "protocol": "scim", "endpoint": "https://sp.example.org", "account": {"userName": "x"}}
)


async def accept(service: Service, publish: Publish) -> Answer:
    return Accepted()


def asks_for_ever() -> Dialogue:
    while True:
        answer = yield HttpRequest("GET", "/Users")
        if isinstance(answer, Unanswered):
            return Ending(Outcome.UNKNOWN if answer.sent else Outcome.TRANSIENT, Known(), answer.reason)


async def test_a_dialogue_is_stopped_after_so_many_requests() -> None:
    calls = 0

    async def ok(service: Service, request: HttpRequest, within: float) -> Answer:
        nonlocal calls
        calls += 1
        return HttpResponse(200)

    ending = await Courier(ok, accept).converse(SERVICE, asks_for_ever())
    assert (ending.outcome, ending.reason, calls) == (Outcome.TRANSIENT, f"stopped after {STEPS} requests", STEPS)


async def test_a_dialogue_is_stopped_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    times: Iterator[float] = iter([0.0, 1.0, LONGEST - 2.0, LONGEST + 1.0])
    given: list[float] = []

    async def slow(service: Service, request: HttpRequest, within: float) -> Answer:
        given.append(within)
        return HttpResponse(200)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "time", lambda: next(times))
        ending = await Courier(slow, accept).converse(SERVICE, asks_for_ever())
    assert given == [10.0, 2.0]  # the service's time-out, then what is left
    assert (ending.outcome, ending.reason) == (Outcome.TRANSIENT, f"stopped after {LONGEST} seconds")


async def test_a_dialogue_that_will_not_end_is_a_defect() -> None:
    def never() -> Dialogue:
        while True:
            yield HttpRequest("GET", "/Users")

    async def ok(service: Service, request: HttpRequest, within: float) -> Answer:
        return HttpResponse(200)

    with pytest.raises(RuntimeError, match="does not end"):
        await Courier(ok, accept).converse(SERVICE, never())


async def test_a_message_goes_to_the_queue() -> None:
    def publishes() -> Dialogue:
        answer = yield Publish("1", "identity", "{}")
        return Ending(Outcome.DONE if isinstance(answer, Accepted) else Outcome.UNKNOWN, Known())

    async def wrong(service: Service, request: HttpRequest, within: float) -> Answer:
        raise AssertionError("not an HTTP call")

    assert (await Courier(wrong, accept).converse(SERVICE, publishes())).outcome is Outcome.DONE


async def test_a_queue_that_does_not_answer_leaves_the_effect_unknown() -> None:
    async def hangs(service: Service, publish: Publish) -> Answer:
        await asyncio.Event().wait()
        return Accepted()

    async def wrong(service: Service, request: HttpRequest, within: float) -> Answer:
        raise AssertionError("not an HTTP call")

    def publishes() -> Dialogue:
        answer = yield Publish("1", "identity", "{}")
        assert isinstance(answer, Unanswered)
        return Ending(Outcome.UNKNOWN if answer.sent else Outcome.TRANSIENT, Known(), answer.reason)

    ending = await Courier(wrong, hangs).converse(SERVICE.model_copy(update={"timeout": 1}), publishes())
    assert (ending.outcome, ending.reason) == (Outcome.UNKNOWN, "no answer within 1 s")
