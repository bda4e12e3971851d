"""Whatever an SP is like and whatever it answers: dialogues end; and PATCH in any dialect means the same as PUT."""

import json
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioning.adapters.delivery.driver import STEPS
from provisioning.core.account import Known, Phase
from provisioning.core.scim_options import Scim
from provisioning.core.scim_presets import PRESETS
from provisioning.protocols.dialogue import Answer, HttpResponse, Outcome, Unanswered
from provisioning.protocols.scim import deliver
from provisioning.protocols.scim_dialect import fitted, spoken
from provisioning.protocols.scim_groups import make_group
from provisioning.protocols.scim_merge import merged
from provisioning.protocols.scim_patch import operations, shown_values
from provisioning.protocols.scim_resource import GROUP, USER, read_path, shows, value_at
from provisioning.protocols.scim_user import make_user
from tests.delivery.scim_sp_patch import apply
from tests.protocols.talk import IDENTITY, delivery, service
from tests.protocols.test_properties import IDS, RESOURCES, deliveries, run, told

VERSIONS = st.sampled_from(['W/"1"', "2", "", "a\r\nb", "é", "x" * 300]) | st.none() | st.integers()
SHOWN = st.builds(
    lambda resource, version, schemas: {**resource, "meta": {"version": version}, "schemas": schemas},
    RESOURCES,
    VERSIONS,
    st.sampled_from([[USER], [GROUP], None, "x"]),
)
MEMBERS = st.lists(st.fixed_dictionaries({"value": IDS}) | st.none(), max_size=3) | st.just("x")
GROUPS = st.builds(lambda shown, members: {**shown, "id": "g1", "members": members}, SHOWN, MEMBERS)
LISTS = st.fixed_dictionaries(
    {"Resources": st.lists(SHOWN, max_size=3)},
    optional={
        "totalResults": st.integers(0, 9),
        "nextCursor": st.sampled_from(["c1", "c2", "", "x" * 5000]) | st.integers(),
    },
)
ERRORS = st.fixed_dictionaries(
    {"scimType": st.sampled_from(["uniqueness", "noTarget", "invalidCursor", "expiredCursor", "invalidCount"])}
)
ANSWERS = st.lists(
    st.builds(
        lambda status, headers, body: HttpResponse(status, headers, json.dumps(body).encode()),
        st.sampled_from([200, 200, 200, 201, 204, 400, 403, 404, 409, 412, 428, 429, 500, 501]),
        st.fixed_dictionaries({}, optional={"etag": VERSIONS.filter(lambda version: isinstance(version, str))}),
        SHOWN | GROUPS | LISTS | ERRORS,
    )
    | st.builds(Unanswered, st.just("no answer"), st.booleans()),
    max_size=15,
)
OPTIONS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.sampled_from([None, *sorted(PRESETS)]),
        "patch": st.booleans(),
        "paths": st.booleans(),
        "filtered_paths": st.booleans(),
        "etag": st.sampled_from(["shown", "required", "never"]),
        "filter": st.sampled_from(["and", "eq", "none"]),
        "paging": st.sampled_from(["index", "cursor", "none"]),
        "pages": st.integers(1, 18),
        "members_shown": st.booleans(),
        "remove_member": st.sampled_from(["filter", "value"]),
        "single_valued": st.booleans(),
        "delete": st.sampled_from(["removes", "deactivates", "none"]),
        "not_found": st.just((400, 403, 404, 410)),
        "hides_suspended": st.booleans(),
    },
)


@given(OPTIONS, deliveries(), ANSWERS, st.sampled_from(["never", "match"]))
def test_every_delivery_ends_and_claims_only_what_it_was_told(
    scim: dict[str, Any], wanted: Any, answers: list[Answer], adopt: str
) -> None:
    ending = run(deliver(service(scim=scim, adopt=adopt), wanted), answers)
    assert ending.known.remote_id in {None, wanted.known.remote_id, *told(answers)}
    assert {*ending.known.groups} <= {*wanted.known.groups, *wanted.desired.groups}
    assert ending.reason.isprintable()
    if ending.outcome is Outcome.DONE:
        assert (ending.known.phase, ending.known.values) == (wanted.desired.phase, wanted.desired.values)


@given(OPTIONS, ANSWERS)
def test_making_a_group_ends(scim: dict[str, Any], answers: list[Answer]) -> None:
    ending = run(make_group(service(scim=scim, create_groups=True), "readers", False), answers)
    assert (ending.known.remote_id is not None) == (ending.outcome is Outcome.DONE)


