"""Records of several sources become one person's: only by matchers that were declared, and never by a guess."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.core.catalog import Bundle
from provisioning.core.linking import MOST_CLAIMANTS, Answer
from provisioning.core.matching import MOST_CLAIMS
from provisioning.stages.message import Message
from tests.stages.bench import VISIBILITY, Bench, new_bench
from tests.stages.linking import ADA, BOB, MATCHERS, consistent, federation, leaves, persons, tells, together
from tests.stages.tenant import bundle, says

MOST_AWAITS = 200


async def told(*messages: Message, content: Bundle | None = None) -> Bench:
    """A bench at rest after each of these."""
    bench = await new_bench(content or federation())
    for message in messages:
        await bench.arrive(message)
    return bench


async def federated(*sent: tuple[str, str, str | None]) -> Bench:
    """A bench at rest after each of these told (source, key, ORCID)."""
    return await told(*(tells(source, key, orcid=orcid) for source, key, orcid in sent))


async def test_two_sources_that_state_one_value_speak_of_one_person() -> None:
    bench = await federated(("registry", "p1", ADA), ("hr", "h1", f"https://orcid.org/{ADA}"))
    assert persons(bench) == together(["registry/p1", "hr/h1"])
    (past,) = bench.identity().linking.past
    assert past[1:] == ("hr", "h1", "orcid, as registry/p1", "")
    consistent(bench)


async def test_a_source_outside_of_between_is_not_believed_whatever_it_states() -> None:
    bench = await federated(("registry", "p1", ADA), ("stranger", "s1", ADA), ("hr", "h1", ADA))
    assert persons(bench) == together(["registry/p1", "hr/h1"], ["stranger/s1"])
    assert not bench.store.asked
    consistent(bench)


async def test_an_orcid_whose_check_character_is_wrong_is_no_value() -> None:
    wrong = "0000-0002-1825-0098"
    bench = await federated(("registry", "p1", wrong), ("hr", "h1", wrong))
    assert persons(bench) == together(["registry/p1"], ["hr/h1"])
    assert not bench.store.claims


async def test_a_source_that_states_one_value_for_two_keys_gets_one_of_them_linked_and_a_question() -> None:
    bench = await federated(("registry", "p1", ADA), ("hr", "h1", ADA), ("hr", "h2", ADA))
    assert persons(bench) == together(["registry/p1", "hr/h1"], ["hr/h2"])
    (question,) = bench.store.asked.values()
    assert (question.source, question.key, question.answer) == ("hr", "h2", Answer.OPEN)
    assert question.against == ("it has a record of hr already, h1",)
    assert question.candidates == (bench.identity().id,)
    consistent(bench)


async def test_several_candidates_are_a_question_with_each_of_them() -> None:
    bench = await federated(("registry", "p1", ADA), ("registry", "p2", ADA), ("hr", "h1", ADA))
    assert persons(bench) == together(["registry/p1"], ["registry/p2"], ["hr/h1"])
    (question,) = bench.store.asked.values()
    assert set(question.candidates) == {bench.identity("p1").id, bench.identity("p2").id}


async def test_what_must_agree_and_does_not_is_a_question_and_what_one_does_not_state_is_none() -> None:
    bench = await told(
        tells("registry", "p1", orcid=ADA, birth="1990"),
        tells("hr", "h1", orcid=ADA, birth="1991"),
        tells("grid", "g1", orcid=ADA),
    )  # fmt: skip
    # The third may be either: the other two contradict each other.
    assert persons(bench) == together(["registry/p1"], ["hr/h1"], ["grid/g1"])
    assert {question.against for question in bench.store.asked.values()} == {
        ("birth differs from registry's",), ("2 persons have what it states",),
    }  # fmt: skip


async def test_a_weaker_matcher_does_not_link_against_a_stronger_one() -> None:
    mail = ["ada@example.org"]
    bench = await told(
        tells("registry", "p1", orcid=ADA, mails=mail), tells("hr", "h1", orcid=BOB, mails=["ADA@example.org"]),
    )  # fmt: skip
    assert persons(bench) == together(["registry/p1"], ["hr/h1"])
    (question,) = bench.store.asked.values()
    assert question.against == ("orcid, which is stronger, differs from registry's",)


async def test_a_weaker_matcher_links_where_the_stronger_one_says_nothing() -> None:
    mail = ["other@example.org", "ada@example.org"]
    bench = await told(tells("registry", "p1", orcid=ADA, mails=mail), tells("hr", "h1", mails=mail[1:]))
    assert persons(bench) == together(["registry/p1", "hr/h1"])


async def test_who_is_gone_at_the_source_that_vouched_is_no_candidate() -> None:
    bench = await federated(("registry", "p1", ADA))
    await bench.arrive(leaves("registry", "p1", 2))
    assert not bench.store.claims
    await bench.arrive(tells("hr", "h1", orcid=ADA))
    assert persons(bench) == together(["registry/p1"], ["hr/h1"])


async def test_a_value_of_too_many_records_links_nobody_any_more_and_is_told() -> None:
    bench = await federated(*(("registry", f"p{number}", ADA) for number in range(MOST_CLAIMANTS + 1)))
    (claimed,) = bench.store.claims.values()
    assert claimed.crowded
    assert not claimed.claimants
    await bench.arrive(tells("hr", "h1", orcid=ADA))
    assert frozenset(["hr/h1"]) in persons(bench)
    assert bench.said("claim.crowded")
    assert not bench.store.asked
    consistent(bench)


async def test_a_thousand_values_or_a_huge_one_make_a_few_small_claims() -> None:
    content = federation()
    limits = content.tenant.limits.model_copy(update={"values": 1000, "text": 65536, "message": 1048576})
    content = content.model_copy(update={"tenant": content.tenant.model_copy(update={"limits": limits})})
    free = [{**MATCHERS[1], "id": "any", "normalize": ["trim"]}]
    content = content.model_copy(update={"matchers": federation(free).matchers})
    many, huge = [f"m{number}@example.org" for number in range(1000)], "x" * 65000
    bench = await told(tells("registry", "p1", mails=many), tells("registry", "p2", mails=[huge]), content=content)
    assert len(bench.store.claims) == MOST_CLAIMS + 1
    assert max(len(each.claim.value) for each in bench.store.claims.values()) < 300
    await bench.arrive(tells("hr", "h2", mails=[huge]), tells("hr", "h3", mails=["x" * 64999]))
    assert persons(bench) == together(["registry/p1"], ["registry/p2", "hr/h2"], ["hr/h3"])


async def test_a_claim_that_is_no_longer_stated_is_released() -> None:
    bench = await federated(("registry", "p1", ADA))
    await bench.arrive(tells("registry", "p1", 2, orcid=BOB))
    assert [each.claim.value for each in bench.store.claims.values()] == [BOB]
    await bench.arrive(tells("hr", "h1", orcid=ADA))
    assert persons(bench) == together(["registry/p1"], ["hr/h1"])
    consistent(bench)


async def test_who_had_nothing_yet_and_states_a_known_value_later_is_merged() -> None:
    bench = await federated(("registry", "p1", ADA), ("hr", "h1", None))
    old = bench.store.linked["hr", "h1"]
    await bench.arrive(tells("hr", "h1", 2, "staff", orcid=ADA))
    assert persons(bench) == together(["registry/p1", "hr/h1"])
    assert bench.store.identities[old].forward == bench.identity().id
    assert bench.members()["editors"] == ["login-p1"]
    consistent(bench)


async def test_who_has_an_account_and_states_a_known_value_later_is_a_question() -> None:
    bench = await told(tells("registry", "p1", orcid=ADA), tells("hr", "h1", 1, "student"))
    await bench.arrive(tells("hr", "h1", 2, "student", orcid=ADA))
    assert persons(bench) == together(["registry/p1"], ["hr/h1"])
    (question,) = bench.store.asked.values()
    assert question.against == ("it is known already, and has accounts at library",)
    await bench.arrive(tells("hr", "h1", 3, "student", orcid=ADA), tells("hr", "h1", 4, "student", orcid=None))
    await bench.arrive(tells("hr", "h1", 5, "student", orcid=ADA))
    assert len(bench.store.asked) == 1, "the same evidence is the same question"


async def test_an_account_that_is_made_meanwhile_is_not_lost_with_a_merge() -> None:
    """Its first delivery read the identity, and writes its intent after the merge."""
    bench = await federated(("registry", "p1", ADA))
    await bench.process.receive(tells("hr", "h1", 1, "student"))
    old = bench.store.linked["hr", "h1"]
    before = await bench.store.deliveries("library", [old])
    await bench.process.receive(tells("hr", "h1", 2, "student", orcid=ADA))
    assert before.rows[old][1] is None
    assert bench.store.accounts[old]["library"].revision == 1, "so that its intent is refused"
    await bench.settle()
    assert list(bench.users()) == ["login-p1"]


async def test_matchers_that_are_published_later_find_who_is_there() -> None:
    bench = await told(tells("registry", "p1", orcid=ADA), tells("hr", "h1", orcid=ADA), content=federation([]))
    assert not bench.store.claims
    await bench.publish(federation())
    bench.now += 61  # what is cached is too old
    for key, source in (("p1", "registry"), ("h1", "hr")):
        await bench.arrive(tells(source, key, 2, orcid=ADA, name="later"))
    assert persons(bench) == together(["registry/p1", "hr/h1"])
    await bench.publish(federation([]))
    bench.now += 61
    await bench.arrive(tells("hr", "h1", 3, orcid=ADA))
    assert persons(bench) == together(["registry/p1", "hr/h1"])
    assert not bench.store.claims


@settings(max_examples=60, deadline=None)
@given(st.permutations([
    ("registry", "p1", ADA), ("hr", "h1", ADA), ("grid", "g1", ADA), ("stranger", "s1", ADA),
    ("registry", "p2", BOB), ("hr", "h2", BOB), ("grid", "g3", None),
]), st.lists(st.booleans(), min_size=7, max_size=7))  # fmt: skip
def test_the_order_of_arrival_changes_nothing(order: list[tuple[str, str, str | None]], at_once: list[bool]) -> None:
    async def arrive() -> None:
        bench = await new_bench(federation())
        batch = []
        for (source, key, orcid), more in zip(order, at_once, strict=True):
            batch.append(tells(source, key, 1, "student", orcid=orcid))
            if not more:
                await bench.arrive(*batch)
                batch = []
        await bench.arrive(*batch)
        assert persons(bench) == together(
            ["registry/p1", "hr/h1", "grid/g1"], ["registry/p2", "hr/h2"], ["stranger/s1"], ["grid/g3"]
        )
        consistent(bench)

    asyncio.run(arrive())


async def test_of_two_sources_that_arrive_at_once_one_waits_for_the_other() -> None:
    bench = await federated()
    await asyncio.gather(
        bench.process.receive(tells("registry", "p1", orcid=ADA)), bench.process.receive(tells("hr", "h1", orcid=ADA))
    )
    assert persons(bench) == together(["registry/p1", "hr/h1"])
    consistent(bench)


@pytest.mark.parametrize("later", [0, VISIBILITY])
async def test_killed_anywhere_all_is_as_if_nothing_had_happened(later: int) -> None:
    messages = [
        tells("hr", "h1", 2, "staff", orcid=ADA), tells("grid", "g1", 1, "student", orcid=ADA),
        tells("hr", "h2", orcid=BOB), tells("hr", "h3", orcid=BOB),
    ]  # fmt: skip
    for at in range(1, MOST_AWAITS):
        bench = await federated(("registry", "p1", ADA), ("hr", "h1", None), ("registry", "p2", BOB))
        died = await bench.killed(bench.process.receive(*messages), at)
        if died:
            bench.now += later
            assert not await bench.process.receive(*(replace(message, again=True) for message in messages))
        await bench.settle()
        assert frozenset(["registry/p1", "hr/h1", "grid/g1"]) in persons(bench), f"killed at await {at}"
        assert len(persons(bench)) == 3
        assert len(bench.store.asked) == 1
        assert list(bench.users()) == ["login-p1"]
        assert bench.members()["editors"] == ["login-p1"]
        consistent(bench)
        if not died:
            assert at > 10
            return
    raise AssertionError("the work does not end")


async def test_without_matchers_nothing_costs_more_and_nothing_more_is_stored() -> None:
    bench = await new_bench(bundle(), [says("p2")])
    with bench.counted() as first:
        await bench.process.receive(says("p1", 1, "student"))
    assert (first["BatchGetItem"], first["TransactWriteItems"], first["Query"], first["GetItem"]) == (1, 1, 0, 0)
    with bench.counted() as change:
        await bench.process.receive(says("p1", 2, "student", name="new"))
    assert (change["BatchGetItem"], change["Query"], change["PutItem"], change["TransactWriteItems"]) == (1, 1, 1, 0)
    assert not bench.store.claims


async def test_what_linking_costs() -> None:
    bench = await federated(("grid", "g2", None))
    counts = []
    for message in (
        tells("registry", "p1", orcid=ADA),  # new: its claim is looked up, and written with it
        tells("hr", "h1", orcid=ADA),  # linked: beside that the identity is read
        tells("hr", "h1", 2, orcid=ADA, name="new"),  # claims as before: as without matchers
        tells("hr", "h1", 3, orcid=None),  # a claim less
        tells("grid", "g1"),  # nothing to claim
    ):
        with bench.counted() as counted:
            await bench.process.receive(message)
        kinds = ("BatchGetItem", "Query", "GetItem", "PutItem", "TransactWriteItems")
        counts.append([counted[kind] for kind in kinds])
    assert counts == [[2, 0, 0, 0, 1], [2, 1, 0, 0, 1], [1, 1, 0, 1, 0], [2, 1, 0, 0, 1], [1, 0, 0, 0, 1]]
