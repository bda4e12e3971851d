"""SPML 2.0 as a dialogue: one account made as desired, with as few requests as that takes.

Believed of an SP: the id that it gives, that a failure is a failure, and that what it does later it will tell. What
else it shows is compared only after a doubt, and only at our own attributes.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from provisioning.core.account import Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.protocols.dialogue import Answer, Delivery, Dialogue, Ending, Outcome, Request
from provisioning.protocols.ending import discreet
from provisioning.protocols.spml_account import (
    check_delivery,
    data_of,
    phase_values,
    seen_phase,
    state_change,
    values_change,
)
from provisioning.protocols.spml_async import TAKEN, redeem
from provisioning.protocols.spml_calls import ALREADY, GONE, Line, Refused, Shown, exchange, pso_id, read
from provisioning.protocols.spml_groups import join, leave, vanished
from provisioning.protocols.spml_lookup import look_up, marked, match_values, target_of
from provisioning.protocols.spml_requests import ObjectId, add, delete, modify, read_object_id

_ACTIVE: Final = ("change", "resume", "create")  # the steps that a new account has behind it


@dataclass(frozen=True, slots=True)
class _Met:
    """An account that exists. `shown`: as the SP showed it; `certain`: this dialogue has seen or made it."""

    known: Known
    line: Line
    shown: Shown | None = None
    certain: bool = True


def deliver(service: Service, delivery: Delivery) -> Dialogue:
    """Make one account as desired.

    `known` of the ending is what is known now, also after a part of the work. After an unknown ending it names, too,
    the values and groups that may have arrived, so that the look which follows can take them back. With a ticket the
    SP is first asked what became of the request, and only its answer lets the work go on.
    """
    desired, known = delivery.desired, delivery.known
    if service.spml is None:
        return Ending(Outcome.PERMANENT, known, f"services/{service.id}.spml is missing")
    line = Line(service, service.spml, delivery.operation, service.spml.target)
    try:
        check_delivery(line, delivery)
    except InvalidError as error:
        return discreet(Ending(Outcome.PERMANENT, known, str(error)), desired.values, known.values)
    return discreet((yield from _deliver(line, delivery)), desired.values, known.values)


def _deliver(line: Line, delivery: Delivery) -> Dialogue:
    if delivery.ticket is not None:
        redeemed = yield from redeem(line, delivery)
        if isinstance(redeemed, Ending):
            return redeemed
        line, delivery = redeemed
    return (yield from (_remove if delivery.desired.phase is Phase.ABSENT else _make)(line, delivery))


def _make(line: Line, delivery: Delivery) -> Dialogue:
    """What is ended first, then suspension, the values, resumption, and what is begun last."""
    met = yield from _meet(line, delivery)
    if isinstance(met, Ending):
        return met
    desired, line = delivery.desired, met.line
    wanted = desired.groups if desired.phase is Phase.ACTIVE else ()
    left = yield from leave(line, delivery, met.known, wanted)
    if isinstance(left, Ending):
        return left
    met, line = replace(met, known=left.known), line.at("leave") if left.refusal is None else line
    for name, step in _STEPS:
        known = yield from step(line, delivery, met)
        if isinstance(known, Ending):
            return known
        met, line = replace(met, known=known), line.at(name)
    joined = yield from join(line, delivery, met.known, wanted, met.shown)
    if isinstance(joined, Ending):
        return joined
    return replace(left.refusal, known=joined) if left.refusal is not None else Ending(Outcome.DONE, joined)


def _meet(line: Line, delivery: Delivery) -> Generator[Request, Answer, _Met | Ending]:
    """The account that exists after this: the one we know, one found and taken over, or a new one."""
    known = delivery.known
    if known.remote_id is None:
        return (yield from _obtain(line, delivery))
    if not delivery.look:
        return _Met(known, line, certain=False)
    shown = yield from read(line, read_object_id(known.remote_id), known)
    if isinstance(shown, Refused):
        return vanished() if shown.error == GONE else shown.ending
    if marked(line, shown) not in (None, delivery.identity):
        return Ending(Outcome.PERMANENT, known, "the account has been given another's mark")
    return (yield from _seen(line, delivery, shown))


def _obtain(line: Line, delivery: Delivery) -> Generator[Request, Answer, _Met | Ending]:
    """Create the account, or take over the one that is there. After a doubt it is looked up first."""
    aimed = yield from target_of(line, delivery)
    if isinstance(aimed, Ending):
        return aimed
    line = aimed
    if delivery.look:
        found = yield from look_up(line, delivery, adopts=True)
        if found is not None:
            return found if isinstance(found, Ending) else (yield from _seen(line, delivery, found))
    if TAKEN in line.done:
        return _unseen(line, delivery, Ending(Outcome.PERMANENT, delivery.known, "addRequest failed: alreadyExists"))
    made = yield from _create(line, delivery)
    if not isinstance(made, Refused):
        return made
    if made.error != ALREADY:
        return _doubted(delivery, made.ending)
    found = yield from look_up(line, delivery, adopts=True)
    if found is not None:
        return found if isinstance(found, Ending) else (yield from _seen(line, delivery, found))
    return _unseen(line, delivery, made.ending)


def _unseen(line: Line, delivery: Delivery, ending: Ending) -> Ending:
    """After the SP said that there is such an account, and shows none."""
    # It may be ours and not be shown yet; a look that still does not find it, later, makes it a question.
    outcome = Outcome.PERMANENT if delivery.look else Outcome.UNKNOWN
    reason = f"{ending.reason}; but no look-up shows such an account"
    match = line.service.match
    taken = (match, delivery.desired.values.get(match)) if delivery.look else None
    return _doubted(delivery, replace(ending, outcome=outcome, reason=reason, taken=taken))


def _create(line: Line, delivery: Delivery) -> Generator[Request, Answer, _Met | Refused]:
    desired, options = delivery.desired, line.options
    proposed = {"identity": delivery.identity, "match": next(iter(match_values(line, delivery)), None)}
    request = add(
        data_of(line, delivery),
        line.target,
        proposed=proposed.get(options.identifier),
        container=options.container,
    )
    for step in _ACTIVE:
        line = line.at(step)
    reply = yield from exchange(line, request, delivery.known)
    if isinstance(reply, Refused):
        return reply
    identifier = pso_id(reply, line)
    if identifier is None:
        reason = "addRequest answered without a usable id"
        return Refused("", Ending(Outcome.UNKNOWN, delivery.known, reason))
    phase = desired.phase if phase_values(options, Phase.SUSPENDED) else Phase.ACTIVE
    return _Met(Known(phase, identifier.text, desired.held, filled=desired.filled), replace(line, looked=False))


def _to(phase: Phase, line: Line, delivery: Delivery, met: _Met) -> Generator[Request, Answer, Known | Ending]:
    step = "suspend" if phase is Phase.SUSPENDED else "resume"
    if delivery.desired.phase is not phase or phase_values(line.options, Phase.SUSPENDED):
        return met.known
    after = replace(met.known, phase=phase)
    if step in line.done or met.known.phase is phase:
        return after
    reply = yield from exchange(line.at(step), state_change(line, met.known, phase), met.known)
    if isinstance(reply, Refused):
        return _refused(delivery, met, reply)
    return _renamed(after, pso_id(reply, line))


def _change(line: Line, delivery: Delivery, met: _Met) -> Generator[Request, Answer, Known | Ending]:
    """One modifyRequest with what differs, or none."""
    desired, known = delivery.desired, met.known
    by_values = phase_values(line.options, Phase.SUSPENDED)
    phase = desired.phase if by_values else known.phase
    after = replace(known, phase=phase, values=desired.held, filled=desired.filled)
    changes = [] if "change" in line.done else values_change(line, delivery, known, met.shown)
    if not changes:
        return after
    pso = read_object_id(str(known.remote_id)).element(target=line.target)
    reply = yield from exchange(line.at("change"), modify(pso, changes), known)
    if isinstance(reply, Refused):
        return _doubted(delivery, _refused(delivery, met, reply))
    return _renamed(after, pso_id(reply, line))


def _renamed(known: Known, now: ObjectId | None) -> Known:
    """An object's id may be another after a change: it is known by that from now on."""
    return known if now is None else replace(known, remote_id=now.text)


