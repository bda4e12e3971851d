"""Holds my_idms.py to the contract of sources: `python -m pytest sources/test_my_idms.py`.

World is the IDMS as these tests need it: people come, change and go. YOURS: when the adapter asks the real one, let
World change a test instance of it. What the IDMS cannot do goes into `lacks`, with the reason.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from provisioning.contract.own import open_own, read_records
from provisioning.contract.suite import BEHAVIOURS, Fields
from provisioning.core.source import Item
from provisioning.ports import Extraction

BUNDLE = Path(__file__).resolve().parent.parent
SAMPLE = Path(__file__).with_name("my_idms.sample.jsonl")


class World:
    """An IDMS that shows its people in a file."""

    lacks: Mapping[str, str] = {"changes_show_who_went": "my-idms does not tell who left: full snapshots show it"}

    def __init__(self, folder: Path) -> None:
        self.file, self.away = folder / "people.jsonl", folder / "away"
        self.people: dict[str, dict[str, object]] = {}
        self.broken: list[str] = []
        self.number = 0
        self._write()

    async def put(self, name: str, fields: Fields) -> str:
        """Somebody comes or changes; the key that the IDMS calls them by."""
        self.number += 1
        self.people[name] = {"id": name, "changed": self.number, **fields}
        self._write()
        return name

    async def remove(self, name: str) -> None:
        """Somebody goes."""
        del self.people[name]
        self._write()

    async def spoil(self, name: str) -> None:
        """Somebody is shown in a form that cannot be read."""
        self.broken.append(f'{{"id": "{name}", ')
        self._write()

    async def forget(self) -> None:
        """The IDMS knows nothing of the places that it gave before: its numbers begin anew."""
        self.number = 0
        self.people = {name: {**person, "changed": 0} for name, person in self.people.items()}
        self._write()

    async def interrupt(self) -> None:
        """The connection breaks; whoever opens the source again has another one."""
        self.file.rename(self.away)

    def open(self) -> AbstractAsyncContextManager[Extraction]:
        """The adapter, with pages of three."""
        if self.away.exists():
            self.away.rename(self.file)
        return open_own(BUNDLE, "my-idms", file=str(self.file), page=3)

    def given(self, item: Item) -> str | None:
        """What an item shows as `given`; None for nobody."""
        return None if item.fields is None else str(item.fields["given"])

    def _write(self) -> None:
        lines = [*self.broken, *map(json.dumps, self.people.values())]
        self.file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_contract(behaviour: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    if behaviour in world.lacks:
        pytest.skip(world.lacks[behaviour])
    asyncio.run(BEHAVIOURS[behaviour](world))


def test_the_recorded_sample_is_read_as_records() -> None:
    """my-idms.yaml makes a record of everybody in it. YOURS: record what the IDMS shows of some people."""
    records = asyncio.run(read_records(BUNDLE, "my-idms", file=str(SAMPLE)))
    assert len(records) == len(SAMPLE.read_text(encoding="utf-8").splitlines())
