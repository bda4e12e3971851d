"""The benchmark of deliveries measures what it says, at a small size."""

from tests.bench import delivery_members
from tests.bench.delivery import KINDS, bars_of, measure
from tests.bench.delivery_engine import SERVICE, engine
from tests.bench.delivery_limit import bare_client, recording
from tests.bench.delivery_sp import provided

PEOPLE = 30


async def test_every_operation_is_one_call_and_both_make_as_many() -> None:
    measured = await measure(PEOPLE, turn=20, warm=10)
    assert list(measured) == list(KINDS)
    for one in measured.values():
        assert (one.engine.operations, one.limit.operations) == (PEOPLE, PEOPLE)
        assert (one.engine.calls, one.limit.calls) == (PEOPLE, PEOPLE)
        assert len(one.engine.wall) == len(one.limit.cpu) == 2  # turns


async def test_bars_are_about_rates_and_calls() -> None:
    bars = {bar.name: bar for bar in bars_of(await measure(10, turn=10, warm=10))}
    assert [bar.limit for bar in bars.values()] == [0.5, 0.5, 1.0, 1.0]
    assert bars["create: SP calls / operation"].kept
    assert bars["patch: SP calls / operation"].kept


async def test_the_limit_sends_what_the_engine_sends() -> None:
    async with recording() as (recorder, url), engine(url) as ours, bare_client() as send:
        for version in KINDS.values():
            await ours.deliver(await ours.bells(range(PEOPLE), version))
            sent = recorder.sent_to(url)
            await send(sent)
            again = recorder.sent_to(url)
            assert sorted(map(repr, sent)) == sorted(map(repr, again))
            assert {one.headers["authorization"] for one in sent} == {"Bearer a-token-of-the-library"}


async def test_changes_are_one_patch_of_what_changed() -> None:
    with provided() as provider:
        async with engine(provider.url) as ours:
            for version in KINDS.values():
                await ours.deliver(await ours.bells(range(PEOPLE), version))
            assert provider.calls() == {"POST": PEOPLE, "PATCH": PEOPLE}
            assert ours.settled() == PEOPLE
            account = next(iter(ours.store.accounts.values()))[SERVICE]
            assert account.known.values["title"] == "Student, year 2"
            assert account.turn == 2


async def test_members_of_one_group_are_changed_a_hundred_at_a_time() -> None:
    with provided() as provider:
        assert await delivery_members.calls(provider.url, 300) <= 300 // delivery_members.BATCH + delivery_members.ROOM
