"""`provision match` against a deployed stack: who may be one person, and an operator's answer."""

import json
from typing import Any

import pytest

from provisioning.command.deployed import person_of
from provisioning.core.errors import InvalidError
from provisioning.core.wire import canonical, digest_of
from provisioning.runtime import wiring
from provisioning.stages.receive import receive
from tests.functions import stack as stacks
from tests.functions.conftest import Deployed
from tests.functions.stack import stand
from tests.stages.linking import ADA, BOB, federation, leaves, tells
from tests.stages.tenant import START

STACK = "federated"  # of its own: stacks of other modules are on the same server


def provision(deployed: Deployed, *arguments: str) -> str:
    """What `provision match` prints. Raises what it raises."""
    return stacks.provision(deployed, STACK, "match", *arguments)


@pytest.fixture(scope="module")
def stack(deployed: Deployed) -> Deployed:
    """A stack in which two sources state one ORCID and two birth days."""
    content = federation().model_dump(mode="json", by_alias=True)

    async def make() -> None:
        await stand(STACK)
        await wiring.policies().publish(canonical(content), digest_of(content))
        told = [
            tells("registry", "p1", orcid=ADA, birth="1970-01-01"), tells("hr", "h1", orcid=ADA, birth="1971-01-01"),
            tells("grid", "g1", orcid=BOB, birth="1970-01-01"), tells("hr", "h2", orcid=BOB, birth="1980-01-01"),
        ]  # fmt: skip
        for message in told:
            assert not await receive(wiring.receive_shell(), [message], START)

    deployed.run(make)
    return deployed


def asked(stack: Deployed) -> dict[str, Any]:
    """The open questions, by the record that they are about."""
    return {each["record"]: each for each in json.loads(provision(stack, "--json"))}


def test_questions_are_listed_with_evidence_and_what_speaks_against_it(stack: Deployed) -> None:
    question = asked(stack)["hr/h1"]
    assert question["evidence"][0]["record"] == "registry/p1"
    assert question["against"] == ["birth differs from registry's"]
    shown = provision(stack, question["question"])
    assert f"hr/h1, now {question['identity']}" in shown
    assert "orcid of tier 1, as registry/p1" in shown
    assert ADA not in shown, "a question holds no identifiers but the records' keys"


def test_an_answer_links_or_separates_and_the_question_is_gone(stack: Deployed) -> None:
    questions = asked(stack)
    one, two = questions["hr/h1"], questions["hr/h2"]
    into = one["evidence"][0]["identity"]
    assert f"one person: {into}" in provision(stack, one["question"], "--link", into)
    assert "hr/h2 stays" in provision(stack, two["question"], "--separate")
    assert asked(stack) == {}
    assert "no question is open" in provision(stack)
    with pytest.raises(InvalidError, match="was answered"):
        provision(stack, one["question"], "--separate")


def test_two_are_merged_and_split_again_without_being_asked_about(stack: Deployed) -> None:
    links = stack.run(lambda: wiring.table().links([("grid", "g1"), ("hr", "h2")]))
    goes, into = links["hr", "h2"], links["grid", "g1"]
    assert provision(stack, "--merge", goes, "--into", into) == f"{goes}: one person: {into}\n"
    assert stack.run(lambda: wiring.table().links([("hr", "h2")])) == {("hr", "h2"): into}
    merged = stack.run(lambda: person_of(STACK, goes))[1]
    assert (merged.id, sorted(merged.records)) == (into, ["grid", "hr"])
    assert provision(stack, "--split", "hr/h2") == f"hr/h2: a person of its own: {goes}\n"
    assert stack.run(lambda: wiring.table().links([("hr", "h2")])) == {("hr", "h2"): goes}
    assert asked(stack) == {}


def test_what_a_source_said_is_erased_if_it_is_meant_and_may_be(stack: Deployed) -> None:
    with pytest.raises(InvalidError, match="registry still states p1"):
        stacks.provision(stack, STACK, "erase", "registry/p1", "--yes")
    with pytest.raises(InvalidError, match="add --yes"):
        stacks.provision(stack, STACK, "erase", "registry/p1")
    with pytest.raises(InvalidError, match="whose word"):
        stacks.provision(stack, STACK, "erase", "registry/p1", "--source", "registry", "--yes")
    stack.run(lambda: receive(wiring.receive_shell(), [leaves("registry", "p1", 2)], START))
    assert stacks.provision(stack, STACK, "erase", "registry/p1", "--yes") == "1 forgotten\n"
    assert stack.run(lambda: wiring.table().links([("registry", "p1")])) == {}
    with pytest.raises(InvalidError, match="'hr' is in the bundle"):
        stacks.provision(stack, STACK, "erase", "--source", "hr", "--yes")
    assert stacks.provision(stack, STACK, "erase", "--source", "departed", "--yes") == "0 forgotten\n"


@pytest.mark.parametrize("arguments", [["--merge", "x"], ["--into", "x"], ["--split", "hr"], ["--split", "/h1"]])
def test_who_is_merged_or_split_must_be_said(stack: Deployed, arguments: list[str]) -> None:
    with pytest.raises(InvalidError, match="who goes where"):
        provision(stack, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [["--separate"], ["--link", "x"], ["q", "--link", "x", "--separate"], ["q", "--split", "a/b"],
     ["--merge", "x", "--into", "y", "--split", "a/b"]],
)  # fmt: skip
def test_an_answer_is_one_answer_to_one_question(stack: Deployed, arguments: list[str]) -> None:
    with pytest.raises(InvalidError, match="which question"):
        provision(stack, *arguments)
