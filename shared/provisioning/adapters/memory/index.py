"""A secondary index: what is written to the table appears in it later."""

import heapq
from collections.abc import Callable
from typing import NamedTuple

from provisioning.adapters.memory.request import Clock


class Place(NamedTuple):
    """Where an item stands in the index."""

    partition: str
    sort: int | str


class Index:
    """Items by partition and sort, as of some time ago. `lag` gives the seconds until a write shows."""

    def __init__(self, now: Clock, lag: Callable[[], float]) -> None:
        self._now, self._lag = now, lag
        self._written: dict[tuple[str, str], Place] = {}
        self._shown: dict[tuple[str, str], tuple[int, Place | None]] = {}
        self._partitions: dict[str, dict[tuple[str, str], int | str]] = {}
        self._under_way: list[tuple[float, int, tuple[str, str], Place | None]] = []
        self._count = 0

    def put(self, key: tuple[str, str], place: Place | None, written_at: float | None = None) -> None:
        """Where the item stands since it was written, or from now on; None: no longer in the index.

        No write if it has not moved.
        """
        if self._written.get(key) == place:
            return
        if place is None:
            del self._written[key]
        else:
            self._written[key] = place
        self._count += 1
        written_at = self._now() if written_at is None else written_at
        heapq.heappush(self._under_way, (written_at + self._lag(), self._count, key, place))

    def partition(self, name: str) -> list[tuple[int | str, tuple[str, str]]]:
        """(sort, key) of every item that shows in the partition, sorted."""
        self._settle()
        return sorted((sort, key) for key, sort in self._partitions.get(name, {}).items())

    def _settle(self) -> None:
        now = self._now()
        while self._under_way and self._under_way[0][0] <= now:
            _, number, key, place = heapq.heappop(self._under_way)
            shown, old = self._shown.get(key, (0, None))
            if number < shown:  # a later write of the same item overtook it
                continue
            if old is not None:
                del self._partitions[old.partition][key]
            if place is not None:
                self._partitions.setdefault(place.partition, {})[key] = place.sort
            self._shown[key] = (number, place)
