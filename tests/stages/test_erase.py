"""What a source said is forgotten for good, and nobody loses an account or a right by it that another gives."""

import pytest

from provisioning.adapters.memory.notifying import MemoryHistories
from provisioning.core.account import Phase
from provisioning.core.errors import InvalidError
from provisioning.core.linking import Answer
from provisioning.stages.erase import Erasing, erase_record, erase_source
from tests.stages.bench import Bench, new_bench
from tests.stages.linking import ADA, consistent, federation, leaves, tells
from tests.stages.tenant import DAY
from tests.stages.test_merging import passes

SECRET = "known to hr alone"


def shell(bench: Bench) -> Erasing:
    return Erasing(bench.process.receiving.decide, bench.store, MemoryHistories(), bench.bells)


def stored(bench: Bench) -> str:
    """All that the table holds."""
    store = bench.store
    return repr((store.identities, store.accounts, store.linked, store.claims, store.asked))


async def two_homes() -> Bench:
    bench = await new_bench(federation())
    await bench.arrive(tells("registry", "p1", 1, "student", orcid=ADA))
    await bench.arrive(tells("hr", "h1", 1, "staff", orcid=ADA, name=SECRET))
    return bench


async def test_of_who_has_another_home_that_homes_word_is_forgotten_alone() -> None:
    bench = await two_homes()
    await bench.arrive(leaves("hr", "h1", 2))
    identity = await erase_record(shell(bench), "hr", "h1", int(bench.now))
    await passes(bench, 3600)
    assert SECRET not in stored(bench)
    assert "h1" not in stored(bench)
    assert list(bench.store.identities[identity].records) == ["registry"]
    assert len(bench.users("library")) == 1
    consistent(bench)


async def test_whoever_nobody_states_any_more_is_forgotten_when_their_accounts_are_gone() -> None:
    bench = await two_homes()
    await bench.arrive(leaves("hr", "h1", 2), leaves("registry", "p1", 2))
    with pytest.raises(InvalidError, match="there are accounts at library still"):
        await erase_record(shell(bench), "registry", "p1", int(bench.now))
    await passes(bench, 40 * DAY)
    for source, key in (("registry", "p1"), ("hr", "h1")):
        await erase_record(shell(bench), source, key, int(bench.now))
    await passes(bench, 3600)
    assert not any(word in stored(bench) for word in (SECRET, "h1", "p1", ADA, "Name of"))
    assert (bench.store.linked, bench.store.claims) == ({}, {})
    (identity,) = bench.store.identities.values()
    assert (dict(identity.records), identity.due_at) == ({}, None)
    assert {each.known.phase for each in bench.store.accounts[identity.id].values()} == {Phase.ABSENT}


async def test_whoever_is_forgotten_and_comes_back_is_somebody_new() -> None:
    bench = await new_bench(federation(), [tells("registry", "p1", 1, "student"), leaves("registry", "p1", 2)])
    await passes(bench, 40 * DAY)
    before = await erase_record(shell(bench), "registry", "p1", int(bench.now))
    await bench.arrive(tells("registry", "p1", 1, "student"))
    assert bench.store.linked["registry", "p1"] != before
    assert len(bench.users()) == 1


async def test_who_is_still_stated_is_not_forgotten() -> None:
    bench = await two_homes()
    with pytest.raises(InvalidError, match="hr still states h1"):
        await erase_record(shell(bench), "hr", "h1", int(bench.now))
    with pytest.raises(InvalidError, match="nobody is known as hr/h9"):
        await erase_record(shell(bench), "hr", "h9", int(bench.now))


async def test_a_question_about_them_is_closed_and_names_nobody() -> None:
    bench = await new_bench(federation())
    await bench.arrive(tells("registry", "p1", 1, orcid=ADA, birth="1970-01-01"))
    await bench.arrive(tells("hr", "h1", 1, orcid=ADA, birth="1971-01-01"))
    assert [each.answer for each in bench.store.asked.values()] == [Answer.OPEN]
    await bench.arrive(leaves("hr", "h1", 2))
    await erase_record(shell(bench), "hr", "h1", int(bench.now))
    assert [each.answer for each in bench.store.asked.values()] == [Answer.SEPARATE]
    assert "h1" not in stored(bench)


async def test_all_that_a_source_gave_is_forgotten_once_it_has_left_the_bundle() -> None:
    bench = await two_homes()
    await bench.arrive(*(tells("grid", f"g{number}", 1, "visitor", name=SECRET) for number in range(5)))
    with pytest.raises(InvalidError, match="'grid' is in the bundle"):
        await erase_source(shell(bench), "grid", int(bench.now))
    content = federation(matchers=[])
    left = tuple(each for each in content.sources if each.id not in ("grid", "hr"))
    await bench.publish(content.model_copy(update={"sources": left}))
    bench.process = type(bench.process)(bench)
    found = await erase_source(shell(bench), "grid", int(bench.now))
    assert (found.done, len(found.waiting)) == (0, 5), "their badges are there still"
    assert (await erase_source(shell(bench), "hr", int(bench.now))).done == 1
    for identity in list(bench.store.identities):
        await bench.process.evaluate(bench.bell_of(identity))
    await passes(bench, 3600)
    found = await erase_source(shell(bench), "grid", int(bench.now))
    assert (found.done, found.waiting) == (5, ())
    assert SECRET not in stored(bench)
    assert (await erase_source(shell(bench), "grid", int(bench.now))).done == 0


async def test_whoever_dies_in_between_has_forgotten_it_or_goes_on() -> None:
    for at in range(1, 40):
        bench = await two_homes()
        await bench.arrive(leaves("hr", "h1", 2))
        died = await bench.killed(erase_record(shell(bench), "hr", "h1", int(bench.now)), at)
        if ("hr", "h1") in bench.store.linked:
            await erase_record(shell(bench), "hr", "h1", int(bench.now))
        await passes(bench, 3600)
        assert SECRET not in stored(bench), at
        if not died:
            return
    raise AssertionError("more awaits than expected")
