"""Lists that never end, go round in circles, or cannot be asked for one: look-ups end, and claim nothing unproven."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from provisioning.core.account import Known
from provisioning.protocols.dialogue import Ending, Outcome
from tests.delivery.grader import Call
from tests.delivery.scim_sp import Rules
from tests.delivery.scim_sp_patch import RefusedError
from tests.delivery.scim_world import MARK, World, world

NO_FILTER = {"filter": "none", "page": 10}


@asynccontextmanager
async def among(rules: Rules, scim: dict[str, Any], others: int = 95, **changes: Any) -> AsyncIterator[World]:
    """An SP with others' accounts, and ours behind them, of which we know nothing but that it may be there."""
    async with world(rules, scim, **changes) as at:
        for number in range(others):
            at.sp.plant(f"other-{number}", userName=f"user{number}")
        at.sp.plant(MARK, userName="ann.other")
        yield at


async def look(at: World) -> tuple[Ending, list[Call]]:
    """A delivery that begins with a look: how it ended, and the calls that read lists."""
    ending = await at.deliver(await at.want(), look=True)
    return ending, [call for call in at.grader.calls if call.method == "GET"]


@pytest.mark.parametrize("filters", ["served", "ignored", "refused"])
@pytest.mark.parametrize(("paging", "scim"), [
    ("index", {}), ("rewinds", {}), ("unasked", {}), ("cursor", {"paging": "cursor"}),
])  # fmt: skip
async def test_without_filters_all_is_read_once_and_ours_is_found(filters: Any, paging: Any, scim: Any) -> None:
    rules = Rules(filters=filters, paging=paging, most=10, unknown_query=("filter",))
    async with among(rules, {**NO_FILTER, **scim}) as at:
        ending, pages = await look(at)
        assert (ending.outcome, ending.known.remote_id) == (Outcome.DONE, "planted-95")
        assert len(pages) == 10
        assert not any("filter" in page.query for page in pages)


@pytest.mark.parametrize(("paging", "scim"), [("index", {}), ("rewinds", {}), ("cursor", {"paging": "cursor"})])
@pytest.mark.parametrize("counted", [True, False])
async def test_that_there_is_none_is_proven_by_having_seen_all(paging: Any, scim: Any, counted: bool) -> None:
    async with among(Rules(paging=paging, most=10, counted=counted), {**NO_FILTER, **scim}) as at:
        at.sp.users.popitem()
        ending, pages = await look(at)
        assert (ending.outcome, len(at.sp.users)) == (Outcome.DONE, 96)
        assert len(pages) <= 11


@pytest.mark.parametrize("counted", [True, False])
async def test_an_sp_that_shows_its_first_page_again_and_again_proves_nothing(counted: bool) -> None:
    async with among(Rules(paging="deaf", most=10, counted=counted), NO_FILTER) as at:
        ending, pages = await look(at)
        assert (ending.outcome, len(pages), len(at.sp.users)) == (Outcome.PERMANENT, 2, 96)


async def test_more_than_the_bound_waits_for_a_person_who_is_told_why() -> None:
    async with among(Rules(most=10), {**NO_FILTER, "pages": 4}) as at:
        ending, pages = await look(at)
        assert (ending.outcome, ending.known, len(pages), len(at.sp.users)) == (Outcome.PERMANENT, Known(), 4, 96)
        assert "scim.filter is none, and 4 pages with 40 Users are not all" in ending.reason


async def test_a_filter_that_is_ignored_is_noticed_on_the_first_page() -> None:
    async with among(Rules(filters="ignored", most=10), {}) as at:
        ending, pages = await look(at)
        assert (ending.outcome, len(pages), len(at.sp.users)) == (Outcome.PERMANENT, 2, 96)


async def test_groups_are_found_without_filters_too() -> None:
    async with among(Rules(filters="refused", most=10), NO_FILTER, others=1) as at:
        for number in range(25):
            at.sp.groups[f"g{number}"] = {"id": f"g{number}", "displayName": f"group{number}", "members": []}
        await at.done(await at.want(groups=("group24", "new")), look=True)
        assert (at.memberships, len(at.sp.groups)) == (["group24", "new"], 26)


@pytest.mark.parametrize("scim_type", ["invalidCursor", "expiredCursor", "invalidCount"])
async def test_a_cursor_that_is_refused_is_begun_again_once(scim_type: str) -> None:
    async with among(Rules(paging="cursor", most=10), {**NO_FILTER, "paging": "cursor"}) as at:
        refuse_after(at, 3, scim_type)
        ending, pages = await look(at)
        assert (ending.outcome, ending.known.remote_id, len(pages)) == (Outcome.DONE, "planted-95", 14)
        assert [page.query["cursor"] for page in pages].count("") == 2
        assert ("count" in pages[-1].query) is (scim_type != "invalidCount")


async def test_a_cursor_that_is_always_refused_ends_the_look_up() -> None:
    async with among(Rules(paging="cursor", most=10), {**NO_FILTER, "paging": "cursor"}) as at:
        refuse_after(at, 1, "expiredCursor", again=True)
        ending, pages = await look(at)
        assert (ending.outcome, len(pages), len(at.sp.users)) == (Outcome.PERMANENT, 4, 96)


async def test_a_count_that_is_too_high_for_a_cursor_is_left_to_the_sp() -> None:
    rules = Rules(paging="cursor", most=10, default=10, refuses_more=True)
    async with among(rules, {"filter": "none", "paging": "cursor"}) as at:
        ending, pages = await look(at)
        assert (ending.known.remote_id, len(pages)) == ("planted-95", 11)


async def test_a_list_that_shrinks_while_it_is_read_is_read_again() -> None:
    async with among(Rules(most=10), NO_FILTER) as at:

        def remove() -> None:
            del at.sp.users["planted-0"]  # what is at 10, and would be the first of the second page, moves up

        at.sp.before["GET"] = lambda: at.sp.before.update(GET=remove)
        ending, pages = await look(at)
        assert (ending.outcome, ending.known.remote_id) == (Outcome.DONE, "planted-95")
        assert [page.query.get("startIndex", "1") for page in pages[:3]] == ["1", "11", "1"]


async def test_a_filter_that_is_served_needs_no_count_and_no_second_page() -> None:
    async with among(Rules(most=10), {}) as at:
        ending, pages = await look(at)
        assert (ending.known.remote_id, [page.query for page in pages]) == (
            "planted-95", [{"filter": f'externalId eq "{MARK}"'}],
        )  # fmt: skip


def refuse_after(at: World, pages: int, scim_type: str, *, again: bool = False) -> None:
    """After so many pages the SP refuses one, and with `again` every such page."""
    left = [pages]

    def count() -> None:
        at.sp.before["GET"] = count
        left[0] -= 1
        if left[0] < 0:
            if again:
                left[0] = pages
            else:
                del at.sp.before["GET"]
            raise RefusedError(400, scim_type)

    at.sp.before["GET"] = count
