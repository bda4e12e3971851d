"""OpenLDAP as a target directory, over real TLS, seen through a client library's own eyes."""

import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ldap3
import pytest

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.ldap import LdapCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Answer, Delivery, Ending, Outcome, Unanswered
from provisioning.protocols.ldap import deliver
from provisioning.protocols.ldap_groups import make_group
from provisioning.protocols.ldap_message import LdapRequest, LdapResult, LdapSearch
from provisioning.protocols.ldap_names import same
from tests.delivery.conftest import no_queue
from tests.delivery.openldap import ADMIN, ALUMNI, GROUPS, MISSING, PASSWORD, PEOPLE, OpenLdap, find

pytestmark = pytest.mark.skipif(find() is None, reason=MISSING)
ANN = {"uid": "ann", "cn": "Ann Other", "sn": "Other", "mail": ["ann@example.org"]}
LOCKED = {"pwdAccountLockedTime": "000001010000Z"}


@dataclass
class Directory:
    """The directory as an independent client sees it, and ways to change it behind the engine's back."""

    eyes: Any  # an ldap3.Connection, most of which is not typed
    server: OpenLdap

    def entries(self, base: str = PEOPLE) -> dict[str, dict[str, Any]]:
        """The leaves beneath a base."""
        self.eyes.search(base, "(!(objectClass=organizationalUnit))", attributes=["*", "pwdAccountLockedTime"])
        return {
            item["dn"]: dict(item["raw_attributes"]) for item in self.eyes.response or () if "raw_attributes" in item
        }

    def members(self, name: str) -> set[str]:
        (held,) = (held for held in self.entries(GROUPS).values() if held["cn"] == [name.encode()])
        return {value.decode() for value in held.get("member", held.get("memberUid", ()))}

    def clear(self) -> None:
        for dn in [*self.entries(PEOPLE), *self.entries(GROUPS)]:
            self.eyes.delete(dn)

    def plant(self, uid: str, **changes: Any) -> str:
        dn = f"uid={uid},{PEOPLE}"
        assert self.eyes.add(dn, "inetOrgPerson", {"uid": uid, "cn": uid, "sn": uid, **changes}), self.eyes.result
        return dn


@pytest.fixture
def directory(server: OpenLdap) -> Iterator[Directory]:
    eyes = ldap3.Connection(ldap3.Server(server.url, get_info=ldap3.NONE), ADMIN, PASSWORD, auto_bind=True)
    made = Directory(eyes, server)
    made.clear()
    yield made
    eyes.unbind()


Spoil = Callable[[LdapResult], Answer]


@dataclass
class Bench:
    """The real courier, one account's delivery as a stage leads it, and a spoiler of answers."""

    directory: Directory
    caller: LdapCaller
    known: Known = field(default_factory=Known)
    groups: dict[str, str] = field(default_factory=dict)
    turn: int = 0
    spoils: list[Spoil] = field(default_factory=list)
    requests: list[LdapRequest] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    identity: str = "identity-1"

    def service(self, **changes: Any) -> Service:
        options = {"base": PEOPLE, "groups": GROUPS, "suspended": LOCKED, **self.changes.get("ldap", {})}
        fields = {
            "id": "directory", "protocol": "ldap", "endpoint": self.directory.server.secure_url, "secret": "directory",
            "private": True, "timeout": 5, "match": "uid", "create_groups": True,
            "account": dict.fromkeys(ANN, "x"), **self.changes, **changes, "ldap": options,
        }  # fmt: skip
        return Service.model_validate(fields)

    async def ask(self, service: Service, request: LdapRequest, within: float) -> Answer:
        self.requests.append(request)
        answer = await self.caller(service, request, within)
        if self.spoils and not isinstance(request, LdapSearch):
            assert isinstance(answer, LdapResult)
            return self.spoils.pop(0)(answer)
        return answer

    async def run(self, phase: Phase = Phase.ACTIVE, *groups: str, look: bool = False, **values: Any) -> Ending:
        self.turn += 1
        courier = Courier(HttpCaller(Secrets(self.caller.secrets.read)), no_queue, self.ask)
        for name in {*groups} - {*self.groups}:
            self.groups[name] = str(
                (await courier.converse(self.service(), make_group(self.service(), name, False))).known.remote_id
            )
        self.requests.clear()
        desired = Desired(phase, {} if phase is Phase.ABSENT else {**ANN, **values}, tuple(sorted(groups)))
        delivery = Delivery(self.identity, desired, self.known, look, f"operation-{self.turn}", self.turn, self.groups)
        ending = await courier.converse(self.service(), deliver(self.service(), delivery))
        self.known = ending.known
        return ending

    async def done(self, phase: Phase = Phase.ACTIVE, *groups: str, look: bool = False, **values: Any) -> None:
        ending = await self.run(phase, *groups, look=look, **values)
        assert ending.outcome is Outcome.DONE, ending


