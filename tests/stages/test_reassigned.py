"""A key that was given to another person: whoever has it now inherits nothing."""

from dataclasses import replace

import pytest

from provisioning.core.bell import Cause
from provisioning.core.lifecycle import Standing
from provisioning.stages.decide import Subject, decide
from tests.stages.bench import VISIBILITY, Bench
from tests.stages.linking import ADA, BOB, consistent, persons, tells, together
from tests.stages.test_linking import MOST_AWAITS, told

OLD: dict[str, str | None] = {"birth": "1970-01-01", "login": "old", "name": "Old"}
NEW = {"birth": "2001-12-31", "login": "new", "name": "New"}


async def a_person() -> Bench:
    """Somebody known to `hr` with an account at the library, and to the registry."""
    bench = await told(
        tells("registry", "p1", orcid=ADA, login="old"), tells("hr", "h1", 1, "student", orcid=ADA, **OLD)
    )
    assert persons(bench) == together(["registry/p1", "hr/h1"])
    return bench


async def test_another_person_under_a_known_key_gets_an_identity_of_its_own_and_inherits_nothing() -> None:
    bench = await a_person()
    old = bench.store.linked["hr", "h1"]
    await bench.arrive(tells("hr", "h1", 2, "student", orcid=BOB, **NEW))
    new = bench.store.linked["hr", "h1"]
    assert new != old
    first, second = bench.store.identities[old], bench.store.identities[new]
    assert first.records["hr"].deleted
    assert first.records["hr"].attributes["name"] == "Old"
    assert first.entitlements["library"].standing is not Standing.ACTIVE
    assert (second.records["hr"].attributes["name"], second.closed) == ("New", ())
    assert {name: user["active"] for name, user in bench.users().items()} == {"old": False, "new": True}
    assert [each.why for each in first.linking.past][-1:] == ["given to another person"]
    assert second.linking.past[0].origin == old
    consistent(bench)


async def test_a_record_without_the_evidence_changes_nothing_by_itself() -> None:
    bench = await a_person()
    old = bench.store.linked["hr", "h1"]
    later: list[dict[str, str | None]] = [{"birth": None}, {"name": "Married"}, {"birth": "1970-01-01"}]
    for version, changes in enumerate(later, start=2):
        await bench.arrive(tells("hr", "h1", version, "student", orcid=ADA, **{**OLD, **changes}))
        assert bench.store.linked["hr", "h1"] == old
    # What is not stated any more is no evidence afterwards either: nobody knows when the key was given away.
    assert len(bench.store.identities) == 1


async def test_an_older_version_and_a_source_that_does_not_say_so_reassign_nothing() -> None:
    bench = await a_person()
    await bench.arrive(tells("hr", "h1", 0, "student", **NEW))
    await bench.arrive(tells("registry", "p1", 2, orcid=ADA, birth="2001-12-31"))
    assert persons(bench) == together(["registry/p1", "hr/h1"])


async def test_the_new_person_is_linked_by_its_own_claims_and_never_back() -> None:
    bench = await a_person()
    await bench.arrive(tells("grid", "g1", orcid=BOB))
    await bench.arrive(tells("hr", "h1", 2, orcid=BOB, **NEW))
    assert persons(bench) == together(["registry/p1"], ["hr/h1", "grid/g1"])
    bench = await a_person()
    await bench.arrive(tells("hr", "h1", 2, orcid=ADA, **NEW))
    assert persons(bench) == together(["registry/p1"], ["hr/h1"])
    (question,) = bench.store.asked.values()
    assert "it has a record of hr already, h1" in question.against
    consistent(bench)


async def test_whoever_read_the_link_before_it_moved_does_not_write_to_the_old_identity() -> None:
    bench = await a_person()
    old = bench.store.linked["hr", "h1"]
    await bench.arrive(tells("hr", "h1", 2, "student", **NEW))
    policy = await bench.process.policies.current()
    (record,) = bench.store.identities[bench.store.linked["hr", "h1"]].records.values()
    later = replace(record, version=3, attributes={**record.attributes, "name": "Newer"})
    subject = Subject(old, ("hr", "h1"), later, policy.sequence)
    await decide(bench.process.receiving.decide, subject, int(bench.now), Cause.NOTIFICATION, "t")
    assert bench.store.identities[old].records["hr"].attributes["name"] == "Old"
    assert bench.store.identities[bench.store.linked["hr", "h1"]].records["hr"].attributes["name"] == "Newer"


@pytest.mark.parametrize("later", [0, VISIBILITY])
async def test_killed_anywhere_both_are_as_they_should_be(later: int) -> None:
    message = tells("hr", "h1", 2, "student", orcid=BOB, **NEW)
    for at in range(1, MOST_AWAITS):
        bench = await a_person()
        died = await bench.killed(bench.process.receive(message), at)
        if died:
            bench.now += later
            assert not await bench.process.receive(replace(message, again=True))
        await bench.settle()
        assert persons(bench) == together(["registry/p1"], ["hr/h1"])
        assert {name: user["active"] for name, user in bench.users().items()} == {"old": False, "new": True}
        consistent(bench)
        if not died:
            assert at > 6
            return
    raise AssertionError("the work does not end")
