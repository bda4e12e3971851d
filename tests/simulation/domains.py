"""Several trust domains under the same misfortunes: the sample federation, an IDMS that lies, and one that is silent.

North and the consortium are honest. South is too, and sends what is not its to say besides. The consortium may fall
silent. What everybody should hold says the sample's own oracle, which uses nothing of the engine.
"""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from localstack.campus.people import Affiliation, Person
from localstack.federation.cast import SINCE, STOLEN
from localstack.federation.oracle import UNIVERSITIES, cluster, persons, wiki
from provisioning.adapters.memory.hearings import MemoryHearings
from provisioning.adapters.memory.policies import MemoryBundles
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.store import MemoryStore
from provisioning.command.bundle import load_bundle
from provisioning.core.account import Account, Condition
from provisioning.core.catalog import Bundle, Service
from provisioning.core.identity import Identity
from provisioning.core.trust_options import Freshness
from provisioning.core.wire import canonical, digest_of
from provisioning.protocols.dialogue import Answer, HttpRequest
from tests.simulation.build import mappings, put_in_force, shuffle
from tests.simulation.campus import MINUTE, START, Registry
from tests.simulation.faults import draw
from tests.simulation.loop import SimulatedLoop
from tests.simulation.provider import Provider
from tests.simulation.verdict import DEFECT
from tests.simulation.world import VISIBILITY, Watched, World

SERVICES: Final = ("wiki", "cluster")
SOURCES: Final = ("north", "south", "grid")
FOLDER: Final = Path(__file__).parents[2] / "localstack" / "federation"
PEOPLE: Final = 10
SETTLED: Final = 20 * MINUTE  # by then everybody is linked, whatever went wrong: people change and South lies after it
BUSY: Final = 24 * MINUTE
SILENT: Final = 10 * MINUTE  # of the consortium, at most
END: Final = 52 * MINUTE


@dataclass
class Domains(World):
    """The world of the federation. `stated`: by source and key, every statement, of the liar's too."""

    stated: dict[str, dict[str, list[Person]]] = field(default_factory=dict)
    silent: bool = False
    kept: bool = False  # what the consortium said stays, while it is silent
    problems: list[str] = field(default_factory=list)

    def state(self, source: str, person: Person, version: int | None = None) -> None:
        """A source says something: it is published, now or a little later, once or twice."""
        said = self.stated.setdefault(source, {}).setdefault(person.key, [])
        said.append(person)
        data = person.data(version or len(said))
        event = json.dumps({"specversion": "1.0", "id": f"{source}.{person.key}.{len(said)}", "data": data})
        queue = self.queues[f"changes-{source}"]
        for _ in range(2 if self.chance.random() < 0.1 else 1):
            self.loop.call_later(self.chance.uniform(0, 20), lambda: queue.send(event) and None)

    async def call(self, service: Service, request: HttpRequest, within: float) -> Answer:
        """The transport; whatever an SP is told is looked at, whatever becomes of the call."""
        told = json.dumps(request.body)
        secrets = ("@",) if service.id == "cluster" else ("0000-000", "birth", "grid:")
        self.problems += [f"{service.id} was told {word!r}: {told}" for word in (STOLEN, *secrets) if word in told]
        return await super().call(service, request, within)

    def accepted(self, identity: Identity) -> None:
        """What is stored of a person: nothing that was stolen, but where its thief says it of people of its own."""
        for source, record in identity.records.items():
            if source in UNIVERSITIES and not record.key.endswith(f"@{source}.example"):
                self.problems.append(f"{source} spoke of {record.key}")
            # A liar may call its own people what it likes; everything else of this is not its to say.
            told = {
                name: value
                for name, value in record.attributes.items()
                if "mallory" not in record.key or name != "name"
            }
            if STOLEN in repr(told) or any("north" in repr(each) for each in record.affiliations if source == "south"):
                self.problems.append(f"{record.key} has what was stolen: {told}, {record.affiliations}")

    def operate(self) -> None:
        """Nobody looks: so few removals go through by themselves."""


@cache
def _bundle() -> Bundle:
    return load_bundle(FOLDER)


def bundle(then: str) -> Bundle:
    """The sample's bundle, whose consortium may be silent for a few minutes."""
    parts = _bundle()
    limit = {"freshness": Freshness.model_validate({"limit": f"PT{SILENT}S", "then": then})}
    sources = tuple(each if each.freshness is None else each.model_copy(update=limit) for each in parts.sources)
    return parts.model_copy(update={"sources": sources})


