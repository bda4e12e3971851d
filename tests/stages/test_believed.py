"""receive: what a source may not say is not stored; of whom it may not speak is kept for people."""

import json
from typing import Any

from provisioning.core.identity import Identity
from provisioning.stages.message import Message
from tests.core.federation import federation
from tests.stages.bench import Bench

HOME = {"id": "home", "type": "student", "organization": "north"}
FOREIGN = {"id": "foreign", "type": "student", "organization": "south"}


def _says(source: str, key: str, version: int = 1, *affiliations: dict[str, Any], **attributes: Any) -> Message:
    data = {"key": key, "version": version, "attributes": attributes, "affiliations": list(affiliations)}
    return Message(f"{source}.{key}.{version}", json.dumps({"specversion": "1.0", "id": "e1", "data": data}), source)


async def _bench(*messages: Message) -> tuple[Bench, Identity | None]:
    bench = Bench()
    await bench.publish(federation())
    assert not await bench.process.receive(*messages)
    return bench, next(iter(bench.store.identities.values()), None)


async def test_what_is_not_believed_is_not_stored_and_counted() -> None:
    told = _says("north", "ada@north.edu", 1, HOME, FOREIGN, mail="ada@south.edu", name="Ada", tags=["north:a", "x"])
    bench, identity = await _bench(told)
    assert identity is not None
    record = identity.records["north"]
    assert (dict(record.attributes), [each.id for each in record.affiliations]) == (
        {"name": "Ada", "tags": ["north:a"]}, ["home"],
    )  # fmt: skip
    assert "ada@south.edu" not in repr(identity)
    assert bench.said("record.unbelieved")[0]["dropped"] == {"mail": 1, "tags": 1, "affiliations": 1}


async def test_of_somebody_elses_subject_nothing_is_taken_and_the_rest_of_the_batch_goes_on() -> None:
    bench, identity = await _bench(
        _says("north", "bob@south.edu", 1, FOREIGN, name="Bob"), _says("south", "bob@south.edu", 1, name="Robert")
    )
    assert identity is not None
    assert list(identity.records) == ["south"]
    (kept,) = await bench.store.rejections("north", 10)
    assert "'bob@south.edu' is none of its keys" in kept.reason
    assert "sources/north.asserts.keys" in kept.reason


async def test_the_same_record_again_is_the_same_though_less_of_it_is_believed() -> None:
    told = _says("north", "ada@north.edu", 1, HOME, mail="ada@south.edu", name="Ada")
    bench, _ = await _bench(told, told)
    assert not await bench.process.receive(told)
    assert bench.said("record.same")
    assert not bench.said("record.reused")
