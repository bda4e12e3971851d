"""How an SCIM SP shows one user: identifiers, versions (RFC 7644 3.14), and what it says of one that is not there."""

from collections.abc import Generator
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from provisioning.core.account import Json
from provisioning.protocols.dialogue import Answer, Request
from provisioning.protocols.probing import NOBODY
from provisioning.protocols.scim_calls import id_of, place_of
from provisioning.protocols.scim_probe_calls import Looking, Page, ask, unlisted, version_of

_NOT_THERE: Final = (400, 403, 410)


def shape(looking: Looking, users: Page, asked: int) -> None:
    """Note whether the list of users is as the standard has it (RFC 7644 3.4.2)."""
    problems = []
    if users.total is None:
        problems.append("no totalResults")
    if len(users.resources) > asked:
        problems.append(f"{len(users.resources)} users where count={asked}")
    if not all(users.ids) or len(set(users.ids)) < len(users.ids):
        problems.append("users without an id of their own")
    if not users.spelled:
        problems.append("`Resources` is spelled in another case")
    count = "an unknown number" if users.total is None else f"{users.total} in all"
    seen = f"{count}; " + ("; ".join(problems) or "a list as RFC 7644 3.4.2 has it")
    looking.notes.note("Users", seen, agrees=not problems)


def versions(looking: Looking, users: Page) -> Generator[Request, Answer, None]:
    """See whether versions are given that stay while nothing changes."""
    about, notes, says = "etag", looking.notes, looking.says("etag")
    first = next((identifier for identifier in users.ids if identifier is not None), None)
    if first is None:
        notes.unseen(about, "there is no user to look at", says)
        return
    shown = yield from ask(looking, place_of("Users", first))
    if shown.body is None or id_of(shown.body) != first:
        other = shown if shown.why else replace(shown, why="is another")
        unlisted(looking, "one user", other, what="a user of the list, asked for by its id,")
        return
    version = version_of(shown.body, shown.etag)
    if not version:
        notes.note(about, "no version is given", says, agrees=looking.claim("etag") is not True)
        notes.propose("scim.etag", "never", "no version is given of a user")
        return
    again = yield from ask(looking, place_of("Users", first), unless=version)
    if again.status == HTTPStatus.NOT_MODIFIED:
        notes.note(about, "versions are given and honoured", says, agrees=looking.claim("etag") is not False)
        _with_version(looking)
        return
    if again.body is None:
        unlisted(looking, about, again, says, "a version is given; If-None-Match with it")
        return
    stays = version_of(again.body, again.etag) == version
    seen = "versions are given; If-None-Match is ignored" if stays else "the version changed and nothing else did"
    notes.note(about, seen, says, agrees=False)
    if stays:
        _with_version(looking)
    else:
        notes.propose("scim.etag", "never", "the version of a user changes while nothing else does")


def _with_version(looking: Looking) -> None:
    """Versions can be sent back; whether they must be, only a change would show."""
    held = looking.options.etag
    looking.notes.propose("scim.etag", "shown" if held == "never" else held, "versions are given, and stay")


def missing(looking: Looking) -> Generator[Request, Answer, None]:
    """Note what the SP says of a user that it cannot have: 404 (RFC 7644 3.12) is how the engine sees a removal."""
    seen, notes = (yield from ask(looking, place_of("Users", NOBODY))), looking.notes
    if not seen.told:
        notes.unseen("a user that is not there", seen.why)
    elif seen.status == HTTPStatus.NOT_FOUND:
        notes.holds("a user that is not there", "answered 404")
    else:
        notes.contradicts("a user that is not there", seen.why or "answered as if it were", "404 by RFC 7644 3.12")
        if seen.status in _NOT_THERE and seen.status not in looking.options.not_found:
            statuses: list[Json] = [*sorted({*looking.options.not_found, seen.status})]
            notes.propose("scim.not_found", statuses, f"{seen.status} is the answer for a user that is not there")
