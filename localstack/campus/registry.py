"""The sample IDMS: it publishes what it says about people to its topic, and remembers what it said and when."""

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from localstack import clock
from localstack.campus.people import Person

if TYPE_CHECKING:
    from types_aiobotocore_sns import SNSClient

_BATCH: Final = 10


@dataclass(frozen=True, slots=True)
class Statement:
    """One version of one person. `at`: seconds since 1970 at which it had been published."""

    at: float
    version: int
    person: Person


class PublishError(Exception):
    """The topic did not take everything."""


@dataclass
class Registry:
    """Publishes to `topic`. `history` holds every statement by key, in order of publication: the registry's truth."""

    sns: "SNSClient"
    topic: str
    history: dict[str, list[Statement]] = field(default_factory=dict)

    async def publish(self, people: Iterable[Person]) -> int:
        """Publish the next version of each person; returns how many. Raises PublishError."""
        count = 0
        for batch in _batched(people):
            versions = [len(self.history.get(person.key, ())) + 1 for person in batch]
            await self._send([event(person, version) for person, version in zip(batch, versions, strict=True)])
            at = clock.seconds()
            for person, version in zip(batch, versions, strict=True):
                self.history.setdefault(person.key, []).append(Statement(at, version, person))
            count += len(batch)
        return count

    async def publish_text(self, body: str) -> None:
        """Publish anything at all, as a broken IDMS might."""
        await self.sns.publish(TopicArn=self.topic, Message=body)

    def now(self, key: str) -> Person:
        """The person as last stated."""
        return self.history[key][-1].person

    async def _send(self, bodies: list[str]) -> None:
        entries: list[Any] = [{"Id": str(number), "Message": body} for number, body in enumerate(bodies)]
        answer = await self.sns.publish_batch(TopicArn=self.topic, PublishBatchRequestEntries=entries)
        if answer.get("Failed"):
            raise PublishError(f"the topic refused {len(answer['Failed'])} of {len(bodies)} messages")


def event(person: Person, version: int) -> str:
    """A CloudEvent in structured JSON (CloudEvents 1.0, JSON format 3)."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"{person.key}-{version}",
            "source": "/registry",
            "type": "campus.person.stated",
            "datacontenttype": "application/json",
            "data": person.data(version),
        },
        ensure_ascii=False,
    )


def _batched(people: Iterable[Person]) -> Iterator[tuple[Person, ...]]:
    iterator = iter(people)
    while batch := tuple(itertools.islice(iterator, _BATCH)):
        yield batch
