"""Whatever an SPML provider answers: every dialogue ends within the driver's bound and claims only what it was told."""

import re
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Answer, Delivery, HttpResponse, Outcome, Unanswered
from provisioning.protocols.spml import deliver
from provisioning.protocols.spml_calls import Ticket
from provisioning.protocols.spml_groups import make_group
from tests.protocols.spml_talk import named, pso, response, service, wrap
from tests.protocols.talk import IDENTITY, delivery
from tests.protocols.test_properties import run

NAMES = ("a", "b", "c")
TEXTS = st.sampled_from(["ann", "bob", "ANN", "x<&\"'", "", "é"])
ERRORS = st.sampled_from(
    ["", "alreadyExists", "noSuchIdentifier", "customError", "noSuchRequest", "unsupportedOperation"]
)
KINDS = (
    "add",
    "modify",
    "delete",
    "lookup",
    "suspend",
    "resume",
    "active",
    "search",
    "iterate",
    "status",
    "listTargets",
)
SPACES = {"suspend": "suspend", "resume": "suspend", "active": "suspend", "search": "search", "iterate": "search"}
IDS = st.sampled_from(["1", "77", "a/b", "", "x" * 600, '["1","t"]'])
OBJECTS = st.builds(
    pso, IDS.map(lambda text: text.replace('"', "'")), st.sampled_from([IDENTITY, "another", None]),
    st.sampled_from([(), ("g1",)]), uid=st.sampled_from(["ann", "ANN", "other"]),
) | IDS.map(lambda text: named(text.replace('"', "'")))  # fmt: skip
ITERATORS = st.sampled_from(["", '<r:iterator ID="i1"/>', "<r:iterator/>"])


@st.composite
def responses(draw: st.DrawFn, depth: int = 1) -> str:
    """A response that could be one, or nearly."""
    kind = draw(st.sampled_from(KINDS))
    inner = "".join(draw(st.lists(OBJECTS, max_size=2))) + draw(ITERATORS)
    if depth and kind == "status":
        inner = draw(responses(depth=0))
    status = draw(st.sampled_from(["success", "success", "failure", "pending", "nonsense"]))
    told = {"active": draw(st.sampled_from(["true", "0", "perhaps"]))} if kind == "active" else {}
    if status == "failure":
        told["error"] = draw(ERRORS)
    space = "async" if kind == "status" else SPACES.get(kind, "")
    return response(kind, inner, space=space, status=status, **told)


BODIES = responses().map(lambda text: wrap(text).body) | st.binary(max_size=20)
ANSWERS = st.lists(
    st.builds(HttpResponse, st.sampled_from([200, 200, 200, 500, 503, 302, 404]), st.just({}), BODIES)
    | st.builds(Unanswered, st.text(), st.booleans()),
    max_size=12,
)
VALUES = st.dictionaries(st.sampled_from(["uid", "mail"]), TEXTS)
GROUPS = st.lists(st.sampled_from(NAMES), unique=True).map(lambda names: tuple(sorted(names)))
KNOWNS = st.builds(Known, st.sampled_from(Phase), st.sampled_from([None, "77", '["77","t"]']), VALUES, GROUPS)
STEPS_DONE = [("change", "resume", "create"), ("leave",), ("delete",), ("leave", "suspend", "change"), ("join",)]
TICKETS = st.none() | st.builds(
    Ticket, st.just("r1"), st.sampled_from(["operation-1", "another"]), st.booleans(), st.sampled_from(STEPS_DONE)
).map(lambda ticket: ticket.text)  # fmt: skip
SERVICES = st.builds(
    service,
    st.sampled_from(
        [
            {}, {"target": None}, {"identifier": "identity", "owner": None}, {"identifier": "match"},
            {"profile": "xsd", "namespace": "urn:x"}, {"member_of": "memberOf", "reference": None},
            {"suspended": {"status": "closed"}, "execution": "asynchronous"},
        ]
    ),
    adopt=st.sampled_from(["never", "match"]), create_groups=st.booleans(),
)  # fmt: skip


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    made = delivery(
        draw(st.sampled_from(Phase)),
        {**draw(VALUES), "uid": draw(TEXTS)},
        draw(GROUPS),
        draw(KNOWNS),
        draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["g1", '["g2","t"]']))),
        look=draw(st.booleans()),
    )
    return replace(made, ticket=draw(TICKETS))


def told(answers: list[Answer]) -> set[Any]:
    """Every id that any answer gave."""
    bodies = [answer.body.decode(errors="replace") for answer in answers if isinstance(answer, HttpResponse)]
    return {text for body in bodies for text in re.findall(r'psoID ID="([^"]*)"', body)}


def plain(remote_id: str | None) -> str | None:
    """The id of a remote id that names its target as well."""
    return remote_id if remote_id is None or not remote_id.startswith("[") else remote_id.split('"')[1]


@given(SERVICES, deliveries(), ANSWERS)
def test_every_delivery_ends_and_claims_only_what_it_was_told(
    service_: Service, wanted: Delivery, answers: list[Answer]
) -> None:
    ending = run(deliver(service_, wanted), answers)
    assert plain(ending.known.remote_id) in {None, plain(wanted.known.remote_id), *told(answers)}
    assert {*ending.known.groups} <= {*wanted.known.groups, *wanted.desired.groups}
    assert len(ending.reason) <= 200
    assert ending.reason.isprintable()
    assert ending.ticket is None or ending.outcome is Outcome.UNKNOWN
    if ending.outcome is Outcome.DONE:
        assert ending.known.phase is wanted.desired.phase
        assert ending.known.values == wanted.desired.values
        assert ending.known.groups == (wanted.desired.groups if wanted.desired.phase is Phase.ACTIVE else ())


@given(SERVICES, st.sampled_from(NAMES), ANSWERS)
def test_making_a_group_ends_and_claims_only_what_it_was_told(
    service_: Service, name: str, answers: list[Answer]
) -> None:
    ending = run(make_group(service_, name, False), answers)
    assert plain(ending.known.remote_id) in {None, *told(answers), name}
    assert (ending.known.remote_id is not None) == (ending.outcome is Outcome.DONE)
