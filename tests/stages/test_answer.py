"""An operator answers a question of who is who: once, for good, and nobody loses what they have."""

import asyncio

import pytest

from provisioning.core.errors import ConflictError, InvalidError
from provisioning.core.linking import Answer, Question
from provisioning.stages.answer import Answering, link, open_question, separate, unite
from tests.stages.bench import Bench, new_bench
from tests.stages.linking import ADA, BOB, consistent, federation, persons, tells, together


def _shell(bench: Bench) -> Answering:
    return Answering(bench.process.receiving.decide, bench.bells)


async def _doubt(first: str = "", second: str = "") -> tuple[Bench, Question]:
    """Registry and hr state one ORCID and two birth days; `first`, `second`: what gives each of them an account."""
    bench = await new_bench(federation())
    for source, key, birth, kind in (("registry", "p1", "1970-01-01", first), ("hr", "h1", "1971-01-01", second)):
        await bench.arrive(tells(source, key, 1, *([kind] if kind else []), orcid=ADA, birth=birth))
    (question,) = bench.store.asked.values()
    return bench, question


async def test_who_is_one_person_by_an_answer_is_linked_and_decided_like_any_other() -> None:
    bench, question = await _doubt(first="student")
    assert question.against == ("birth differs from registry's",)
    into = bench.store.linked["registry", "p1"]
    assert await link(_shell(bench), question.id, into, int(bench.now)) == into
    await bench.settle()
    assert persons(bench) == together(["registry/p1", "hr/h1"])
    assert bench.store.asked[question.id].answer is Answer.LINKED
    assert bench.identity().linking.past[-1].why == f"answer to question {question.id}"
    assert len(bench.users()) == 1
    consistent(bench)


async def test_who_has_no_account_goes_to_who_has_one_whichever_was_asked_about() -> None:
    bench, question = await _doubt(second="student")
    had = bench.store.linked["hr", "h1"]
    assert await link(_shell(bench), question.id, bench.store.linked["registry", "p1"], int(bench.now)) == had
    await bench.settle()
    assert persons(bench) == together(["registry/p1", "hr/h1"])
    assert len(bench.users()) == 1
    consistent(bench)


async def test_two_who_both_have_accounts_are_merged_with_them() -> None:
    bench, question = await _doubt("student", "visitor")
    had = bench.store.linked["hr", "h1"]
    into = await link(_shell(bench), question.id, question.candidates[0], int(bench.now))
    await bench.settle(bench.now + 3600)
    assert persons(bench) == together(["registry/p1", "hr/h1"])
    assert {name: each.subject for name, each in bench.store.accounts[into].items()} == {"library": into, "badges": had}
    consistent(bench)


async def test_who_was_merged_since_is_one_person_by_any_answer() -> None:
    bench, question = await _doubt("student", "visitor")
    into = bench.store.linked["registry", "p1"]
    await unite(_shell(bench), bench.store.linked["hr", "h1"], into, int(bench.now))
    assert await link(_shell(bench), question.id, question.candidates[0], int(bench.now)) == into
    assert bench.store.asked[question.id].answer is Answer.LINKED


async def test_two_people_stay_two_and_are_not_asked_about_again() -> None:
    bench, question = await _doubt()
    await separate(_shell(bench), question.id)
    await bench.arrive(tells("hr", "h1", 2, orcid=BOB, birth="1971-01-01"))
    await bench.arrive(tells("hr", "h1", 3, orcid=ADA, birth="1971-01-01"))
    assert persons(bench) == together(["registry/p1"], ["hr/h1"])
    assert {each.answer for each in bench.store.asked.values()} == {Answer.SEPARATE}
    with pytest.raises(InvalidError, match="was answered: separate"):
        await open_question(_shell(bench), question.id)


async def test_an_answer_is_one_of_the_candidates_of_a_question_that_is_there() -> None:
    bench, question = await _doubt()
    with pytest.raises(InvalidError, match="no question 'nothing'"):
        await link(_shell(bench), "nothing", question.candidates[0], int(bench.now))
    with pytest.raises(InvalidError, match=f"one of {question.candidates[0]}"):
        await link(_shell(bench), question.id, question.identity, int(bench.now))


async def test_of_two_answers_at_once_one_counts() -> None:
    bench, question = await _doubt()
    both = [
        link(_shell(bench), question.id, question.candidates[0], int(bench.now)),
        separate(_shell(bench), question.id),
    ]
    results = await asyncio.gather(*both, return_exceptions=True)
    refused = [each for each in results if isinstance(each, InvalidError | ConflictError)]
    assert len(refused) == 1
    linked = bench.store.asked[question.id].answer is Answer.LINKED
    assert persons(bench) == (together(["registry/p1", "hr/h1"]) if linked else together(["registry/p1"], ["hr/h1"]))
    consistent(bench)


async def test_whoever_dies_while_answering_leaves_a_question_or_an_answer_and_nothing_between() -> None:
    for at in range(1, 40):
        bench, question = await _doubt(first="student")
        into = bench.store.linked["registry", "p1"]
        died = await bench.killed(link(_shell(bench), question.id, into, int(bench.now)), at)
        consistent(bench)
        if bench.store.asked[question.id].answer is Answer.OPEN:
            await link(_shell(bench), question.id, into, int(bench.now))
        await bench.settle()
        assert persons(bench) == together(["registry/p1", "hr/h1"]), at
        if not died:
            return
    raise AssertionError("more awaits than expected")
