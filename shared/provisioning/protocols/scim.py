"""SCIM 2.0 (RFC 7643, 7644) as a dialogue: one account made as desired, with as few calls as that takes.

Believed of an SP: the id that it gives, and that a refusal is a refusal. Everything else it shows is compared only
after a doubt, and only at our own paths. A value of strength `create` goes into the POST only; one of strength `fill`
also into the PATCH after a look that showed none.
"""

import operator
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.account import Json, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.protocols.dialogue import Answer, Delivery, Dialogue, Ending, Outcome, Request
from provisioning.protocols.ending import discreet
from provisioning.protocols.scim_calls import (
    GONE,
    Refused,
    Resource,
    call,
    create,
    delete,
    id_of,
    patch,
    place_of,
    read,
    stop,
)
from provisioning.protocols.scim_groups import join, leave
from provisioning.protocols.scim_lookup import MARK, look_up, marked
from provisioning.protocols.scim_patch import Operation, applied, operations, shown_values
from provisioning.protocols.scim_resource import check_values, make_user, member, read_path, shows, value_at

_CONFLICT: Final = 409
_EMPTY: Final[tuple[Json, ...]] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class _Met:
    """An account that exists. `shown`: as the SP showed it; `certain`: this dialogue has seen or made it."""

    known: Known
    shown: Resource | None = None
    certain: bool = True


def deliver(service: Service, delivery: Delivery) -> Dialogue:
    """Make one account as desired.

    `known` of the ending is what is known now, also after a part of the work. After an unknown ending it names, too,
    the values and groups that may have arrived, so that the look which follows can take them back.
    """
    desired, known = delivery.desired, delivery.known
    try:
        check_values(desired.values, known.values, delivery.identity)
    except InvalidError as error:
        return discreet(Ending(Outcome.PERMANENT, known, str(error)))
    ending = yield from _remove(service, delivery) if desired.phase is Phase.ABSENT else _make(service, delivery)
    return discreet(ending, desired.values, known.values)


def _make(service: Service, delivery: Delivery) -> Dialogue:
    """Removals first, then the account itself, then what is added."""
    met = yield from _meet(service, delivery)
    if isinstance(met, Ending):
        return met
    desired = delivery.desired
    wanted = desired.groups if desired.phase is Phase.ACTIVE else ()
    left = yield from leave(delivery, met.known, wanted)
    if isinstance(left, Ending):
        return left
    known = yield from _change(delivery, replace(met, known=left.known))
    if isinstance(known, Ending):
        return known
    known = yield from join(delivery, known, wanted, met.shown)
    if isinstance(known, Ending):
        return known
    if left.refusal is not None:
        return stop(left.refusal, known)
    return Ending(Outcome.DONE, known, missing_group=left.missing)


def _meet(service: Service, delivery: Delivery) -> Generator[Request, Answer, _Met | Ending]:
    """The account that exists after this: the one we know, one found and taken over, or a new one."""
    if delivery.known.remote_id is None:
        return (yield from _obtain(service, delivery))
    if not delivery.look:
        return _Met(delivery.known, certain=False)
    shown = yield from read("Users", delivery.known.remote_id, delivery.known)
    if isinstance(shown, Refused):
        return _vanished() if shown.status in GONE else shown.ending
    if marked(shown) not in (None, delivery.identity):
        return Ending(Outcome.PERMANENT, delivery.known, "the account has been given another's mark")
    return _Met(_seen(delivery, shown), shown)


def _obtain(service: Service, delivery: Delivery) -> Generator[Request, Answer, _Met | Ending]:
    """Create the account, or take over the one that is there. After a doubt it is looked up first."""
    desired = delivery.desired
    if delivery.look:
        found = yield from look_up(service, delivery, adopts=True)
        if found is not None:
            return found if isinstance(found, Ending) else _Met(_seen(delivery, found), found)
    user = make_user(desired.values, delivery.identity, active=desired.phase is Phase.ACTIVE)
    made = yield from create("Users", user, delivery.known)
    if isinstance(made, str):
        return _Met(Known(desired.phase, made, desired.held, filled=desired.filled))
    if made.status == _CONFLICT:
        found = yield from look_up(service, delivery, adopts=True)
        if isinstance(found, Ending):
            return found
        if found is not None:
            return _Met(_seen(delivery, found), found)
        # It may be ours and not be shown yet; a look that still does not find it, later, makes it a question.
        outcome = Outcome.PERMANENT if delivery.look else Outcome.UNKNOWN
        reason = f"{made.ending.reason}; but no look-up shows such an account"
        refused = delivery.look and made.scim_type == "uniqueness"
        taken = (service.match, desired.values.get(service.match)) if refused else None
        return _doubted(delivery, replace(made.ending, outcome=outcome, reason=reason, taken=taken))
    return _doubted(delivery, made.ending)


