"""The deployed functions over a real table and real queues: what comes in, and what is there afterwards."""

import json
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

import functions.campaign
import functions.deliver
import functions.evaluate
import functions.receive
import functions.schedule
from provisioning.core.account import Condition
from provisioning.core.bell import Bell, Cause, read_bell, write_bell
from provisioning.core.catalog import Bundle
from provisioning.core.identity import Identity
from provisioning.core.wire import canonical, digest_of
from provisioning.ports import Holding
from provisioning.runtime import wiring
from provisioning.runtime.entry import clock
from provisioning.stages.campaign import Step, write_step
from tests.contracts.backends import new_table
from tests.functions.conftest import Deployed, forget
from tests.functions.events import batch, handed, record
from tests.stages.tenant import bundle, data, event

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}
_people = count(1)


def put_in_force(deployed: Deployed, content: Bundle) -> None:
    dumped = content.model_dump(mode="json", by_alias=True)
    deployed.run(lambda: wiring.policies().publish(canonical(dumped), digest_of(dumped)))


def found(deployed: Deployed, key: str) -> Holding | None:
    """What the table holds of a person of the registry."""

    async def look() -> Holding | None:
        links = await wiring.table().links([("registry", key)])
        return await wiring.table().holding(links["registry", key]) if links else None

    return deployed.run(look)


def identity(deployed: Deployed, key: str) -> Identity:
    holding = found(deployed, key)
    assert holding is not None
    assert holding.identity is not None
    return holding.identity


@pytest.fixture(scope="module")
def campus(deployed: Deployed) -> Deployed:
    """A bundle in force whose badge system listens to a queue that is there."""
    put_in_force(deployed, bundle({"badges": {"endpoint": deployed.queues["badge-system"].url}}))
    return deployed


@pytest.fixture
def key(campus: Deployed) -> str:
    """A person whom nobody knows yet; no queue holds anything."""
    for queue in campus.queues:
        campus.take(queue)
    return f"p{next(_people)}"


def test_a_notification_becomes_an_identity_and_a_doorbell_on_its_services_queue(campus: Deployed, key: str) -> None:
    notification = record(event(data(key, 1, "student")))
    assert campus.invoke(functions.receive.handler, batch(notification)) == NOTHING_FAILED
    known = identity(campus, key)
    assert (known.records["registry"].version, list(known.entitlements)) == (1, ["library"])
    (rung,) = campus.take("library")
    assert read_bell(rung.body) == Bell(known.id, Cause.NOTIFICATION, f"{key}.1", "library")
    assert campus.take("badges") == []


def test_a_notification_in_an_envelope_of_sns_is_understood(campus: Deployed, key: str) -> None:
    envelope = {"Type": "Notification", "MessageId": "s1", "Message": event(data(key, 1, "student"))}
    assert campus.invoke(functions.receive.handler, batch(record(json.dumps(envelope)))) == NOTHING_FAILED
    assert len(campus.take("library")) == 1


def test_what_is_rejected_is_kept_and_the_rest_of_the_batch_goes_on(campus: Deployed, key: str) -> None:
    event_ = batch(
        record("no", "m1"),
        record(event(data(key, 1, "student")), "m2"),
        record(event(data("stranger", 1, "student")), "m3", queue="campus-changes-payroll"),
    )
    assert campus.invoke(functions.receive.handler, event_) == NOTHING_FAILED
    assert found(campus, key) is not None
    assert found(campus, "stranger") is None
    rejections = wiring.receive_shell().rejections
    ours = campus.run(lambda: rejections.rejections("registry", 5))
    theirs = campus.run(lambda: rejections.rejections("campus-changes-payroll", 5))
    assert [(item.source, item.message) for item in (*ours, *theirs)] == [
        ("registry", "m1"), ("campus-changes-payroll", "m3"),
    ]  # fmt: skip


def test_without_a_bundle_everything_comes_again(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISIONING_TABLE", deployed.run(lambda: new_table(wiring.clients())))
    forget(wiring.clients)
    event_ = batch(record(event(data("p1", 1, "student")), "m1"), record(event(data("p2", 1)), "m2"))
    assert deployed.invoke(functions.receive.handler, event_) == {
        "batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]
    }
    forget(wiring.clients)


def test_a_doorbell_becomes_a_message_to_the_badge_system_and_a_settled_account(campus: Deployed, key: str) -> None:
    campus.invoke(functions.receive.handler, batch(record(event(data(key, 1, "visitor")))))
    answer = campus.invoke(functions.deliver.handler, handed("campus-deliver-badges.fifo", *campus.take("badges")))
    assert answer == NOTHING_FAILED
    (sent,) = campus.take("badge-system")
    told = json.loads(sent.body)
    assert (told["type"], told["data"]["values"]) == ("account.active", {"login": f"login-{key}"})
    holding = found(campus, key)
    assert holding is not None
    assert holding.accounts["badges"].condition is Condition.SETTLED


def test_a_bell_rings_the_services_that_are_not_as_desired_and_an_unreadable_one_is_dropped(
    campus: Deployed, key: str
) -> None:
    campus.invoke(functions.receive.handler, batch(record(event(data(key, 1, "student")))))
    assert len(campus.take("library")) == 1
    bell = write_bell(Bell(identity(campus, key).id, Cause.CLOCK, "again"))
    event_ = batch(record("?", "m1", "campus-identities"), record(bell, "m2", "campus-identities"))
    assert campus.invoke(functions.evaluate.handler, event_) == NOTHING_FAILED
    assert [read_bell(item.body).trace for item in campus.take("library")] == ["again"]


def test_a_new_bundle_reaches_everyone_by_its_campaign(campus: Deployed, key: str) -> None:
    campus.invoke(functions.receive.handler, batch(record(event(data(key, 1)))))
    event_ = batch(record(write_step(Step(1, 0, segments=1)), "m1", "campus-campaign"))
    assert campus.invoke(functions.campaign.handler, event_) == NOTHING_FAILED
    rung = [read_bell(item.body) for item in campus.take("identities")]
    assert Bell(identity(campus, key).id, Cause.POLICY, "campaign-1", sequence=1) in rung


def test_a_campaigns_step_that_cannot_be_read_comes_again_until_it_is_a_dead_letter(campus: Deployed) -> None:
    answer = campus.invoke(functions.campaign.handler, batch(record("{}", "m1", "campus-campaign")))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_the_clock_rings_for_a_boundary_that_is_near(campus: Deployed, key: str) -> None:
    end = datetime.fromtimestamp(clock() + 200, UTC).isoformat()
    ends_soon = {"id": "a", "type": "student", "start": "2020-01-01", "end": end}
    campus.invoke(functions.receive.handler, batch(record(event(data(key, 1, ends_soon)))))
    tick = {"id": "tick-1", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
    assert campus.invoke(functions.schedule.handler, tick) == {"rung": 1}
    assert campus.take("identities") == [], "held back until the boundary"


def test_a_second_invocation_uses_the_clients_of_the_first(campus: Deployed, key: str) -> None:
    for version in (1, 2, 3):
        campus.invoke(functions.receive.handler, batch(record(event(data(key, version, "student")))))
    assert identity(campus, key).records["registry"].version == 3
