"""What the contract of sources needs of each technology: a real counterpart whose people come, change and go."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from provisioning.core.source import Item, Page
from provisioning.ports import Extraction

Fields = Mapping[str, str]


class World(Protocol):
    """A source with its adapter. `lacks`: behaviours that this technology cannot have, by name, with the reason."""

    @property
    def lacks(self) -> Mapping[str, str]:
        """What it cannot have, and why."""
        ...

    async def put(self, name: str, fields: Fields) -> str:
        """Somebody of this name comes, or changes: `given` and `unit`, texts. The key that the source calls them by."""
        ...

    async def remove(self, name: str) -> None:
        """Somebody goes, without a trace but those that the technology leaves."""
        ...

    async def spoil(self, name: str) -> None:
        """Somebody is shown, but cannot be read as an item: an entry of the wrong form, a broken line."""
        ...

    async def forget(self) -> None:
        """The source cannot go on from any place that it gave before: its log was cut, its cookies are void."""
        ...

    async def interrupt(self) -> None:
        """The connection breaks now, or the server is started anew; what it holds stays."""
        ...

    def open(self) -> AbstractAsyncContextManager[Extraction]:
        """The adapter, with pages of three subjects at most, if it has pages."""
        ...

    def given(self, item: Item) -> str | None:
        """What an item shows as `given`; None for nobody."""
        ...


async def everything(source: Extraction) -> tuple[list[Item], Page]:
    """A whole snapshot, and its last page."""
    items: list[Item] = []
    position = None
    while True:
        page = await source.snapshot(position)
        items += page.items
        if not page.more:
            return items, page
        position = page.position


async def since(source: Extraction, position: str) -> tuple[list[Item], str]:
    """All changes since a place, and the place after them."""
    items: list[Item] = []
    while True:
        page = await source.changes(position)
        assert not page.lost
        assert page.position is not None
        items += page.items
        position = page.position
        if not page.more:
            return items, position
