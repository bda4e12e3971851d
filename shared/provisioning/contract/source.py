"""The contract of sources (`ports.Extraction`), as behaviours: each fills an empty world, and says what is wrong."""

from collections.abc import Callable, Coroutine
from typing import Any

from provisioning.contract.world import World, everything, since
from provisioning.core.errors import TransientError
from provisioning.core.source import Spoiled

PEOPLE = {f"p{number}": {"given": f"Given {number}", "unit": "arts"} for number in range(7)}


async def _filled(world: World) -> dict[str, str]:
    return {name: await world.put(name, fields) for name, fields in PEOPLE.items()}


async def snapshot_shows_everybody(world: World) -> None:
    """Everybody is in it once or more, and the last page says what it knows of completeness."""
    keys = await _filled(world)
    async with world.open() as source:
        items, last = await everything(source)
    assert sorted({item.key for item in items}) == sorted(keys.values())
    assert {world.given(item) for item in items} == {fields["given"] for fields in PEOPLE.values()}
    assert last.evidence is not None
    assert not last.evidence.problem
    assert last.evidence.expected in (7, None)


async def snapshot_goes_on_elsewhere(world: World) -> None:
    """A page's position is of use in another process."""
    keys = await _filled(world)
    seen, position, more = set[str](), None, True
    while more:
        async with world.open() as source:  # another process for each page
            page = await source.snapshot(position)
        seen |= {item.key for item in page.items}
        position, more = page.position, page.more
    assert seen == set(keys.values())


async def snapshot_of_nobody(world: World) -> None:
    """An empty source is empty, and no error."""
    async with world.open() as source:
        items, last = await everything(source)
    assert not items
    assert last.evidence is not None
    assert last.evidence.expected in (0, None)


async def one_spoiled_stops_nobody(world: World) -> None:
    """Who cannot be read is shown as spoiled, with place and reason; everybody else is shown."""
    keys = await _filled(world)
    await world.spoil("p9")
    spoiled: list[Spoiled] = []
    seen, position, more = set[str](), None, True
    async with world.open() as source:
        while more:
            page = await source.snapshot(position)
            spoiled += page.spoiled
            seen |= {item.key for item in page.items}
            position, more = page.position, page.more
    assert seen == set(keys.values())
    assert len(spoiled) == 1
    assert spoiled[0].where
    assert spoiled[0].reason


async def fetch_shows_now(world: World) -> None:
    """One item for each distinct key, as it is now; without fields for who is not there."""
    keys = await _filled(world)
    await world.put("p1", {"given": "Renamed", "unit": "arts"})
    await world.remove("p2")
    wanted = [keys["p1"], keys["p2"], keys["p1"], keys["p3"]]
    async with world.open() as source:
        found = {item.key: item for item in await source.fetch(wanted)}
    assert world.given(found[keys["p1"]]) == "Renamed"
    assert found[keys["p2"]].fields is None
    assert world.given(found[keys["p3"]]) == "Given 3"
    assert len(found) == 3


async def changes_show_who_came_and_changed(world: World) -> None:
    """Who came or changed since a place is shown; what was shown may come again."""
    keys = await _filled(world)
    async with world.open() as source:
        begun = await source.begin()
    assert begun is not None
    keys["p7"] = await world.put("p7", {"given": "Given 7", "unit": "law"})
    await world.put("p1", {"given": "Renamed", "unit": "arts"})
    async with world.open() as source:
        items, after = await since(source, begun)
    shown = {item.key: world.given(item) for item in items}
    assert shown[keys["p7"]] == "Given 7"
    assert shown[keys["p1"]] == "Renamed"
    async with world.open() as source:  # a place is of use in another process, and what was shown may come again
        again, _ = await since(source, after)
    assert {item.key for item in again} <= set(shown)


async def changes_show_who_went(world: World) -> None:
    """Who went since a place is shown without fields."""
    keys = await _filled(world)
    async with world.open() as source:
        begun = await source.begin()
    assert begun is not None
    await world.remove("p4")
    async with world.open() as source:
        items, _ = await since(source, begun)
    assert {item.key: item.fields for item in items}[keys["p4"]] is None


async def changes_before_a_snapshot_are_not_lost(world: World) -> None:
    """Whoever changes while a snapshot is read is seen by the changes since before it."""
    await _filled(world)
    async with world.open() as source:
        begun = await source.begin()
        assert begun is not None
        first = await source.snapshot(None)
        key = await world.put("p0", {"given": "Renamed", "unit": "arts"})
        position, more = first.position, first.more
        while more:
            page = await source.snapshot(position)
            position, more = page.position, page.more
        items, _ = await since(source, begun)
    assert {item.key: world.given(item) for item in items}[key] == "Renamed"


async def a_useless_place_says_so(world: World) -> None:
    """A place that is of no use any more is told as lost, with one from which changes begin anew."""
    await _filled(world)
    async with world.open() as source:
        begun = await source.begin()
    assert begun is not None
    await world.put("p1", {"given": "Renamed", "unit": "arts"})
    await world.forget()
    async with world.open() as source:
        page = await source.changes(begun)
        assert page.lost
        assert not page.items
        assert page.position is not None
        items, _ = await everything(source)
        assert len({item.key for item in items}) == 7
        key = await world.put("p5", {"given": "Later", "unit": "arts"})
        later, _ = await since(source, page.position)
    assert key in {item.key for item in later}


async def a_broken_connection_passes(world: World) -> None:
    """It may be told as a fault that passes; whoever opens the source again goes on."""
    keys = await _filled(world)
    async with world.open() as source:
        page = await source.snapshot(None)
        seen = {item.key for item in page.items}
        await world.interrupt()
        try:
            again = await source.snapshot(page.position if page.more and not page.restarts else None)
            seen |= {item.key for item in again.items}
        except TransientError:
            pass
    async with world.open() as source:
        items, _ = await everything(source)
    assert {item.key for item in items} == set(keys.values())
    assert seen <= set(keys.values())


# By name: what a world `lacks` names them.
BEHAVIOURS: dict[str, Callable[[World], Coroutine[Any, Any, None]]] = {
    behaviour.__name__: behaviour
    for behaviour in (
        snapshot_shows_everybody,
        snapshot_goes_on_elsewhere,
        snapshot_of_nobody,
        one_spoiled_stops_nobody,
        fetch_shows_now,
        changes_show_who_came_and_changed,
        changes_show_who_went,
        changes_before_a_snapshot_are_not_lost,
        a_useless_place_says_so,
        a_broken_connection_passes,
    )
}
