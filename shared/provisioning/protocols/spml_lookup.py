"""Which account of the SP is an identity's: by its id or its mark, else by the match value as its operator says."""

from collections.abc import Generator
from typing import NamedTuple

from provisioning.core.account import Json
from provisioning.protocols.dialogue import Answer, Delivery, Ending, Outcome, Request
from provisioning.protocols.spml_calls import GONE, Line, Refused, Shown, exchange, find, read
from provisioning.protocols.spml_message import Reply
from provisioning.protocols.spml_names import DSML_PROFILES
from provisioning.protocols.spml_requests import ObjectId, list_targets, query
from provisioning.protocols.spml_values import Texts, at, equals, texts_of
from provisioning.protocols.xml import Element, is_writable


class Matches(NamedTuple):
    """Accounts with a match value: those that are ours, the others, and whether these are all."""

    ours: list[Shown]
    others: list[Shown]
    proven: bool


def marked(line: Line, shown: Shown) -> str | None:
    """Whose an account is, or None if it does not say. One whose id we propose says it by its id."""
    if line.options.owner is not None:
        return next(iter(at(shown.values, line.options.owner)), None)
    return shown.id.id if line.options.identifier == "identity" else None


def look_up(line: Line, delivery: Delivery, *, adopts: bool) -> Generator[Request, Answer, Shown | Ending | None]:
    """The account that is ours; with `adopts` also one that the operator lets us take over. None: there is none.

    Both match values are tried: the one wanted now, and the one that a lost create may have used.
    """
    owned = yield from _owned(line, delivery)
    if not isinstance(owned, bool):
        return owned
    proven = owned
    match = line.service.match
    for value in match_values(line, delivery):
        matching = yield from _matching(line, delivery, value)
        if isinstance(matching, Ending):
            return matching
        ours, others = matching.ours, matching.others
        if len(ours) + len(others) > 1 and (ours or adopts):
            taken = None if ours else (match, value)
            return _end(delivery, f"several accounts have the same {match}", taken)
        if ours:
            return ours[0]
        if others and adopts:
            return _adoptable(line, delivery, others[0], value)
        proven = proven or matching.proven
    return None if proven else _end(delivery, f"accounts can be looked up neither by our mark nor by {match}")


def _owned(line: Line, delivery: Delivery) -> Generator[Request, Answer, Shown | Ending | bool]:
    """The account that says it is ours; else whether it is proven that there is none."""
    if line.options.identifier == "identity":
        shown = yield from read(line, ObjectId(delivery.identity), delivery.known)
        if isinstance(shown, Shown):
            other = marked(line, shown) not in (None, delivery.identity)
            return _end(delivery, "the account has been given another's mark") if other else shown
        return True if shown.error == GONE else shown.ending
    if line.options.owner is None:
        return False
    found = yield from find(line, _query(line, line.options.owner, delivery.identity), delivery.known)
    if isinstance(found, Ending):
        return found
    ours = [each for each in found.objects if marked(line, each) == delivery.identity]
    if len(ours) > 1:
        return _end(delivery, "several accounts carry our mark")
    return ours[0] if ours else found.proven


def _adoptable(line: Line, delivery: Delivery, other: Shown, value: str) -> Shown | Ending:
    match = line.service.match
    if line.options.owner is not None and marked(line, other) is not None:
        return _end(delivery, f"an account with the same {match} carries another's mark", (match, value))
    if line.service.adopt != "match":
        reason = f"an account with the same {match} exists, and adopt is {line.service.adopt!r}"
        return _end(delivery, reason, (match, value))
    return other


def _matching(line: Line, delivery: Delivery, value: str) -> Generator[Request, Answer, Matches | Ending]:
    found = yield from find(line, _query(line, line.service.match, value), delivery.known)
    if isinstance(found, Ending):
        return found
    objects, proven = [each for each in found.objects if _has(line, each, value)], found.proven
    if line.options.identifier == "match" and not proven and not objects:
        shown = yield from read(line, ObjectId(value), delivery.known)
        if isinstance(shown, Refused) and shown.error != GONE:
            return shown.ending
        objects, proven = [shown] if isinstance(shown, Shown) else [], True
    ours = [each for each in objects if marked(line, each) == delivery.identity]
    return Matches(ours, [each for each in objects if each not in ours], proven)


def _query(line: Line, name: str, text: str) -> Element:
    return query(equals(line.options, name, text), line.target, line.options.container)


def _has(line: Line, shown: Shown, value: str) -> bool:
    """Most SPs do not tell two log-ins apart that differ only in case."""
    return value.casefold() in _folded(at(shown.values, line.service.match))


def _folded(some: Texts) -> Texts:
    return tuple(text.casefold() for text in some)


def match_values(line: Line, delivery: Delivery) -> list[str]:
    """The match values to look for: each a single text."""
    values: list[Json] = [each.values.get(line.service.match) for each in (delivery.desired, delivery.known)]
    found = [some[0] for some in map(texts_of, values) if len(some) == 1 and is_writable(some[0])]
    return list(dict.fromkeys(found))


def target_of(line: Line, delivery: Delivery) -> Generator[Request, Answer, Line | Ending]:
    """The line with its target: the configured one, or the only one that the SP lists, or lists with our profile."""
    if line.options.target is not None:
        return line
    reply = yield from exchange(line, list_targets(), delivery.known)
    if isinstance(reply, Refused):
        return reply.ending
    targets = targets_of(reply, line.options.profile)
    if len(targets) != 1:
        several = ", ".join(str(target) for target in targets) or "none"
        return _end(delivery, f"spml.target must be one of the SP's: {several}")
    return Line(line.service, line.options, line.operation, targets[0], line.done)


def targets_of(reply: Reply, profile: str) -> list[str | None]:
    """Ids of the targets that an answer to listTargets shows: those with our profile, or all if none names it."""
    targets = list(reply.element.all("target"))
    fitting = [target for target in targets if profile_of(target) == profile]
    return [target.attributes.get("targetID") for target in fitting or targets]


def capabilities_of(target: Element) -> frozenset[str]:
    """The namespaces of a target's capabilities."""
    listed = target.one("capabilities")
    return frozenset(each.attributes.get("namespaceURI", "") for each in (listed.all("capability") if listed else ()))


def profile_of(target: Element) -> str | None:
    """`dsml` or `xsd` where a target says so, by its profile's URI or by the form of its schema; else None."""
    said = target.attributes.get("profile", "").casefold()
    for profile in ("dsml", "xsd"):
        if said.endswith(profile):
            return profile
    schemas = [inner.namespace for schema in target.all("schema") for inner in schema.children]
    if any(namespace in DSML_PROFILES for namespace in schemas):
        return "dsml"
    return "xsd" if "http://www.w3.org/2001/XMLSchema" in schemas else None


def _end(delivery: Delivery, reason: str, taken: tuple[str, Json] | None = None) -> Ending:
    return Ending(Outcome.PERMANENT, delivery.known, reason, taken=taken)
