"""All users of an SP, page by page: whoever was there all the time is seen, or the list is said to prove nothing."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from provisioning.core.account import Phase
from provisioning.core.catalog import Service
from provisioning.core.difference import Shown
from provisioning.protocols.dialogue import Ending, HttpRequest, HttpResponse, Outcome
from provisioning.protocols.listing import Page, Restart
from provisioning.protocols.scim_list import list_users, same

WORK = 'emails[type eq "work"].value'


def service(**scim: Any) -> Service:
    return Service.model_validate(
        {
            "id": "library", "protocol": "scim", "endpoint": "https://sp.example",
            "account": {"userName": "person.x", "displayName": "person.x", WORK: "person.x", "password": "person.x"},
            "scim": {"page": 4, **scim},
        }
    )  # fmt: skip


def user(id_: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "userName": f"U-{id_}", "active": True, **more}


Answers = Callable[[dict[str, str]], dict[str, Any]]


def by_index(held: list[dict[str, Any]], *, most: int = 100, counted: bool = True, deaf: bool = False) -> Answers:
    def answer(query: dict[str, str]) -> dict[str, Any]:
        start = 0 if deaf else int(query.get("startIndex", "1")) - 1
        body: dict[str, Any] = {"Resources": held[start : start + min(most, int(query.get("count", "100")))]}
        return {**body, "totalResults": len(held)} if counted else body

    return answer


def ask(of: Service, place: str | None, answers: Answers) -> tuple[Page | Restart | Ending, dict[str, str]]:
    """One page, and what was asked."""
    dialogue = list_users(of, place)
    request = next(dialogue)
    assert isinstance(request, HttpRequest)
    assert (request.method, request.path) == ("GET", "/Users")
    query = dict(request.query)
    try:
        dialogue.send(HttpResponse(200, {}, json.dumps(answers(query)).encode()))
    except StopIteration as stopped:
        result: Page | Restart | Ending = stopped.value
        return result, query
    raise AssertionError("more than one request for a page")


def everybody(
    of: Service, answers: Answers, meanwhile: dict[int, Callable[[], None]] | None = None
) -> tuple[list[str], list[Page]]:
    """Ids in the order in which they were shown, and all pages. `meanwhile`: what happens before a page, by number."""
    place, pages = None, []
    for number in range(100):
        (meanwhile or {}).get(number, lambda: None)()
        page, _ = ask(of, place, answers)
        assert isinstance(page, Page), page
        pages.append(page)
        place = page.place
        if place is None:
            return [each.remote_id for each in page_accounts(pages)], pages
    raise AssertionError("it does not end")


def page_accounts(pages: list[Page]) -> list[Shown]:
    return [each for page in pages for each in page.accounts]


def problems(pages: list[Page]) -> list[str]:
    return [page.problem for page in pages if page.problem]


@pytest.mark.parametrize("number", [0, 1, 3, 4, 5, 7, 8, 23])
@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("most", [2, 3, 100])
def test_everybody_is_shown_once_however_long_the_pages_are(number: int, counted: bool, most: int) -> None:
    held = [user(f"u{each}") for each in range(number)]
    ids, pages = everybody(service(), by_index(held, most=most, counted=counted))
    assert ids == [each["id"] for each in held]
    assert problems(pages) == []


def test_each_page_begins_with_the_last_user_of_the_one_before() -> None:
    held = [user(f"u{each}") for each in range(10)]
    page, query = ask(service(), None, by_index(held))
    assert query == {"count": "4"}
    assert isinstance(page, Page)
    _, query = ask(service(), page.place, by_index(held))
    assert query == {"count": "4", "startIndex": "4"}


@pytest.mark.parametrize(("place", "proven"), [(0, True), (2, True), (3, False)])
def test_a_removal_before_the_place_loses_nobody(place: int, proven: bool) -> None:
    held = [user(f"u{each}") for each in range(12)]
    ids, pages = everybody(service(), by_index(held), {1: lambda: held.__delitem__(place)})
    assert {f"u{each}" for each in range(12) if each != place} <= set(ids)
    assert (not problems(pages)) is proven, "of the very user by whom the place is known, nothing is"


def test_a_removal_and_a_creation_that_leave_the_number_alone_are_noticed() -> None:
    held = [user(f"u{each}") for each in range(12)]

    def exchange() -> None:
        del held[0]
        held.append(user("new"))

    ids, pages = everybody(service(), by_index(held), {1: exchange})
    assert {f"u{each}" for each in range(1, 12)} <= set(ids)
    assert problems(pages) == []


def test_where_the_place_is_lost_the_list_proves_nothing() -> None:
    held = [user(f"u{each}") for each in range(12)]

    def shuffle() -> None:
        held[:] = [user(f"v{each}") for each in range(12)]

    _, pages = everybody(service(), by_index(held), {1: shuffle})
    assert problems(pages) == ["the list changed while it was read, and the place in it was lost"]


@pytest.mark.parametrize(("made", "proven"), [(1, True), (3, True), (6, False)])
def test_users_that_are_made_before_the_place_lose_nobody(made: int, proven: bool) -> None:
    held = [user(f"u{each}") for each in range(12)]
    more = [user(f"n{each}") for each in range(made)]
    ids, pages = everybody(service(), by_index(held), {1: lambda: held.__setitem__(slice(0, 0), more)})
    assert {f"u{each}" for each in range(12)} <= set(ids)
    assert (not problems(pages)) is proven


@pytest.mark.parametrize("counted", [True, False])
def test_an_sp_that_knows_no_start_index_is_found_out(counted: bool) -> None:
    held = [user(f"u{each}") for each in range(12)]
    ids, pages = everybody(service(), by_index(held, counted=counted, deaf=True))
    assert set(ids) == {"u0", "u1", "u2", "u3"}
    assert problems(pages) or pages[-1].total == 12, "the number tells, or the page that came again"


def test_a_list_by_cursor_ends_where_there_is_no_next_one() -> None:
    held = [user(f"u{each}") for each in range(6)]

    def answer(query: dict[str, str]) -> dict[str, Any]:
        start = int(query["cursor"] or 0)
        more = {"nextCursor": str(start + 4)} if start + 4 < len(held) else {}
        return {"Resources": held[start : start + 4], **more}

    ids, pages = everybody(service(paging="cursor"), answer)
    assert (ids, problems(pages), pages[-1].total) == ([each["id"] for each in held], [], None)


def test_a_cursor_that_comes_again_ends_a_list_that_proves_nothing() -> None:
    _, pages = everybody(service(paging="cursor"), lambda _: {"Resources": [user("u1")], "nextCursor": "again"})
    assert problems(pages) == ["the SP gives the same cursor again"]


def test_an_sp_without_pages_proves_its_list_by_its_number() -> None:
    held = [user("u1"), user("u2")]
    assert problems(everybody(service(paging="none"), by_index(held))[1]) == []
    _, pages = everybody(service(paging="none"), by_index(held, counted=False))
    assert problems(pages) == ["the SP does not say how many accounts it has"]


@pytest.mark.parametrize("kind", ["expiredCursor", "invalidCursor"])
def test_a_cursor_that_is_refused_means_from_the_beginning(kind: str) -> None:
    of = service(paging="cursor")
    page, _ = ask(of, None, lambda _: {"Resources": [user("u1")], "nextCursor": "x"})
    assert isinstance(page, Page)
    dialogue = list_users(of, page.place)
    next(dialogue)
    with pytest.raises(StopIteration) as stopped:
        dialogue.send(HttpResponse(400, {}, json.dumps({"scimType": kind}).encode()))
    assert isinstance(stopped.value.value, Restart)


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (HttpResponse(503, {"retry-after": "7"}), Outcome.TRANSIENT),
        (HttpResponse(501), Outcome.PERMANENT),
        (HttpResponse(200, {}, b"<html>"), Outcome.TRANSIENT),
        (HttpResponse(200, {}, b'{"Resources": [{"userName": "no id"}]}'), Outcome.TRANSIENT),
    ],
)
def test_what_is_no_page_is_an_ending(response: HttpResponse, outcome: Outcome) -> None:
    dialogue = list_users(service(), None)
    next(dialogue)
    with pytest.raises(StopIteration) as stopped:
        dialogue.send(response)
    assert stopped.value.value.outcome is outcome


def test_an_account_is_shown_at_the_services_own_paths_only() -> None:
    held = [
        user("u1", externalId="i1", displayName="Ann", nickName="A", active=False,
             emails=[{"type": "work", "value": "a@x"}, {"type": "home", "value": "b@x"}])
    ]  # fmt: skip
    page, _ = ask(service(), None, by_index(held))
    assert isinstance(page, Page)
    values = {"userName": "U-u1", "displayName": "Ann", WORK: "a@x"}
    assert page.accounts == (Shown("u1", "i1", "u-u1", Phase.SUSPENDED, values),)


def test_values_that_an_sp_hides_are_not_compared_and_what_it_keeps_of_the_removed_is_gone() -> None:
    held = [user("u1", externalId="i1", active=False)]
    page, _ = ask(service(hides_suspended=True, delete="deactivates"), None, by_index(held))
    assert isinstance(page, Page)
    (shown,) = page.accounts
    assert (shown.values, shown.match, shown.gone) == (None, "", True)


def test_values_are_compared_as_deliveries_compare_them() -> None:
    compare = same(service())
    assert compare("displayName", "Ann", "Ann")
    assert not compare("displayName", "ann", "Ann")
    assert not compare("displayName", None, "Ann")
    assert compare("displayName", None, "")
    assert compare("password", None, "secret"), "no SP ever shows it"
    assert compare("emails", [{"value": "b", "type": "x"}, {"value": "a"}], ["a", "b"]), "in another order, with more"
