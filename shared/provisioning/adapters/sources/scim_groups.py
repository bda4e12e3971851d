"""Groups of a SCIM server: who is in which, as they are now.

A change of membership touches the group and not the person; with some servers it does not touch the group's
`meta.lastModified` either. So all groups are read for each look, and a sketch of them (core/sketch.py), kept in the
place, tells exactly who came and who left.
"""

from provisioning.adapters.sources.memberships import Memberships
from provisioning.adapters.sources.scim_pages import Question, Walk, next_page
from provisioning.adapters.sources.scim_paging import Paging
from provisioning.core.account import Json
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source_scim import ScimGroups
from provisioning.protocols.scim_calls import id_of
from provisioning.protocols.scim_resource import member


class GroupReader:
    """The groups that are configured. `read`: as they were read last in this process."""

    def __init__(self, paging: Paging, groups: ScimGroups) -> None:
        self._paging, self._options = paging, groups
        self.read: Memberships | None = None

    async def refresh(self) -> Memberships:
        """Read all of them. Raises TransientError if not all are shown: who is in the rest would seem to be out."""
        made, groups, members = Memberships("poll.scim.groups.filter"), set[str](), 0
        options = self._options
        query = {"attributes": ",".join(dict.fromkeys(("id", options.name, "members")))}
        query |= {"filter": options.filter} if options.filter is not None else {}
        question = Question(options.resource, query, await self._paging.count())
        walk = Walk(await self._paging.way())
        while not walk.over:
            listed, walk = await next_page(self._paging.server, question, walk)
            for group in listed.entries:
                called, name, persons = self._group(group)
                if called not in groups:
                    groups.add(called)
                    made.add(called, name, persons)
                members += len(persons)
        if walk.problem or (walk.total is not None and len(groups) < walk.total):
            problem = walk.problem or f"{len(groups)} are shown, where totalResults is {walk.total}"
            raise TransientError(f"{options.resource} cannot be read whole: {problem}")
        if groups and not members:
            problem = "no group shows a member"
            raise InvalidError(problem, "poll.scim.groups", right="a server that shows members to us")
        self.read = made
        return made

    def of(self, person: str | None) -> list[str]:
        """Sorted names of a person's groups, by the person's id."""
        return self.read.of(person) if self.read is not None and person is not None else []

    def _group(self, group: Json) -> tuple[str, str, list[bytes]]:
        called, name = id_of(group), member(group, self._options.name)
        if called is None or not isinstance(name, str) or not name.isprintable():
            problem = f"a group has no usable id or {self._options.name}"
            raise InvalidError(problem, "poll.scim.groups.name", right="an attribute that all groups have")
        shown = member(group, "members")
        entries = shown if isinstance(shown, list) else [] if shown is None else [shown]
        persons = [id_of({"id": member(each, "value")}) for each in entries if not _is_group(each)]
        if None in persons:
            raise InvalidError("a member of a group has no usable value", "poll.scim.groups", right="members with ids")
        return called, name, [person.encode() for person in persons if person is not None]


def _is_group(entry: Json) -> bool:
    """Whether a member is a group itself. Its members are not looked at."""
    kind = member(entry, "type")
    return isinstance(kind, str) and kind.casefold() == "group"
