"""poll and receive as functions, and the commands that operators have for sources, records and one person."""

import json
from typing import Any

import pytest

import functions.deliver
import functions.evaluate
import functions.poll
import functions.receive
from provisioning.adapters.aws.rejections import KeptRejections
from provisioning.core.account import Condition, Phase
from provisioning.core.errors import InvalidError
from provisioning.core.wire import canonical, digest_of
from provisioning.ports import Holding, Rejected
from provisioning.runtime import wiring
from provisioning.runtime.entry import clock
from provisioning.stages.message import Message
from provisioning.stages.receive import receive
from tests.functions import stack as stacks
from tests.functions.conftest import Deployed
from tests.functions.events import batch, handed, record
from tests.stages.tenant import bundle

FILES = {"place": "s3:///personnel", "full": "people-*.csv", "key": "number"}
STACK = "campus-personnel"
PERSONNEL = {
    "id": "personnel", "format": "json", "thin": True, "poll": {"every": 5, "files": FILES},
    "absence": {"runs": 1, "least": 2},
    "record": {
        "key": "number",
        "fields": {"name": "string", "kind": "string"},
        "attributes": {"login": "fields.name", "name": "fields.name"},
        "affiliations": [{"id": '"job"', "facts": {"type": "fields.kind"}}],
    },
}  # fmt: skip

CLUBS = {  # gives no versions, and cannot be asked
    "id": "clubs", "format": "json",
    "record": {"key": "number", "fields": {"name": "string"}, "attributes": {"name": "fields.name"}},
}  # fmt: skip


class Personnel:
    """The files of an IDMS: each list of its people is one more."""

    def __init__(self, deployed: Deployed) -> None:
        self._deployed, self._number = deployed, 0
        self.people: dict[str, tuple[str, str]] = {}

    def write(self, **people: tuple[str, str]) -> None:
        """Name and kind of everybody, by number."""
        self.people, self._number = people, self._number + 1
        rows = "".join(f"{number},{name},{kind}\r\n" for number, (name, kind) in people.items())
        name, body = f"sources/personnel/people-{self._number:03d}.csv", f"number,name,kind\r\n{rows}"
        self._deployed.run(lambda: wiring.objects().put(name, body.encode()))

    def add(self, number: str, name: str, kind: str = "visitor") -> None:
        """One more, or another name."""
        self.write(**{**self.people, number: (name, kind)})


@pytest.fixture(scope="module")
def stack(deployed: Deployed) -> Deployed:
    sources = [{"id": "registry"}, PERSONNEL, CLUBS]
    badges = {"protocol": "extract", "endpoint": "s3:///badges"}  # at rest as soon as its row is staged
    content = bundle({"badges": badges}, sources=sources).model_dump(mode="json", by_alias=True)
    deployed.run(lambda: wiring.policies().publish(canonical(content), digest_of(content)))
    settings = wiring.settings()
    outputs = {
        "PollPersonnelQueue": settings.poll_queue,
        "DeliverBadgesQueue": settings.deliver_queues["badges"],
        "DeliverLibraryQueue": settings.deliver_queues["library"],
    }
    deployed.run(lambda: stacks.stand(STACK, **outputs))
    return deployed


@pytest.fixture(scope="module")
def source(stack: Deployed) -> Personnel:
    return Personnel(stack)


def provision(deployed: Deployed, *arguments: str) -> str:
    """What a command prints. Raises what the command raises."""
    return stacks.provision(deployed, STACK, *arguments)


def poll(deployed: Deployed) -> None:
    """Let poll take every order that is there, and receive what it sends."""
    while orders := deployed.take("poll"):
        assert deployed.invoke(functions.poll.handler, handed("poll", *orders)) == {"batchItemFailures": []}
    for queue in ("campus-bulk-personnel", "campus-changes-personnel"):
        while told := deployed.take(queue):
            assert deployed.invoke(functions.receive.handler, handed(queue, *told)) == {"batchItemFailures": []}


def holding(deployed: Deployed, key: str) -> Holding:
    async def read() -> Holding:
        links = await wiring.table().links([("personnel", key)])
        return await wiring.table().holding(links[("personnel", key)])

    return deployed.run(read)


def state(deployed: Deployed) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(provision(deployed, "source", "status", "personnel", "--json"))
    return told


