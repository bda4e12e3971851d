"""The calls that LDAP dialogues are made of, and what may be believed of their answers."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from provisioning.core.account import Known
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Answer, Delivery, Ending, Outcome, Request
from provisioning.protocols.ldap_account import octets, options
from provisioning.protocols.ldap_ending import NO_SUCH_OBJECT, SIZE_LIMIT, SUCCESS, classify, code_of
from provisioning.protocols.ldap_message import LdapEntry, LdapRequest, LdapResult, LdapSearch
from provisioning.protocols.ldap_names import beneath, equals, same

MOST: Final = 10  # entries that a look-up may show: more than one is a conflict already
ANY: Final = "(objectClass=*)"

Asking = Generator[Request, Answer, "LdapEntry | Ending | None"]


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that did not do its work, and how the dialogue ends if it knows nothing better."""

    code: int | None
    ending: Ending


def call(request: LdapRequest, known: Known) -> Generator[Request, Answer, Refused | None]:
    """Change something; None if that was done."""
    answer = yield request
    ending = classify(request, answer, known)
    return None if ending.outcome is Outcome.DONE else Refused(code_of(answer), ending)


def read(service: Service, delivery: Delivery, dn: str) -> Asking:
    """The entry of this name, or None if there is none."""
    request = LdapSearch(dn, "base", ANY, attributes_of(service), 1)
    answer = yield request
    if code_of(answer) == NO_SUCH_OBJECT:
        return None
    ending = classify(request, answer, delivery.known)
    if ending.outcome is not Outcome.DONE or not isinstance(answer, LdapResult):
        return ending
    if len(answer.entries) != 1 or not same(answer.entries[0].dn, dn):
        # It may be hidden from us: that is no proof that it is gone.
        return Ending(Outcome.TRANSIENT, delivery.known, "the directory does not show the entry that it was asked for")
    return answer.entries[0]


def look_up(service: Service, delivery: Delivery, *, adopts: bool) -> Asking:
    """The account that is ours; with `adopts` also one that the operator lets us take over. None: there is none.

    One search for our mark and for the match value, of now and of a create that was lost. An entry with the same
    match value that may not be touched is a conflict, unless nothing is to be made (`adopts` false).
    """
    owner, known = options(service).owner, delivery.known
    held = (each.values.get(service.match) for each in (delivery.desired, known))
    values = [value for item in held for value in octets(item, service.match)]
    tests = [equals(owner, delivery.identity.encode()), *(equals(service.match, value) for value in values)]
    request = LdapSearch(options(service).base, "subtree", f"(|{''.join(tests)})", attributes_of(service), MOST)
    answer = yield request
    ending = classify(request, answer, known)
    if not isinstance(answer, LdapResult) or answer.code not in (SUCCESS, SIZE_LIMIT):
        return ending
    shown = [entry for entry in answer.entries if beneath(entry.dn, options(service).base)]
    ours = [entry for entry in shown if marked(service, entry) == (delivery.identity.encode(),)]
    if len(ours) > 1:
        return Ending(Outcome.PERMANENT, known, "several entries carry our mark")
    if ours:
        return ours[0]
    if answer.code == SIZE_LIMIT:
        return Ending(Outcome.PERMANENT, known, f"more than {MOST} entries have the same {service.match}")
    wanted = {value.lower() for value in values}
    others = [entry for entry in shown if wanted & {value.lower() for value in entry.values(service.match)}]
    return _adoptable(service, delivery, others) if others and adopts else None


def _adoptable(service: Service, delivery: Delivery, others: list[LdapEntry]) -> LdapEntry | Ending:
    match = service.match
    reason = ""
    if len(others) > 1:
        reason = f"several entries have the same {match}"
    elif marked(service, others[0]):
        reason = f"an entry with the same {match} carries another's mark"
    elif service.adopt != "match":
        reason = f"an entry with the same {match} exists, and adopt is {service.adopt!r}"
    if not reason:
        return others[0]
    return Ending(Outcome.PERMANENT, delivery.known, reason, taken=(match, delivery.desired.values.get(match)))


def marked(service: Service, entry: LdapEntry) -> tuple[bytes, ...]:
    """The mark that an entry shows, or nothing."""
    return entry.values(options(service).owner)


def attributes_of(service: Service) -> tuple[str, ...]:
    """What is asked for: ours and no more, by name, because some are shown in no other way."""
    held = options(service)
    names = ["objectClass", held.owner, held.rdn, service.match, *service.account, *held.suspended]
    return tuple({name.casefold(): name for name in names}.values())