def _refused(delivery: Delivery, met: _Met, refused: Refused) -> Ending:
    if refused.error == GONE and not met.certain:
        return vanished()
    # An account that nobody had marked is not ours before the mark has arrived: until then it is not claimed.
    lacks_mark = met.shown is not None and marked(met.line, met.shown) is None
    claimed = delivery.known if delivery.known.remote_id is None and lacks_mark else met.known
    if refused.error == GONE:
        return Ending(Outcome.TRANSIENT, claimed, "the SP shows the account and does not find it")
    return replace(refused.ending, known=claimed)


# Suspension comes before the values, so that what an SP refuses of them keeps no account open; resumption after them.
_STEPS: Final = (
    ("suspend", partial(_to, Phase.SUSPENDED)),
    ("change", _change),
    ("resume", partial(_to, Phase.ACTIVE)),
)


def _remove(line: Line, delivery: Delivery) -> Dialogue:
    """Delete the account, if it is ours. Without a remote id only an account with our mark is."""
    known = delivery.known
    if "delete" in line.done:
        return Ending(Outcome.DONE, Known())
    if known.remote_id is None:
        if not delivery.look:
            return Ending(Outcome.DONE, Known())
        aimed = yield from target_of(line, delivery)
        if isinstance(aimed, Ending):
            return aimed
        line = aimed
        found = yield from look_up(line, delivery, adopts=False)
        if isinstance(found, Ending):
            return found
        if found is None:
            return Ending(Outcome.DONE, Known())
        known = replace(known, phase=Phase.ACTIVE, remote_id=found.id.text)
    pso = read_object_id(str(known.remote_id)).element(target=line.target)
    reply = yield from exchange(line.at("delete"), delete(pso), known)
    if not isinstance(reply, Refused) or reply.error == GONE:
        return Ending(Outcome.DONE, Known())
    return reply.ending


def _seen(line: Line, delivery: Delivery, shown: Shown) -> Generator[Request, Answer, _Met | Ending]:
    """What is known of an account that the SP shows. Its values are those that we may have applied, not the shown."""
    phase = yield from seen_phase(line, delivery, shown)
    if isinstance(phase, Ending):
        return phase
    return _Met(replace(delivery.known, phase=phase, remote_id=shown.id.text), replace(line, looked=True), shown)


def _doubted(delivery: Delivery, ending: Ending) -> Ending:
    """After a call whose effect is not known, the values that it carried may be there as well."""
    if ending.outcome is not Outcome.UNKNOWN:
        return ending
    values = {**ending.known.values, **delivery.desired.values}
    return replace(ending, known=replace(ending.known, values=values))
