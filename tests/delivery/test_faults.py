"""Every HTTP protocol × every fault of a network or an SP, over sockets: no account is lost, none is there twice."""

from collections.abc import Callable

import pytest

from provisioning.core.account import Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.gate import Heard
from provisioning.protocols.dialogue import HttpRequest, Outcome
from tests.delivery.faulty import (
    ACTIVE,
    CHANGED,
    MARK,
    STEPS,
    Spoil,
    Spoilt,
    instead,
    loris,
    no_tls,
    nobody_there,
    reset,
    silence,
    spoilt,
)

HTTP = ("scim", "spml", "webhook")
P, T, U = Outcome.PERMANENT, Outcome.TRANSIENT, Outcome.UNKNOWN
LAUGHS = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><a>' + b"&b;" * 100 + b"</a>"
SPOILS = {
    "reset before the effect": (Spoil(reset), U),
    "reset in the middle of the body": (Spoil(reset, effect=True), U),
    "slow loris": (Spoil(loris, effect=True), U),
    "silence": (Spoil(silence, effect=True), U),
    "500 without an effect": (Spoil(instead(500)), U),
    "500 after the effect": (Spoil(instead(500, b"oops"), effect=True), U),
    "502": (Spoil(instead(502, b"<html>Bad gateway"), effect=True), U),
    "503": (Spoil(instead(503, Retry_After="9")), T),
    "429 with Retry-After": (Spoil(instead(429, Retry_After="7")), T),
    "429 with a date": (
        Spoil(instead(429, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT", Date="Fri, 31 Dec 1999 23:59:52 GMT")), T,
    ),
    "429 without": (Spoil(instead(429)), T),
    "401": (Spoil(instead(401)), T),
    "200 with a page": (Spoil(instead(200, b"<html>Welcome to the hotel")), U),
    "200 with a page, after the effect": (Spoil(instead(200, b"<html>Welcome"), effect=True), U),
    "a redirect to the metadata": (Spoil(instead(302, Location="http://169.254.169.254/latest/meta-data/")), P),
    "a body bomb": (Spoil(instead(200, b" " * 1_000_000), effect=True), U),
    "an XML bomb": (Spoil(instead(200, LAUGHS), effect=True), U),
    "a packed bomb": (Spoil(instead(200, b"\x1f\x8b\x08", Content_Encoding="gzip"), effect=True), U),
    "501": (Spoil(instead(501)), P),
    "400": (Spoil(instead(400, b"<html>Bad request")), P),
}  # fmt: skip
# On a kept connection that is closed, what is idempotent by its method is repeated (RFC 9110 9.2.2).
REPEATED = {("scim", "delete", "reset before the effect")}
WAITS = {"503": 9, "429 with Retry-After": 7, "429 with a date": 7}


async def at(world: Spoilt, step: str) -> None:
    """The world before a step."""
    if step != "create":
        await world.settle(ACTIVE)


def ends_well(world: Spoilt, step: str) -> None:
    """One account as it is wanted, known by its id; or none."""
    user_name, phase = ("anna" if step == "change" else "ann"), ("suspended" if step == "suspend" else "active")
    accounts = world.provider.accounts()
    assert accounts == ({} if step == "delete" else {MARK: (phase, user_name, [])})
    assert world.held() == len(accounts)
    if step == "delete":
        assert world.known == Known()
    else:
        assert world.known.remote_id is not None


@pytest.mark.parametrize("fault", SPOILS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("protocol", HTTP)
async def test_a_fault_has_its_ending_and_neither_loses_nor_duplicates_an_account(
    protocol: str, step: str, fault: str
) -> None:
    spoil, outcome = SPOILS[fault]
    async with spoilt(protocol) as world:
        await at(world, step)
        world.spoils, calls = [spoil], world.calls
        ending = await world.deliver(STEPS[step])
        if (protocol, step, fault) in REPEATED:
            assert (ending.outcome, world.calls) == (Outcome.DONE, calls + 2)
            ends_well(world, step)
            return
        assert (ending.outcome, ending.retry_after) == (outcome, WAITS.get(fault)), ending
        assert world.calls == calls + 1
        assert "ann" not in ending.reason
        assert ending.heard is (Heard.THROTTLED if "429" in fault else ending.heard)
        await world.settle(STEPS[step])
        ends_well(world, step)


@pytest.mark.parametrize("way", [nobody_there, no_tls])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("protocol", HTTP)
async def test_a_way_that_is_closed_leaves_nothing_in_doubt(
    protocol: str, step: str, way: Callable[[Service], Service]
) -> None:
    async with spoilt(protocol) as world:
        await at(world, step)
        calls = world.calls
        ending = await world.deliver(STEPS[step], way(world.service()))
        assert (ending.outcome, ending.heard) == (T, Heard.SICK)
        assert ending.reason.startswith("not connected")
        assert (world.calls, world.look) == (calls, False)
        await world.settle(STEPS[step])
        ends_well(world, step)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("protocol", HTTP)
async def test_a_storm_of_500_ends_with_what_was_wanted(protocol: str, step: str) -> None:
    async with spoilt(protocol) as world:
        await at(world, step)
        world.spoils = [Spoil(instead(500), effect=True), *[Spoil(instead(500))] * 3, Spoil(reset, effect=True)]
        await world.settle(STEPS[step])
        ends_well(world, step)


@pytest.mark.parametrize("body", [b"", b"<html>Conflict", b'{"detail": "no"}', b'{"scimType": 7}'])
@pytest.mark.parametrize("protocol", HTTP)
async def test_a_conflict_that_gives_no_reason_takes_nothing_over(protocol: str, body: bytes) -> None:
    async with spoilt(protocol) as world:
        world.spoils = [Spoil(instead(409, body))]
        ending = await world.deliver(ACTIVE)
        assert ending.outcome is (U if protocol == "scim" else P)  # SCIM looked, and nobody has the name
        assert (ending.known.remote_id, world.held()) == (None, 0)
        await world.settle(ACTIVE)
        ends_well(world, "create")


@pytest.mark.parametrize("protocol", HTTP)
async def test_a_conflict_with_anothers_account_leaves_it_as_it_is(protocol: str) -> None:
    async with spoilt(protocol) as world:
        world.provider.plant("ann", "somebody-else")
        ending = await world.deliver(ACTIVE)
        assert (ending.outcome, ending.known.remote_id) == (P, None)
        assert ending.taken == ("userName", "ann")
        assert (list(world.provider.accounts()), world.held()) == (["somebody-else"], 1)


@pytest.mark.parametrize("look", [False, True])
@pytest.mark.parametrize("step", ["change", "suspend", "delete"])
@pytest.mark.parametrize("protocol", HTTP)
async def test_an_account_that_was_deleted_behind_our_back_is_made_again_or_is_gone(
    protocol: str, step: str, look: bool
) -> None:
    async with spoilt(protocol) as world:
        await world.settle(ACTIVE)
        world.provider.remove_all()
        world.look = look
        await world.settle(STEPS[step])
        ends_well(world, step)


# Not a webhook's: its receiver goes by the identity, and an id of its own is only a help to it.
@pytest.mark.parametrize("step", ["change", "suspend"])
@pytest.mark.parametrize("protocol", ["scim", "spml"])
async def test_an_id_that_the_sp_gave_to_somebody_else_is_not_touched_after_a_doubt(protocol: str, step: str) -> None:
    async with spoilt(protocol) as world:
        await world.settle(ACTIVE)
        reuse(world)
        world.look = True
        ending = await world.deliver(STEPS[step])
        assert (ending.outcome, ending.reason) == (P, "the account has been given another's mark")
        assert world.provider.accounts() == {"somebody-else": ("active", "bob", [])}


def reuse(world: Spoilt) -> None:
    """What was our account is somebody else's from now on, under the same id."""
    if world.protocol == "scim":
        values = {"userName": "bob", "externalId": "somebody-else"}
        schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
        body = {"schemas": schemas, "Operations": [{"op": "replace", "value": values}]}
        headers = {"content-type": "application/scim+json", "accept": "application/scim+json"}
        request = HttpRequest("PATCH", f"/Users/{world.known.remote_id}", {}, headers, body)
        assert world.provider.answer(request).status < 300
    else:
        (held,) = world.provider.target.accounts()
        held.values = {"userName": ["bob"], "employeeNumber": ["somebody-else"]}


async def test_what_a_webhook_is_asked_to_change_bears_the_identity_and_so_cannot_meet_another() -> None:
    async with spoilt("webhook") as world:
        await world.settle(ACTIVE)
        held = world.provider.held
        held[str(world.known.remote_id)] = {**next(iter(held.values())), "identity": "somebody-else", "values": {}}
        await world.settle(CHANGED)
        identities = sorted((data["identity"], data["phase"]) for data in held.values())
        assert identities == sorted([(MARK, Phase.ACTIVE.value), ("somebody-else", Phase.ACTIVE.value)])
