"""Who is in which group.

A change of membership touches the group's entry, not the person's, and whoever left is in no entry at all: the
directory shows the members that are left. So we keep a sketch of all memberships (core/sketch.py) in the position,
of bounded size: the sketch of what is there now tells, taken from it, exactly who came and who left, and only they
are read again. That needs all groups, so they are first asked whether anything changed (names and `entryCSN` of the
groups, without members), and read only then. If more came and left than a sketch can tell, the place is lost and a
snapshot decides. `memberOf` in persons' entries would be no help: directories compute it, or write it without a trace.
"""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from hashlib import blake2b
from typing import Final

from provisioning.adapters.sources.ldap_ber import ENTRY, REFERENCE, Reply
from provisioning.adapters.sources.ldap_item import values_of
from provisioning.adapters.sources.ldap_pages import pages
from provisioning.adapters.sources.ldap_search import Directory
from provisioning.adapters.sources.memberships import Memberships
from provisioning.core.errors import InvalidError
from provisioning.core.source_ldap import LdapGroups
from provisioning.protocols.ldap_message import LdapSearch
from provisioning.protocols.ldap_names import equals, read_dn

_FEW: Final = 50  # persons whose groups are asked for one by one
_SPACES: Final = re.compile(r"\s*([,=+])\s*")


class GroupReader:
    """The groups that are configured."""

    def __init__(self, directory: Directory, groups: LdapGroups, page: int) -> None:
        self._directory, self._options, self._page = directory, groups, page
        self.by_dn = groups.kind == "dn"
        self._read: Memberships | None = None
        self._state_read = ""

    async def refresh(self) -> str:
        """Before an answer: what was read is dropped if a group has changed since. The groups' state as it is now."""
        state = await self._state()
        if not state or state != self._state_read:
            self._read = None
        self._state_read = state
        return state

    async def memberships(self) -> Memberships:
        """All of them, read once for as long as no group changes."""
        if self._read is None:
            made = Memberships("poll.ldap.groups.filter")
            wanted = tuple(name for name in (self._options.member, self._options.name) if name is not None)
            async with aclosing(self._entries(wanted)) as entries:
                async for entry in entries:
                    self._add(made, entry)
            self._read = made
        return self._read

    def _add(self, made: Memberships, entry: Reply) -> None:
        member = self._options.member.casefold()
        if any(name.casefold().startswith(f"{member};range=") for name in entry.attributes):
            problem = "the directory shows only a part of a group's members"
            raise InvalidError(problem, "poll.ldap.groups", right="one that shows all, without ranges")
        members = values_of(entry, member)
        for name in self._names(entry):
            made.add(entry.dn, name, members, fold if self.by_dn else str)

    async def _state(self) -> str:
        """What changes whenever a group does: a digest of all groups' names and CSNs; nothing if it cannot be told.

        `modifyTimestamp` would not do: two changes within a second have the same.
        """
        told = []
        async with aclosing(self._entries(("entryCSN",))) as entries:
            async for entry in entries:
                csn = b"".join(values_of(entry, "entrycsn"))
                if not csn:
                    return ""
                told.append(blake2b(entry.dn.encode() + b"\0" + csn, digest_size=16).digest())
        return blake2b(b"".join(sorted(told)), digest_size=16).hexdigest()

    async def of(self, persons: Sequence[Reply]) -> list[list[str]]:
        """The groups of each, as they are now."""
        if self._read is None and len(persons) <= _FEW:
            return [await self._of(person) for person in persons]
        read = await self.memberships()
        return [sorted({name for each in self._called(person) for name in read.of(each)}) for person in persons]

    async def _of(self, person: Reply) -> list[str]:
        values = [person.dn.encode()] if self.by_dn else values_of(person, self._options.uid.casefold())
        if not values:
            return []
        tests = "".join(equals(self._options.member, value) for value in values)
        wanted = (self._options.name,) if self._options.name is not None else ("1.1",)
        found = [name async for entry in self._entries(wanted, f"(|{tests})") for name in self._names(entry)]
        return sorted(set(found))

    def _called(self, person: Reply) -> list[str]:
        if self.by_dn:
            return [fold(person.dn)]
        return [value.decode(errors="replace") for value in values_of(person, self._options.uid.casefold())]

    def _names(self, entry: Reply) -> list[str]:
        if self._options.name is None:
            return [entry.dn]
        return [value.decode(errors="replace") for value in values_of(entry, self._options.name.casefold())]

    async def _entries(self, attributes: tuple[str, ...], test: str = "") -> AsyncGenerator[Reply]:
        """Groups. Raises InvalidError if the directory does not show all: who is in the rest would seem to be out."""
        options = self._options
        chosen = f"(&{options.filter}{test})" if test else options.filter
        wanted = LdapSearch(options.base, options.scope, chosen, attributes, 0)
        async with aclosing(pages(self._directory, wanted, self._page, "poll.ldap.groups")) as replies:
            async for reply in replies:
                if reply.kind == ENTRY:
                    yield reply
                elif reply.kind == REFERENCE and not self._directory.options.ignore_referrals:
                    problem = "the directory refers to another one for some groups"
                    raise InvalidError(problem, "poll.ldap.groups.base", right="a base without them")


def fold(dn: str) -> str:
    """A name of an entry so that the same name is the same text, whatever its case and its spaces."""
    if "\\" in dn:
        try:
            return "\0".join(f"{name}={value}" for name, value in read_dn(dn)).casefold()
        except InvalidError:
            return dn
    return (_SPACES.sub(r"\1", dn) if " " in dn else dn).replace(",", "\0").casefold()
