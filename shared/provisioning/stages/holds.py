"""What the brakes hold, and an operator's word on it: released it goes through, withdrawn it stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.core import delivery
from provisioning.core.account import Account, Condition
from provisioning.core.bell import Bell, Cause
from provisioning.core.errors import ConflictError, StalePolicyError
from provisioning.core.period import Instant
from provisioning.ports import Accounts, Bells, Counts
from provisioning.stages.message import Log


@dataclass(frozen=True, slots=True)
class Holds:
    """What it needs."""

    accounts: Accounts
    counts: Counts
    bells: Bells
    log: Log


async def held(shell: Holds, service: str, most: int, cause: str = "") -> Sequence[Account]:
    """Accounts whose removal is held, all or those for one reason: their `error`."""
    found = await shell.counts.resting(service, Condition.HELD, most)
    return [account for account in found if not cause or account.error == cause]


async def release(shell: Holds, accounts: Sequence[Account], now: Instant, trace: str) -> int:
    """Let these removals through, past the brake; returns how many. Who was written meanwhile is left alone.

    Whoever dies before the bells ring is made good by the sweep: each is due at once.
    """
    done = []
    for account in accounts:
        if await _write(shell, delivery.released(account, now)):
            done.append(Bell(account.identity, Cause.COMMAND, trace))
            shell.log("delivery.released", identity=account.identity, service=account.service, trace=trace)
    if done:
        await shell.bells.ring(done, now)
    return len(done)


async def withdraw(shell: Holds, accounts: Sequence[Account], why: str, trace: str) -> int:
    """Refuse these removals: each account is parked as it is until something else is wanted of it."""
    done = 0
    for account in accounts:
        if await _write(shell, delivery.withdrawn(account, why)):
            done += 1
            shell.log("delivery.withdrawn", identity=account.identity, service=account.service, trace=trace)
    return done


async def _write(shell: Holds, account: Account) -> bool:
    try:
        # Loses to a delivery for which something else is wanted by now: then nothing is held any more.
        await shell.accounts.put_account(account)
    except (ConflictError, StalePolicyError):
        return False
    return True