async def read_secret(name: str) -> str:
    return json.dumps({"dn": ADMIN, "password": PASSWORD})


def trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
async def bench(directory: Directory, certificate: tuple[Path, Path]) -> AsyncIterator[Bench]:
    caller = LdapCaller(Secrets(read_secret), trust(certificate[0]))
    yield Bench(directory, caller)
    await caller.close()


def lost(_answer: LdapResult) -> Answer:
    return Unanswered("no answer within 5 s", sent=True)


async def test_an_account_is_made_changed_and_deleted(bench: Bench) -> None:
    await bench.done()
    dn = f"uid=ann,{PEOPLE}"
    made = bench.directory.entries()[dn]
    assert (made["employeeNumber"], made["mail"]) == ([b"identity-1"], [b"ann@example.org"])
    await bench.done(mail=["ann@example.org", "a.other@example.org"], cn="Ann B. Other")
    changed = bench.directory.entries()[dn]
    assert (changed["cn"], {*changed["mail"]}) == ([b"Ann B. Other"], {b"ann@example.org", b"a.other@example.org"})
    await bench.done(mail=[])
    assert "mail" not in bench.directory.entries()[dn]
    await bench.done(Phase.ABSENT)
    assert (bench.directory.entries(), bench.known) == ({}, Known())
    await bench.done(Phase.ABSENT)


async def test_a_creation_is_one_call_and_a_repetition_none(bench: Bench) -> None:
    await bench.done()
    assert [type(request).__name__ for request in bench.requests] == ["LdapAdd"]
    await bench.done()
    assert bench.requests == []
    await bench.done(cn="Ann B.")
    assert [type(request).__name__ for request in bench.requests] == ["LdapModify"]


async def test_an_account_is_suspended_and_resumed(bench: Bench) -> None:
    await bench.done(Phase.ACTIVE, "readers")
    await bench.done(Phase.SUSPENDED)
    (held,) = bench.directory.entries().values()
    assert held["pwdAccountLockedTime"] == [b"000001010000Z"]
    assert bench.directory.members("readers") == {f"cn=readers,{GROUPS}"}
    await bench.done(Phase.ACTIVE, "readers", look=True)
    (held,) = bench.directory.entries().values()
    assert "pwdAccountLockedTime" not in held or held["pwdAccountLockedTime"] == []
    assert f"uid=ann,{PEOPLE}" in bench.directory.members("readers")


async def test_suspended_accounts_can_be_kept_elsewhere(bench: Bench) -> None:
    bench.changes = {"ldap": {"suspended": {}, "suspended_in": ALUMNI}}
    await bench.done()
    await bench.done(Phase.SUSPENDED)
    assert list(bench.directory.entries()) == [f"uid=ann,{ALUMNI}"]
    await bench.done(cn="Ann B.")
    assert list(bench.directory.entries()) == [f"uid=ann,{PEOPLE}"]


async def test_a_new_name_renames_the_entry_and_its_memberships(bench: Bench) -> None:
    await bench.done(Phase.ACTIVE, "readers", "writers")
    await bench.done(Phase.ACTIVE, "readers", "writers", uid="anna")
    (dn,) = bench.directory.entries()
    assert (dn, bench.directory.entries()[dn]["uid"]) == (f"uid=anna,{PEOPLE}", [b"anna"])
    for name in ("readers", "writers"):
        assert bench.directory.members(name) == {f"cn={name},{GROUPS}", dn}


@pytest.mark.parametrize("spoil_count", range(1, 6))
async def test_a_lost_rename_is_found_again_wherever_it_stopped(bench: Bench, spoil_count: int) -> None:
    await bench.done(Phase.ACTIVE, "readers")
    bench.spoils = [*([lambda answer: answer] * (spoil_count - 1)), lost]
    ending = await bench.run(Phase.ACTIVE, "readers", uid="anna", cn="Anna")
    assert ending.outcome in (Outcome.UNKNOWN, Outcome.DONE)
    bench.spoils = []
    await bench.done(Phase.ACTIVE, "readers", look=True, uid="anna", cn="Anna")
    ((dn, held),) = bench.directory.entries().items()
    assert (dn, held["cn"]) == (f"uid=anna,{PEOPLE}", [b"Anna"])
    assert bench.directory.members("readers") == {f"cn=readers,{GROUPS}", dn}


