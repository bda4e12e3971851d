"""The invariants: what must be true of a world when all is quiet, and what must have been true on the way."""

import itertools
from collections.abc import Iterator
from typing import Any, Final

from provisioning.core.account import Condition
from tests.simulation.campus import LET_THROUGH, MINUTE, SOURCE, START
from tests.simulation.faults import Fault
from tests.simulation.oracle import SERVICES, Truth, truth
from tests.simulation.world import World

GROUPS: Final = {"edit": "editors", "admin": "administrators"}
# The longest that somebody may keep access that the facts no longer give. Outages last at most five minutes and waits
# grow with them; a killed handler's messages come back after six minutes, and twelve faults can meet.
ALLOWED_DELAY: Final = 30 * MINUTE
SLACK: Final = 3 * MINUTE  # decisions are made a little later than the oracle's clock says
CHECKED: Final = 40 * MINUTE

WINDOW: Final = 3600  # seconds of a brake's

DEFECT: Final = "an exception nobody expected"


def judge(world: World) -> list[str]:
    """Everything that is wrong with a world, as sentences. Lets it run on until no boundary is near."""
    world.loop.run(world.pump, START + CHECKED)
    horizon = START + CHECKED
    truths = _truths(world, horizon + 200 * MINUTE)
    for _ in range(40):
        if not _held(world) and not any(_moves(found, horizon) for found in truths.values()):
            break
        horizon += 2 * MINUTE
        world.loop.run(world.pump, horizon)
    world.loop.run(world.pump, horizon + MINUTE)
    return [
        *(f"{key}: was taken for gone, and is there" for key in world.wrong),
        *_unread(world),
        *_undone(world),
        *_defects(world),
        *_differences(world, truths, horizon),
        *_foreign(world),
        *_unbraked(world),
        *_late(world, truths),
    ]


def _held(world: World) -> bool:
    """Whether the operator has something to do, or something that was released is still under way."""
    waits = {*Condition} - {Condition.SETTLED, Condition.PARKED}
    return any(account.condition in waits for some in world.store.accounts.values() for account in some.values())


def _truths(world: World, until: int) -> dict[str, Truth]:
    return {key: truth(log, until) for key, log in world.log.items()}


def _moves(found: Truth, instant: int) -> bool:
    return any(abs(start - instant) <= SLACK for service in SERVICES for start, _, _ in found.steps[service])


def _identity(world: World, key: str) -> str:
    return world.store.linked[SOURCE, key]


def _unread(world: World) -> Iterator[str]:
    """Nothing may be lost: the last version of everyone was accepted."""
    for key, versions in world.registry.people.items():
        log = world.log.get(key)
        accepted = log[-1].version.version if log else 0
        if world.told is not None and versions[-1].deleted and (not log or log[-1].version.deleted):
            continue  # who is asked does not tell of those who came and went in between
        if accepted != versions[-1].version:
            yield f"{key}: version {versions[-1].version} was published, {accepted} is known"


def _undone(world: World) -> Iterator[str]:
    """A decision by a newer bundle is not undone by an older one."""
    for key, log in world.log.items():
        if any(before.bundle > after.bundle for before, after in itertools.pairwise(log)):
            yield f"{key}: an old bundle decided after a new one"


def _defects(world: World) -> Iterator[str]:
    for context in world.loop.errors:
        yield f"{DEFECT}: {context.get('exception')!r} {context.get('message')}"


def _differences(world: World, truths: dict[str, Truth], instant: int) -> Iterator[str]:
    for key, found in truths.items():
        identity = _identity(world, key)
        for service in SERVICES:
            standing, authorizations = found.at(service, instant)
            expected = _expected(found, service, standing, authorizations)
            actual = _badge(world, identity) if service == "gamma" else _users(world, service, identity)
            if actual != expected and not _collides(world, service, found):
                yield f"{key} at {service}: is {actual}, should be {expected} ({standing})"


def _collides(world: World, service: str, found: Truth) -> bool:
    """The one whose name another account holds at an SP that insists on unique names is parked, and has nothing."""
    assert found.version is not None
    return service == "alpha" and found.version.attributes["login"] == "user3"


def _expected(found: Truth, service: str, standing: str, authorizations: frozenset[str]) -> list[dict[str, Any]]:
    assert found.version is not None
    attributes = found.version.attributes
    if standing == "absent":
        return []
    active = standing in ("active", "grace")
    if service == "gamma":
        return [{"phase": "active" if active else "suspended", "values": {"login": attributes["login"]}}]
    groups = sorted(GROUPS[name] for name in authorizations) if active and service == "beta" else []
    return [{"active": active, "userName": attributes["login"], "title": attributes["department"], "groups": groups}]


def _badge(world: World, identity: str) -> list[dict[str, Any]]:
    badge = world.badges.get(identity)
    if badge is None or badge["phase"] == "absent":
        return []
    return [{"phase": badge["phase"], "values": badge["values"]}]


def _users(world: World, service: str, identity: str) -> list[dict[str, Any]]:
    provider = world.providers[service]
    found = []
    for user in provider.users.values():
        if user.body.get("externalId") == identity:
            names = [
                group.body["displayName"]
                for group in provider.groups.values()
                if any(member["value"] == user.id for member in group.body.get("members", []))
            ]
            fields = {name: user.body.get(name) for name in ("active", "userName", "title")}
            found.append({**fields, "groups": sorted(names)})
    return found


def _foreign(world: World) -> Iterator[str]:
    """Touch only what we own."""
    for name, identifier in world.foreign.items():
        provider = world.providers[name]
        touched = [entry for entry in provider.touched if entry[2] == identifier]
        if identifier not in provider.users or touched:
            yield f"the account {identifier} of {name} is not ours and was touched: {touched}"
        names = [group.body["displayName"] for group in provider.groups.values()]
        if len(names) != len(set(names)):
            yield f"{name} has a group twice: {sorted(names)}"


def _unbraked(world: World) -> Iterator[str]:
    """No window lets more through than the brake and the operator: what is announced has as much of its own.

    A call that takes effect late may take away once more what was given back meanwhile.
    """
    late = sum(fault is Fault.LATE for fault in world.faults.single.values())
    for name in ("alpha", "beta"):
        removed = world.providers[name].removed
        for begins in removed:
            count = sum(begins <= when < begins + WINDOW for when in removed)
            released = sum(when < begins + WINDOW for when in world.released.get(name, []))
            if count > 2 * LET_THROUGH + released + late:
                yield f"{name}: {count} removals from {begins - START:.0f} on, of which {released} were released"
                break


def _late(world: World, truths: dict[str, Truth]) -> Iterator[str]:
    """Nobody keeps access beyond the allowed delay."""
    people = {_identity(world, key): (key, found) for key, found in truths.items()}
    for when, active in world.seen:
        for service, identities in active.items():
            for identity in identities & people.keys():
                key, found = people[identity]
                instants = range(int(when) - ALLOWED_DELAY, int(when) + 1, MINUTE)
                if instants[0] > START and not any(_may(found, service, instant) for instant in instants):
                    yield f"{key} still had {service} at {when - START:.0f}"


def _may(found: Truth, service: str, instant: int) -> bool:
    return found.at(service, instant)[0] in ("active", "grace")
