"""A day of the federation: two homes, an impostor, an IDMS that falls silent, and one that withdraws people."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from localstack import clock
from localstack.campus.oracle import Expected
from localstack.check import compare, read_scim
from localstack.engine import BETWEEN, UnsettledError
from localstack.federation.cast import STOLEN, gone, honest, impostors
from localstack.federation.oracle import cluster, persons, wiki
from localstack.federation.stage import LIMIT, Federation

PATIENCE: Final = 240.0  # seconds for any one thing to happen
_LOOKS: Final = 8  # at what waits for a paused source
_AGAIN: Final = 65  # seconds after which a source that is heard again counts as heard: it is known to the minute


@dataclass(frozen=True, slots=True)
class Act:
    """One scene and its title. `silent`: sources that are stale when it has ended."""

    title: str
    play: Callable[[Federation], Awaitable[None]]
    silent: frozenset[str] = frozenset()


async def _stated(world: Federation) -> None:
    for source, people in honest().items():
        await world.registries[source].publish(people)


async def _impostors(world: Federation) -> None:
    await world.registries["south"].publish(impostors())


async def _paused(world: Federation) -> None:
    """What South says while it is paused waits; nothing of it is done before it is resumed."""
    south = world.registries["south"]
    (dora,) = [person for person in honest()["south"] if person.key.startswith("dora")]
    before = await differences(world, frozenset())
    await world.listen("south", on=False)
    await south.publish([replace(dora, affiliations=(replace(dora.affiliations[0], type="student"),))])
    for _ in range(_LOOKS):
        if await world.waiting("south") != 1:
            raise UnsettledError("a paused source was listened to")
        await asyncio.sleep(BETWEEN)
    wrong = await differences(world, frozenset())
    if before or wrong != ["wiki: dora@south.example is in ['editors'], not in []"]:
        raise UnsettledError(f"while South was paused: {wrong}")
    await world.listen("south", on=True)


async def _silent(world: Federation) -> None:
    last = max(each.at for said in world.registries["grid"].history.values() for each in said)
    await asyncio.sleep(max(0.0, last + LIMIT + 1 - clock.seconds()))
    await world.tick()


async def _heard_again(world: Federation) -> None:
    last = max(each.at for said in world.registries["grid"].history.values() for each in said)
    await asyncio.sleep(max(0.0, last + _AGAIN - clock.seconds()))
    await world.registries["grid"].publish(honest()["grid"])
    await world.quiet(PATIENCE)
    await world.tick()


async def _withdrawn(world: Federation) -> None:
    north = world.registries["north"]
    await north.publish([gone(north.now(key)) for key in ("ada@north.example", "carl@north.example")])


ACTS: Final = (
    Act("North, South and the consortium state their people; Ada has two homes", _stated),
    Act("South speaks of North's people, deletes one, and claims what is not its own", _impostors),
    Act("South is paused, and says that Dora is no staff; it is resumed", _paused),
    Act(f"The consortium is silent for {LIMIT} s: whom it has in projects is suspended", _silent, frozenset({"grid"})),
    Act("The consortium speaks again", _heard_again),
    Act("North withdraws Ada and Carl; Ada keeps what South gives her", _withdrawn),
)  # fmt: skip


async def play(world: Federation) -> list[str]:
    """Play all acts; everything that was not as the oracle says after one of them."""
    problems: list[str] = []
    for act in ACTS:
        world.say(act.title)
        try:
            await act.play(world)
        except UnsettledError as error:
            problems.append(f"{act.title}: {error}")
        problems += [f"{act.title}: {line}" for line in await settled(world, act.silent)]
    return problems


async def settled(world: Federation, silent: frozenset[str]) -> list[str]:
    """Wait until the SPs hold what the oracle says, and are at rest; what is different when patience ends."""
    deadline = clock.seconds() + PATIENCE
    while True:
        try:
            await world.quiet(PATIENCE)
        except UnsettledError as error:
            return [str(error)]
        found = await differences(world, silent)
        if not found or clock.seconds() > deadline:
            return found
        await asyncio.sleep(BETWEEN)


async def differences(world: Federation, silent: frozenset[str]) -> list[str]:
    """What the SPs hold that they should not, and the other way round; and whatever was stolen."""
    found: list[str] = []
    wanted = expected(world, silent)
    for service in world.bundle.services:
        held = await read_scim(world.providers[service.id], tuple(service.account))
        found += [f"{service.id}: {line}" for line in compare(wanted[service.id], held)]
        found += [f"{service.id}: {name} was stolen" for name, each in held.items() if STOLEN in repr((name, each))]
    return found


def expected(world: Federation, silent: frozenset[str]) -> dict[str, dict[str, Expected]]:
    """What each SP should hold, by name."""
    stated = {
        source: {key: [each.person for each in said] for key, said in registry.history.items()}
        for source, registry in world.registries.items()
    }
    people = list(persons(stated))
    return {
        "wiki": _by_name([wiki(each) for each in people]),
        "cluster": _by_name([cluster(each, silent) for each in people]),
    }


def _by_name(found: Sequence[Expected | None]) -> dict[str, Expected]:
    return {str(each.values["userName"]): each for each in found if each is not None}