async def test_a_lost_create_is_looked_up_and_not_made_twice(bench: Bench) -> None:
    bench.spoils = [lost]
    assert (await bench.run()).outcome is Outcome.UNKNOWN
    await bench.done(look=True, uid="anna")
    assert list(bench.directory.entries()) == [f"uid=anna,{PEOPLE}"]


async def test_the_name_of_another_is_a_conflict(bench: Bench) -> None:
    bench.directory.plant("ann", employeeNumber="identity-9")
    ending = await bench.run()
    assert (ending.outcome, ending.taken, ending.known) == (Outcome.PERMANENT, ("uid", "ann"), Known())
    assert "mark" in ending.reason


async def test_a_unique_value_of_another_is_a_conflict(bench: Bench) -> None:
    bench.directory.plant("bob", mail="ann@example.org")
    ending = await bench.run()
    assert (ending.outcome, ending.known) == (Outcome.PERMANENT, Known())
    assert "constraintViolation" in ending.reason
    bench.changes = {"match": "mail"}
    ending = await bench.run()
    assert (ending.outcome, ending.taken) == (Outcome.PERMANENT, ("mail", ["ann@example.org"]))
    assert "adopt is 'never'" in ending.reason
    assert "ann@example.org" not in ending.reason


async def test_a_unique_value_that_a_change_wants_is_a_conflict_and_changes_nothing(bench: Bench) -> None:
    bench.directory.plant("bob", mail="bob@example.org")
    await bench.done()
    ending = await bench.run(cn="Bob", mail=["bob@example.org"])
    assert (ending.outcome, ending.known.remote_id) == (Outcome.PERMANENT, f"uid=ann,{PEOPLE}")
    assert bench.directory.entries()[f"uid=ann,{PEOPLE}"]["cn"] == [b"Ann Other"]


async def test_an_unowned_entry_is_taken_over_only_if_the_operator_says_so(bench: Bench) -> None:
    dn = bench.directory.plant("ann", description="of long ago", mail=["old@example.org"])
    assert (await bench.run()).outcome is Outcome.PERMANENT
    bench.changes = {"adopt": "match"}
    await bench.done()
    held = bench.directory.entries()[dn]
    assert (held["employeeNumber"], held["mail"]) == ([b"identity-1"], [b"ann@example.org"])
    assert held["description"] == [b"of long ago"]


async def test_an_entry_that_is_taken_over_gets_the_name_that_ours_have(bench: Bench) -> None:
    dn = f"cn=Ann of old,{PEOPLE}"
    assert bench.directory.eyes.add(dn, "inetOrgPerson", {"uid": "ann", "cn": "Ann of old", "sn": "Other"})
    bench.changes = {"adopt": "match"}
    bench.known = Known()
    await bench.done(look=True)
    ((dn, held),) = bench.directory.entries().items()
    assert (dn, held["cn"], held["employeeNumber"]) == (f"uid=ann,{PEOPLE}", [b"Ann Other"], [b"identity-1"])


async def test_an_account_that_vanished_is_told_and_made_again(bench: Bench) -> None:
    await bench.done()
    bench.directory.clear()
    ending = await bench.run(cn="Anna")
    assert (ending.outcome, ending.known, ending.retry_after) == (Outcome.TRANSIENT, Known(), 0)
    await bench.done(cn="Anna")
    bench.directory.clear()
    await bench.done(Phase.ABSENT)


@pytest.mark.parametrize("phase", [Phase.ACTIVE, Phase.SUSPENDED, Phase.ABSENT])
@pytest.mark.parametrize("uid", ["ann", "anna"])
async def test_a_name_that_was_given_to_another_is_not_touched(bench: Bench, phase: Phase, uid: str) -> None:
    await bench.done()
    bench.directory.clear()
    bench.directory.plant("ann", employeeNumber="identity-2")
    before = bench.directory.entries()
    await bench.run(phase, cn="Other", uid=uid)
    assert bench.directory.entries() == before


async def test_an_entry_that_was_moved_is_followed_by_its_mark(bench: Bench) -> None:
    await bench.done()
    bench.directory.eyes.modify_dn(f"uid=ann,{PEOPLE}", "uid=ann", new_superior=ALUMNI)
    await bench.done(cn="Anna")
    ((dn, held),) = bench.directory.entries().items()
    assert (dn, held["cn"], bench.known.remote_id) == (f"uid=ann,{ALUMNI}", [b"Anna"], dn)


