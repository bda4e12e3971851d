"""Which account of the SP is an identity's: by the owner's mark, else by the match attribute as its operator says."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final

from provisioning.core.account import Json
from provisioning.core.catalog import Service
from provisioning.core.scim_options import Scim
from provisioning.protocols.dialogue import Answer, Delivery, Ending, Outcome, Request
from provisioning.protocols.scim_calls import Resource
from provisioning.protocols.scim_filter import equals
from provisioning.protocols.scim_pages import Found, search
from provisioning.protocols.scim_resource import as_scim, member, read_path, shows, value_at

MARK: Final = "externalId"  # the owner's mark: the identity's id


def marked(resource: Resource) -> Json:
    """The mark that a resource shows, or None."""
    return member(resource, MARK) or None


def look_up(
    service: Service, scim: Scim, delivery: Delivery, *, adopts: bool
) -> Generator[Request, Answer, Resource | Ending | None]:
    """The account that is ours; with `adopts` also one that the operator lets us take over. None: there is none.

    An account with the same match value that may not be touched is a conflict, unless nothing is to be made
    (`adopts` false). Both values are tried: the one wanted now, and the one that a lost create may have used. An SP
    without filters is read through once for all of them.
    """
    asked = [
        _marked_ours(scim, delivery),
        *(_matching(service, scim, value) for value in _match_values(service, delivery)),
    ]
    everyone: Found | Ending | None = None
    if scim.filter == "none":
        everyone = yield from search(
            scim, "Users", "", lambda user: any(it.is_it(user) for it in asked), delivery.known
        )
    found = yield from _ask(scim, asked[0], everyone, delivery)
    if isinstance(found, Ending):
        return found
    if found.resources:
        return found.resources[0] if len(found.resources) == 1 else _end(delivery, "several accounts carry our mark")
    proven = found.proven
    for question in asked[1:]:
        found = yield from _ask(scim, question, everyone, delivery)
        if isinstance(found, Ending):
            return found
        ours = [user for user in found.resources if marked(user) == delivery.identity]
        others = [user for user in found.resources if user not in ours]
        if len(ours) + len(others) > 1 and (ours or adopts):
            taken = None if ours else (service.match, question.value)
            return _end(delivery, f"several accounts have the same {service.match}", taken)
        if ours:
            return ours[0]
        if others and adopts:
            return _adoptable(service, delivery, others[0], question.value)
        proven = proven or found.proven
    return None if proven else _end(delivery, f"accounts can be looked up neither by {MARK} nor by {service.match}")


@dataclass(frozen=True, slots=True)
class _Question:
    """Who is looked for: the filter that asks, and whether a resource that came is meant."""

    filter: str
    is_it: Callable[[Resource], bool]
    value: Json


def _ask(
    scim: Scim, question: _Question, everyone: Found | Ending | None, delivery: Delivery
) -> Generator[Request, Answer, Found | Ending]:
    if everyone is None:
        return (yield from search(scim, "Users", question.filter, question.is_it, delivery.known))
    if isinstance(everyone, Ending):
        return everyone
    return Found(tuple(user for user in everyone.resources if question.is_it(user)), everyone.proven)


def _marked_ours(scim: Scim, delivery: Delivery) -> _Question:
    filter_ = equals(read_path(MARK), delivery.identity, paths=scim.filter == "and")
    return _Question(filter_, lambda user: marked(user) == delivery.identity, delivery.identity)


def _matching(service: Service, scim: Scim, value: Json) -> _Question:
    """Accounts with this match value."""
    path = read_path(service.match)
    wanted = folded(as_scim(path, value))
    filter_ = equals(path, value, paths=scim.filter == "and")
    return _Question(filter_, lambda user: shows(folded(value_at(user, path)), wanted), value)


def _adoptable(service: Service, delivery: Delivery, other: Resource, value: Json) -> Resource | Ending:
    taken = (service.match, value)
    if marked(other) is not None:
        return _end(delivery, f"an account with the same {service.match} carries another's mark", taken)
    if service.adopt != "match":
        reason = f"an account with the same {service.match} exists, and adopt is {service.adopt!r}"
        return _end(delivery, reason, taken)
    return other


def _match_values(service: Service, delivery: Delivery) -> list[Json]:
    values = [each.values.get(service.match) for each in (delivery.desired, delivery.known)]
    return [value for number, value in enumerate(values) if value not in (None, "", [], *values[:number])]


def folded(value: Json) -> Json:
    """Without case: most SPs do not tell two user names apart that differ in nothing else (RFC 7643 4.1.1)."""
    if isinstance(value, list):
        return [folded(item) for item in value]
    if isinstance(value, dict):
        return {name: folded(item) for name, item in value.items()}
    return value.casefold() if isinstance(value, str) else value


def _end(delivery: Delivery, reason: str, taken: tuple[str, Json] | None = None) -> Ending:
    return Ending(Outcome.PERMANENT, delivery.known, reason, taken=taken)
