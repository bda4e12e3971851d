"""SPML against a provider written from the standard, on loopback, through the real courier, judged by the schemas."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from provisioning.adapters.delivery.driver import Courier
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Delivery, Ending, Outcome
from provisioning.protocols.spml import deliver
from provisioning.protocols.spml_groups import make_group
from tests.delivery.spml_provider import (
    ATTRIBUTES,
    REFERENCES,
    Endpoint,
    Fault,
    dropped,
    instead,
    refused,
    served,
    service,
    slow,
)
from tests.delivery.spml_server import Target

IDENTITY = "0b8ff0e2-6f0f-4c3e-9b0f-3f6a2a1f4c11"
VALUES = {"uid": "ann", "mail": ["ann@a.edu", "other@a.edu"], "sn": 'O\'Brien <"Ærø"> & 日本\n'}
NOTHING = Known()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with served(Target()) as endpoint:
        yield endpoint


def active(*groups: str, **values: Any) -> Desired:
    return Desired(Phase.ACTIVE, {**VALUES, **values}, groups)


SUSPENDED = Desired(Phase.SUSPENDED, VALUES)
ABSENT = Desired(Phase.ABSENT)


async def attempt(
    courier: Courier, held: Service, desired: Desired, known: Known = NOTHING, *, look: bool = False, **more: Any
) -> Ending:
    delivery = Delivery(IDENTITY, desired, known, look, more.pop("operation", "operation-1"), 1, **more)
    return await courier.converse(held, deliver(held, delivery))


async def run(courier: Courier, held: Service, desired: Desired, known: Known = NOTHING, **more: Any) -> Known:
    """A delivery that must be done."""
    ending = await attempt(courier, held, desired, known, **more)
    assert ending.outcome is Outcome.DONE, ending
    return ending.known


PROFILES = {"dsml": (REFERENCES, Target()), "xsd": (ATTRIBUTES, Target(profile="xsd", namespace="urn:example:people"))}


@pytest.mark.parametrize("profile", PROFILES)
async def test_an_account_lives_and_ends(courier: Courier, profile: str) -> None:
    options, target = PROFILES[profile]
    async with served(replace(target, objects={})) as endpoint:
        held = service(endpoint.url, spml=options)
        known = await run(courier, held, active())
        (account,) = endpoint.target.accounts()
        sent = {"uid": ["ann"], "mail": VALUES["mail"], "sn": [VALUES["sn"]], "employeeNumber": [IDENTITY]}
        assert {name: some for name, some in account.values.items() if name != "status"} == sent
        changed = Desired(Phase.ACTIVE, {"uid": "anna", "mail": "anna@a.edu", "cn": 'x"y'})
        known = await run(courier, held, changed, known)
        assert (account.one("uid"), account.one("mail"), account.one("cn")) == ("anna", "anna@a.edu", 'x"y')
        assert "sn" not in account.values
        for phase in (Phase.SUSPENDED, Phase.ACTIVE):
            known = await run(courier, held, replace(changed, phase=phase), known)
            closed = account.suspended or account.one("status") == "closed"
            assert (known.phase, closed) == (phase, phase is Phase.SUSPENDED)
            looked = await run(courier, held, replace(changed, phase=phase), known, look=True)
            assert looked == known
        assert await run(courier, held, ABSENT, known) == Known()
        assert endpoint.target.accounts() == []
        assert endpoint.names.count("add") == 1


async def test_every_step_is_one_request(courier: Courier, endpoint: Endpoint) -> None:
    held = service(endpoint.url)
    known = await run(courier, held, active())
    known = await run(courier, held, active(sn="Other"), known)
    known = await run(courier, held, replace(SUSPENDED, values=known.values), known)
    await run(courier, held, ABSENT, known)
    assert endpoint.names == ["add", "modify", "suspend", "delete"]


FAULTS: dict[str, tuple[Fault, Outcome]] = {
    "dropped after its effect": (dropped, Outcome.UNKNOWN),
    "dropped before it": (refused, Outcome.UNKNOWN),
    "slow": (slow, Outcome.UNKNOWN),
    "garbage after its effect": (instead(b"<html>Welcome", effect=True), Outcome.UNKNOWN),
    "a bomb after its effect": (instead(b"<!DOCTYPE a>" + b"<a>" * 9999, effect=True), Outcome.UNKNOWN),
    "a body bomb": (instead(b" " * 2_000_000, effect=True), Outcome.UNKNOWN),
    "500": (instead(b"oops", 500, effect=True), Outcome.UNKNOWN),
    "503": (instead(b"", 503), Outcome.TRANSIENT),
}
STEPS: dict[str, Callable[[], Desired]] = {
    "create": active,
    "change": lambda: active(mail="new@a.edu"),
    "suspend": lambda: SUSPENDED,
    "delete": lambda: ABSENT,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS)
async def test_no_fault_loses_or_duplicates_an_account(
    courier: Courier, endpoint: Endpoint, step: str, fault: str
) -> None:
    held = service(endpoint.url, timeout=1)
    known = NOTHING if step == "create" else await run(courier, held, active())
    desired, (spoil, outcome) = STEPS[step](), FAULTS[fault]
    endpoint.faults = [spoil]
    ending = await attempt(courier, held, desired, known)
    assert ending.outcome is outcome
    known = await run(courier, held, desired, ending.known, look=outcome is Outcome.UNKNOWN)
    if endpoint.target.accounts():
        (account,) = endpoint.target.accounts()
        assert (account.id, account.suspended) == (known.remote_id, desired.phase is Phase.SUSPENDED)
        assert account.values["mail"] == ([desired.values["mail"]] if step == "change" else VALUES["mail"])
    assert (known == Known()) == (step == "delete") == (endpoint.target.accounts() == [])


async def test_a_storm_of_faults_ends_with_one_account(courier: Courier, endpoint: Endpoint) -> None:
    held, known, look = service(endpoint.url, timeout=1), NOTHING, False
    endpoint.faults = [dropped, instead(b"", 500), refused, instead(b"<a/>", 503), None, instead(b"oops", 500), dropped]
    for _ in range(20):
        ending = await attempt(courier, held, active(), known, look=look)
        known, look = ending.known, look or ending.outcome is Outcome.UNKNOWN
        if ending.outcome is Outcome.DONE:
            break
    assert ending.outcome is Outcome.DONE
    assert [account.id for account in endpoint.target.accounts()] == [known.remote_id]


@pytest.mark.parametrize("status", [200, 500])
async def test_a_failure_is_understood_with_any_status(courier: Courier, endpoint: Endpoint, status: int) -> None:
    endpoint.failure_status = status
    endpoint.target.plant("person", uid="ANN")
    ending = await attempt(courier, service(endpoint.url), active())
    assert (ending.outcome, ending.taken) == (Outcome.PERMANENT, ("uid", "ann"))
    known = await run(courier, service(endpoint.url, adopt="match"), active())
    assert [account.id for account in endpoint.target.accounts()] == [known.remote_id]
    assert endpoint.target.accounts()[0].one("employeeNumber") == IDENTITY


async def test_an_account_is_found_on_a_later_page(courier: Courier, endpoint: Endpoint) -> None:
    """The filter is one that this provider does not look at: it shows everybody."""
    endpoint.target.page = 2
    for number in range(4):
        endpoint.target.plant("person", uid="ann", cn=str(number))
    ending = await attempt(courier, service(endpoint.url), active(), look=True)
    assert (ending.outcome, "several accounts" in ending.reason) == (Outcome.PERMANENT, True)
    assert endpoint.names == ["search", "search", "iterate"]
    assert endpoint.target.iterators == {}


async def test_a_provider_that_renames_is_followed(courier: Courier) -> None:
    async with served(Target(renames=True)) as endpoint:
        held = service(endpoint.url)
        known = await run(courier, held, active())
        assert known.remote_id == "ann"
        known = await run(courier, held, active(uid="anna"), known)
        assert known.remote_id == "anna"
        known = await run(courier, held, replace(SUSPENDED, values=known.values), known)
        await run(courier, held, ABSENT, known)


async def test_an_account_deleted_at_the_sp_is_told_and_then_made_again(courier: Courier, endpoint: Endpoint) -> None:
    held = service(endpoint.url)
    known = await run(courier, held, active())
    endpoint.target.objects.clear()
    ending = await attempt(courier, held, active(sn="Other"), known)
    assert (ending.outcome, ending.known, ending.retry_after) == (Outcome.TRANSIENT, Known(), 0)
    assert (await run(courier, held, active())).remote_id not in (None, known.remote_id)
    assert await run(courier, held, ABSENT, known) == Known()


@pytest.mark.parametrize("hidden", [False, True])
async def test_memberships_follow_what_is_wanted(courier: Courier, endpoint: Endpoint, hidden: bool) -> None:
    held = service(endpoint.url, create_groups=True)
    ids: dict[str, Any] = {}
    for name in ('re"aders', "writers"):
        for look in (False, True):
            ending = await courier.converse(held, make_group(held, name, look))
            assert ids.setdefault(name, ending.known.remote_id) == ending.known.remote_id
    assert len(endpoint.target.accounts("group")) == 2
    endpoint.target.hidden = hidden
    known = await run(courier, held, active('re"aders'), groups=ids)
    (account,) = endpoint.target.accounts()
    assert account.references == [("memberOf", ids['re"aders'])]
    known = await run(courier, held, active("writers"), known, groups=ids)
    assert account.references == [("memberOf", ids["writers"])]
    known = await run(courier, held, active("writers"), known, groups=ids, look=True)
    assert {*account.references} == {("memberOf", ids["writers"])}
    del endpoint.target.objects[str(ids['re"aders'])]
    ending = await attempt(courier, held, active('re"aders', "writers"), known, groups=ids)
    assert (ending.outcome, ending.missing_group) == (Outcome.TRANSIENT, 're"aders')


async def follow(courier: Courier, held: Service, desired: Desired, known: Known, **more: Any) -> tuple[Known, int]:
    """Deliveries with the tickets that they leave, until one is done: what is known then, and how many it took."""
    ticket, look = None, False
    for number in range(1, 30):
        ending = await attempt(courier, held, desired, known, look=look, ticket=ticket, **more)
        known, ticket = ending.known, ending.ticket
        if ending.outcome is Outcome.DONE:
            return known, number
        assert ending.outcome is Outcome.UNKNOWN, ending
        look = True
    raise AssertionError("it does not end")


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("execution", ["asynchronous", "either"])
async def test_a_provider_that_does_everything_later_is_followed_by_tickets(
    courier: Courier, execution: str, hidden: bool
) -> None:
    async with served(Target(delay=2, hidden=hidden)) as endpoint:
        held = service(endpoint.url, spml={**REFERENCES, "execution": execution})
        group = str(endpoint.target.plant("group", cn="readers").id)
        groups = {"readers": group}
        known, number = await follow(courier, held, active("readers"), Known(groups=("readers",)), groups=groups)
        (account,) = endpoint.target.accounts()
        assert (known.remote_id, account.references) == (account.id, [("memberOf", group)])
        assert number == 7  # an add and a modify, each asked for three times
        suspended = Desired(Phase.SUSPENDED, {**VALUES, "sn": "Other"})
        known, _ = await follow(courier, held, suspended, known, groups=groups, operation="operation-2")
        assert (account.suspended, account.references, account.one("sn")) == (True, [], "Other")
        known, _ = await follow(courier, held, ABSENT, known, operation="operation-3")
        assert (known, endpoint.target.accounts()) == (Known(), [])
        assert [name for name in endpoint.names if name != "status"] == [
            "add", "modify", "modify", "suspend", "modify", "delete",
        ]  # fmt: skip


async def test_a_provider_that_forgot_a_request_is_looked_at(courier: Courier) -> None:
    async with served(Target(delay=1)) as endpoint:
        held = service(endpoint.url)
        ending = await attempt(courier, held, active())
        endpoint.target.pending.clear()
        ending = await attempt(courier, held, active(), ending.known, look=True, ticket=ending.ticket)
        assert (ending.outcome, ending.ticket) == (Outcome.UNKNOWN, None)
        await run(courier, held, active(), ending.known, look=True)
        assert len(endpoint.target.accounts()) == 1


async def test_a_provider_that_is_asked_for_the_wrong_mode_refuses(courier: Courier) -> None:
    async with served(Target(delay=1)) as endpoint:
        held = service(endpoint.url, spml={**REFERENCES, "execution": "synchronous"})
        ending = await attempt(courier, held, active())
        assert (ending.outcome, "unsupportedExecutionMode" in ending.reason) == (Outcome.PERMANENT, True)


async def test_the_only_target_is_found_out(courier: Courier, endpoint: Endpoint) -> None:
    held = service(endpoint.url, spml={**REFERENCES, "target": None})
    known = await run(courier, held, active())
    await run(courier, held, active(sn="Other"), known)
    assert endpoint.names == ["listTargets", "add", "modify"]


async def test_an_account_whose_id_we_propose_is_found_without_a_search(courier: Courier) -> None:
    async with served(Target(capabilities=("suspend",))) as endpoint:
        held = service(endpoint.url, spml={**REFERENCES, "owner": None, "identifier": "identity", "reference": None})
        endpoint.faults = [dropped]
        ending = await attempt(courier, held, active())
        known = await run(courier, held, active(), ending.known, look=True)
        assert (known.remote_id, len(endpoint.target.accounts())) == (IDENTITY, 1)
        assert endpoint.names == ["add", "lookup", "active"]
