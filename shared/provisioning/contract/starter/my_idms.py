"""my-idms: how the engine asks it. YOURS marks the places where the calls of your IDMS go; the rest can stay.

Until then it reads a file beside it, a line of JSON for each person as an IDMS might show them: `id` never changes, and
`changed` is a number that grows with every change of anybody. The contract test (test_my_idms.py) says what must hold.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source import Evidence, Item, Page, Spoiled

Person = Mapping[str, Any]
LARGEST = 50_000_000  # bytes of an answer: bound whatever comes from outside


@dataclass
class Idms:
    """The four calls of the contract. What the IDMS cannot do now raises TransientError: the engine comes again."""

    file: Path
    page: int  # persons of one answer, at most

    async def begin(self) -> str | None:
        """The place from which `changes` shows all that happens from now on; None: the IDMS cannot tell changes."""
        return str(_newest(self._read()[0]))

    async def changes(self, position: str) -> Page:
        """Who changed since a place. One that the IDMS knows no more of is `lost`: then everybody is read again."""
        people, _ = self._read()
        newest = _newest(people)
        if int(position) > newest:
            return Page((), str(newest), more=False, lost="the numbers of changes went back: a backup was restored")
        changed = sorted((one for one in people if one["changed"] > int(position)), key=lambda one: int(one["changed"]))
        shown = changed[: self.page]
        after = str(shown[-1]["changed"]) if shown else position
        return Page(tuple(map(_item, shown)), after, more=len(changed) > len(shown))

    async def fetch(self, keys: Sequence[str]) -> Sequence[Item]:
        """These persons as they are now. Item(key, None) says that there is nobody: never say so on a guess."""
        people, spoiled = self._read()
        found = {str(one["id"]): _item(one) for one in people}
        if spoiled and not found.keys() >= set(keys):
            raise InvalidError(spoiled[0].reason, spoiled[0].where, right="a line that can be read: it may be theirs")
        return [found.get(key, Item(key, None)) for key in dict.fromkeys(keys)]

    async def snapshot(self, position: str | None) -> Page:
        """Everybody, page by page; a position is where the next page begins, and is of use in another process."""
        people, spoiled = self._read()
        later = sorted((one for one in people if position is None or str(one["id"]) > position), key=_id)
        shown = later[: self.page]
        if len(later) > len(shown):
            return Page(tuple(map(_item, shown)), _id(shown[-1]), more=True, spoiled=_first(position, spoiled))
        # A count that does not depend on the pages is evidence that they are all. If there is none: Evidence().
        evidence = Evidence(expected=len(people))
        return Page(tuple(map(_item, shown)), None, more=False, spoiled=_first(position, spoiled), evidence=evidence)

    def _read(self) -> tuple[list[Person], list[Spoiled]]:
        """YOURS: ask the IDMS for a page, or for what changed, in place of reading everything."""
        try:
            if self.file.stat().st_size > LARGEST:
                raise InvalidError("the answer is too large", self.file.name, right=f"at most {LARGEST} bytes")
            lines = self.file.read_bytes().split(b"\n")
        except OSError as error:
            raise TransientError(f"my-idms does not answer: {error.strerror}") from error
        people: list[Person] = []
        spoiled: list[Spoiled] = []
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    people.append(_person(line))
                except (ValueError, KeyError, TypeError):
                    shown = line[:1000].decode(errors="replace")
                    spoiled.append(Spoiled(f"{self.file.name}:{number}", "no object with id and changed", shown))
        return people, spoiled


@asynccontextmanager
async def open(options: Mapping[str, Any], read_secret: Callable[[], Awaitable[str]]) -> AsyncIterator[Idms]:
    """Called whenever the engine wants something. `options` are those of my-idms.yaml; nothing outlives the `yield`."""
    # YOURS: connect here, such as `async with aiohttp.ClientSession(…) as session:`, with `await read_secret()`.
    yield Idms(Path(__file__).parent / options["file"], int(options["page"]))


def _person(line: bytes) -> Person:
    """YOURS: what the IDMS shows of one person → JSON: instants and bytes as text, lists in an order of their own."""
    person: Person = json.loads(line)
    return {**person, "id": str(person["id"]), "changed": int(person["changed"])}


def _item(person: Person) -> Item:
    return Item(_id(person), person)


def _id(person: Person) -> str:
    return str(person["id"])


def _newest(people: Sequence[Person]) -> int:
    return max((int(one["changed"]) for one in people), default=0)


def _first(position: str | None, spoiled: Sequence[Spoiled]) -> tuple[Spoiled, ...]:
    return tuple(spoiled) if position is None else ()  # with the first page, once