def test_who_is_shown_becomes_an_identity_and_who_is_missing_too_often_is_held_until_released(
    stack: Deployed, source: Personnel
) -> None:
    source.write(**{f"s{number}": (f"n{number}", "visitor") for number in range(12)})
    provision(stack, "source", "snapshot", "personnel")
    poll(stack)
    found = holding(stack, "s3").identity
    assert found is not None
    assert found.entitlements["badges"].turn
    assert state(stack)["complete"]["rows"] == 12
    source.write(**{f"s{number}": (f"n{number}", "visitor") for number in range(4, 12)})
    provision(stack, "source", "snapshot", "personnel")
    poll(stack)
    held = state(stack)["run"]
    assert "4 of 12 subjects are missing" in held["held"]
    assert held["missing"] == ["s0", "s1", "s2", "s3"]
    found = holding(stack, "s3").identity
    assert found is not None
    assert found.live, "held means: nobody is removed"
    assert "missing: s0" in provision(stack, "source", "status", "personnel")
    provision(stack, "source", "release", "personnel")
    poll(stack)
    found = holding(stack, "s3").identity
    assert found is not None
    assert not found.live
    assert state(stack)["complete"]["rows"] == 8


def test_a_run_is_discarded_and_what_is_not_held_is_neither_released_nor_discarded(
    stack: Deployed, source: Personnel
) -> None:
    with pytest.raises(InvalidError, match="no run of 'personnel' is held"):
        provision(stack, "source", "discard", "personnel")
    with pytest.raises(InvalidError, match="tells by itself"):
        provision(stack, "source", "snapshot", "registry")


def test_whom_a_thin_notification_names_is_fetched(stack: Deployed, source: Personnel) -> None:
    source.add("t1", "thin")
    records = [record('{"number": "t1"}', f"m{number}", "campus-changes-personnel") for number in range(5)]
    assert stack.invoke(functions.receive.handler, batch(*records)) == {"batchItemFailures": []}
    found = holding(stack, "t1").identity
    assert found is not None
    assert found.records["personnel"].attributes["name"] == "thin"
    source.add("t1", "changed")
    assert stack.invoke(functions.receive.handler, batch(records[0])) == {"batchItemFailures": []}
    found = holding(stack, "t1").identity
    assert found is not None
    assert found.records["personnel"].attributes["name"] == "changed"


def test_what_was_rejected_is_listed_shown_and_taken_in_again_once_it_can_be_understood(
    stack: Deployed, source: Personnel
) -> None:
    source.add("r1", "x" * 3000)
    event = batch(record('{"number": "r1"}', "strange", "campus-changes-personnel"))
    assert stack.invoke(functions.receive.handler, event) == {"batchItemFailures": []}
    (found,) = json.loads(provision(stack, "records", "personnel", "--rejected", "--json"))
    assert (found["source"], "fields.name" in found["reason"]) == ("personnel", True)
    assert provision(stack, "records", "--rejected", "--show", found["id"]).strip() == '{"number": "r1"}'
    source.add("r1", "mended")
    assert "taken in" in provision(stack, "records", "--rejected", "--retry", found["id"])
    assert json.loads(provision(stack, "records", "--rejected", "--json")) == []
    identity = holding(stack, "r1").identity
    assert identity is not None
    assert identity.records["personnel"].attributes["name"] == "mended"
    with pytest.raises(InvalidError, match="nothing that was rejected"):
        provision(stack, "records", "--rejected", "--forget", "abc")


def test_what_is_taken_in_again_is_as_old_as_it_was(stack: Deployed) -> None:
    """Of a source without versions, too: what it said since then is its word."""
    rejected = Rejected("clubs", "strange", "not understood then", '{"number": "c1", "name": "old"}', clock() - 3600)
    stack.run(lambda: KeptRejections(wiring.rows(), wiring.objects()).keep(rejected))
    newer = Message("m", '{"number": "c1", "name": "new"}', "clubs")
    assert not stack.run(lambda: receive(wiring.receive_shell(), [newer], clock()))
    (found,) = json.loads(provision(stack, "records", "clubs", "--rejected", "--json"))
    assert "taken in" in provision(stack, "records", "--rejected", "--retry", found["id"])
    links = stack.run(lambda: wiring.table().links([("clubs", "c1")]))
    known = stack.run(lambda: wiring.table().holding(links["clubs", "c1"])).identity
    assert known is not None
    assert known.records["clubs"].attributes["name"] == "new"


def test_one_person_is_fetched_decided_and_watched_at_once(stack: Deployed, source: Personnel) -> None:
    source.add("n1", "now")
    told = provision(stack, "now", "personnel/n1", "--within", "0")
    assert "personnel shows somebody of key n1" in told
    assert "decided: " in told
    while bells := stack.take("badges"):
        stack.invoke(functions.deliver.handler, handed("badges", *bells))
    account = holding(stack, "n1").accounts["badges"]
    assert (account.known.phase, account.condition) == (Phase.ACTIVE, Condition.SETTLED)
    assert "badges: active, settled" in provision(stack, "now", "personnel/n1")
    source.write(**{number: person for number, person in source.people.items() if number != "n1"})
    assert "personnel shows nobody" in provision(stack, "now", "personnel/n1", "--within", "0")
    with pytest.raises(InvalidError, match="nobody is known as 'personnel/unheard-of'"):
        provision(stack, "now", "personnel/unheard-of")
