"""The brake of a service: which removals go through. The others are held, and nothing is taken away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.account import Account
from provisioning.core.bell import Bell, Cause
from provisioning.core.brake import MOST_AT_ONCE, MOST_PERMITS, Kind, Removal, Share, grant, home, lane_of
from provisioning.core.catalog import Service
from provisioning.core.delivery import held
from provisioning.core.errors import ConflictError, TransientError
from provisioning.core.lifecycle import NOTHING
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.ports import Accounts
from provisioning.stages.message import Log
from provisioning.stages.visit import Deliver, Visit, look_at

ATTEMPTS: Final = 20  # races that are lost to other batches before the messages come again
_LOOKS: Final = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """One removal that somebody wants. `attempt`: its id, the same however often it is tried."""

    account: Account
    removal: Removal
    share: Share
    attempt: str
    turn: int
    sequence: int
    cause: str


def domains_of(policy: Policy) -> Mapping[str, str]:
    """The domains of its sources; none where nobody says."""
    return policy.trust.domains if policy.trust is not None else {}


async def count(
    accounts: Accounts, service: Service, policy: Policy, asked: Sequence[Asked], log: Log, now: Instant
) -> list[Account]:
    """Count removals and let through what the limits allow: the accounts as stored then, in their order.

    Who was refused is held. One read and one transaction for 99. Raises ConflictError if one of the accounts was
    written since it was read, TransientError if too many take at once.
    """
    found: list[Account] = []
    for first in range(0, len(asked), MOST_AT_ONCE):
        found += await _count(accounts, service, policy, asked[first : first + MOST_AT_ONCE], now)
    for each, after in zip(asked, found, strict=True):
        if after.asked:
            log("delivery.held", identity=after.identity, service=service.id, reason=after.error, turn=each.turn)
    return found


async def _count(
    accounts: Accounts, service: Service, policy: Policy, asked: Sequence[Asked], now: Instant
) -> list[Account]:
    domains = len({*domains_of(policy).values()})
    revision = -1
    for _ in range(ATTEMPTS):
        brake = await accounts.brake(service.id)
        if brake.revision == revision:
            raise ConflictError("an account was written meanwhile")  # the brake was not what we lost to
        revision = brake.revision
        wanted = [(each.share, each.removal.number) for each in asked]
        after, granted = grant(brake, service.brake, wanted, accounts.shards, domains, now)
        written = [_written(each, through=through) for each, through in zip(asked, granted, strict=True)]
        try:
            # Loses to another batch that takes of the same brake, and to whoever wrote one of the accounts.
            await accounts.put_permits(service.id, after if any(granted) else None, written)
        except ConflictError:
            continue
        return [replace(each, revision=each.revision + 1) for each in written]
    raise TransientError(f"too many take of the brake of {service.id} at once")


def _written(asked: Asked, *, through: bool) -> Account:
    account = asked.account
    if through:
        # What was held of it before is not wanted any more.
        permits = (*account.permits, asked.attempt)[-MOST_PERMITS:]
        return replace(account, permits=permits, asked="", sequence=asked.sequence)
    why = f"{asked.removal.kind} held by the brake, {asked.share.lane}, {asked.cause}"
    return held(account, why, asked.attempt, asked.turn, asked.sequence)


async def braked(
    shell: Deliver, visits: Sequence[Visit], causes: Mapping[str, Cause], now: Instant
) -> tuple[list[Visit], list[Bell], frozenset[str]]:
    """The visits that may go on, each removal counted; bells of those that were looked at again; who must come again.

    Costs nothing where nothing is taken away.
    """
    bells: list[Bell] = []
    going = [visit for visit in visits if visit.removal is None]
    asking = [visit for visit in visits if visit.removal is not None]
    for _ in range(_LOOKS):
        if not asking:
            return going, bells, frozenset()
        service = asking[0].service
        asked = [_asked(visit, causes) for visit in asking]
        try:
            accounts = await count(shell.accounts, service, asking[0].policy, asked, shell.log, now)
        except ConflictError:
            again, rung, _ = await look_at(shell, {each.account.identity: each.trace for each in asking}, now)
            bells += rung
            going += [visit for visit in again if visit.removal is None]
            asking = [visit for visit in again if visit.removal is not None]
            continue
        except TransientError as error:
            shell.log("brake.failed", service=shell.service, reason=str(error))
            break
        counted = zip(asking, accounts, strict=True)
        going += [replace(visit, account=account) for visit, account in counted if not account.asked]
        return going, bells, frozenset()
    return going, bells, frozenset(visit.account.identity for visit in asking)


def _asked(visit: Visit, causes: Mapping[str, Cause]) -> Asked:
    removal, account = visit.removal, visit.account
    if removal is None:
        raise AssertionError("only removals are asked for")  # the caller chose them
    notice = visit.identity.entitlements.get(visit.service.id, NOTHING).notice
    # Of a membership nobody knows how long its end had been known.
    lane = lane_of(visit.service.brake, 0 if removal.kind is Kind.MEMBERSHIP else notice)
    cause = f"by {causes.get(account.identity, Cause.DECISION).value}, bundle {visit.identity.sequence}"
    share = Share(lane, home(domains_of(visit.policy), visit.identity.records))
    return Asked(account, removal, share, visit.operation, visit.turn, visit.policy.sequence, cause)
