"""Entries as they are shown: items with their groups, page by page."""

from collections.abc import Sequence
from typing import Final

from provisioning.adapters.sources.ldap_ber import Reply
from provisioning.adapters.sources.ldap_groups import GroupReader
from provisioning.adapters.sources.ldap_item import EntryReader
from provisioning.core.source import Item, Spoiled

MOST_OCTETS: Final = 16 * 1024 * 1024  # of the entries of one page


class Shown:
    """Entries → items. `groups`: None if they are not read."""

    def __init__(self, entries: EntryReader, groups: GroupReader | None) -> None:
        self.entries, self._groups = entries, groups

    async def refresh(self) -> None:
        """Before an answer: groups are shown as they are from now on."""
        if self._groups is not None:
            await self._groups.refresh()

    async def read_groups(self) -> None:
        """All at once, where many persons will be shown."""
        if self._groups is not None:
            await self._groups.memberships()

    async def each(self, entries: Sequence[Reply]) -> list[Item | Spoiled]:
        """What these show, one for each."""
        if self._groups is None:
            return [self.entries.item(entry, None) for entry in entries]
        groups = await self._groups.of(entries)
        return [self.entries.item(entry, names) for entry, names in zip(entries, groups, strict=True)]

    async def items(self, entries: Sequence[Reply]) -> tuple[list[Item], list[Spoiled]]:
        """The same, apart."""
        made = await self.each(entries)
        return [each for each in made if isinstance(each, Item)], [each for each in made if isinstance(each, Spoiled)]
