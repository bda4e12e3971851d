"""Whether an SCIM SP has groups, and whether it shows their members by the users' own identifiers (RFC 7643 4.2)."""

from collections.abc import Generator
from http import HTTPStatus
from typing import Final

from provisioning.core.account import Json
from provisioning.protocols.dialogue import Answer, Request
from provisioning.protocols.probing import NOBODY
from provisioning.protocols.scim_calls import id_of, place_of
from provisioning.protocols.scim_filter import equals
from provisioning.protocols.scim_probe_calls import Looking, Page, Seen, ask, look, unlisted
from provisioning.protocols.scim_resource import member, read_path

FEW: Final = 3  # groups that are looked into


def groups(looking: Looking) -> Generator[Request, Answer, None]:
    """See whether groups are there, are found by name, and show who is in them."""
    page, notes = (yield from look(looking, "/Groups", count=str(FEW))), looking.notes
    if isinstance(page, Seen):
        needed = bool(looking.service.groups)
        what = "the service has groups, and GET /Groups" if needed else "GET /Groups"
        unlisted(looking, "Groups", page, what=what, agrees=not needed)
        return
    notes.holds("Groups", "an unknown number" if page.total is None else f"{page.total} in all")
    yield from _by_name(looking, page)
    yield from _members(looking, page)


def _by_name(looking: Looking, page: Page) -> Generator[Request, Answer, None]:
    about, notes, says = "filter on Groups' displayName", looking.notes, looking.says("filter")
    nobody = yield from look(looking, "/Groups", filter=equals(read_path("displayName"), NOBODY), count="2")
    if isinstance(nobody, Seen):
        unlisted(looking, about, nobody, says, agrees=looking.claim("filter") is False)
    elif nobody.resources:
        notes.contradicts(about, "ignored: one that matches no group gave groups", says)
    elif not page.resources:
        notes.unseen(about, "there are no groups", says)
    else:
        notes.note(about, "one that matches no group gave none", says, agrees=looking.claim("filter") is not False)


def _members(looking: Looking, page: Page) -> Generator[Request, Answer, None]:
    """See whether members are shown, and are users as the SP knows them."""
    about, notes = "members of groups", looking.notes
    if not page.resources:
        notes.unseen(about, "there are no groups")
        return
    entry, where = yield from _someone(looking, page)
    if entry is None:
        notes.unseen(about, f"none of {len(page.resources[:FEW])} groups shows one: they may be empty, or hidden")
        return
    value = id_of({"id": member(entry, "value")})
    user = (yield from ask(looking, place_of("Users", value))) if value is not None else None
    strange = user is None or user.status == HTTPStatus.NOT_FOUND
    seen = f"{where}, under an identifier that no user has" if strange else where
    notes.note(about, seen, agrees=not strange)
    notes.propose("scim.members_shown", not strange, f"members are {seen}")


def _someone(looking: Looking, page: Page) -> Generator[Request, Answer, tuple[Json, str]]:
    """A user who is in one of the first groups, and where that is shown; None for nobody."""
    for group in page.resources[:FEW]:
        entry = _first(member(group, "members"))
        if entry is not None:
            return entry, "shown in lists"
        identifier = id_of(group)
        if identifier is not None:
            shown = yield from ask(looking, place_of("Groups", identifier))
            entry = _first(member(shown.body, "members"))
            if entry is not None:
                return entry, "shown only where one group is asked for"
    return None, ""


def _first(members: Json) -> Json:
    """A member that is a user, or does not say what it is."""
    entries = members if isinstance(members, list) else []
    return next((each for each in entries if isinstance(each, dict) and member(each, "type") in (None, "User")), None)
