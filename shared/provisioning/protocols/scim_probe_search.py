"""Whether an SCIM SP's filters find what is there, and nobody else (RFC 7644 3.4.2.2)."""

from collections.abc import Generator, Mapping
from typing import Final

from provisioning.protocols.dialogue import Answer, Request
from provisioning.protocols.probing import NOBODY
from provisioning.protocols.scim_calls import Resource, id_of
from provisioning.protocols.scim_filter import equals
from provisioning.protocols.scim_lookup import MARK
from provisioning.protocols.scim_probe_calls import Looking, Page, Seen, look, unlisted
from provisioning.protocols.scim_resource import Path, read_path, value_at

_CANNOT: Final = (400, 501)


def filters(looking: Looking, users: Page) -> Generator[Request, Answer, Mapping[str, bool | None]]:
    """Try the two filters by which the engine finds an account: our mark, and the service's match attribute.

    Says of each attribute whether a filter can be relied on; None if it could not be seen.
    """
    works: dict[str, bool | None] = {}
    for name in dict.fromkeys((MARK, looking.service.match)):
        works[name] = yield from _filter(looking, users, read_path(name))
    return works


def _filter(looking: Looking, users: Page, path: Path) -> Generator[Request, Answer, bool | None]:
    about, notes = f"filter on {path.text}", looking.notes
    says = looking.says("filter")
    nobody = yield from look(looking, "/Users", filter=equals(path, NOBODY), count="2")
    if isinstance(nobody, Seen):
        cannot = nobody.status in _CANNOT
        unlisted(looking, about, nobody, says, "refused:" if cannot else "", agrees=looking.claim("filter") is False)
        return False if cannot else None
    if nobody.resources:
        notes.contradicts(about, f"ignored: one that matches nobody gave {_everyone(nobody, users)}", says)
        return False
    holder = next((user for user in users.resources if id_of(user) and isinstance(value_at(user, path), str)), None)
    if holder is None:
        notes.unseen(about, "one that matches nobody gave nobody; no user shows a value to look for", says)
        return None
    return (yield from _finds(looking, about, path, holder))


def _finds(looking: Looking, about: str, path: Path, holder: Resource) -> Generator[Request, Answer, bool | None]:
    """Look for a user that was seen, by its value and by the same in the other case."""
    value, notes, says = value_at(holder, path), looking.notes, looking.says("filter")
    found = yield from look(looking, "/Users", filter=equals(path, value), count="2")
    if isinstance(found, Seen):
        notes.unseen(about, f"one that matches nobody gave nobody; one for a user that is there: {found.why}", says)
        return None
    if id_of(holder) not in found.ids:
        notes.contradicts(about, "it finds nobody, also for a user whom the SP has just shown", says)
        return False
    if len(found.resources) > 1:
        notes.contradicts(about, "several users have one value, or it finds more than it was asked for", says)
        return False
    seen = "it finds who is there and nobody else"
    other = value.swapcase() if isinstance(value, str) else value
    if other != value:
        folded = yield from look(looking, "/Users", filter=equals(path, other), count="2")
        if isinstance(folded, Page):
            is_same = id_of(holder) in folded.ids
            seen += "; case makes no difference" if is_same else "; it tells upper from lower case"
    notes.note(about, seen, says, agrees=looking.claim("filter") is not False)
    return True


def _everyone(page: Page, users: Page) -> str:
    return "the first page of everyone" if page.ids == users.ids else f"{len(page.resources)} users"