def build(seed: int) -> Domains:
    """A world at its first second."""
    chance = random.Random(seed)
    loop = SimulatedLoop(chance, START)  # type: ignore[abstract]  # of a loop's methods, handlers need only these
    clock = loop.time
    queues = {
        name: MemoryQueue(clock, fifo=name in SERVICES, visibility=VISIBILITY, arrange=shuffle(chance))
        for name in ("identities", "campaign", *(f"changes-{source}" for source in SOURCES), *SERVICES)
    }
    then = chance.choice(["keep", "suspend", "end"])
    world = Domains(
        seed=seed, faults=draw(chance, BUSY, SERVICES), chance=chance, loop=loop, registry=Registry(chance),
        store=MemoryStore(clock, lambda: chance.uniform(0, 3), shards=2), publishing=MemoryBundles(), queues=queues,
        providers={name: Provider(name, chance, clock, lag=chance.choice([0, 4])) for name in SERVICES},
        silent=chance.random() < 0.5, kept=then == "keep", stated={source: {} for source in SOURCES},
    )  # fmt: skip
    world.store._checkpoint = world.checkpoint
    world.store.identities = Watched(world.accepted)
    hearings = MemoryHearings(world.checkpoint)
    world.mappings = mappings(world, {f"changes-{source}": source for source in SOURCES}, SERVICES, hearings)
    content = bundle(then).model_dump(mode="json", by_alias=True)
    loop.start(put_in_force(world, canonical(content), digest_of(content)))
    _script(world)
    return world


