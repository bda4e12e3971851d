"""When sources were last heard, in a dict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from provisioning.adapters.aws.hearings import GRAIN
from provisioning.adapters.memory.request import Checkpoint, Request, pass_by
from provisioning.core.period import Instant


@dataclass(slots=True)
class MemoryHearings:
    """Port Hearings. One for the deployment: what one process knows, all do."""

    checkpoint: Checkpoint = pass_by
    requests: Counter[str] = field(default_factory=Counter)
    at: dict[str, Instant] = field(default_factory=dict)

    async def hear(self, source: str, now: Instant) -> None:
        if self.at.get(source, now - GRAIN) > now - GRAIN:
            return
        async with Request(self.requests, "UpdateItem", self.checkpoint):
            self.at[source] = now

    async def heard(self, sources: Sequence[str]) -> Mapping[str, Instant]:
        async with Request(self.requests, "BatchGetItem", self.checkpoint):
            return {source: self.at[source] for source in sources if source in self.at}
