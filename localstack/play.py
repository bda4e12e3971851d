"""A day at the campus: who comes, who moves, who goes, and what breaks meanwhile."""

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from localstack import clock
from localstack.campus.cast import Cast, changed, deleted, left
from localstack.campus.people import Person
from localstack.campus.providers import Mode
from localstack.careless import careless, release
from localstack.engine import UnsettledError
from localstack.world import World

WAVE: Final = 200  # people; the local queues become slow beyond some thousand messages
_BACKLOG: Final = 200  # messages that may be left of a wave before the next one
PATIENCE: Final = 240.0  # seconds for any one thing to happen
_AHEAD: Final = 15  # seconds between the announcement of an end and the end


@dataclass(frozen=True, slots=True)
class Act:
    """One scene and its title."""

    title: str
    play: Callable[[World, Cast], Awaitable[None]]


async def load(world: World, people: Iterable[Person], total: int) -> None:
    """Publish everybody, wave by wave, and wait until the last wave has arrived at the SPs."""
    wave: list[Person] = []
    done = 0
    for person in people:
        wave.append(person)
        if len(wave) == WAVE:
            done += await _wave(world, wave)
            world.say(f"{done} of {total} people published")
            wave = []
    done += await _wave(world, wave)
    world.say(f"{done} of {total} people published")
    await world.quiet(PATIENCE)


async def _wave(world: World, wave: list[Person]) -> int:
    world.loaded |= {person.key for person in wave}
    count = await world.registry.publish(wave)
    await world.drained(_BACKLOG, PATIENCE)
    return count


async def _malformed(world: World, _cast: Cast) -> None:
    event = {"specversion": "1.0", "id": "broken-1", "source": "/registry", "type": "campus.person.stated"}
    without_version = {**event, "data": {"key": "broken", "attributes": {"login": "broken"}}}
    affiliations = [{"id": str(number), "type": "student"} for number in range(1000)]
    too_many = {**event, "id": "broken-2", "data": {"key": "broken", "version": 1, "affiliations": affiliations}}
    for body in ("this is not JSON", json.dumps(without_version), json.dumps(too_many)):
        await world.registry.publish_text(body)
    await world.quiet(PATIENCE)


async def _joiners(world: World, cast: Cast) -> None:
    await world.registry.publish([*cast.joiners("joiner", 6), *cast.misfits()])
    await world.quiet(PATIENCE)


async def _movers(world: World, cast: Cast) -> None:
    now = world.registry.now
    await world.registry.publish([
        cast.promoted(now("mei")),
        changed(now("bram"), department="law.public", family_name="Bakker-Sato", login="bakkersato"),
        changed(now("sanne"), given_name="Susanna", tags=["wiki-admin-law"]),
        changed(now("noor"), tags=[]),
        changed(now("rutger"), tags=["library-barred"]),
    ])  # fmt: skip
    await world.quiet(PATIENCE)


async def _leavers(world: World, _cast: Cast) -> None:
    now = world.registry.now
    await world.registry.publish([left(now("olu")), deleted(now("ingrid")), left(now("lars")), left(now("lucia"))])
    await world.quiet(PATIENCE)


async def _outage(world: World, cast: Cast) -> None:
    """The library is down while changes go on: the others get theirs, and the library gets its own afterwards."""
    library, now = world.providers["library"], world.registry.now
    library.mode, before = Mode.UNAVAILABLE, library.refused
    movers = [changed(now("bram"), department="arts.music"), changed(now("daan"), family_name="Dijkstra-Sato")]
    people = [*cast.joiners("visitor", 8), *movers]
    world.during_outage |= {person.key for person in people}
    wanted = {f"visitor-{number}" for number in range(8)}
    await world.registry.publish(people)
    await world.until("the library is asked in vain", lambda: library.refused >= before + len(people), PATIENCE)
    await world.until(
        "badges are made while the library is down",
        lambda: wanted <= {str(badge.values.get("login")) for badge in world.badges.badges.values()},
        PATIENCE,
    )
    world.say(f"the library refused {library.refused - before} calls; badges were made meanwhile; it is back")
    library.mode = Mode.UP
    await world.quiet(PATIENCE)


