"""LDAP's dialogues against a directory in dicts, and by themselves: names, filters, changes, endings."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from ldap3.operation import search
from ldap3.utils.dn import parse_dn

from provisioning.adapters.delivery.driver import STEPS
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Accepted, Answer, Delivery, Ending, HttpResponse, Outcome, Unanswered
from provisioning.protocols.ldap import deliver
from provisioning.protocols.ldap_account import all_octets, differences
from provisioning.protocols.ldap_check import check
from provisioning.protocols.ldap_ending import CODES, classify
from provisioning.protocols.ldap_groups import make_group
from provisioning.protocols.ldap_message import (
    LdapAdd,
    LdapDelete,
    LdapEntry,
    LdapModify,
    LdapRename,
    LdapResult,
    LdapSearch,
)
from provisioning.protocols.ldap_names import beneath, equals, escape_filter, make_dn, parent_of, read_dn, same
from tests.protocols.directory import GROUPS, OPTIONS, PEOPLE, Directory, apply, unescape
from tests.protocols.talk import IDENTITY, LOST, REFUSED, service

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SOME = TEXT.filter(lambda text: text != "")
NAMES = st.sampled_from(["ann", "bob", 'x"\\,+', " a ", "#", "*"])
VALUES = st.fixed_dictionaries(
    {"userName": NAMES},
    optional={"mail": st.lists(st.sampled_from("abcd"), max_size=3), "sn": TEXT, "n": st.integers()},
)
GROUP_NAMES = st.lists(st.sampled_from(["r", "w"]), unique=True).map(lambda names: tuple(sorted(names)))
DN = f"userName=ann,{PEOPLE}"
KNOWNS = st.just(Known()) | st.builds(
    Known, st.sampled_from([Phase.ACTIVE, Phase.SUSPENDED]), st.just(DN), VALUES, GROUP_NAMES
)
IDS = {"r": f"cn=r,{GROUPS}", "w": f"cn=w,{GROUPS}"}
ENTRIES = st.builds(
    LdapEntry,
    st.sampled_from([DN, f"userName=bob,{PEOPLE}", "userName=ann,dc=elsewhere", "", "no name"]),
    st.dictionaries(
        st.sampled_from(["employeeNumber", "userName", "mail", "locked", "objectClass", "cn"]),
        st.lists(st.sampled_from([IDENTITY.encode(), b"ann", b"\xff", b"another", b"yes"]), max_size=2).map(tuple),
    ),
)
ANSWERS: st.SearchStrategy[list[Answer]] = st.lists(
    st.builds(
        LdapResult, st.sampled_from(sorted(CODES)) | st.integers(0, 200), TEXT, st.lists(ENTRIES, max_size=3).map(tuple)
    )
    | st.builds(Unanswered, TEXT, st.booleans())
    | st.builds(Accepted)
    | st.builds(HttpResponse, st.just(200)),
    max_size=10,
)


def target(**changes: Any) -> Service:
    fields = {
        "protocol": "ldap",
        "endpoint": "ldaps://directory.example.org",
        "secret": "directory",
        "match": "userName",
    }
    return service(**{**fields, "account": {"userName": "x", "mail": "x"}, "ldap": OPTIONS, **changes})


def wanted(
    phase: Phase, values: dict[str, Any], known: Known, groups: tuple[str, ...] = (), *, look: bool = False
) -> Delivery:
    desired = Desired(phase, {} if phase is Phase.ABSENT else values, groups)
    return Delivery(IDENTITY, desired, known, look, "operation-1", 7, IDS)


def run(delivery: Delivery, directory: Directory, target_: Service | None = None) -> tuple[list[Any], Ending]:
    dialogue = deliver(target_ or target(), delivery)
    requests: list[Any] = []
    try:
        request = next(dialogue)
        while True:
            requests.append(request)
            request = dialogue.send(directory.answer(request))  # type: ignore[arg-type]  # it asks directories only
    except StopIteration as stopped:
        return requests, stopped.value


@given(st.sampled_from(Phase), VALUES, KNOWNS, GROUP_NAMES, st.booleans(), ANSWERS, st.sampled_from(["never", "match"]))
def test_whatever_a_directory_answers_a_delivery_ends_and_claims_only_what_it_was_told(
    phase: Phase,
    values: dict[str, Any],
    known: Known,
    groups: tuple[str, ...],
    look: bool,
    answers: list[Answer],
    adopt: str,
) -> None:
    dialogue = deliver(target(adopt=adopt), wanted(phase, values, known, groups, look=look))
    told = {entry.dn for answer in answers if isinstance(answer, LdapResult) for entry in answer.entries}
    made: set[str] = set()
    try:
        request = next(dialogue)
        for step in range(STEPS + 1):
            made |= {request.dn} if isinstance(request, LdapAdd) else set()
            made |= (
                {f"{request.rdn},{request.parent or parent_of(request.dn)}"}
                if isinstance(request, LdapRename)
                else set()
            )
            request = dialogue.send(answers[min(step, len(answers) - 1)] if answers else REFUSED)
    except StopIteration as stopped:
        ending: Ending = stopped.value
    else:
        raise AssertionError("the dialogue does not end")
    assert ending.known.remote_id in {None, known.remote_id, *told, *made}
    assert {*ending.known.groups} <= {*known.groups, *groups}
    assert len(ending.reason) <= 200
    assert ending.reason.isprintable()
    if ending.outcome is Outcome.DONE:
        assert ending.known.phase is phase
        assert ending.known.values == ({} if phase is Phase.ABSENT else values)


@given(st.sampled_from(["r", "x,y"]), st.booleans(), ANSWERS)
def test_making_a_group_ends(name: str, create: bool, answers: list[Answer]) -> None:
    dialogue = make_group(target(create_groups=create), name, False)
    try:
        next(dialogue)
        for step in range(STEPS + 1):
            dialogue.send(answers[min(step, len(answers) - 1)] if answers else REFUSED)
    except StopIteration as stopped:
        assert (stopped.value.known.remote_id is not None) == (stopped.value.outcome is Outcome.DONE)
    else:
        raise AssertionError("the dialogue does not end")


STEPS_OF_A_LIFE = st.lists(
    st.tuples(st.sampled_from(Phase), VALUES, GROUP_NAMES, st.booleans(), st.integers(0, 6)), min_size=1, max_size=5
)


@given(STEPS_OF_A_LIFE)
def test_whatever_answers_are_lost_a_look_makes_the_entry_as_desired_and_one_only(life: list[Any]) -> None:
    directory = Directory("mail")
    for name in IDS.values():
        directory.put(
            name, {"objectClass": (b"groupOfNames",), "cn": (name[3:4].encode(),), "member": (name.encode(),)}
        )
    known = Known()
    for phase, values, groups, before, place in life:
        dialogue, ended = deliver(target(), wanted(phase, values, known, groups)), None
        try:
            request = next(dialogue)
            for step in range(STEPS):
                lost = step == place
                answer: Answer = LOST if lost and before else directory.answer(request)  # type: ignore[arg-type]
                request = dialogue.send(LOST if lost else answer)
        except StopIteration as stopped:
            ended = stopped.value
        assert ended is not None
        _, ending = run(wanted(phase, values, ended.known, groups, look=ended.outcome is not Outcome.DONE), directory)
        if ending.retry_after == 0:  # it was made anew behind our back: by us
            _, ending = run(wanted(phase, values, ending.known, groups, look=True), directory)
        assert ending.outcome is Outcome.DONE, ending
        known = ending.known
        _holds(directory, phase, values, groups)


def _holds(directory: Directory, phase: Phase, values: dict[str, Any], groups: tuple[str, ...]) -> None:
    people = list(directory.people())
    assert len(people) == (phase is not Phase.ABSENT)
    members = {name: directory.held[next(key for key in directory.held if key[0] == ("cn", name))] for name in IDS}
    joined = {name for name, group in members.items() if len(group.values("member")) > 1}
    assert joined == ({*groups} if phase is Phase.ACTIVE else set())
    for person in people:
        for name, held in all_octets({"mail": [], "sn": "", **values}).items():
            assert {*person.values(name)} == {*held}
        assert bool(person.values("locked")) is (phase is Phase.SUSPENDED)
        assert all({*group.values("member")} <= {group.dn.encode(), person.dn.encode()} for group in members.values())


OCTETS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.lists(st.binary(max_size=2), unique_by=bytes.lower, min_size=1, max_size=4).map(tuple),
)


@given(OCTETS, OCTETS)
def test_the_smallest_change_applied_to_an_entry_gives_the_desired_entry(had: Any, wanted_: Any) -> None:
    changes = differences(had, wanted_)
    after = apply(had, changes)
    assert not isinstance(after, int)
    assert {name: {*values} for name, values in after.items()} == {name: {*values} for name, values in wanted_.items()}
    for change in changes:
        if change.operation != "replace":  # values that stay are not touched
            assert not {*change.values} & {*had.get(change.attribute, ())} & {*wanted_.get(change.attribute, ())}
    assert differences(wanted_, wanted_) == ()


@given(st.binary(max_size=20) | st.sampled_from([b"a>=b", b"*)(uid=*", b"(&", b"a~=b", b" a ", b"\\2a"]))
def test_a_filter_says_the_value_and_nothing_else(value: bytes) -> None:
    assume(value)
    reader: Any = search  # it is not typed
    read = reader.compile_filter(reader.parse_filter(equals("uid", value), None, False, False, None, False).elements[0])
    assert (read.getName(), bytes(read.getComponent()["assertionValue"])) == ("equalityMatch", value)
    assert unescape(escape_filter(value)) == value


@given(SOME)
def test_a_name_says_the_value_and_nothing_else(value: str) -> None:
    dn = make_dn("uid", value, PEOPLE)
    assert read_dn(dn) == (("uid", value), *read_dn(PEOPLE))
    assert (parent_of(dn), beneath(dn, PEOPLE), same(dn, dn.upper() if dn.isascii() and "\\" not in dn else dn)) == (
        PEOPLE,
        True,
        True,
    )


@given(SOME)
def test_another_library_reads_our_names(value: str) -> None:
    assume("\x00" not in value)
    parts = parse_dn(make_dn("uid", value, PEOPLE))
    assert [part[0] for part in parts] == ["uid", "ou", "dc", "dc"]


@pytest.mark.parametrize("code", range(130))
def test_every_code_has_one_meaning_and_only_success_is_done(code: int) -> None:
    change = classify(LdapDelete(DN), LdapResult(code), Known()).outcome
    asked = classify(LdapSearch(DN, "base", "(a=*)", (), 1), LdapResult(code), Known()).outcome
    assert (change is Outcome.DONE) == (asked is Outcome.DONE) == (code == 0)
    assert asked is (Outcome.TRANSIENT if change is Outcome.UNKNOWN else change)


def test_a_value_that_fills_is_set_only_where_there_is_none() -> None:
    directory = Directory()
    directory.put(DN, {"userName": (b"ann",), "employeeNumber": (IDENTITY.encode(),), "mail": (b"theirs",)})
    desired = Desired(Phase.ACTIVE, {"userName": "ann", "mail": "ours", "sn": "Other"}, fill=frozenset({"mail", "sn"}))
    known = Known(Phase.ACTIVE, DN, {"userName": "ann"})
    _, ending = run(Delivery(IDENTITY, desired, known, True, "operation-1", 7, {}), directory)
    (entry,) = directory.people()
    assert (entry.values("mail"), entry.values("sn")) == ((b"theirs",), (b"Other",))
    assert (ending.outcome, ending.known.filled) == (Outcome.DONE, ("mail", "sn"))


def test_a_change_is_refused_where_our_mark_is_not() -> None:
    directory = Directory()
    directory.put(DN, {"userName": (b"ann",), "employeeNumber": (b"another",)})
    requests, ending = run(wanted(Phase.ACTIVE, {"userName": "ann", "sn": "x"}, Known(Phase.ACTIVE, DN)), directory)
    assert [type(request) for request in requests] == [LdapModify, LdapSearch, LdapSearch]
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, Known())


def test_an_entry_without_our_mark_is_not_deleted() -> None:
    directory = Directory()
    directory.put(DN, {"userName": (b"ann",)})
    _, ending = run(wanted(Phase.ABSENT, {}, Known(Phase.ACTIVE, DN)), directory)
    assert (ending.outcome, len(list(directory.people()))) == (Outcome.PERMANENT, 1)


@pytest.mark.parametrize("value", [{"a": 1}, 1.5, "\ud800", ["a", "b"], ""])
def test_what_cannot_name_an_entry_is_told_before_anything_is_asked(value: Any) -> None:
    requests, ending = run(wanted(Phase.ACTIVE, {"userName": value}, Known()), Directory())
    assert (requests, ending.outcome) == ([], Outcome.PERMANENT)


def test_an_account_of_another_protocol_is_not_taken_for_an_entry() -> None:
    requests, ending = run(wanted(Phase.ACTIVE, {"userName": "ann"}, Known(Phase.ACTIVE, "77")), Directory())
    assert (requests, ending.outcome, ending.known.remote_id) == ([], Outcome.PERMANENT, "77")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"ldap": None}, ".ldap"),
        ({"endpoint": "https://directory"}, ".endpoint"),
        ({"endpoint": "ldap://directory", "ldap": {**OPTIONS, "start_tls": False}}, ".ldap.start_tls"),
        ({"secret": None}, ".secret"),
        ({"ldap": {**OPTIONS, "base": "nowhere"}}, ".ldap.base"),
        ({"ldap": {**OPTIONS, "suspended_in": GROUPS}}, ".ldap.suspended_in"),
        ({"ldap": {**OPTIONS, "owner": "a b"}}, ".ldap"),
        ({"account": {"userName": "x", "first name": "x"}}, ".account.first name"),
        ({"account": {"userName": "x", "employeenumber": "x"}}, ".account.employeenumber"),
        ({"account": {"userName": "x", "Mail": "x", "mail": "x"}}, ".account.Mail"),
        ({"account": {"mail": "x"}, "match": "mail"}, ".ldap.rdn"),
        ({"match": "uid"}, ".match"),
    ],
)
def test_what_is_wrong_with_the_options_is_found_when_the_bundle_is_checked(
    changes: dict[str, Any], where: str
) -> None:
    assert [error.where for error in check(target(**changes))] == [f"services/library{where}"]
    assert check(target()) == ()
