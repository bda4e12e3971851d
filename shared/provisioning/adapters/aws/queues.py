"""Bells and campaigns on SQS."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from secrets import token_hex
from typing import Any, Final

from provisioning.adapters.aws.clients import Clients, asking
from provisioning.core.bell import Bell, queue_of, write_bell
from provisioning.core.errors import TransientError
from provisioning.core.period import Instant

BATCH: Final = 10  # messages of one request
BATCH_BYTES: Final = 1024 * 1024  # of all their bodies
LONGEST_DELAY: Final = 900

Entry = dict[str, Any]


class Queues:
    """Ports Bells and Campaigns. Queues by URL: `deliver` holds one for each service that is deployed."""

    def __init__(self, clients: Clients, identities: str, deliver: Mapping[str, str], campaign: str = "") -> None:
        self.requests: Counter[str] = Counter()
        self._clients = clients
        self._identities, self._deliver, self._campaign = identities, deliver, campaign

    async def ring(self, bells: Sequence[Bell], now: Instant) -> None:
        by_url: dict[str, list[Entry]] = {}
        missing: set[str] = set()
        for bell in bells:
            service = queue_of(bell, now)
            url = self._identities if service is None else self._deliver.get(service, "")
            if url:
                by_url.setdefault(url, []).append(_entry(bell, now))
            else:
                missing.add(bell.service or "identities")
        sends = (self.send(url, batch) for url, entries in by_url.items() for batch in batches(entries))
        # Every send ends before anything is raised: none goes on behind the back of a handler that has answered.
        for result in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        if missing:
            raise TransientError(f"no queue is known for {', '.join(sorted(missing))}")

    async def continue_campaign(self, body: str, delay: int = 0) -> None:
        if not self._campaign:
            raise TransientError("no queue is known for campaigns")
        client = await self._clients.sqs()
        self.requests["SendMessage"] += 1
        with asking("SendMessage"):
            await client.send_message(QueueUrl=self._campaign, MessageBody=body, DelaySeconds=delay)

    async def send(self, url: str, entries: Sequence[Entry]) -> None:
        """Send one batch. Raises TransientError unless all of it was accepted."""
        failed = await self._try(url, entries)
        if failed:  # often a single throttled message: once more, with the ids that it had
            failed = await self._try(url, [entry for entry in entries if entry["Id"] in failed])
        if failed:
            raise TransientError(
                f"SendMessageBatch refused {len(failed)} of {len(entries)}: {sorted(failed.values())[0]}"
            )

    async def _try(self, url: str, entries: Sequence[Entry]) -> Mapping[str, str]:
        """What was refused, with the reason."""
        client = await self._clients.sqs()
        self.requests["SendMessageBatch"] += 1
        with asking("SendMessageBatch"):
            answer = await client.send_message_batch(QueueUrl=url, Entries=list(entries))  # type: ignore[arg-type]  # built by _entry
        return {item["Id"]: f"{item['Code']}: {item.get('Message', '')}" for item in answer.get("Failed", [])}


def batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Entries in batches of ten messages and one mebibyte, in their order, numbered within each."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        length = len(entry["MessageBody"].encode())
        if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append({"Id": str(len(batch)), **entry})
        size += length
    if batch:
        yield batch


def _entry(bell: Bell, now: Instant) -> Entry:
    body = write_bell(bell)
    if queue_of(bell, now) is not None:
        # Unique for each send, and the same when the SDK repeats one whose answer was lost. An id made of the content
        # would swallow a later bell for five minutes.
        return {"MessageBody": body, "MessageGroupId": bell.line, "MessageDeduplicationId": token_hex(16)}
    delay = min(LONGEST_DELAY, max(0, (bell.at or 0) - now))
    return {"MessageBody": body, "DelaySeconds": delay} if delay else {"MessageBody": body}
