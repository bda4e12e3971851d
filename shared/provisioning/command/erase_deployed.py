"""What `provision erase` does at a deployed stack, in this process."""

from typing import Any

from provisioning.adapters.aws.history import StoredHistory
from provisioning.command.deployed import Deployed, deployed
from provisioning.command.records_deployed import receive_shell
from provisioning.runtime.entry import clock
from provisioning.stages.erase import Erasing, erase_record, erase_source


async def erase_one(stack: str, record: str) -> dict[str, Any]:
    """Forget one record. Raises InvalidError with the reason why it cannot be yet."""
    source, _, key = record.partition("/")
    async with deployed(stack) as ports:
        await erase_record(await _shell(ports), source, key, clock())
        return {"erased": 1, "waiting": []}


async def erase_all(stack: str, source: str) -> dict[str, Any]:
    """Forget all that a source said. Raises InvalidError if it is in the bundle."""
    async with deployed(stack) as ports:
        found = await erase_source(await _shell(ports), source, clock())
        waiting = [{"identity": identity, "reason": reason} for identity, reason in found.waiting]
        return {"erased": found.done, "waiting": waiting}


async def _shell(ports: Deployed) -> Erasing:
    decide = receive_shell(ports, await ports.policies.current()).decide
    return Erasing(decide, ports.indexes, StoredHistory(ports.rows), ports.queues)
