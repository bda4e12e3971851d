"""Groups in SPML: memberships as references from the account, or as values of one of its attributes; and a group made.

All that is ended, and all that is begun, is one request each.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.protocols.dialogue import Answer, Delivery, Dialogue, Ending, Outcome, Request
from provisioning.protocols.ending import discreet
from provisioning.protocols.spml_calls import (
    ALREADY,
    GONE,
    Line,
    Refused,
    Shown,
    exchange,
    find,
    pso_id,
    read,
    references,
)
from provisioning.protocols.spml_lookup import target_of
from provisioning.protocols.spml_requests import add, modify, query, read_object_id, reference
from provisioning.protocols.spml_values import at, equals, make_data, value_change
from provisioning.protocols.xml import Element

_NOBODY: Final = Desired(Phase.ABSENT)  # of a dialogue that is about no account


@dataclass(frozen=True, slots=True)
class Left:
    """After memberships were ended. `refusal`: the SP will not end them."""

    known: Known
    refusal: Ending | None = None


def leave(
    line: Line, delivery: Delivery, known: Known, wanted: tuple[str, ...]
) -> Generator[Request, Answer, Left | Ending]:
    """End the memberships that are no longer wanted. What is gone is ended; a group without an id has no members.

    What the SP refuses for good does not keep the account itself from being suspended or deleted: it is told at
    the end.
    """
    names = [name for name in known.groups if name not in wanted]
    after = replace(known, groups=tuple(name for name in known.groups if name in wanted))
    if not names or "leave" in line.done:
        return Left(after)
    ended = [name for name in names if name in delivery.groups]
    refused = yield from _change(line.at("leave"), delivery, known, "delete", ended)
    if refused is not None and refused.error == GONE and len(ended) > 1:
        # One of them, or the account, is gone: which of them is found out one by one.
        for name in ended:
            refused = yield from _change(line, delivery, known, "delete", [name])
            if refused is not None and refused.error != GONE:
                break
    if refused is None or refused.error == GONE:
        return Left(after)
    return Left(known, refused.ending) if refused.ending.outcome is Outcome.PERMANENT else refused.ending


def join(
    line: Line, delivery: Delivery, known: Known, wanted: tuple[str, ...], shown: Shown | None
) -> Generator[Request, Answer, Known | Ending]:
    """Add the memberships that are not known, or, after a look, that the SP does not show.

    A call whose effect is not known counts as a membership, so that it is ended when it is no longer wanted; it is
    added again by the look that follows.
    """
    if "join" in line.done:
        return replace(known, groups=wanted)
    names = [name for name in wanted if name not in known.groups or (shown and not _shows(line, delivery, shown, name))]
    missing = next((name for name in names if name not in delivery.groups), None)
    if missing is not None:  # not known to be a member, then: so that the next attempt is given the id
        groups = tuple(name for name in known.groups if name != missing)
        return Ending(Outcome.TRANSIENT, replace(known, groups=groups), f"group {missing!r} has no remote id")
    joined = replace(known, groups=tuple(sorted({*known.groups, *names})))
    refused = yield from _change(line.at("join"), delivery, known, "add", names)
    if refused is not None and refused.error == ALREADY and len(names) > 1:
        for name in names:
            refused = yield from _change(line, delivery, known, "add", [name])
            if refused is not None and refused.error != ALREADY:
                break
    if refused is None or refused.error == ALREADY:
        return joined
    if refused.error == GONE:
        return (yield from _missing(line, delivery, known, names))
    return replace(refused.ending, known=joined if refused.ending.outcome is Outcome.UNKNOWN else known)


def _change(
    line: Line, delivery: Delivery, known: Known, mode: str, names: Sequence[str]
) -> Generator[Request, Answer, Refused | None]:
    if not names:
        return None
    changes = [change for name in names for change in _membership(line, delivery, mode, name)]
    remote = read_object_id(str(known.remote_id))
    reply = yield from exchange(line, modify(remote.element(target=line.target), changes), known)
    return reply if isinstance(reply, Refused) else None


def _membership(line: Line, delivery: Delivery, mode: str, name: str) -> list[Element]:
    if line.options.member_of is not None:
        return value_change(line.options, line.options.member_of, mode, name)
    group = read_object_id(delivery.groups[name]).element("toPsoID", line.target)
    return [reference(mode, str(line.options.reference), group)]


def _shows(line: Line, delivery: Delivery, shown: Shown, name: str) -> bool:
    if line.options.member_of is not None:
        return name in at(shown.values, line.options.member_of)
    listed = references(shown, str(line.options.reference))
    return name in delivery.groups and read_object_id(delivery.groups[name]).id in listed


def _missing(line: Line, delivery: Delivery, known: Known, names: Sequence[str]) -> Generator[Request, Answer, Ending]:
    """Which of those that a membership needs is not there: a group, else the account itself."""
    for name in names if line.options.member_of is None else ():
        group = yield from read(line, read_object_id(delivery.groups[name]), known)
        if isinstance(group, Refused) and group.error == GONE:
            groups = tuple(other for other in known.groups if other != name)
            reason = f"group {name!r} is gone"
            return Ending(Outcome.TRANSIENT, replace(known, groups=groups), reason, missing_group=name)
    return vanished()


def vanished() -> Ending:
    """The account was deleted behind our back. Not created again here: a create needs its intent first."""
    return Ending(Outcome.TRANSIENT, Known(), "the SP does not have the account any more", retry_after=0)


def make_group(service: Service, name: str, look: bool) -> Dialogue:
    """The group of this name: its id is `known.remote_id`. Made only if it is not there and the service says so.

    Looked up in any case: an SP need not refuse a second group of the same name. Where memberships are values of an
    attribute, the name is all there is, and nothing is asked.
    """
    del look
    options = service.spml
    if options is None or (options.member_of is None and options.reference is None):
        return Ending(Outcome.PERMANENT, Known(), "memberships need spml.member_of or spml.reference")
    if options.member_of is not None:
        return Ending(Outcome.DONE, Known(remote_id=name))
    delivery = Delivery("", _NOBODY, Known(), look=True, operation=f"{service.id}/{name}", turn=0)
    try:
        line = yield from target_of(Line(service, options, delivery.operation, options.target), delivery)
        return discreet(line if isinstance(line, Ending) else (yield from _make_group(line, name)))
    except InvalidError as error:
        return discreet(Ending(Outcome.PERMANENT, Known(), str(error)))


def _make_group(line: Line, name: str) -> Dialogue:
    found = yield from _one(line, name)
    if found is not None:
        return found
    if not line.service.create_groups:
        return Ending(Outcome.TRANSIENT, Known(), f"there is no group {name!r}, and create_groups is off")
    data = make_data(line.options, line.options.group_entity, {line.options.group_name: (name,)})
    made = yield from exchange(line, add(data, line.target, container=line.options.container), Known())
    if isinstance(made, Refused):
        found = (yield from _one(line, name)) if made.error == ALREADY else None
        return found or made.ending
    identifier = pso_id(made, line)
    if identifier is None:
        return Ending(Outcome.UNKNOWN, Known(), "addRequest answered without a usable id")
    return Ending(Outcome.DONE, Known(remote_id=identifier.text))


def _one(line: Line, name: str) -> Generator[Request, Answer, Ending | None]:
    """The one group that a look-up shows, or None if there is none."""
    attribute = line.options.group_name
    clause = equals(line.options, attribute, name, group=True)
    found = yield from find(line, query(clause, line.target, line.options.container), Known())
    if isinstance(found, Ending):
        return found
    groups = [each for each in found.objects if name in at(each.values, attribute)]
    if len(groups) > 1:
        return Ending(Outcome.PERMANENT, Known(), f"{len(groups)} groups have this name")
    if groups:
        return Ending(Outcome.DONE, Known(remote_id=groups[0].id.text))
    if not found.proven:
        return Ending(Outcome.PERMANENT, Known(), f"the SP cannot look up a group by its {attribute}")
    return None
