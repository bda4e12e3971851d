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
        return await _after_maintenance(accounts, service, gate, list(callers), max(ends, gate.closed_until), now)
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
    taken = await accounts.take_slots(service.id, len(new), spacing(rate), now)
    return {identity: taken.at(number) for number, identity in enumerate(new)}


async def _after_maintenance(
    accounts: Accounts, service: Service, gate: Gate, callers: Sequence[str], ends: Instant, now: Instant
) -> Mapping[str, Instant]:
    """When each may call after a maintenance window: a slot that fell into it is lost, and all take another."""
    rate = budget(gate, rate_of(service), ends)
    if rate is None:
        return {caller: after_maintenance(ends, caller, now) for caller in callers}
    taken = await accounts.take_slots(service.id, len(callers), spacing(rate), ends)
    return {caller: taken.at(number) for number, caller in enumerate(callers)}


async def learn(accounts: Accounts, service: Service, gate: Gate, heard: Sequence[Heard], now: Instant) -> Gate:
    """The gate after the calls of a batch. No write, if they taught nothing.

    What is lost in races is one batch's count; that a service is well again is not lost.
    """
    for _ in range(_ATTEMPTS):
        after = after_calls(gate, heard, rate_of(service), now)
        if after is gate:
            return gate
        try:
            # Loses to another batch that learned something of the SP, and to an operator.
            await accounts.put_gate(service.id, after)
            return after
        except ConflictError:
            gate = (await accounts.deliveries(service.id, [])).gate
    return gate