async def test_what_others_changed_is_set_right_without_touching_more(bench: Bench) -> None:
    await bench.done(mail=["ann@example.org", "b@example.org"])
    dn = f"uid=ann,{PEOPLE}"
    changes = {"mail": [(ldap3.MODIFY_DELETE, ["b@example.org"])], "description": [(ldap3.MODIFY_ADD, ["theirs"])]}
    assert bench.directory.eyes.modify(dn, changes)
    await bench.done(mail=["ann@example.org", "c@example.org"])  # takes out what is not there any more
    held = bench.directory.entries()[dn]
    assert ({*held["mail"]}, held["description"]) == ({b"ann@example.org", b"c@example.org"}, [b"theirs"])


@pytest.mark.parametrize(
    "name",
    [
        'a,b+c"d\\e<f>g;h=i',
        "#hash",
        " space ",
        "*)(uid=*",
        "a\\2a",
        "ünï=çødé 名前",
        "nul\x00new\nline",
        "\\",
        "a" * 200,
    ],
)
async def test_hostile_values_are_only_values(bench: Bench, name: str) -> None:
    await bench.done(Phase.ACTIVE, "readers", uid=name, cn=name)
    ((dn, held),) = bench.directory.entries().items()
    assert ([value.decode() for value in held["uid"]], held["cn"]) == ([name], [name.encode()])
    await bench.done(Phase.ACTIVE, "readers", look=True, uid=name, cn="plain")
    assert same(str(bench.known.remote_id), dn)
    bench.known = Known()
    await bench.done(Phase.ACTIVE, "readers", look=True, uid=name, cn="plain")
    assert len(bench.directory.entries()) == 1
    await bench.done(Phase.ABSENT, look=True)
    assert bench.directory.entries() == {}
    assert len(bench.directory.members("readers")) == 1


async def test_a_group_is_made_once_whatever_its_name_is(bench: Bench) -> None:
    for _ in range(2):
        await bench.done(Phase.ACTIVE, "r,w*")
        bench.groups.clear()
    assert len(bench.directory.entries(GROUPS)) == 1
    assert f"uid=ann,{PEOPLE}" in bench.directory.members("r,w*")


async def test_the_last_member_of_a_group_can_leave_it(bench: Bench) -> None:
    await bench.done(Phase.ACTIVE, "readers")
    group = f"cn=readers,{GROUPS}"
    assert bench.directory.eyes.modify(group, {"member": [(ldap3.MODIFY_DELETE, [group])]})
    await bench.done(Phase.ACTIVE)
    assert bench.directory.members("readers") == {group}


async def test_to_be_or_not_to_be_a_member_already_is_done(bench: Bench) -> None:
    await bench.done(Phase.ACTIVE, "readers")
    group, dn = f"cn=readers,{GROUPS}", f"uid=ann,{PEOPLE}"
    assert bench.directory.eyes.modify(group, {"member": [(ldap3.MODIFY_DELETE, [dn])]})
    await bench.done(Phase.ACTIVE)
    assert bench.directory.eyes.modify(group, {"member": [(ldap3.MODIFY_ADD, [dn])]})
    await bench.done(Phase.ACTIVE, "readers")
    assert bench.directory.members("readers") == {group, dn}


async def test_members_of_posix_groups_are_user_names(bench: Bench) -> None:
    bench.directory.eyes.add(f"cn=staff,{GROUPS}", "posixGroup", {"gidNumber": 1000})
    bench.changes = {"ldap": {"group_class": "posixGroup"}}
    await bench.done(Phase.ACTIVE, "staff")
    assert bench.directory.members("staff") == {"ann"}
    await bench.done(Phase.ACTIVE, "staff", uid="anna")
    assert bench.directory.members("staff") == {"anna"}
    await bench.done(Phase.ABSENT)
    assert bench.directory.members("staff") == set()


async def test_a_group_that_is_gone_is_told(bench: Bench) -> None:
    await bench.done(Phase.ACTIVE, "readers")
    bench.directory.eyes.delete(f"cn=readers,{GROUPS}")
    bench.known = replace(bench.known, groups=())
    ending = await bench.run(Phase.ACTIVE, "readers")
    assert (ending.outcome, ending.missing_group, ending.known.groups) == (Outcome.TRANSIENT, "readers", ())


async def test_values_that_the_schema_refuses_are_permanent(bench: Bench) -> None:
    ending = await bench.run(sn="")
    assert (ending.outcome, bench.directory.entries()) == (Outcome.PERMANENT, {})
    assert "objectClassViolation" in ending.reason


async def test_a_base_that_is_not_there_is_waited_for(bench: Bench) -> None:
    bench.changes = {"ldap": {"base": f"ou=nowhere,{PEOPLE}"}}
    ending = await bench.run()
    assert (ending.outcome, "noSuchObject" in ending.reason) == (Outcome.TRANSIENT, True)