def _change(delivery: Delivery, met: _Met) -> Generator[Request, Answer, Known | Ending]:
    """One PATCH with what differs, or none."""
    desired, known = delivery.desired, met.known
    changes = _differences(delivery, met)
    after = replace(known, phase=desired.phase, values=desired.held, filled=desired.filled)
    if not changes or known.remote_id is None:
        return after
    refused = yield from call(patch(place_of("Users", known.remote_id), changes), known)
    if refused is None:
        return after
    if refused.status in GONE and not met.certain:
        return _vanished()
    # An account that nobody had marked is not ours before the mark has arrived: until then it is not claimed.
    claimed = delivery.known if delivery.known.remote_id is None and _lacks_mark(met) else known
    if refused.status in GONE:
        return Ending(Outcome.TRANSIENT, claimed, "the SP shows the account and does not find it")
    return _doubted(delivery, stop(refused.ending, claimed))


def _differences(delivery: Delivery, met: _Met) -> list[Operation]:
    desired, shown, active = delivery.desired, met.shown, delivery.desired.phase is Phase.ACTIVE
    had, wanted = desired.strong(met.known.values), desired.strong(desired.values)
    if shown is None:
        changes = operations(applied(had), wanted, operator.eq)
        differs = met.known.phase is not desired.phase
    else:
        wanted = {**wanted, **_missing(delivery, shown)}
        changes = operations(shown_values(shown, had, wanted), wanted, shows)
        differs = member(shown, "active") is not active
        if _lacks_mark(met):
            changes.insert(0, {"op": "replace", "path": MARK, "value": delivery.identity})
    if differs:
        changes.insert(0, {"op": "replace", "path": "active", "value": active})
    return changes


def _missing(delivery: Delivery, shown: Resource) -> Mapping[str, Json]:
    """The values that fill, where the SP shows none."""
    desired = delivery.desired
    return {path: desired.values[path] for path in desired.filled if value_at(shown, read_path(path)) in _EMPTY}


def _remove(service: Service, delivery: Delivery) -> Dialogue:
    """Delete the account, if it is ours. Without a remote id only an account with our mark is."""
    known = delivery.known
    if known.remote_id is None:
        found = (yield from look_up(service, delivery, adopts=False)) if delivery.look else None
        if isinstance(found, Ending):
            return found
        if found is None:
            return Ending(Outcome.DONE, Known())
        known = _seen(delivery, found)
    left = yield from leave(delivery, known, ())
    if isinstance(left, Ending):
        return left
    refused = yield from call(delete(place_of("Users", str(known.remote_id))), left.known)
    if refused is None or refused.status in GONE:
        return Ending(Outcome.DONE, Known(), missing_group=left.missing)
    return refused.ending


def _lacks_mark(met: _Met) -> bool:
    return met.shown is not None and marked(met.shown) is None


def _seen(delivery: Delivery, shown: Resource) -> Known:
    """What is known of an account that the SP shows. Its values are those that we may have applied, not the shown."""
    phase = Phase.SUSPENDED if member(shown, "active") is False else Phase.ACTIVE
    return replace(delivery.known, phase=phase, remote_id=id_of(shown))


def _vanished() -> Ending:
    """The account was deleted behind our back. Not created again here: a create needs its intent first."""
    return Ending(Outcome.TRANSIENT, Known(), "the SP does not have the account any more", retry_after=0)


def _doubted(delivery: Delivery, ending: Ending) -> Ending:
    """After a call whose effect is not known, the values that it carried may be there as well."""
    if ending.outcome is not Outcome.UNKNOWN:
        return ending
    values = {**ending.known.values, **delivery.desired.values}
    return stop(ending, replace(ending.known, values=values))
