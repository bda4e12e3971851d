"""`provision extract` against a deployed stack: it orders, the function makes files, and the state is told."""

import json
from dataclasses import replace
from typing import Any

import pytest

import functions.deliver
import functions.extract
import functions.receive
from provisioning.core.errors import InvalidError
from provisioning.core.extract import Extracts
from provisioning.core.wire import canonical, digest_of
from provisioning.runtime import clockwork, wiring
from tests.functions import stack as stacks
from tests.functions.conftest import Deployed
from tests.functions.events import batch, handed, record
from tests.stages.tenant import bundle, data, event

STACK = "campus"
PEOPLE = 25


def provision(deployed: Deployed, *arguments: str) -> str:
    """What a command prints. Raises what the command raises."""
    return stacks.provision(deployed, STACK, "extract", *arguments)


def state(deployed: Deployed) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(provision(deployed, "status", "badges", "--json"))
    return told


def make(deployed: Deployed) -> None:
    """Let the function take every message that is there."""
    while orders := deployed.take("extract"):
        assert deployed.invoke(functions.extract.handler, handed("extract", *orders)) == {"batchItemFailures": []}


def say(deployed: Deployed, version: int, *kinds: str) -> None:
    """People get a row, or lose it."""
    for first in range(0, PEOPLE, 10):
        people = [record(event(data(f"x{number}", version, *kinds)), f"m{number}") for number in range(PEOPLE)]
        deployed.invoke(functions.receive.handler, batch(*people[first : first + 10]))
    while bells := deployed.take("badges"):
        deployed.invoke(functions.deliver.handler, handed("badges", *bells))


@pytest.fixture(scope="module")
def stack(deployed: Deployed) -> Deployed:
    """A stack whose outputs name what is there, and a bundle whose badges are an extract."""
    extract = {"protocol": "extract", "endpoint": "s3:///badges", "extract": {"full_every": "P7D"}}
    service = {**extract, "brake": {"off": "the bound of the extract itself is what these tests meet"}}
    content = bundle({"badges": service}).model_dump(mode="json", by_alias=True)
    deployed.run(lambda: wiring.policies().publish(canonical(content), digest_of(content)))
    deployed.run(lambda: stacks.stand(STACK, ExtractQueue=wiring.settings().extract_queue))
    return deployed


@pytest.mark.parametrize("command", [["start"], ["release"], ["discard"], ["status"], ["acknowledge"]])
@pytest.mark.parametrize(
    ("service", "problem"), [("bagdes", "there is no service 'bagdes'"), ("library", "told by scim, not by files")]
)
def test_a_service_that_gets_no_files_is_refused_with_those_that_do(
    stack: Deployed, command: list[str], service: str, problem: str
) -> None:
    more = ["000001-full"] if command == ["acknowledge"] else []
    with pytest.raises(InvalidError, match=problem) as caught:
        provision(stack, *command, service, *more)
    assert caught.value.right == "one of badges"
    assert stack.take("extract") == []


def test_from_the_first_start_to_an_acknowledged_delta(stack: Deployed) -> None:
    assert "on command" in provision(stack, "status", "badges")
    assert (state(stack)["run"], state(stack)["published"]) == (None, [])
    say(stack, 1, "visitor")
    assert "is started" in provision(stack, "start", "badges")
    make(stack)
    (made,) = state(stack)["published"]
    assert (made["folder"], made["kind"], made["rows"], made["parts"], made["acknowledged"]) == (
        "000001-full", "full", PEOPLE, 1, "no",
    )  # fmt: skip
    assert "s3:///badges/000001-full/manifest.json.ack is stored" in provision(
        stack, "acknowledge", "badges", "s3:///badges/000001-full/manifest.json"
    )
    assert state(stack)["published"][0]["acknowledged"] == "yes, as the next start will see"
    provision(stack, "start", "badges")
    make(stack)
    assert [(made["kind"], made["acknowledged"]) for made in state(stack)["published"]] == [
        ("full", "yes: the base of deltas"), ("delta", "no"),
    ]  # fmt: skip
    provision(stack, "start", "badges", "--full")
    make(stack)
    assert state(stack)["published"][-1]["kind"] == "full"
    assert "000003-full" in provision(stack, "status", "badges")


@pytest.mark.parametrize("manifest", ["000009-full", "000009-delta/manifest.json", "manifest.json", "../000001-full2"])
def test_what_was_not_published_cannot_be_acknowledged(stack: Deployed, manifest: str) -> None:
    with pytest.raises(InvalidError, match="no extract"):
        provision(stack, "acknowledge", "badges", manifest)


def test_a_start_while_one_is_being_made_is_refused_at_once(stack: Deployed) -> None:
    provision(stack, "start", "badges")
    (start,) = stack.take("extract")
    stack.invoke(functions.extract.handler, handed("extract", start))
    assert state(stack)["run"]["standing"] == "being made"
    with pytest.raises(InvalidError, match="is being made"):
        provision(stack, "start", "badges")
    make(stack)
    assert state(stack)["run"] is None


@pytest.mark.parametrize("command", ["release", "discard"])
def test_nothing_that_is_not_held_is_released_or_discarded(stack: Deployed, command: str) -> None:
    with pytest.raises(InvalidError, match="no extract of 'badges' is held") as caught:
        provision(stack, command, "badges")
    assert "provision extract status badges" in caught.value.right
    assert stack.take("extract") == []


def test_what_is_held_is_shown_with_its_reason_discarded_and_then_released(stack: Deployed) -> None:
    say(stack, 2)
    published = len(state(stack)["published"])
    provision(stack, "start", "badges", "--full")
    make(stack)
    held = state(stack)["run"]
    assert (held["standing"], held["rows"], held["removed"]) == ("held", 0, 0)
    assert f"{PEOPLE} of {PEOPLE} rows would go" in held["held"]
    assert "is held:" in provision(stack, "status", "badges")
    assert f"extract {held['number']} of badges is discarded" in provision(stack, "discard", "badges")
    make(stack)
    assert (state(stack)["run"], len(state(stack)["published"])) == (None, published)
    assert f"extract {held['number']} was not published: it was discarded" in provision(stack, "status", "badges")
    provision(stack, "start", "badges", "--full")
    make(stack)
    assert f"extract {held['number'] + 1} of badges is released" in provision(stack, "release", "badges")
    make(stack)
    assert (state(stack)["run"], len(state(stack)["published"])) == (None, published + 1)


def test_a_run_that_nobody_works_on_any_more_says_since_when(stack: Deployed) -> None:
    provision(stack, "start", "badges")
    (start,) = stack.take("extract")
    stack.invoke(functions.extract.handler, handed("extract", start))
    stack.take("extract")  # its continuation is lost
    stack.run(lambda: _touched_long_ago())
    assert state(stack)["run"]["standing"] == "nothing came since 2001-09-09T01:46:40Z"
    assert "is started" in provision(stack, "start", "badges")


async def _touched_long_ago() -> None:
    runs = clockwork.extract_shell().runs
    item: Extracts = await runs.extracts("badges")
    assert item.run is not None
    await runs.put_extracts(replace(item, run=replace(item.run, touched_at=1_000_000_000)))
