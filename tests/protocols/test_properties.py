"""Whatever an SP answers: every dialogue ends within the driver's bound, and claims nothing that it was not told."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioning.adapters.delivery.driver import STEPS
from provisioning.core.account import Known, Phase
from provisioning.protocols.dialogue import (
    Accepted,
    Answer,
    Delivery,
    Dialogue,
    Ending,
    HttpResponse,
    Outcome,
    Unanswered,
)
from provisioning.protocols.registry import PROTOCOLS
from tests.protocols.talk import IDENTITY, REFUSED, delivery, service

NAMES = ("a", "b", "c")
PATHS = ("userName", "name.givenName", 'emails[type eq "work"].value', "roles")
TEXTS = st.sampled_from(["ann", "bob", "ANN", 'x"\\'])
IDS = st.sampled_from(["1", "2", "a/b", "..", ""]) | st.none() | st.integers() | st.text(max_size=5)
RESOURCES = st.fixed_dictionaries(
    {},
    optional={
        "id": IDS,
        "externalId": st.sampled_from([IDENTITY, "another", None, 5]),
        "userName": TEXTS,
        "displayName": st.sampled_from(NAMES),
        "active": st.booleans() | st.none() | st.just("True"),
        "groups": st.lists(st.fixed_dictionaries({"value": IDS}), max_size=2) | st.just("x"),
        "emails": st.lists(st.fixed_dictionaries({"type": st.just("work"), "value": TEXTS}), max_size=2),
    },
)
LISTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "Resources": st.lists(RESOURCES | st.none(), max_size=3) | st.just({}),
        "totalResults": st.integers(0, 3) | st.just("3"),
    },
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=2), max_leaves=4
)
ERRORS = st.fixed_dictionaries(
    {"scimType": st.sampled_from(["uniqueness", "noTarget", 5]), "detail": st.text() | st.none()}
)
BODIES = st.binary(max_size=20) | (RESOURCES | LISTS | JSON | ERRORS).map(lambda body: json.dumps(body).encode())
STATUSES = st.sampled_from(
    [200, 200, 200, 201, 204, 301, 400, 401, 404, 409, 410, 412, 429, 500, 501, 503]
) | st.integers(100, 599)
HEADERS = st.fixed_dictionaries(
    {}, optional={"retry-after": st.text(max_size=5) | st.just("5"), "date": st.text(max_size=9)}
)
ANSWERS = st.lists(
    st.builds(HttpResponse, STATUSES, HEADERS, BODIES)
    | st.builds(Unanswered, st.text(), st.booleans())
    | st.builds(Accepted),
    max_size=12,
)
VALUES = st.dictionaries(st.sampled_from(PATHS[:3]), TEXTS)
GROUPS = st.lists(st.sampled_from(NAMES), unique=True).map(lambda names: tuple(sorted(names)))
KNOWNS = st.builds(Known, st.sampled_from(Phase), st.sampled_from([None, "77"]), VALUES, GROUPS)


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    return delivery(
        draw(st.sampled_from(Phase)),
        {**draw(VALUES), "userName": draw(TEXTS)},
        draw(GROUPS),
        draw(KNOWNS),
        draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["g1", "g/2"]))),
        look=draw(st.booleans()),
    )


def run(dialogue: Dialogue, answers: list[Answer]) -> Ending:
    """The ending, the last answer being repeated for ever."""
    try:
        next(dialogue)
        for step in range(STEPS + 1):
            dialogue.send(answers[min(step, len(answers) - 1)] if answers else REFUSED)
    except StopIteration as stopped:
        ending: Ending = stopped.value
        return ending
    raise AssertionError("the dialogue does not end")


def ids_in(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield value.get("id")
        for item in value.values():
            yield from ids_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from ids_in(item)


def told(answers: list[Answer]) -> set[Any]:
    """Every id that any answer gave."""
    found: set[Any] = set()
    for answer in answers:
        try:
            body = json.loads(answer.body) if isinstance(answer, HttpResponse) else None
        except ValueError:
            continue
        found |= {item for item in ids_in(body) if isinstance(item, str)}
    return found


@given(st.sampled_from(sorted(PROTOCOLS)), deliveries(), ANSWERS, st.sampled_from(["never", "match"]))
def test_every_delivery_ends_and_claims_only_what_it_was_told(
    protocol: str, wanted: Delivery, answers: list[Answer], adopt: str
) -> None:
    ending = run(PROTOCOLS[protocol].deliver(service(protocol=protocol, adopt=adopt), wanted), answers)
    assert ending.known.remote_id in {None, wanted.known.remote_id, *told(answers)}
    assert {*ending.known.groups} <= {*wanted.known.groups, *wanted.desired.groups}
    assert ending.retry_after is None or ending.retry_after >= 0
    assert len(ending.reason) <= 200
    assert ending.reason.isprintable()
    assert (ending.reason == "") <= (ending.outcome is Outcome.DONE or bool(answers))
    if ending.outcome is Outcome.DONE:
        assert ending.known.phase is wanted.desired.phase
        assert ending.known.values == wanted.desired.values


@given(st.sampled_from(sorted(PROTOCOLS)), deliveries())
def test_a_request_that_never_left_ends_the_dialogue_at_once_and_leaves_no_doubt(
    protocol: str, wanted: Delivery
) -> None:
    dialogue = PROTOCOLS[protocol].deliver(service(protocol=protocol), wanted)
    try:
        next(dialogue)
        dialogue.send(REFUSED)
    except StopIteration as stopped:
        assert stopped.value.outcome in (Outcome.TRANSIENT, Outcome.DONE, Outcome.PERMANENT)
        return
    raise AssertionError("a second request after the first could not be sent")


@given(st.sampled_from(NAMES), st.booleans(), ANSWERS, st.booleans())
def test_making_a_group_ends_and_claims_only_what_it_was_told(
    name: str, look: bool, answers: list[Answer], create: bool
) -> None:
    for protocol in PROTOCOLS.values():
        if protocol.make_group is not None:
            ending = run(protocol.make_group(service(create_groups=create), name, look), answers)
            assert ending.known.remote_id in {None, *told(answers)}
            assert (ending.known.remote_id is not None) == (ending.outcome is Outcome.DONE)