def test_the_longest_look_ups_leave_room_in_one_dialogue() -> None:
    """As many pages as may be, a create that is refused, and the same pages once more."""
    dialogue = deliver(service(scim={"filter": "none"}), delivery(look=True))
    request, calls = next(dialogue), 0
    try:
        while True:
            calls += 1
            shown = {"Resources": [{"id": str(calls), "userName": f"user{calls}"}], "totalResults": 18}
            answer = HttpResponse(200, {}, json.dumps(shown).encode())
            request = dialogue.send(HttpResponse(409) if getattr(request, "method", "") == "POST" else answer)
    except StopIteration as stopped:
        assert stopped.value.outcome is Outcome.PERMANENT
        assert (calls, calls < STEPS) == (37, True)


TEXTS = st.sampled_from(["ann", "x", 'a"b\\c'])
WORK, HOME = 'emails[type eq "work"].value', 'emails[type eq "home"].value'
URN = "urn:acme:params:scim:schemas:campus:1.0:User"
PATHS = (
    "userName",
    "name.givenName",
    "name.familyName",
    "title",
    WORK,
    HOME,
    "roles",
    f"{URN}:badge",
    f"{URN}:desk.room",
)
VALUES = st.dictionaries(st.sampled_from(PATHS), TEXTS).map(
    lambda values: {path: [value] if path == "roles" else value for path, value in values.items()}
)
THEIRS = st.fixed_dictionaries(
    {},
    optional={
        "nickName": TEXTS,
        "locale": TEXTS,
        "urn:theirs:1.0:User": st.fixed_dictionaries({"x": TEXTS}),
    },
)
FIXED = {"active": True, "externalId": IDENTITY}
DIALECTS = st.builds(
    Scim,
    paths=st.booleans(),
    filtered_paths=st.booleans(),
    remove_member=st.just("filter"),
    single_valued=st.just(False),
)


@given(DIALECTS, VALUES, VALUES, THEIRS, st.booleans())
def test_patch_in_every_dialect_makes_of_an_account_what_put_does(
    scim: Scim, had: dict[str, Any], wanted: dict[str, Any], theirs: dict[str, Any], other: bool
) -> None:
    user = {**make_user(had, IDENTITY, active=True), **theirs, "id": "77"}
    if other:
        user.setdefault("emails", []).append({"type": "other", "value": "theirs"})
    put = merged(user, had, wanted, FIXED)
    patched = deepcopy(user)
    changes = operations(shown_values(user, had, wanted), wanted, shows)
    for operation in spoken(scim, changes, put) if changes else []:
        apply(patched, operation)
    for path in {*had, *wanted}:
        assert shows(value_at(patched, read_path(path)), value_at(put, read_path(path))), path
        assert bool(value_at(put, read_path(path))) is (path in wanted)
    for made in (patched, put):
        assert theirs.items() <= made.items()
        assert ({"type": "other", "value": "theirs"} in made.get("emails", [])) is other
        assert made["id"] == "77"
    assert "meta" not in put
    assert {name for name in put if name.startswith("urn:")} <= set(put["schemas"])


@given(DIALECTS, VALUES)
def test_merging_what_is_there_changes_nothing(scim: Scim, values: dict[str, Any]) -> None:
    user = {**make_user(values, IDENTITY, active=True), "id": "77"}
    assert merged(user, values, values, FIXED) == user
    assert spoken(scim, operations(shown_values(user, values), values, shows), user) == []


@given(st.lists(TEXTS, min_size=1, max_size=3), st.integers(0, 2))
def test_of_several_entries_an_sp_that_holds_one_is_sent_the_primary_or_the_first(
    texts: list[str], primary: int
) -> None:
    assert fitted(Scim(), {"emails": texts}) == {"emails": texts}
    kept = fitted(Scim(single_valued=True), {"emails": texts, "nickName": "x"})
    assert (kept["nickName"], len(kept["emails"])) == ("x", 1)
    entries = [{"value": text, "primary": number == primary} for number, text in enumerate(texts)]
    (one,) = fitted(Scim(single_valued=True), {"emails": entries})["emails"]
    assert one == entries[primary if primary < len(texts) else 0]


def test_a_known_account_is_never_claimed_in_another_phase_than_it_was_left() -> None:
    wanted = delivery(Phase.SUSPENDED, known=Known(Phase.ACTIVE, "77"))
    ending = run(deliver(service(scim={"patch": False}), wanted), [HttpResponse(412)])
    assert (ending.outcome, ending.known.phase) == (Outcome.TRANSIENT, Phase.ACTIVE)
