"""What a probe of an SCIM SP asks, and what it makes of the answers: only GETs, and nothing of a person is kept."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final

from provisioning.core.account import Json
from provisioning.core.catalog import Scim, Service
from provisioning.protocols.dialogue import Answer, Request, Unanswered
from provisioning.protocols.ending import read_object, status_of
from provisioning.protocols.probing import Notes, plain
from provisioning.protocols.scim_calls import Resource, get, id_of
from provisioning.protocols.scim_resource import member

REFUSED: Final = (401, 403)
_LATER: Final = (429, 503)
_REDIRECT: Final = range(300, 400)
_MODIFIED_NOT: Final = 304


@dataclass(slots=True)
class Looking:
    """One probe under way.

    `options`: what holds for the service now; `claims`: what ServiceProviderConfig says; `stopped`: why nothing more
    is asked.
    """

    service: Service
    options: Scim
    notes: Notes = field(default_factory=Notes)
    claims: Mapping[str, Json] = field(default_factory=dict)
    stopped: str = ""

    def claim(self, name: str) -> bool | None:
        """Whether the SP says that it supports something; None if it does not say."""
        said = member(member(self.claims, name), "supported")
        return said if isinstance(said, bool) else None

    def says(self, name: str) -> str:
        """The same in words, for findings."""
        return {True: "supported", False: "not supported", None: ""}[self.claim(name)]

    def number(self, name: str, of: str) -> int | None:
        """A whole number above 0 among the claims, or None."""
        said = member(member(self.claims, name), of)
        return said if isinstance(said, int) and not isinstance(said, bool) and said > 0 else None


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer. `body`: its JSON object if it is a success with one; else `why` says what it is instead."""

    status: int
    body: Resource | None
    etag: str
    why: str

    @property
    def told(self) -> bool:
        """Whether the SP said anything about what it was asked, and not only that it cannot just now."""
        return self.status != 0 and self.status not in _LATER


@dataclass(frozen=True, slots=True)
class Page:
    """A list of resources. `total`: as the SP counts; `cursor`: where it says the next page begins."""

    resources: tuple[Resource, ...]
    total: int | None
    cursor: str | None
    spelled: bool  # its members are under the name of the standard

    @property
    def ids(self) -> tuple[str | None, ...]:
        """What its resources are called."""
        return tuple(id_of(resource) for resource in self.resources)

    @property
    def more(self) -> bool:
        """Whether the SP says that it has more than this page."""
        return self.cursor is not None or (self.total is not None and self.total > len(self.resources))


def ask(
    looking: Looking, path: str, query: Mapping[str, str] | None = None, unless: str = ""
) -> Generator[Request, Answer, Seen]:
    """Ask for something; `unless` it still has this version. After a word that we are too fast, nothing is asked."""
    if looking.stopped:
        return Seen(0, None, "", f"not asked: {looking.stopped}")
    request = get(path, query)
    if unless:
        request = replace(request, headers={**request.headers, "if-none-match": unless})
    answer = yield request
    if isinstance(answer, Unanswered):
        if not answer.sent:
            looking.stopped = plain(answer.reason)
        return Seen(0, None, "", f"not answered: {plain(answer.reason)}")
    status = status_of(answer)
    if status in _LATER:
        looking.stopped = f"the SP answered {status}, which asks us to wait: probe again later"
    body, headers = read_object(answer), getattr(answer, "headers", {})
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Seen(status, None, "", _refusal(status, body))
    why = "" if body is not None else "answered with something that is not a JSON object"
    return Seen(status, body, headers.get("etag", ""), why)


def look(looking: Looking, path: str, **query: str) -> Generator[Request, Answer, Page | Seen]:
    """Ask for a list of resources: the page, or the answer if it is none (RFC 7644 3.4.2)."""
    seen = yield from ask(looking, path, query)
    if seen.body is None:
        return seen
    entries, total = member(seen.body, "Resources"), member(seen.body, "totalResults")
    counted = isinstance(total, int) and not isinstance(total, bool)
    if entries is None and counted and total == 0:
        entries = []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return replace(seen, body=None, why="answered with something that is not a list of resources")
    cursor = member(seen.body, "nextCursor")
    return Page(
        tuple(entry for entry in entries if isinstance(entry, dict)),
        total if counted and isinstance(total, int) and total >= 0 else None,
        cursor if isinstance(cursor, str) and cursor else None,
        "Resources" in seen.body or not entries,
    )


def unlisted(looking: Looking, about: str, seen: Seen, says: str = "", what: str = "", *, agrees: bool = False) -> None:
    """Note an answer that is no list. `agrees`: it is what the SP says, or none is needed."""
    text = f"{what} {seen.why}".lstrip()
    if seen.told:
        looking.notes.note(about, text, says, agrees=agrees)
    else:
        looking.notes.unseen(about, text, says)


def version_of(resource: Resource, etag: str = "") -> str:
    """The version that an SP gives of a resource, in the header or in `meta.version` (RFC 7644 3.14); or nothing."""
    shown = member(member(resource, "meta"), "version")
    return etag or (shown if isinstance(shown, str) else "")


def _refusal(status: int, body: Resource | None) -> str:
    if status in _REDIRECT and status != _MODIFIED_NOT:
        return f"answered {status}: a redirect, and none is followed"
    said = member(body, "scimType")
    return f"answered {status}" + (f" {plain(said)}" if isinstance(said, str) and said else "")
