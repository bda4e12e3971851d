"""Whether an SCIM SP's filters find what is there, and nobody else (RFC 7644 3.4.2.2)."""

from collections.abc import Generator
from typing import Final

from provisioning.protocols.dialogue import Answer, Request
from provisioning.protocols.probing import NOBODY
from provisioning.protocols.scim_calls import Resource, id_of
from provisioning.protocols.scim_filter import equals
from provisioning.protocols.scim_lookup import MARK
from provisioning.protocols.scim_probe_calls import Looking, Page, Seen, look, unlisted
from provisioning.protocols.scim_resource import Path, read_path, value_at

_CANNOT: Final = (400, 501)
_VALUE_PATH: Final = 'emails[type eq "work"].value'


def filters(looking: Looking, users: Page) -> Generator[Request, Answer, None]:
    """Try the filters by which the engine finds an account: our mark, the match attribute, and a value path."""
    match = looking.service.match
    works: dict[str, bool | None] = {}
    for name in dict.fromkeys((MARK, match)):
        works[name] = yield from _filter(looking, users, read_path(name))
    if works[match] is False:
        looking.notes.propose("scim.filter", "none", f"a filter on {match} does not find who is there, or finds others")
    elif works[match]:
        both = yield from _value_path(looking)
        if both is not None:
            seen = "are understood" if both else "are not understood"
            looking.notes.propose("scim.filter", "and" if both else "eq", f"value paths with `and` {seen}")


def _value_path(looking: Looking) -> Generator[Request, Answer, bool | None]:
    """Whether a filter with a value path that matches nobody gives nobody; None if it could not be seen."""
    about, notes = "filter on a value path", looking.notes
    wanted = equals(read_path(_VALUE_PATH), NOBODY)
    nobody = yield from look(looking, "/Users", filter=wanted, count="2")
    if isinstance(nobody, Seen):
        unlisted(looking, about, nobody, looking.says("filter"))
        return False if nobody.status in _CANNOT else None
    seen = "ignored: one that matches nobody gave users" if nobody.resources else "one that matches nobody gave nobody"
    notes.note(about, seen, looking.says("filter"), agrees=not nobody.resources)
    return not nobody.resources


def _filter(looking: Looking, users: Page, path: Path) -> Generator[Request, Answer, bool | None]:
    """Whether a filter can be relied on; None if it could not be seen."""
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
