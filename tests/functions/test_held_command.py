"""`provision held`, `release` and `withdraw` against a deployed stack."""

import json
from typing import Any

import pytest

import functions.deliver
import functions.receive
from provisioning.core.bell import Cause, read_bell
from provisioning.core.errors import InvalidError
from tests.functions import stack as stacks
from tests.functions.conftest import Deployed
from tests.functions.events import batch, handed, record
from tests.functions.test_functions import found, put_in_force
from tests.stages.tenant import bundle, data, event

STACK = "braked"  # of its own: stacks of other modules are on the same server
PEOPLE = [f"held-{number}" for number in range(4)]


def provision(deployed: Deployed, *arguments: str) -> str:
    """What a command prints. Raises what it raises."""
    return stacks.provision(deployed, STACK, *arguments)


@pytest.fixture(scope="module")
def stack(deployed: Deployed) -> Deployed:
    """Four visitors with badges, of whom three leave; the brake lets one through."""
    brake = {"removals": 1, "least": 1}
    put_in_force(deployed, bundle({"badges": {"endpoint": deployed.queues["badge-system"].url, "brake": brake}}))
    deployed.run(lambda: stacks.stand(STACK))
    for version, kinds in ((1, ("visitor",)), (2, ())):
        some = PEOPLE if version == 1 else PEOPLE[:3]
        told = batch(*(record(event(data(key, version, *kinds)), f"{key}.{version}") for key in some))
        deployed.invoke(functions.receive.handler, told)
        for _ in range(2):  # ten bells a batch, at most; some come one by one
            answer = deployed.invoke(
                functions.deliver.handler, handed("campus-deliver-badges.fifo", *deployed.take("badges"))
            )
            assert answer == {"batchItemFailures": []}
    return deployed


def held(stack: Deployed) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(provision(stack, "held", "badges", "--json"))["badges"]
    return found


def phases(stack: Deployed) -> list[str]:
    people = [found(stack, key) for key in PEOPLE]
    return sorted(each.accounts["badges"].known.phase.value for each in people if each is not None)


def test_what_is_held_is_listed_with_its_cause_then_released_and_withdrawn(stack: Deployed) -> None:
    assert phases(stack) == ["absent", "active", "active", "active"]
    told = held(stack)
    assert told["shares"][0] == {"lane": "sudden", "domain": "", "taken": 1, "limit": 1}
    ((cause, count),) = [(each["cause"], each["count"]) for each in told["held"]]
    assert (cause, count) == ("deletion held by the brake, sudden, by notification, bundle 1", 2)
    shown = provision(stack, "held")
    assert "badges: 1 of 1 sudden removals went through" in shown
    assert "library: 0 of 20 sudden removals" in shown

    stack.take("identities")
    assert provision(stack, "release", "badges", "--count", "1", "--cause", cause) == "badges: 1 released\n"
    (bell,) = [read_bell(item.body) for item in stack.take("identities")]
    assert bell.cause is Cause.COMMAND
    assert provision(stack, "withdraw", "badges", "--all") == "badges: 1 withdrawn\n"
    assert held(stack)["held"] == []
    assert "nothing is held" in provision(stack, "held")


@pytest.mark.parametrize("arguments", [[], ["--all", "--count", "1"]])
def test_how_many_must_be_said(stack: Deployed, arguments: list[str]) -> None:
    with pytest.raises(InvalidError, match="how many"):
        provision(stack, "release", "badges", *arguments)
    with pytest.raises(InvalidError, match="no service 'bagdes'"):
        provision(stack, "release", "bagdes", "--all")