async def _hanging_up(world: World, cast: Cast) -> None:
    """The wiki makes accounts but hangs up before it answers: the engine must look before it repeats, in a minute."""
    wiki = world.providers["wiki"]
    wiki.mode, before = Mode.DROPPING, wiki.refused
    people = cast.joiners("lost", 3)
    await world.registry.publish(people)
    await world.until("the wiki hangs up", lambda: wiki.refused >= before + len(people), PATIENCE)
    wiki.mode = Mode.UP
    await world.quiet(PATIENCE)


async def _return(world: World, cast: Cast) -> None:
    await world.registry.publish([cast.residents()["lars"]])
    await world.quiet(PATIENCE)


async def _opening(world: World, _cast: Cast) -> None:
    """Everybody who waited for it has an account: as many as the oracle counts."""
    ahead = max(0.0, (world.opening - clock.moment()).total_seconds())
    await world.until("the sports hall opens", lambda: clock.moment() >= world.opening, ahead + 5)
    await world.held("sports", PATIENCE)
    await world.quiet(PATIENCE)


async def _ending(world: World, cast: Cast) -> None:
    """Announced a few seconds ahead, so that it is known everywhere when it comes."""
    end = clock.moment().replace(microsecond=0) + timedelta(seconds=_AHEAD)
    await world.registry.publish([cast.ending(world.registry.now("zoe"), end)])
    await world.until("the badge of zoe is withdrawn", lambda: _withdrawn(world, "zoe"), _AHEAD + PATIENCE)
    await world.quiet(PATIENCE)


def _withdrawn(world: World, login: str) -> bool:
    """Whether the badge system held a badge of this name and holds it no more."""
    names = {badge.values.get("login") for badge in world.badges.badges.values() if badge.phase == "active"}
    return login not in names


async def _after(world: World, _cast: Cast) -> None:
    """Whoever has trained already, and leaves."""
    now = world.registry.now
    await world.registry.publish([left(now("joiner-0")), deleted(now("joiner-1")), left(now("daan"))])
    await world.quiet(PATIENCE)


# Nobody leaves before the sports hall has opened: who went in the very second in which it did, may have been in or not.
DAY: Final = (
    Act("a careless rule takes the library from everybody", lambda world, _: careless(world, PATIENCE)),
    Act("three notifications that nobody can understand", _malformed),
    Act("the wiki hangs up without an answer while three people join", _hanging_up),
    Act("eight people join; the names of two cannot be had", _joiners),
    Act("five people change: a student becomes staff, a name is another, one is barred from the library", _movers),
    Act("the library is down while eight people join and two change", _outage),
    Act("the sports hall opens", _opening),
    Act("a contract ends, as was announced", _ending),
    Act("four people leave, one of them without a trace", _leavers),
    Act("one who left comes back", _return),
    Act("three people leave who joined today", _after),
    Act("an operator releases what the library's brake holds", lambda world, _: release(world, PATIENCE)),
)


async def play(world: World, cast: Cast) -> None:
    """Play the day, act by act; after each of them everything has come to rest but what is in doubt."""
    for number, act in enumerate(DAY, 1):
        world.say(f"{number}. {act.title}")
        await act.play(world, cast)
    world.say("waiting until nothing is in doubt any more")
    await world.quiet(PATIENCE, doubts=True)
    await the_night(world)


async def the_night(world: World) -> None:
    """The car park gets its file: by the message of the schedule, sent now, for nobody stays up until three."""
    world.say("the car park gets the file of the night")
    await world.extract("parking")
    await world.quiet(PATIENCE)
    if not await world.car_park.take_in():
        raise UnsettledError("no file was published for the car park")