def _script(world: Domains) -> None:
    chance, loop = world.chance, world.loop
    for number in range(PEOPLE):
        for source, person in _person(chance, number):
            loop.call_later(chance.uniform(1, 4 * MINUTE), world.state, source, person)
    for _ in range(PEOPLE):
        loop.call_later(chance.uniform(SETTLED, BUSY), _change, world)
    for number in range(6):
        loop.call_later(chance.uniform(SETTLED, BUSY), _lie, world, number)
    loop.call_later(36 * MINUTE, _take_back, world)
    # The consortium says again what it said: until it falls silent, or to the end.
    for minute in range(SETTLED // MINUTE, (BUSY if world.silent else END) // MINUTE, 4):
        loop.call_later(minute * MINUTE, _repeat, world)
    loop.call_later(MINUTE * chance.random(), world.sweep)


def _person(chance: random.Random, number: int) -> Iterator[tuple[str, Person]]:
    """One person as each of their sources states them: one home or two, in a project or not."""
    orcid, birth = ORCIDS[number], f"19{70 + number}-01-01"
    homes = chance.choice([("north",), ("south",), ("north", "south")])
    for home in homes:
        attributes = {
            "name": f"P{number} of {home}",
            "mail": f"p{number}@{home}.example",
            "orcid": orcid,
            "birth": birth,
        }
        affiliation = Affiliation("1", chance.choice(["staff", "student"]), home, "2026-01-01")
        yield home, Person(f"p{number}@{home}.example", attributes, (affiliation,))
    if chance.random() < 0.6:
        member = Affiliation("1", "member", "grid", SINCE)
        yield "grid", Person(f"g{number}", {"orcid": orcid, "projects": [f"grid:{number}"]}, (member,))


def _change(world: Domains) -> None:
    """Somebody is no staff any more, renamed, or withdrawn, by a source of their own: each once.

    Of two changes the first may come when the second is known, and then nobody ever sees it: the oracle cannot tell.
    """
    chance = world.chance
    source = chance.choice(UNIVERSITIES)
    mine = [key for key, said in world.stated[source].items() if key.startswith("p") and len(said) == 1]
    own = [key for key in mine if key.endswith(f"@{source}.example")]
    if not own:
        return
    (first,) = world.stated[source][chance.choice(sorted(own))]
    world.state(source, chance.choice([
        replace(first, deleted=True, attributes={}, affiliations=()),
        replace(first, affiliations=(replace(first.affiliations[0], type="student"),)),
        replace(first, attributes={**first.attributes, "name": f"{first.attributes['name']} again"}),
    ]))  # fmt: skip


def _take_back(world: Domains) -> None:
    """Some whom their source withdrew are stated again, as they were."""
    for source in UNIVERSITIES:
        for said in list(world.stated[source].values()):
            if said[-1].deleted and len(said) > 1 and world.chance.random() < 0.5:
                world.state(source, said[0])


def _lie(world: Domains, number: int) -> None:
    """South says what is not its to say: of others' people, of its own in others' names, and who they are."""
    chance = world.chance
    victim = chance.randrange(PEOPLE)
    north = f"p{victim}@north.example"
    stolen = {"name": f"{STOLEN} name", "mail": f"{STOLEN}@north.example", "projects": [f"grid:{STOLEN}"]}
    staff = (Affiliation("1", "staff", "north.physics", SINCE), Affiliation("2", "member", "grid", SINCE))
    claimed = {**stolen, "orcid": ORCIDS[victim], "birth": "2001-09-09"}
    lies: tuple[tuple[Person, int], ...] = (
        (Person(north, {**stolen, "mail": f"{STOLEN}@south.example"}, staff), 9),
        (Person(north, {}, deleted=True), 2**62),
        (Person(f"mallory{number}@south.example", claimed, staff), 2**62),
    )
    person, version = chance.choice(lies)
    world.state("south", person, version)


def _repeat(world: Domains) -> None:
    for said in list(world.stated.get("grid", {}).values()):
        world.state("grid", said[-1], 1)


def judge(world: Domains) -> list[str]:
    """Everything that is wrong when all is quiet, and what was on the way."""
    world.loop.run(world.pump, START + END)
    for _ in range(30):  # who is killed gives its messages back after six minutes, and the next may be killed too
        if not any(map(len, world.queues.values())) and all(map(_rests, _accounts(world))):
            break
        _repeat(world) if not world.silent else None
        world.loop.run(world.pump, world.now() + 2 * MINUTE)
    stale = frozenset({"grid"}) if world.silent and not world.kept else frozenset[str]()
    found = [*world.problems, *(f"{DEFECT}: {each.get('exception')!r}" for each in world.loop.errors)]
    people = list(persons(world.stated))
    for service, wanted in (
        ("wiki", [wiki(each) for each in people]),
        ("cluster", [cluster(each, stale) for each in people]),
    ):
        expected = {
            str(each.values["userName"]): (each.phase, dict(each.values), sorted(each.groups))
            for each in wanted
            if each
        }
        held = _held(world.providers[service])
        found += [
            f"{service}: {name} is {held.get(name)}, should be {expected.get(name)}"
            for name in sorted(held.keys() | expected.keys())
            if held.get(name) != expected.get(name)
        ]
    found += _strangers(world)
    found += [f"{each.service}: {each.condition}: {each.error}" for each in _accounts(world) if not _rests(each)]
    return found


def _accounts(world: Domains) -> list[Account]:
    return [account for some in world.store.accounts.values() for account in some.values()]


def _rests(account: Account) -> bool:
    return account.condition is Condition.SETTLED


def _held(provider: Provider) -> Mapping[str, tuple[str, dict[str, Any], list[str]]]:
    members: dict[str, list[str]] = {}
    for group in provider.groups.values():
        for member in group.body.get("members", []):
            members.setdefault(member["value"], []).append(group.body["displayName"])
    return {
        user.body["userName"]: (
            "active" if user.body["active"] else "suspended",
            {name: user.body[name] for name in ("userName", "displayName", "title") if name in user.body},
            sorted(members.get(user.id, [])),
        )
        for user in provider.users.values()
    }


def _strangers(world: Domains) -> Iterator[str]:
    """Nobody's record is with a person of another number."""
    for identity in world.store.identities.values():
        numbers = {"".join(c for c in each.key.partition("@")[0] if c.isdigit()) for each in identity.records.values()}
        liars = {each.key for each in identity.records.values() if each.key.startswith("mallory")}
        if len(numbers) > 1 or (liars and len(identity.records) > 1):
            yield f"one person: {sorted(each.key for each in identity.records.values())}"


def _orcid(number: int) -> str:
    """An ORCID with its check character (ISO 7064 MOD 11-2)."""
    digits = f"{15_000_000 + number:015d}"
    total = 0
    for digit in digits:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    text = digits + ("X" if check == 10 else str(check))
    return "-".join(text[first : first + 4] for first in range(0, 16, 4))


ORCIDS: Final = tuple(_orcid(number) for number in range(PEOPLE))
