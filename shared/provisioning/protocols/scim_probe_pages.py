"""How an SCIM SP gives long lists: by index, by cursor (RFC 9865), and so many at a time (RFC 7644 3.4.2.4)."""

from collections.abc import Generator
from typing import Final

from provisioning.protocols.dialogue import Answer, Request
from provisioning.protocols.scim_probe_calls import Looking, Page, Seen, look, unlisted
from provisioning.protocols.scim_resource import member

_FAR: Final = 1_000_000  # beyond any end, where the SP does not count


def pages(looking: Looking, users: Page) -> Generator[Request, Answer, None]:
    """See which way of paging can be relied on, and how large a page may be."""
    ways = {"index": (yield from _index(looking, users)), "cursor": (yield from _cursor(looking, users))}
    held, propose = looking.options.paging, looking.notes.propose
    works = next((way for way in (held, "index", "cursor") if ways.get(way)), None)
    if works is not None:
        propose("scim.paging", works, f"paging by {works} was seen to work")
    elif not any(seen is None for seen in ways.values()):
        propose("scim.paging", "none", "neither startIndex nor a cursor leads on")
    yield from _limit(looking)


def _index(looking: Looking, users: Page) -> Generator[Request, Answer, bool | None]:
    """Whether `startIndex` leads to the second user, and past the end to nobody; None if it could not be seen."""
    about, notes, says = "paging by index", looking.notes, _says(looking, "index")
    start = _FAR if users.total is None else users.total + 1
    page = yield from look(looking, "/Users", startIndex=str(start), count="2")
    if isinstance(page, Seen):
        unlisted(looking, about, page, says, "startIndex past the end", agrees=says == "not supported")
        return False if page.told else None
    if not users.resources:
        notes.unseen(about, "there are no users", says)
        return None
    if page.resources:
        again = "the first page again" if page.ids == users.ids else f"{len(page.resources)} users"
        notes.contradicts(about, f"startIndex past the end gave {again}", says)
        return False
    if len(users.ids) > 1:
        second = yield from look(looking, "/Users", startIndex="2", count="1")
        if isinstance(second, Page) and (not second.resources or second.ids[0] == users.ids[0]):
            notes.contradicts(about, f"startIndex=2 gave {'the first user again' if second.ids else 'nobody'}", says)
            return False
    notes.note(about, "startIndex past the end gave nobody", says, agrees=says != "not supported")
    return True


def _cursor(looking: Looking, users: Page) -> Generator[Request, Answer, bool | None]:
    """Whether a cursor leads from one user to another; None if it could not be seen."""
    about, notes, says = "paging by cursor", looking.notes, _says(looking, "cursor")
    if users.cursor is not None:
        notes.holds("cursor unasked", "nextCursor is sent without being asked for (RFC 9865 allows it)")
    first = yield from look(looking, "/Users", cursor="", count="1")
    if isinstance(first, Seen):
        unlisted(looking, about, first, says, "an empty cursor", agrees=says != "supported")
        return False if first.told else None
    if first.cursor is None:
        one = not users.more and len(users.resources) < 2
        seen = "there are too few users for a second page" if one else "no nextCursor is given"
        (notes.unseen if one else notes.contradicts if says == "supported" else notes.holds)(about, seen, says)
        return None if one else False
    second = yield from look(looking, "/Users", cursor=first.cursor, count="1")
    if isinstance(second, Seen):
        unlisted(looking, about, second, says, "the SP's own nextCursor")
        return False if second.told else None
    moved = not set(first.ids) & set(second.ids)
    seen = "the next page has other users" if moved else "nextCursor gave the first page again"
    notes.note(about, seen, says, agrees=moved and says != "not supported")
    return moved


def _limit(looking: Looking) -> Generator[Request, Answer, None]:
    """See whether a page may have as many users as the service's settings ask for."""
    about, notes = "page size", looking.notes
    said = looking.number("filter", "maxResults"), looking.number("pagination", "maxPageSize")
    limits = [limit for limit in said if limit is not None]
    says, asked = (f"at most {min(limits)}" if limits else ""), min([*limits, looking.options.page])
    page = yield from look(looking, "/Users", count=str(asked))
    if isinstance(page, Seen):
        unlisted(looking, about, page, says, f"a page of {asked}")
        return
    got, fewer = len(page.resources), f"{len(page.resources)} users where {asked} were asked for"
    if got > asked:
        notes.contradicts(about, fewer, says)
    elif got < asked and page.more:
        notes.note(about, f"{fewer} and there are more", says, agrees=not limits)
        if got:
            notes.propose("scim.page", got, f"{fewer} and there are more")
    else:
        notes.holds(about, f"{got} of {asked} users that were asked for", says)
        notes.propose("scim.page", asked, says or "so many can be asked for")


def _says(looking: Looking, way: str) -> str:
    said = member(member(looking.claims, "pagination"), way)
    return {True: "supported", False: "not supported"}[said] if isinstance(said, bool) else ""
