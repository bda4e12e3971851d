"""The gate of a service: who of a batch may call the SP now, and what their calls taught."""

from collections.abc import Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from provisioning.core.catalog import Service
from provisioning.core.errors import ConflictError
from provisioning.core.gate import Gate, Heard, after_calls, budget, closed, probing, spacing, waiting_until
from provisioning.core.maintenance import closed_until, resumes
from provisioning.core.period import Instant
from provisioning.ports import Accounts

_ATTEMPTS: Final = 3


async def admit(
    accounts: Accounts, service: Service, zone: ZoneInfo, gate: Gate, callers: Mapping[str, bool], now: Instant
) -> Mapping[str, Instant]:
    """When each of those that would call the SP may: by identity, where it is not at once. Never in a window.

    `callers`: identities, and whether they have waited for a slot of the budget already. Costs a write for a batch if
    the service has a budget now, one if it is to be probed, and one more where a window cuts the batch's slots in two.
    """
    if not callers:
        return {}
    if closed_until(service.maintenance, zone, now) is not None:
        # Also who has waited: their slot came before the window.
        return await _slots(accounts, service, zone, gate, list(callers), now)
    probe = probing(gate, now)
    waiting = list(callers)
    if probe is not None:
        try:
            # Loses to another batch that probes: then all of these wait, as for any closed gate.
            await accounts.put_gate(service.id, probe)
            gate, waiting = probe, waiting[1:]
        except ConflictError:
            gate = probe
    if closed(gate, now):
        return {each: resumes(service.maintenance, zone, waiting_until(gate, each), each) for each in waiting}
    new = [identity for identity, waited in callers.items() if not waited]
    return await _slots(accounts, service, zone, gate, new, now)


async def _slots(
    accounts: Accounts, service: Service, zone: ZoneInfo, gate: Gate, new: Sequence[str], now: Instant
) -> Mapping[str, Instant]:
    """For each a slot of the budget in no window; without a budget, now, or spread after the end of the window."""
    since = closed_until(service.maintenance, zone, now) or now
    rate, slots = budget(gate, service.rate, since), dict[str, Instant]()
    if rate is None:
        return {each: resumes(service.maintenance, zone, now, each) for each in new}
    left = list(new)
    while left:
        taken = await accounts.take_slots(service.id, len(left), spacing(rate), since)
        at = {each: taken.at(number) for number, each in enumerate(left)}
        left = [each for each in left if closed_until(service.maintenance, zone, at[each]) is not None]
        slots |= {each: at[each] for each in at.keys() - set(left)}
        # What is free next, moved out of its window: so the next turn gives a slot, unless others take slots meanwhile.
        free = taken.at(len(at))
        since = closed_until(service.maintenance, zone, free) or free
    return slots


async def learn(accounts: Accounts, service: Service, gate: Gate, heard: Sequence[Heard], now: Instant) -> Gate:
    """The gate after the calls of a batch. No write, if they taught nothing.

    What is lost in races is one batch's count; that a service is well again is not lost.
    """
    for _ in range(_ATTEMPTS):
        after = after_calls(gate, heard, service.rate, now)
        if after is gate:
            return gate
        try:
            # Loses to another batch that learned something of the SP, and to an operator.
            await accounts.put_gate(service.id, after)
            return after
        except ConflictError:
            gate = (await accounts.deliveries(service.id, [])).gate
    return gate
