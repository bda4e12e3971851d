"""All accounts of a directory, by paged results (RFC 2696), for a comparison with ours.

The cookie of a page is good on its own connection only: another process begins anew, so a directory is read in one go.
"""

import base64
import binascii
from typing import Final

from provisioning.core.account import Json, Known
from provisioning.core.catalog import Service
from provisioning.core.difference import Same, Shown
from provisioning.core.errors import InvalidError
from provisioning.protocols.dialogue import Outcome, Unanswered
from provisioning.protocols.ldap_account import octets, options, phase_of
from provisioning.protocols.ldap_calls import attributes_of, marked
from provisioning.protocols.ldap_ending import SIZE_LIMIT, classify
from provisioning.protocols.ldap_message import LdapEntry, LdapResult, LdapSearch
from provisioning.protocols.ldap_names import beneath, folded_name
from provisioning.protocols.listing import Listing, Page, Restart

PAGE: Final = 500  # entries of one page
_SECRET: Final = frozenset({"userpassword", "unicodepwd"})  # no directory shows them as they were set


def list_entries(service: Service, place: str | None) -> Listing:
    """One page of all entries that bear a mark or a match value, after a place; from None, from the beginning."""
    held = options(service)
    filter_ = f"(|({held.owner}=*)({service.match}=*))"
    request = LdapSearch(
        held.base, "subtree", filter_, attributes_of(service), 0, PAGE, None if place is None else _read(place)
    )
    answer = yield request
    if isinstance(answer, Unanswered) and place is not None and answer.lost:
        return Restart(answer.reason)
    ending = classify(request, answer, Known())
    if not isinstance(answer, LdapResult) or (ending.outcome is not Outcome.DONE and answer.code != SIZE_LIMIT):
        return ending
    accounts = tuple(_account(service, entry) for entry in answer.entries if beneath(entry.dn, held.base))
    if answer.code == SIZE_LIMIT:
        return Page(accounts, None, problem="the directory shows no more entries to us than it did")
    if answer.cookie:
        return Page(accounts, base64.b64encode(answer.cookie).decode())
    return Page(accounts, None)


def same(service: Service) -> Same:
    """How a value that is shown is compared with one that was applied: as deliveries do, attribute by attribute."""
    rdn = options(service).rdn.casefold()

    def is_same(name: str, shown: Json, applied: Json) -> bool:
        wanted = octets(applied, name)
        # The naming attribute changes with the name, and that is the remote id.
        return not wanted or name.casefold() in _SECRET or name.casefold() == rdn or {*(shown or ())} == {*wanted}

    return is_same


def canonical(remote_id: str) -> str:
    """A name as names are compared."""
    return folded_name(remote_id)


def _account(service: Service, entry: LdapEntry) -> Shown:
    marks = marked(service, entry)
    match = next(iter(entry.values(service.match)), b"").decode(errors="replace")
    values = {name: entry.values(name) or None for name in service.account}
    return Shown(
        entry.dn,
        b"+".join(marks).decode(errors="replace") if marks else None,
        match.casefold(),
        phase_of(service, entry),
        values,
    )


def _read(place: str) -> bytes:
    try:
        return base64.b64decode(place, validate=True)
    except binascii.Error as error:
        raise InvalidError("not a place in a list of entries", right="what a page gave") from error
