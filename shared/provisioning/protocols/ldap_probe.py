"""What a directory is like: its root DSE (RFC 4512 5.1), and whether the places of the service's settings are there."""

from collections.abc import Generator
from typing import Final

from provisioning.core.catalog import Ldap, Service
from provisioning.protocols.dialogue import Answer, Request, Unanswered
from provisioning.protocols.ldap_account import options
from provisioning.protocols.ldap_calls import ANY
from provisioning.protocols.ldap_ending import CODES, NO_SUCH_OBJECT, SIZE_LIMIT, SUCCESS
from provisioning.protocols.ldap_message import LdapEntry, LdapResult, LdapSearch
from provisioning.protocols.ldap_names import beneath, equals
from provisioning.protocols.probing import NOBODY, Notes, Probing, listed, plain, refused

START_TLS: Final = "1.3.6.1.4.1.1466.20037"
_KNOWN: Final = {
    START_TLS: "StartTLS",
    "1.2.840.113556.1.4.319": "paged results",
    "1.3.6.1.4.1.42.2.27.8.5.1": "password policy",
    "1.3.6.1.4.1.4203.1.11.1": "password modify",
    "1.3.6.1.4.1.4203.1.11.3": "who am I",
    "1.3.6.1.1.21.1": "transactions",
}
_ROOT: Final = ("supportedLDAPVersion", "namingContexts", "supportedControl", "supportedExtension", "vendorName")
_CLASSES: Final = ("groupOfNames", "groupOfUniqueNames", "posixGroup")
_FEW: Final = 5  # groups that are looked at


def probe(service: Service) -> Probing:
    """Read the root DSE, the places of the settings, and search for nobody. Refused where nothing can be read."""
    held, notes = options(service), Notes()
    root = yield from _search(LdapSearch("", "base", ANY, _ROOT, 1))
    if isinstance(root, str):
        return refused(f"the root DSE: {root}")
    if root:
        _root(service, held, notes, root[0])
    else:
        notes.contradicts("root DSE", "it is not shown; RFC 4512 5.1 asks for it")
    for setting, place in (("base", held.base), ("groups", held.groups), ("suspended_in", held.suspended_in)):
        if place is not None:
            yield from _place(notes, f"ldap.{setting}", place)
    yield from _filters(service, held, notes)
    yield from _groups(held, notes)
    return notes.found()


def _root(service: Service, held: Ldap, notes: Notes, root: LdapEntry) -> None:
    versions = _texts(root, "supportedLDAPVersion")
    notes.note("version", f"LDAP {listed(versions)}", agrees="3" in versions)
    contexts = [text for text in _texts(root, "namingContexts") if text]
    inside = any(beneath(held.base, context) for context in contexts)
    seen = "ldap.base is in one of them" if inside else "ldap.base is in none of them"
    if contexts:
        notes.note("naming contexts", seen, listed(contexts), agrees=inside)
    else:
        notes.unseen("naming contexts", "none are shown")
    offered = [*_texts(root, "supportedControl"), *_texts(root, "supportedExtension")]
    words = [name for number, name in _KNOWN.items() if number in offered]
    notes.unseen("controls and extensions", f"{len(offered)} in all", listed(words))
    if service.endpoint.startswith("ldap:") and START_TLS in offered:
        notes.propose("ldap.start_tls", value=True, because="it is offered, and the endpoint has no TLS of its own")


def _place(notes: Notes, setting: str, place: str) -> Generator[Request, Answer, None]:
    found = yield from _search(LdapSearch(place, "base", ANY, ("objectClass",), 1))
    if isinstance(found, str):
        notes.contradicts(setting, found)
    else:
        notes.note(setting, "it is there" if found else "it is not shown", agrees=bool(found))


def _filters(service: Service, held: Ldap, notes: Notes) -> Generator[Request, Answer, None]:
    for name in dict.fromkeys((held.owner, service.match)):
        wanted = equals(name, NOBODY.encode())
        found = yield from _search(LdapSearch(held.base, "subtree", wanted, ("objectClass",), 2))
        if isinstance(found, str):
            notes.unseen(f"search by {name}", found)
        else:
            seen = f"one that matches nobody gave {len(found) or 'no'} entries"
            notes.note(f"search by {name}", seen, agrees=not found)


def _groups(held: Ldap, notes: Notes) -> Generator[Request, Answer, None]:
    """See of which class the groups are that exist already."""
    if held.groups is None:
        return
    wanted = "".join(equals("objectClass", name.encode()) for name in _CLASSES)
    found = yield from _search(LdapSearch(held.groups, "subtree", f"(|{wanted})", ("objectClass",), _FEW))
    if isinstance(found, str) or not found:
        notes.unseen("group class", found if isinstance(found, str) else "there are no groups")
        return
    classes = {text.casefold() for entry in found for text in _texts(entry, "objectClass")}
    kinds = {name for name in _CLASSES if name.casefold() in classes}
    notes.note("group class", listed(sorted(kinds)), agrees=held.group_class in kinds)
    if len(kinds) == 1:
        notes.propose("ldap.group_class", kinds.pop(), "the groups that are there are of this class")


def _search(request: LdapSearch) -> Generator[Request, Answer, tuple[LdapEntry, ...] | str]:
    """The entries that are shown, or why there are none."""
    answer = yield request
    if isinstance(answer, Unanswered):
        return f"not answered: {plain(answer.reason)}"
    if not isinstance(answer, LdapResult):
        return "another transport's word"
    if answer.code in (SUCCESS, SIZE_LIMIT):
        return answer.entries
    name = CODES[answer.code][0] if answer.code in CODES else f"result code {answer.code}"
    return "there is no such entry" if answer.code == NO_SUCH_OBJECT else f"the directory answered {name}"


def _texts(entry: LdapEntry, name: str) -> list[str]:
    return [plain(value.decode(errors="replace")) for value in entry.values(name)]
