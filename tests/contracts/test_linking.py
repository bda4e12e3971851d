"""Port Linked: claims, questions, and transactions over several identities."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from provisioning.adapters.aws.keys import SHARDS
from provisioning.core.account import Account
from provisioning.core.errors import ConflictError, PermanentError
from provisioning.core.linking import Answer, Claim, Claimant, Claimed, Evidence, Linking, Past, Question
from provisioning.core.together import LinkTo, Together
from tests.contracts.backends import Store
from tests.contracts.samples import NOW, account, new_id, plain

pytestmark = pytest.mark.asyncio(loop_scope="session")


def claim(value: str = "") -> Claim:
    return Claim("orcid", value or new_id())


def question(**changes: Any) -> Question:
    evidence = (Evidence("orcid", 1, "digest", "hr", "h#1", "registry", "p1", "i1"),)
    return replace(Question(new_id(), "hr", "h#1", "i2", evidence, ("birth differs",), NOW), **changes)


async def cost(store: Store, work: Callable[[], Awaitable[Any]]) -> Counter[str]:
    before = store.requests()
    await work()
    return store.requests() - before


async def test_an_identity_remembers_how_it_was_linked(store: Store) -> None:
    linking = Linking(
        "i9", {"registry": (Claim("orcid", "x"), Claim("mail", "ü"))}, (Past(NOW, "hr", "h1", "why", "i2"),)
    )  # fmt: skip
    identity = plain(linking=linking)
    await store.identities.put_identity(identity)
    assert (await store.identities.holding(identity.id)).identity == replace(identity, revision=1)


async def test_a_claim_comes_back_with_everybody_who_makes_it(store: Store) -> None:
    first, second, third = claim(), claim("ü#/" * 400 + new_id()), claim()
    claimants = (Claimant("hr", "h#1", "i1"), Claimant("registry", "p1", "i2"))
    await store.identities.put_together(Together(claims=(Claimed(first, claimants), Claimed(second, (), crowded=True))))
    found = await store.identities.claimed([third, second, first, first])
    assert [each.claim for each in found] == [third, second, first]
    assert [(each.claimants, each.crowded) for each in found] == [((), False), ((), True), (claimants, False)]
    assert [bool(each.written) for each in found] == [False, True, True]


async def test_of_many_who_first_claim_one_value_exactly_one_wins(store: Store) -> None:
    value, identities = claim(), [plain() for _ in range(4)]
    results = await asyncio.gather(
        *(
            store.identities.put_together(
                Together(
                    (each,), (LinkTo("registry", each.id, each.id),), (Claimed(value, (Claimant("r", "k", each.id),)),)
                )
            )
            for each in identities
        ),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["ConflictError"] * 3 + ["NoneType"]
    winner = identities[results.index(None)]
    (found,) = await store.identities.claimed([value])
    assert [each.identity for each in found.claimants] == [winner.id]
    links = await store.identities.links([("registry", each.id) for each in identities])
    assert list(links.values()) == [winner.id], "who lost has written nothing"


async def test_a_claim_that_was_written_since_it_was_read_is_not_written_over(store: Store) -> None:
    value, one, two = claim(), Claimant("r", "1", "i1"), Claimant("r", "2", "i2")
    await store.identities.put_together(Together(claims=(Claimed(value, (one,)),)))
    (read,) = await store.identities.claimed([value])
    await store.identities.put_together(Together(claims=(replace(read, claimants=(one, two)),)))
    for late in (replace(read, claimants=()), replace(read, claimants=(two,)), Claimed(value, (two,))):
        with pytest.raises(ConflictError):
            await store.identities.put_together(Together(claims=(late,)))


async def test_a_claim_that_was_dropped_and_made_again_is_another_one(store: Store) -> None:
    value, one = claim(), Claimant("r", "1", "i1")
    await store.identities.put_together(Together(claims=(Claimed(value, (one,)),)))
    (first,) = await store.identities.claimed([value])
    await store.identities.put_together(Together(claims=(replace(first, claimants=()),)))
    (gone,) = await store.identities.claimed([value])
    assert (gone.claimants, gone.written) == ((), "")
    await store.identities.put_together(Together(claims=(Claimed(value, (one,)),)))
    with pytest.raises(ConflictError):
        await store.identities.put_together(Together(claims=(replace(first, claimants=()),)))


async def test_a_link_moves_only_from_where_it_is(store: Store) -> None:
    first, second, key = plain(), plain(), ("registry", new_id())
    await store.identities.put_identity(first, key)
    await store.identities.put_identity(second)
    for was in ("", second.id):
        with pytest.raises(ConflictError):
            await store.identities.put_together(Together(links=(LinkTo(*key, second.id, was),)))
    await store.identities.put_together(Together(links=(LinkTo(*key, second.id, first.id),)))
    assert await store.identities.links([key]) == {key: second.id}


@pytest.mark.parametrize("late", [{"revision": 0}, {"revision": 2}, {"sequence": 0}])
async def test_one_identity_that_is_not_as_it_was_read_keeps_all_from_being_written(
    store: Store, late: dict[str, Any]
) -> None:
    first, second, key = plain(), plain(), ("registry", new_id())
    await store.identities.put_identity(first)
    read = replace(first, revision=1)
    with pytest.raises(ConflictError):
        await store.identities.put_together(
            Together((second, replace(read, **late)), (LinkTo(*key, second.id),), questions=(asked := question(),))
        )
    assert (await store.identities.holding(second.id)).identity is None
    assert await store.identities.links([key]) == {}
    assert await store.identities.question(asked.id) is None
    await store.identities.put_together(Together((second, read)))
    assert (await store.identities.holding(first.id)).identity == replace(first, revision=2)


async def test_an_account_goes_from_one_identity_to_another_or_stays(store: Store) -> None:
    first, second = plain(), plain()
    for identity in (first, second):
        await store.identities.put_identity(identity)
    await store.accounts.put_account(account(first.id))
    read = account(first.id, revision=1)
    new = replace(read, identity=second.id, mark=first.id, revision=0)
    empty = Account(first.id, "library", sequence=1, revision=1)
    with pytest.raises(ConflictError):
        await store.identities.put_together(Together(accounts=(new, replace(empty, revision=2))))
    await store.identities.put_together(Together(accounts=(new, empty)))
    assert (await store.identities.holding(first.id)).accounts == {"library": replace(empty, revision=2)}
    assert (await store.identities.holding(second.id)).accounts == {"library": replace(new, revision=1)}
    counts = await store.counts.count("library")
    assert counts == {("active", "settled"): 1, ("absent", "settled"): 1}
    with pytest.raises(ConflictError):
        await store.identities.put_together(Together(accounts=(new, empty)))


async def test_a_link_ends_if_it_is_still_as_it_was_read(store: Store) -> None:
    identity, key = plain(), new_id()
    await store.identities.put_identity(identity, ("hr", key))
    with pytest.raises(ConflictError):
        await store.identities.put_together(Together(links=(LinkTo("hr", key, "", "another"),)))
    assert await store.identities.links([("hr", key)]) == {("hr", key): identity.id}
    await store.identities.put_together(Together(links=(LinkTo("hr", key, "", identity.id),)))
    assert await store.identities.links([("hr", key)]) == {}


async def test_a_question_is_asked_once_and_listed_until_it_is_answered(store: Store) -> None:
    first, second = question(at=NOW + 5), question()
    await store.identities.put_together(Together(questions=(first, second)))
    with pytest.raises(ConflictError):
        await store.identities.put_together(Together(questions=(first,)))
    assert [each.id for each in await store.identities.questions(10)] == [second.id, first.id]
    assert [each.id for each in await store.identities.questions(1)] == [second.id]
    read = await store.identities.question(first.id)
    assert read == replace(first, revision=1)
    await store.identities.put_together(Together(questions=(replace(read, answer=Answer.SEPARATE),)))
    assert await store.identities.question(first.id) == replace(first, revision=2, answer=Answer.SEPARATE)
    assert [each.id for each in await store.identities.questions(10)] == [second.id]
    with pytest.raises(ConflictError):
        await store.identities.put_together(Together(questions=(replace(read, answer=Answer.LINKED),)))


async def test_more_than_a_transaction_holds_is_refused_before_anything_is_asked(store: Store) -> None:
    many = Together(links=tuple(LinkTo("r", str(number), "i") for number in range(101)))
    with pytest.raises(PermanentError, match="101 items"):
        await store.identities.put_together(many)


async def test_what_it_costs(store: Store) -> None:
    store_, values = store.identities, [claim() for _ in range(10)]
    some = Together((plain(),), claims=tuple(Claimed(value, (Claimant("r", "k", "i"),)) for value in values))
    assert await cost(store, lambda: store_.claimed([])) == {}
    assert await cost(store, lambda: store_.claimed(values)) == {"BatchGetItem": 1}
    assert await cost(store, lambda: store_.put_together(some)) == {"TransactWriteItems": 1}
    asked = question()
    await store_.put_together(Together(questions=(asked,)))
    assert await cost(store, lambda: store_.question(asked.id)) == {"GetItem": 1}
    assert await cost(store, lambda: store_.questions(5)) == {"Query": SHARDS, "BatchGetItem": 1}
