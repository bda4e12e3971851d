"""Changes page by page: of persons, and of those whose memberships changed."""

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from typing import Final

from provisioning.adapters.sources.ldap_ber import ENTRY, Reply
from provisioning.adapters.sources.ldap_groups import GroupReader, fold
from provisioning.adapters.sources.ldap_item import UUID
from provisioning.adapters.sources.ldap_place import Place, question_of
from provisioning.adapters.sources.ldap_search import Directory, check
from provisioning.adapters.sources.ldap_shown import MOST_OCTETS, Shown
from provisioning.adapters.sources.ldap_sync import ContentSync, End, Gone, LostError
from provisioning.adapters.sources.ldap_timestamp import ByTimestamp
from provisioning.core.sketch import read_sketch
from provisioning.core.source import Item, Page, Spoiled
from provisioning.protocols.ldap_message import LdapSearch
from provisioning.protocols.ldap_names import equals

_NOBODY: Final = frozenset({32, 34})  # a member that is no entry, or no name


@dataclass(slots=True)
class _Refresh:
    """One that is under way. `place`: where its next page is asked for."""

    place: Place
    events: AsyncGenerator[Reply | Gone | Place]


class Changes:
    """The changes of one search. A refresh is read page by page from one answer, so that memory is bounded."""

    def __init__(
        self, directory: Directory, wanted: LdapSearch, shown: Shown, groups: GroupReader | None, page: int
    ) -> None:
        self._directory, self._wanted, self._shown, self._groups, self._page = directory, wanted, shown, groups, page
        self._sync = ContentSync(directory, wanted)
        self._time = ByTimestamp(directory, wanted, directory.options.overlap, page)
        self._refresh: _Refresh | None = None

    async def begin(self) -> Place | None:
        """The place that the directory is at now; None if it cannot show changes."""
        options, way = self._directory.options, "sync"
        at = await self._sync.begin() if options.content_sync else None
        if at is None:
            way, at = "time", await self._time.begin()
        if at is None:
            return None
        place = Place(question_of(options), way, at)
        if self._groups is None:
            return place
        state = await self._groups.refresh()
        return replace(place, groups=state, sketch=(await self._groups.memberships()).sketch.write())

    async def page(self, place: Place) -> Page:
        """The next page since a place. Raises LostError if there is none."""
        if self._refresh is None or self._refresh.place != place:
            await self.drop()
            self._refresh = _Refresh(place, self._events(place))
        refresh = self._refresh
        told, octets, after = list[Reply | Gone](), 0, None
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.drop)  # also when cancelled: an answer that was read in part is of no use
            while len(told) < self._page and octets < MOST_OCTETS and after is None:
                event = await anext(refresh.events)
                if isinstance(event, Place):
                    after = event
                else:
                    told.append(event)
                    octets += event.size if isinstance(event, Reply) else 0
            items, spoiled = await self._items(told)
            undo.pop_all()
        if after is not None:
            await self.drop()
        else:
            refresh.place = replace(place, page=place.page + 1)
        return Page(items, (after or refresh.place).write(), more=after is None, spoiled=spoiled)

    async def _items(self, told: Sequence[Reply | Gone]) -> tuple[tuple[Item, ...], tuple[Spoiled, ...]]:
        """One item for each subject: what was told last holds."""
        shown = iter(await self._shown.each([event for event in told if isinstance(event, Reply)]))
        by_uuid = self._directory.options.key.casefold() == UUID.casefold()
        items, spoiled = dict[str, Item](), list[Spoiled]()
        for event in told:
            made = Item(event.uuid, None) if isinstance(event, Gone) else next(shown)
            if isinstance(made, Spoiled):
                spoiled.append(made)
            elif by_uuid or made.fields is not None:
                items[made.key] = made
        return tuple(items.values()), tuple(spoiled)

    async def drop(self) -> None:
        """End what is under way."""
        if self._refresh is not None:
            await self._refresh.events.aclose()
            self._refresh = None

    async def _events(self, place: Place) -> AsyncGenerator[Reply | Gone | Place]:
        """First who came into groups or left them, then who changed, then the place after it.

        The groups are read before persons: what is shown of a person is not older than the place says.
        """
        if self._groups is not None:
            state = await self._groups.refresh()
            if not state or state != place.groups:
                before, now = read_sketch(place.sketch), (await self._groups.memberships()).sketch
                members = before.difference(now) if before is not None else None
                if members is None:
                    raise LostError("more memberships changed than can be told")
                async with aclosing(self._members(members)) as entries:
                    async for entry in entries:
                        yield entry
                place = replace(place, groups=state, sketch=now.write())
        way = self._sync if place.way == "sync" else self._time
        async with aclosing(way.events(place.at)) as events:
            async for event in events:
                yield replace(place, at=event.place, page=0) if isinstance(event, End) else event

    async def _members(self, members: Collection[bytes]) -> AsyncGenerator[Reply]:
        """The entries of those who are persons."""
        options, base = self._directory.options, fold(self._wanted.base)
        for member in sorted(members):
            if options.groups is not None and options.groups.kind == "uid":
                chosen = f"(&{options.filter}{equals(options.groups.uid, member)})"
                wanted = replace(self._wanted, filter=chosen)
            else:
                dn = member.decode(errors="replace")
                if not _is_in(fold(dn), base, options.scope):
                    continue
                wanted = replace(self._wanted, base=dn, scope="base")
            async with aclosing(self._directory.search(wanted)) as replies:
                async for reply in replies:
                    if reply.code not in _NOBODY or wanted.base == options.base:
                        check(reply, "poll.ldap.base")
                    if reply.kind == ENTRY:
                        yield reply


def _is_in(dn: str, base: str, scope: str) -> bool:
    if dn == base:
        return scope == "subtree"
    if not dn.endswith(f"\0{base}"):
        return False
    return scope == "subtree" or "\0" not in dn.removesuffix(f"\0{base}")
