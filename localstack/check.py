"""The verdict: what every SP holds, read from the SPs themselves, against what the oracle says."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import aiohttp

from localstack.campus.car_park import CarPark
from localstack.campus.oracle import Expected
from localstack.campus.providers import BadgeSystem, ScimProvider
from localstack.world import World
from provisioning.core.catalog import Service

_PAGE: Final = 100
_SELECTED: Final = re.compile(r'(\w+)\[(\w+) eq "([^"]+)"\]\.(\w+)')
_EXTENSION: Final = re.compile(r"(urn:.+):(\w+)")


@dataclass(frozen=True, slots=True)
class Held:
    """What an SP holds under one name. `mark`: the identity whose it is; `created`, `changed`: by the SP's clock."""

    phase: str
    values: Mapping[str, Any]
    groups: frozenset[str]
    mark: str | None
    created: float
    changed: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is different, and what is expected: counts by service and phase."""

    differences: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    held: Mapping[str, Mapping[str, Held]]


async def check(world: World) -> Verdict:
    """Read every SP and compare. A phase that no account of a service has is a difference: it would prove nothing."""
    differences: list[str] = []
    counts: dict[str, dict[str, int]] = {}
    held: dict[str, Mapping[str, Held]] = {}
    for service in world.bundle.services:
        foreign = world.foreign.get(service.id, {})
        expected, withdrawn = _expected(world, service, foreign)
        read = await _read(world, service)
        held[service.id] = {name: item for name, item in read.items() if item.mark is not None}
        differences += _foreign(service.id, foreign, read)
        differences += [f"{service.id}: {line}" for line in compare(expected, held[service.id])]
        tally = Counter(item.phase for item in expected.values()) + Counter({"absent": withdrawn})
        phases = ("active", "suspended" if service.lifecycle.retention else "absent")
        counts[service.id] = {phase: tally[phase] for phase in phases}
        differences += [f"{service.id}: nobody is expected to be {phase}" for phase in phases if not tally[phase]]
        if service.protocol == "queue" and world.badges.withdrawn != withdrawn:
            differences.append(f"{service.id}: {world.badges.withdrawn} were withdrawn, not {withdrawn}")
    return Verdict((*differences, *_marks(held)), counts, held)


def _expected(world: World, service: Service, foreign: Mapping[str, Any]) -> tuple[Mapping[str, Expected], int]:
    """What the SP should hold, by name, and how many it should have held and hold no more.

    Whose name is taken by an account that is not the engine's has none: it is parked.
    """
    everybody = world.expected(service.id).values()
    present = {str(item.values[service.match]): item for item in everybody if item.phase != "absent"}
    expected = {name: item for name, item in present.items() if name not in foreign}
    return expected, sum(item.phase == "absent" for item in everybody)


def compare(expected: Mapping[str, Expected], held: Mapping[str, Held]) -> list[str]:
    """Every difference between what should be there and what is, by name."""
    found = [f"{name} is missing" for name in sorted(expected.keys() - held.keys())]
    found += [f"{name} should not be there" for name in sorted(held.keys() - expected.keys())]
    for name in sorted(expected.keys() & held.keys()):
        wanted, is_ = expected[name], held[name]
        if wanted.phase != is_.phase:
            found.append(f"{name} is {is_.phase}, not {wanted.phase}")
        found += [
            f"{name}: {path} is {is_.values.get(path)!r}, not {wanted.values.get(path)!r}"
            for path in sorted(wanted.values.keys() | is_.values.keys())
            if wanted.values.get(path) != is_.values.get(path)
        ]
        if wanted.groups != is_.groups:
            found.append(f"{name} is in {sorted(is_.groups)}, not in {sorted(wanted.groups)}")
    return found


async def _read(world: World, service: Service) -> Mapping[str, Held]:
    if service.protocol == "queue":
        return read_badges(world.badges)
    if service.protocol == "extract":
        return read_rows(world.car_park, tuple(service.account))
    return await read_scim(world.providers[service.id], tuple(service.account))


async def read_scim(provider: ScimProvider, paths: tuple[str, ...]) -> Mapping[str, Held]:
    """Every user of a SCIM server by name, page by page (RFC 7644 3.4.2.4), with the groups that list it."""
    headers = {"authorization": f"Bearer {provider.token}", "accept": "application/scim+json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        users = await _resources(session, f"{provider.endpoint}/Users")
        groups = await _resources(session, f"{provider.endpoint}/Groups")
    members: dict[str, set[str]] = {}
    for group in groups:
        for member in group.get("members") or ():
            members.setdefault(member["value"], set()).add(group["displayName"])
    found: dict[str, Held] = {}
    for user in users:
        values = {path: value for path in paths if (value := value_at(user, path)) is not None}
        phase = "suspended" if user.get("active") is False else "active"
        times = [datetime.fromisoformat(user["meta"][name]).timestamp() for name in ("created", "lastModified")]
        joined = frozenset(members.get(user["id"], ()))
        found[user["userName"]] = Held(phase, values, joined, user.get("externalId"), times[0], times[1])
    return found


def read_badges(badges: BadgeSystem) -> Mapping[str, Held]:
    """Every badge by the login that it bears, but the ones that were withdrawn."""
    return {
        str(badge.values.get("login")): Held(badge.phase, badge.values, frozenset(), identity, badge.first, badge.at)
        for identity, badge in badges.badges.items()
        if badge.phase != "absent"
    }


def read_rows(car_park: CarPark, paths: tuple[str, ...]) -> Mapping[str, Held]:
    """Every row that the car park took in, by login. A file does not say when a row was made."""
    never = float("nan")
    return {
        login: Held(
            row["phase"], {path: row[path] for path in paths if row[path]}, frozenset(), row["identity"], never, never
        )
        for login, row in car_park.rows.items()
    }


async def _resources(session: aiohttp.ClientSession, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        parameters = {"startIndex": str(len(found) + 1), "count": str(_PAGE)}
        async with session.get(url, params=parameters) as response:
            response.raise_for_status()
            page = await response.json(content_type=None)
        resources = page.get("Resources") or []
        found += resources
        if not resources or len(found) >= page["totalResults"]:
            return found


def value_at(resource: Mapping[str, Any], path: str) -> Any:
    """The value at a path of a SCIM resource: `a`, `a.b`, `a[type eq "work"].b`, `urn:…:User:a`; None: nothing."""
    selected, extension = _SELECTED.fullmatch(path), _EXTENSION.fullmatch(path)
    if selected is not None:
        name, key, wanted, leaf = selected.groups()
        entries = resource.get(name) or ()
        return next((entry.get(leaf) for entry in entries if entry.get(key) == wanted), None)
    if extension is not None:
        return (resource.get(extension[1]) or {}).get(extension[2])
    value: Any = resource
    for name in path.split("."):
        value = (value or {}).get(name)
    return value


def _foreign(service: str, before: Mapping[str, Any], read: Mapping[str, Held]) -> list[str]:
    """Accounts that are not the engine's are as they were."""
    now = {name: dict(item.values) for name, item in read.items() if item.mark is None}
    return [] if now == before else [f"{service}: accounts of its own are {now}, not {before}"]


def _marks(held: Mapping[str, Mapping[str, Held]]) -> list[str]:
    """One person has one identity, at every service the same, and no two people share one."""
    marks: dict[str, set[str]] = {}
    names: dict[str, set[str]] = {}
    for accounts in held.values():
        for name, item in accounts.items():
            marks.setdefault(name, set()).add(str(item.mark))
            names.setdefault(str(item.mark), set()).add(name)
    found = [f"{name} has {len(items)} identities" for name, items in marks.items() if len(items) > 1]
    return found + [f"{mark} is the identity of {sorted(items)}" for mark, items in names.items() if len(items) > 1]
