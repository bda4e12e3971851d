"""Putting a world together: queues, warm processes, mappings, providers, and the script of the day."""

import random
from collections.abc import Callable, Sequence
from typing import Final

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.memory import bells as memory_bells
from provisioning.adapters.memory.bells import MemoryBells
from provisioning.adapters.memory.hearings import MemoryHearings
from provisioning.adapters.memory.policies import MemoryBundles, MemoryPolicies
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.store import MemoryStore
from provisioning.adapters.memory.unheard import MemoryUnheard
from provisioning.core.wire import canonical, digest_of
from provisioning.stages.campaign import VERIFYING, Campaign, campaign, steps, write_step
from provisioning.stages.decide import Decide
from provisioning.stages.deliver import Deliver, deliver
from provisioning.stages.evaluate import Evaluate, evaluate
from provisioning.stages.freshness import Freshness
from provisioning.stages.holds import Holds
from provisioning.stages.message import Failed, Message
from provisioning.stages.receive import Receive, receive
from provisioning.stages.schedule import Schedule
from tests.simulation.campus import MINUTE, SOURCE, START, Registry, bundle
from tests.simulation.faults import draw
from tests.simulation.loop import SimulatedLoop
from tests.simulation.polled import PolledRegistry, poller
from tests.simulation.provider import Provider
from tests.simulation.world import VISIBILITY, Mapping, Stage, Watched, World

PEOPLE: Final = 22
BUSY: Final = 16 * MINUTE  # people change, and things go wrong, during this time
WARM: Final = 2  # processes of each function, each with its own cached bundle
POLLED: Final = 4  # of so many seeds one has a registry that is asked
SERVICES: Final = ("alpha", "beta", "gamma")


def build(seed: int) -> World:
    """A world at its first second: bundle 0 published, everything wired, the day's script in its timers."""
    chance = random.Random(seed)
    loop = SimulatedLoop(chance, START)  # type: ignore[abstract]  # of a loop's methods, handlers need only these
    clock = loop.time
    queues = {
        name: MemoryQueue(clock, fifo=name in SERVICES, visibility=VISIBILITY, arrange=shuffle(chance))
        for name in ("changes", "identities", "campaign", "poll", *SERVICES)
    }
    providers = {
        "alpha": Provider("alpha", chance, clock),
        "beta": Provider("beta", chance, clock, unique=False, lag=20),
        "gamma": Provider("gamma", chance, clock),
    }
    world = World(
        seed=seed,
        faults=draw(chance, BUSY),
        chance=chance,
        loop=loop,
        registry=Registry(chance),
        store=MemoryStore(clock, lambda: chance.uniform(0, 3), shards=2),
        publishing=MemoryBundles(),
        queues=queues,
        providers=providers,
    )
    world.store._checkpoint = world.checkpoint
    world.store.identities = Watched(world.accepted)
    world.mappings = _mappings(world)
    if seed % POLLED == 0:
        registry = PolledRegistry(world, START + BUSY)
        world.told = registry.tell
        policies = MemoryPolicies(world.publishing, world.loop.time, world.checkpoint)
        world.mappings.append(Mapping(world.queues["poll"], [poller(world, policies, registry)], 2))
    world.foreign = {
        "alpha": providers["alpha"].plant("user3", title="theirs"),
        "beta": providers["beta"].plant("outsider", title="theirs"),
    }
    _script(world)
    return world


def shuffle(chance: random.Random) -> Callable[[list[str]], list[str]]:
    """How a standard queue arranges what it hands out."""

    def shuffled(ids: list[str]) -> list[str]:
        chance.shuffle(ids)
        return ids

    return shuffled


def _mappings(world: World) -> list[Mapping]:
    return mappings(world, {"changes": SOURCE}, SERVICES)


