"""Who is in which group, by name: all memberships of a source at once, in little memory."""

from array import array
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

from provisioning.core.errors import InvalidError
from provisioning.core.sketch import Sketch

_MOST_GROUPS: Final = 1 << 20
_MOST_MEMBERS: Final = 4_000_000  # 32 MB
_BUCKETS: Final = 4096


class Memberships:
    """All memberships: 8 octets for each (44 bits that stand for the member, and the group's number).

    `where`: the option that says which groups there are.
    """

    def __init__(self, where: str) -> None:
        self.names: list[str] = []
        self.sketch = Sketch()
        self._buckets = [array("Q") for _ in range(_BUCKETS)]
        self._count, self._where = 0, where

    def add(self, group: str, name: str, members: Sequence[bytes], fold: Callable[[str], str] = str) -> None:
        """One group. `fold`: a member's name so that the same name is the same text."""
        self._count += len(members)
        if self._count > _MOST_MEMBERS or len(self.names) >= _MOST_GROUPS:
            right = f"at most {_MOST_MEMBERS} memberships"
            raise InvalidError("the groups have too many members", self._where, right=right)
        number = len(self.names)
        self.names.append(name)
        mark = blake2b(f"{group}\0{name}".encode(), digest_size=4).digest()
        for member in set(members):
            self.sketch.add(mark, member)
            place = _place(fold(member.decode(errors="replace")))
            self._buckets[place % _BUCKETS].append((place >> 20) << 20 | number)

    def of(self, person: str) -> list[str]:
        """Sorted names of a person's groups. `person`: a folded name of an entry, or a uid."""
        place = _place(person)
        wanted = place >> 20
        return sorted({self.names[each & 0xFFFFF] for each in self._buckets[place % _BUCKETS] if each >> 20 == wanted})


def _place(member: str) -> int:
    return int.from_bytes(blake2b(member.encode(), digest_size=8).digest())
