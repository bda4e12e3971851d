"""What sources push over HTTP, in dicts; and their queues."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.request import Checkpoint, Request, pass_by
from provisioning.core.errors import ConflictError, PermanentError, TransientError
from provisioning.core.period import Instant
from provisioning.core.pushed import (
    MOST_GROUPS,
    Answer,
    Claim,
    Gone,
    Held,
    Kind,
    Resource,
    TakenError,
    Unsent,
    claim_of,
    claims_of,
)

Place = tuple[str, Kind, str]  # source, kind, id
CHUNK = 25  # members of one transaction


@dataclass(slots=True)
class MemoryPushed:
    """Port Pushed. Its contents are public for tests to look at."""

    checkpoint: Checkpoint = pass_by
    requests: Counter[str] = field(default_factory=Counter)
    resources: dict[Place, Resource] = field(default_factory=dict)
    claims: dict[tuple[str, Kind, Claim], dict[str, None]] = field(default_factory=dict)
    groups: dict[tuple[str, str], set[str]] = field(default_factory=dict)  # members by (source, group)
    waiting: dict[Place, str] = field(default_factory=dict)  # what is unsent, and its mark
    deletions: dict[Place, Instant] = field(default_factory=dict)
    kept: dict[tuple[str, str], Answer] = field(default_factory=dict)  # answers by (source, request)
    _marks: "itertools.count[int]" = field(default_factory=itertools.count)

    def _request(self, name: str) -> Request:
        return Request(self.requests, name, self.checkpoint)

    def _held_by(self, source: str, id_: str) -> list[str]:
        return sorted(group for (of, group), members in self.groups.items() if of == source and id_ in members)

    def _tell(self, source: str, kind: Kind, id_: str) -> None:
        self.waiting[source, kind, id_] = str(next(self._marks))

    async def get(self, source: str, kind: Kind, id_: str) -> Held | None:
        async with self._request("Query"):
            resource = self.resources.get((source, kind, id_))
            return None if resource is None else Held(resource, tuple(self._held_by(source, id_)))

    async def get_many(self, source: str, kind: Kind, ids: Sequence[str]) -> Sequence[Resource]:
        async with self._request("BatchGetItem"):
            found = (self.resources.get((source, kind, id_)) for id_ in dict.fromkeys(ids))
            return [each for each in found if each is not None and not each.deleted]

    async def ids(self, source: str, kind: Kind) -> Sequence[str]:
        async with self._request("Query"):
            every = ((place, each) for place, each in self.resources.items() if place[:2] == (source, kind))
            return sorted(place[2] for place, each in every if not each.deleted)

    async def find(self, source: str, kind: Kind, attribute: str, value: str) -> Sequence[str]:
        async with self._request("Query"):
            return sorted(self.claims.get((source, kind, claim_of(attribute, value)), ()))

    async def put_resource(self, resource: Resource, was: Resource | None, *, tell: bool) -> Resource:
        async with self._request("TransactWriteItems"):
            place: Place = (resource.source, resource.kind, resource.id)
            stored = self.resources.get(place)
            # Loses to whoever wrote this resource since it was read, and to whoever took one of its values first.
            if (0 if stored is None else stored.version) != (0 if was is None else was.version):
                raise ConflictError("another writer came first")
            before, after = claims_of(was) if was is not None else frozenset(), claims_of(resource)
            for claim in sorted(after - before):
                if claim.unique and self.claims.get((*place[:2], claim)):
                    raise TakenError(claim.attribute)
            for claim in before - after:
                self.claims[*place[:2], claim].pop(resource.id)
            for claim in after - before:
                self.claims.setdefault((*place[:2], claim), {})[resource.id] = None
            self.resources[place] = replace(resource, version=resource.version + 1)
            if resource.deleted:
                self.deletions[place] = resource.modified
            if tell:
                self._tell(*place)
            return self.resources[place]

    async def members(self, source: str, group: str, after: str, most: int) -> Sequence[str]:
        async with self._request("Query"):
            return sorted(each for each in self.groups.get((source, group), ()) if each > after)[:most]

    async def holds(self, source: str, group: str, members: Sequence[str]) -> frozenset[str]:
        async with self._request("BatchGetItem"):
            return frozenset(members) & self.groups.get((source, group), set())

    async def change_members(self, source: str, group: str, added: Sequence[str], removed: Sequence[str]) -> bool:
        changed = False
        for ids, join in ((added, True), (removed, False)):
            distinct = list(dict.fromkeys(ids))
            for first in range(0, len(distinct), CHUNK):
                async with self._request("TransactWriteItems"):
                    changed |= self._change(source, group, distinct[first : first + CHUNK], join)
        return changed

    def _change(self, source: str, group: str, members: Sequence[str], join: bool) -> bool:
        held = self.groups.setdefault((source, group), set())
        meant = [member for member in members if (member in held) is not join]
        known = [place for id_ in meant for place in self._live(source, id_)]
        full = next((place[2] for place in known if join and self.resources[place].memberships >= MOST_GROUPS), None)
        if full is not None:
            raise PermanentError(f"{full} is in {MOST_GROUPS} groups, which is the most")
        for place in known:
            self._bump(place, 1 if join else -1)
        held.symmetric_difference_update(meant)
        return bool(meant)

    def _live(self, source: str, id_: str) -> list[Place]:
        both: list[Place] = [(source, "User", id_), (source, "Group", id_)]
        return [place for place in both if place in self.resources and not self.resources[place].deleted]

    def _bump(self, place: Place, groups: int) -> None:
        was = self.resources[place]
        self.resources[place] = replace(was, version=was.version + 1, memberships=was.memberships + groups)
        if place[1] == "User":
            self._tell(*place)

    async def touch(self, source: str, users: Sequence[str]) -> None:
        async with self._request("TransactWriteItems"):
            for place in ((source, "User", id_) for id_ in dict.fromkeys(users)):
                if place in self.resources and not self.resources[place].deleted:
                    self._bump(place, 0)

    async def unsent(self, source: str, most: int) -> Sequence[Unsent]:
        async with self._request("Query"):
            found = sorted(place for place in self.waiting if place[0] == source)[:most]
            return [Unsent(kind, id_, self.waiting[of, kind, id_]) for of, kind, id_ in found]

    async def sent(self, source: str, unsent: Sequence[Unsent]) -> None:
        for each in unsent:
            async with self._request("DeleteItem"):
                place: Place = (source, each.kind, each.id)
                # Loses to whoever changed the resource since it was read: that is told, too.
                if self.waiting.get(place) == each.mark:
                    del self.waiting[place]

    async def forget_memberships(self, source: str, kind: Kind, id_: str, groups: Sequence[str]) -> None:  # noqa: ARG002
        async with self._request("BatchWriteItem"):
            for group in groups:
                self.groups.get((source, group), set()).discard(id_)

    async def gone(self, source: str, kind: Kind, after: str, most: int) -> Sequence[Gone]:
        async with self._request("Query"):
            of = ((place[2], at) for place, at in self.deletions.items() if place[:2] == (source, kind))
            return [Gone(id_, at) for id_, at in sorted(of) if id_ > after][:most]

    async def keep_answer(self, source: str, answer: Answer) -> None:
        async with self._request("PutItem"):
            self.kept[source, answer.request] = answer

    async def answers(self, source: str, most: int, now: Instant, request: str | None = None) -> Sequence[Answer]:
        async with self._request("Query"):
            of = (each for place, each in sorted(self.kept.items()) if place[0] == source)
            return [each for each in of if each.until > now and request in (None, each.request)][:most]


@dataclass(slots=True)
class MemoryChanges:
    """Port Changes: queues by source."""

    queues: Mapping[str, MemoryQueue]
    checkpoint: Checkpoint = pass_by
    requests: Counter[str] = field(default_factory=Counter)

    async def publish(self, source: str, bodies: Sequence[str]) -> None:
        if source not in self.queues:
            raise TransientError(f"no queue is known for source {source}")
        for first in range(0, len(bodies), 10):
            async with Request(self.requests, "SendMessageBatch", self.checkpoint):
                for body in bodies[first : first + 10]:
                    self.queues[source].send(body)
