"""What was pushed and is not told onwards yet → the source's queue `changes-<source>`.

Every request ends here before it is answered. So nothing is acknowledged that is not in the queue, and whatever a
process left behind that died between its write and its message is sent with the next request, whose ever it is.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from provisioning.core.pushed import Held, Unsent, message_of
from provisioning.ports.pushed import Changes, Pushed

PAGE: Final = 100  # of what is unsent
MEMBERS: Final = 1000  # of a group, at once
AT_ONCE: Final = 25  # users read at once


async def settle(pushed: Pushed, changes: Changes, source: str) -> None:
    """Send everything of a source that was unsent when this began. What others add meanwhile they send themselves.

    Two that settle at once send some of it twice, which the versions make harmless.
    """
    while True:
        page = await pushed.unsent(source, PAGE)
        groups = [each for each in page if each.kind == "Group"]
        for group in groups:
            await _tell_members(pushed, source, group)
        await _tell(pushed, changes, source, [each for each in page if each.kind == "User"])
        if len(page) < PAGE and not groups:  # a group's members are unsent in their turn
            return


async def _tell(pushed: Pushed, changes: Changes, source: str, unsent: Sequence[Unsent]) -> None:
    """Send users as they are now, then take them for sent: in this order, a death between the two repeats."""
    if not unsent:
        return
    busy = asyncio.Semaphore(AT_ONCE)

    async def read(each: Unsent) -> Held | None:
        async with busy:
            return await pushed.get(source, "User", each.id)

    found = [held for held in await asyncio.gather(*map(read, unsent)) if held is not None]
    gone = [held for held in found if held.resource.deleted and held.groups]
    for held in gone:
        await pushed.forget_memberships(source, "User", held.resource.id, held.groups)
    names = await names_of(pushed, source, found)
    await changes.publish(source, [message_of(held, names) for held in found])
    await pushed.sent(source, unsent)


async def _tell_members(pushed: Pushed, source: str, unsent: Unsent) -> None:
    """What became of a group becomes a version more of its users, who are unsent then; of a deleted one they go."""
    held = await pushed.get(source, "Group", unsent.id)
    after = ""
    while page := await pushed.members(source, unsent.id, after, MEMBERS):
        if held is None or held.resource.deleted:
            await pushed.change_members(source, unsent.id, (), page)
        else:
            await pushed.touch(source, page)
        after = page[-1]
    if held is not None and held.resource.deleted and held.groups:
        await pushed.forget_memberships(source, "Group", unsent.id, held.groups)
    await pushed.sent(source, [unsent])


async def names_of(pushed: Pushed, source: str, helds: Sequence[Held]) -> dict[str, str]:
    """The names of all groups that hold any of these, by id."""
    groups = sorted({group for held in helds for group in held.groups})
    if not groups:
        return {}
    return {group.id: group.content["displayName"] for group in await pushed.get_many(source, "Group", groups)}
