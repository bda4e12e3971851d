"""The gate of a service: who of a batch may call the SP now, and what their calls taught."""

from collections.abc import Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from provisioning.core.catalog import Service
from provisioning.core.errors import ConflictError
from provisioning.core.gate import (
    Gate,
    Heard,
    after_calls,
    after_maintenance,
    budget,
    closed,
    probing,
    spacing,
    waiting_until,
)
from provisioning.core.maintenance import open_again
from provisioning.core.period import Instant
from provisioning.core.scim_presets import rate_of
from provisioning.ports import Accounts

_ATTEMPTS: Final = 3
_WINDOWS: Final = 10


async def admit(
    accounts: Accounts, service: Service, gate: Gate, callers: Mapping[str, bool], zone: ZoneInfo, now: Instant
) -> Mapping[str, Instant]:
    """When each of those that would call the SP may: by identity, where it is not at once.

    `callers`: identities, and whether they have waited for a slot of the budget already. `zone`: the tenant's, by whose
    clocks the service is maintained. Costs a write for a batch if the service has a budget now, and one if it is to be
    probed.
    """
    if not callers:
        return {}
    ends = open_again(service.maintenance, zone, now)
    if ends is not None:
        ends = max(ends, gate.closed_until)
        rate = budget(gate, rate_of(service), ends)
        if rate is None:
            return {caller: after_maintenance(ends, caller, now) for caller in callers}
        # A slot that fell into the window is lost, and all take another.
        return await _slots(accounts, service, zone, rate, list(callers), ends)
    probe = probing(gate, now)
    if probe is not None:
        try:
            # Loses to another batch that probes: then all of these wait, as for any closed gate.
            await accounts.put_gate(service.id, probe)
            return {identity: waiting_until(probe, identity) for identity in list(callers)[1:]}
        except ConflictError:
            return {identity: waiting_until(probe, identity) for identity in callers}
    if closed(gate, now):
        return {identity: waiting_until(gate, identity) for identity in callers}
    rate = budget(gate, rate_of(service), now)
    new = [identity for identity, waited in callers.items() if not waited]
    if rate is None or not new:
        return {}
    return await _slots(accounts, service, zone, rate, new, now)


async def _slots(
    accounts: Accounts, service: Service, zone: ZoneInfo, rate: float, callers: Sequence[str], since: Instant
) -> Mapping[str, Instant]:
    """A slot of the budget for each, from `since` on and in no window, so that nobody waits for one that is lost.

    A window that cuts the batch's slots in two costs another write. Where windows leave so little that a few such
    writes do not find it, who waits asks again.
    """
    slots, left = dict[str, Instant](), list(callers)
    for _ in range(_WINDOWS):
        count = len(left)
        taken = await accounts.take_slots(service.id, count, spacing(rate), since)
        slots |= {caller: taken.at(number) for number, caller in enumerate(left)}
        left = [caller for caller in left if open_again(service.maintenance, zone, slots[caller]) is not None]
        if not left:
            break
        # What is free next, moved out of its window: it is given next, unless others take slots meanwhile.
        free = taken.at(count)
        since = open_again(service.maintenance, zone, free) or free
    return slots


async def learn(accounts: Accounts, service: Service, gate: Gate, heard: Sequence[Heard], now: Instant) -> Gate:
    """The gate after the calls of a batch. No write, if they taught nothing.

    `gate`: as it let them in. What is lost in races is one batch's count; that a service is well again is not lost.
    """
    admitted = gate.quarantine
    for _ in range(_ATTEMPTS):
        after = after_calls(gate, heard, rate_of(service), now, admitted)
        if after is gate:
            return gate
        try:
            # Loses to another batch that learned something of the SP, and to an operator.
            await accounts.put_gate(service.id, after)
            return after
        except ConflictError:
            gate = (await accounts.deliveries(service.id, [])).gate
    return gate
