"""Which account of the SP is an identity's: by the owner's mark, else by the match attribute as its operator says."""

from collections.abc import Generator
from typing import Final

from provisioning.core.account import Json
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Answer, Delivery, Ending, Outcome, Request
from provisioning.protocols.scim_calls import Resource, search
from provisioning.protocols.scim_filter import equals
from provisioning.protocols.scim_resource import as_scim, member, read_path, shows, value_at

MARK: Final = "externalId"  # the owner's mark: the identity's id


def marked(resource: Resource) -> Json:
    """The mark that a resource shows, or None."""
    return member(resource, MARK) or None


def look_up(
    service: Service, delivery: Delivery, *, adopts: bool
) -> Generator[Request, Answer, Resource | Ending | None]:
    """The account that is ours; with `adopts` also one that the operator lets us take over. None: there is none.

    An account with the same match value that may not be touched is a conflict, unless nothing is to be made
    (`adopts` false). Both values are tried: the one wanted now, and the one that a lost create may have used.
    """
    found = yield from search(
        "Users",
        equals(read_path(MARK), delivery.identity),
        lambda user: marked(user) == delivery.identity,
        delivery.known,
    )
    if isinstance(found, Ending):
        return found
    if found.resources:
        return found.resources[0] if len(found.resources) == 1 else _end(delivery, "several accounts carry our mark")
    proven = found.proven
    for value in _match_values(service, delivery):
        matching = yield from _matching(service, delivery, value)
        if isinstance(matching, Ending):
            return matching
        ours, others, is_all = matching
        if len(ours) + len(others) > 1 and (ours or adopts):
            taken = None if ours else (service.match, value)
            return _end(delivery, f"several accounts have the same {service.match}", taken)
        if ours:
            return ours[0]
        if others and adopts:
            return _adoptable(service, delivery, others[0], value)
        proven = proven or is_all
    return None if proven else _end(delivery, f"accounts can be looked up neither by {MARK} nor by {service.match}")


def _adoptable(service: Service, delivery: Delivery, other: Resource, value: Json) -> Resource | Ending:
    taken = (service.match, value)
    if marked(other) is not None:
        return _end(delivery, f"an account with the same {service.match} carries another's mark", taken)
    if service.adopt != "match":
        reason = f"an account with the same {service.match} exists, and adopt is {service.adopt!r}"
        return _end(delivery, reason, taken)
    return other


def _matching(
    service: Service, delivery: Delivery, value: Json
) -> Generator[Request, Answer, tuple[list[Resource], list[Resource], bool] | Ending]:
    """Accounts with this match value: ours, others', and whether these are all."""
    path = read_path(service.match)
    wanted = _folded(as_scim(path, value))
    found = yield from search(
        "Users", equals(path, value), lambda user: shows(_folded(value_at(user, path)), wanted), delivery.known
    )
    if isinstance(found, Ending):
        return found
    ours = [user for user in found.resources if marked(user) == delivery.identity]
    return ours, [user for user in found.resources if user not in ours], found.proven


def _match_values(service: Service, delivery: Delivery) -> list[Json]:
    values = [each.values.get(service.match) for each in (delivery.desired, delivery.known)]
    return [value for number, value in enumerate(values) if value not in (None, "", [], *values[:number])]


def _folded(value: Json) -> Json:
    """Without case: most SPs do not tell two user names apart that differ in nothing else (RFC 7643 4.1.1)."""
    if isinstance(value, list):
        return [_folded(item) for item in value]
    if isinstance(value, dict):
        return {name: _folded(item) for name, item in value.items()}
    return value.casefold() if isinstance(value, str) else value


def _end(delivery: Delivery, reason: str, taken: tuple[str, Json] | None = None) -> Ending:
    return Ending(Outcome.PERMANENT, delivery.known, reason, taken=taken)
