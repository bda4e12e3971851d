"""SCIM 2.0 (RFC 7643, 7644) as a dialogue: one account made as desired, with as few calls as that takes.

Believed of an SP: the id that it gives, and that a refusal is a refusal. Everything else it shows is compared only
after a doubt, and only at our own paths. A value of strength `create` goes into the POST only; one of strength `fill`
also into the PATCH after a look that showed none.
"""

from collections.abc import Generator
from dataclasses import replace
from typing import Final

from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.changed import changed
from provisioning.core.errors import InvalidError
from provisioning.core.scim_options import Scim
from provisioning.core.scim_presets import options_of
from provisioning.protocols.dialogue import Answer, Delivery, Dialogue, Ending, Outcome, Request
from provisioning.protocols.ending import discreet
from provisioning.protocols.scim_calls import (
    GONE,
    RACED,
    RACES,
    Resource,
    call,
    checked,
    create,
    delete,
    id_of,
    place_of,
    stop,
    version_of,
)
from provisioning.protocols.scim_change import Met, change, doubted, look, phase_of
from provisioning.protocols.scim_dialect import fitted
from provisioning.protocols.scim_groups import join, leave
from provisioning.protocols.scim_lookup import look_up
from provisioning.protocols.scim_user import check_values, make_user

_CONFLICT: Final = 409


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
    scim = options_of(service)
    made = _remove if desired.phase is Phase.ABSENT else _make
    ending = yield from made(service, scim, delivery)
    return discreet(ending, desired.values, known.values)


def _make(service: Service, scim: Scim, delivery: Delivery) -> Dialogue:
    """Removals first, then the account itself, then what is added."""
    met = yield from _meet(service, scim, delivery)
    if isinstance(met, Ending):
        return met
    desired = delivery.desired
    wanted = desired.groups if desired.phase is Phase.ACTIVE else ()
    left = yield from leave(scim, delivery, met.known, wanted)
    if isinstance(left, Ending):
        return left
    own = left.known if met.made else (yield from change(scim, delivery, changed(met, known=left.known)))
    if isinstance(own, Ending):
        return own
    known = yield from join(scim, delivery, own, wanted, met.shown)
    if isinstance(known, Ending):
        return known
    if left.refusal is not None:
        return stop(left.refusal, known)
    return Ending(Outcome.DONE, known, missing_group=left.missing)


def _meet(service: Service, scim: Scim, delivery: Delivery) -> Generator[Request, Answer, Met | Ending]:
    """The account that exists after this: the one we know, one found and taken over, or a new one."""
    if delivery.known.remote_id is None:
        return (yield from _obtain(service, scim, delivery))
    met = Met(delivery.known, certain=False)
    return (yield from look(scim, delivery, met)) if delivery.look else met


def _obtain(service: Service, scim: Scim, delivery: Delivery) -> Generator[Request, Answer, Met | Ending]:
    """Create the account, or take over the one that is there. After a doubt it is looked up first."""
    desired = delivery.desired
    if delivery.look:
        found = yield from look_up(service, scim, delivery, adopts=True)
        if found is not None:
            return found if isinstance(found, Ending) else _seen(delivery, found)
    user = make_user(fitted(scim, desired.values), delivery.identity, active=desired.phase is Phase.ACTIVE)
    made = yield from create("Users", user, delivery.known)
    if isinstance(made, str):
        return Met(Known(desired.phase, made, desired.held, filled=desired.filled), made=True)
    if made.status == _CONFLICT:
        found = yield from look_up(service, scim, delivery, adopts=True)
        if found is not None:
            return found if isinstance(found, Ending) else _seen(delivery, found)
        # It may be ours and not be shown yet; a look that still does not find it, later, makes it a question.
        outcome = Outcome.PERMANENT if delivery.look else Outcome.UNKNOWN
        reason = f"{made.ending.reason}; but no look-up shows such an account"
        refused = delivery.look and made.scim_type == "uniqueness"
        taken = (service.match, desired.values.get(service.match)) if refused else None
        return doubted(delivery, replace(made.ending, outcome=outcome, reason=reason, taken=taken))
    return doubted(delivery, made.ending)


def _remove(service: Service, scim: Scim, delivery: Delivery) -> Dialogue:
    """Remove the account, if it is ours. Without a remote id only an account with our mark is."""
    met = Met(delivery.known, certain=False)
    if met.known.remote_id is None:
        found = (yield from look_up(service, scim, delivery, adopts=False)) if delivery.look else None
        if isinstance(found, Ending):
            return found
        if found is None:
            return Ending(Outcome.DONE, Known())
        met = _seen(delivery, found)
    left = yield from leave(scim, delivery, met.known, ())
    if isinstance(left, Ending):
        return left
    met = replace(met, known=left.known)
    ending = yield from (_deactivate if scim.delete == "none" else _delete)(scim, delivery, met)
    return replace(ending, missing_group=left.missing) if ending.outcome is Outcome.DONE else ending


def _delete(scim: Scim, delivery: Delivery, met: Met) -> Dialogue:
    """Loses to somebody else who changes the account after our look: it may have been given to another meanwhile."""
    remote_id = str(met.known.remote_id)
    looks = scim.etag == "required" and version_of(scim, met.shown) is None
    ending = Ending(Outcome.DONE, Known())
    for _ in range(RACES):
        if looks:
            again = yield from look(scim, delivery, met)
            if isinstance(again, Ending):
                return _without(again)
            met = again
        refused = yield from call(delete(place_of("Users", remote_id), version_of(scim, met.shown)), met.known)
        if refused is not None:
            refused = yield from checked(scim, "Users", remote_id, refused, met.known)
        if refused is None or refused.status in GONE:
            return Ending(Outcome.DONE, Known())
        ending = refused.ending
        if refused.status not in RACED:
            break
        looks = True
    return ending


def _deactivate(scim: Scim, delivery: Delivery, met: Met) -> Dialogue:
    """Where nothing can be deleted. Its values are not looked at any more; its mark lets it be found again."""
    emptied = replace(met, known=replace(met.known, values={}))
    known = yield from change(scim, replace(delivery, desired=Desired(Phase.SUSPENDED)), emptied)
    if isinstance(known, Ending):
        return _without(stop(known, met.known) if known.known.remote_id is not None else known)
    return Ending(Outcome.DONE, Known())


def _without(ending: Ending) -> Ending:
    """Done, if the account turned out not to be there."""
    gone = ending.known == Known() and ending.outcome is Outcome.TRANSIENT
    return Ending(Outcome.DONE, Known()) if gone else ending


def _seen(delivery: Delivery, shown: Resource) -> Met:
    """An account that the SP shows. Its known values are those that we may have applied, not the shown."""
    return Met(replace(delivery.known, phase=phase_of(shown), remote_id=id_of(shown)), shown)
