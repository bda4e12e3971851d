"""A source in dicts: what the stages are tested with. The contract suite holds it to what real sources do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from provisioning.core.account import Json
from provisioning.core.source import Evidence, Item, Page


@dataclass(slots=True)
class MemorySource:
    """Port Extraction. `people` and `log` are public for tests; `shown` is what snapshots and counts are taken of."""

    page: int = 3
    people: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    forgotten: int = 0  # entries of the log that are not kept any more
    calls: list[str] = field(default_factory=list)
    evidence: Evidence | None = None  # in place of the true one

    def put(self, key: str, fields: Mapping[str, Json]) -> None:
        """Somebody comes or changes."""
        self.people[key] = fields
        self.log.append(key)

    def remove(self, key: str) -> None:
        """Somebody goes."""
        del self.people[key]
        self.log.append(key)

    async def begin(self) -> str | None:
        self.calls.append("begin")
        return str(len(self.log))

    async def changes(self, position: str) -> Page:
        self.calls.append("changes")
        start = int(position)
        if start < self.forgotten:
            return Page((), str(len(self.log)), more=False, lost="the log does not reach back so far")
        keys = self.log[start : start + self.page]
        end = start + len(keys)
        return Page(tuple(self._item(key) for key in keys), str(end), more=end < len(self.log))

    async def fetch(self, keys: Sequence[str]) -> Sequence[Item]:
        self.calls.append("fetch")
        return [self._item(key) for key in dict.fromkeys(keys)]

    async def snapshot(self, position: str | None) -> Page:
        self.calls.append("snapshot")
        rest = sorted(key for key in self.people if position is None or key > position)
        keys, more = rest[: self.page], len(rest) > self.page
        evidence = None if more else self.evidence or Evidence(len(self.people))
        last = keys[-1] if keys else position
        return Page(tuple(self._item(key) for key in keys), last, more=more, evidence=evidence)

    def _item(self, key: str) -> Item:
        return Item(key, self.people.get(key))