def mappings(
    world: World, sources: dict[str, str], services: Sequence[str], hearings: MemoryHearings | None = None
) -> list[Mapping]:
    """Every function but poll, the clock and the operator. `sources`: by the queue that their events come by."""
    store, queues = world.store, world.queues
    bells = MemoryBells(
        queues["identities"],
        {name: queues[name] for name in services},
        queues["campaign"],
        lambda bell: memory_bells.unique(bell),  # asked for at each send: a mutant puts another in its place
        world.checkpoint,
    )
    courier = Courier(world.call, world.send)

    def policies() -> MemoryPolicies:
        return MemoryPolicies(world.publishing, world.loop.time, world.checkpoint)

    def decide() -> Decide:
        return Decide(store, policies(), world.identifier, world.say)

    def receiver() -> Stage:
        shell = Receive(decide(), store, bells, lambda: int(world.loop.time() * 1e6), hearings=hearings)
        return lambda messages, now: receive(shell, messages, now)

    def evaluator() -> Stage:
        shell = Evaluate(decide(), bells)
        return lambda messages, now: evaluate(shell, messages, now)

    def deliverer(service: str) -> Stage:
        shell = Deliver(service, store, policies(), courier, bells, {}, world.say)
        return lambda messages, now: deliver(shell, messages, now)

    campaigner = Campaign(store, bells, bells, world.say)
    world.sweeper = Schedule(store, bells, world.say)
    world.holds = Holds(store, store, bells, world.say)
    if hearings is not None:
        unheard = MemoryUnheard({source: [queues[queue]] for queue, source in sources.items()}, world.checkpoint)
        world.watching = lambda: Freshness(policies(), world.publishing, hearings, unheard, bells, world.say)
    return [
        *(Mapping(queues[queue], [receiver() for _ in range(WARM)], 3, source) for queue, source in sources.items()),
        Mapping(queues["identities"], [evaluator() for _ in range(WARM)], 3),
        Mapping(queues["campaign"], [_one_by_one(campaigner)], 1),
        *(Mapping(queues[name], [deliverer(name) for _ in range(WARM)], 3) for name in services),
    ]


def _one_by_one(shell: Campaign) -> Stage:
    async def stage(messages: Sequence[Message], now: int) -> Failed:
        for message in messages:
            await campaign(shell, message, now)
        return frozenset()

    return stage


def _script(world: World) -> None:
    """People join in the first minutes and change at random; half way, the other bundle comes into force."""
    chance, loop = world.chance, world.loop
    _publish(world, 0)
    for number in range(PEOPLE):
        loop.call_later(chance.uniform(1, 5 * MINUTE), _join, world, number)
    for _ in range(PEOPLE):
        loop.call_later(chance.uniform(MINUTE, BUSY), _change, world)
    loop.call_later(chance.uniform(BUSY / 3, BUSY), _publish, world, 1)
    loop.call_later(MINUTE * chance.random(), world.sweep)
    world.look()
    loop.call_later(4 * MINUTE, world.operate)


def _join(world: World, number: int) -> None:
    world.publish(world.registry.join(number, int(world.now())))


def _change(world: World) -> None:
    """One person changes; sometimes twice at once, so that versions overtake each other."""
    if not world.registry.people:
        return
    key = world.chance.choice(sorted(world.registry.people))
    for _ in range(world.chance.choice([1, 1, 2, 3])):
        world.publish(world.registry.change(key, int(world.now())))


def _publish(world: World, number: int) -> None:
    content = bundle(number, polled=world.told is not None).model_dump(mode="json", by_alias=True)
    world.loop.start(put_in_force(world, canonical(content), digest_of(content)))


async def put_in_force(world: World, content: bytes, hash_: str) -> None:
    """Publish a bundle, and start its campaign."""
    published = await world.publishing.publish(content, hash_)
    world.say("bundle", sequence=published.sequence)
    for step in steps(published.sequence):
        world.queues["campaign"].send(write_step(step))
        world.queues["campaign"].send(write_step(step), delay=VERIFYING)
