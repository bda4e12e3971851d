"""What `provision held`, `release` and `withdraw` ask of a deployed stack."""

from collections.abc import Sequence
from typing import Any, Final

from provisioning.command.deployed import Deployed, deployed
from provisioning.core.account import Account
from provisioning.core.brake import Lane, Share, limit, taken
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.runtime.entry import clock
from provisioning.runtime.log import log_aside
from provisioning.stages import holds as stage
from provisioning.stages.brake import domains_of

MOST: Final = 100_000  # held accounts of a service that are looked at
SAMPLE: Final = 3


async def holds(stack: str, service: str) -> dict[str, Any]:
    """By service: what went through lately, the limits, and what is held, by cause. Raises InvalidError."""
    async with deployed(stack) as ports:
        policy = await ports.policies.current()
        names = [_known(policy, service)] if service else list(policy.services)
        shell = stage.Holds(ports.table, ports.indexes, ports.queues, log_aside)
        found = {}
        for name in names:
            found[name] = {
                **await _brake(ports, policy, policy.services[name], clock()),
                "held": _by_cause(await stage.held(shell, name, MOST)),
            }
        return found


async def answer(stack: str, word: str, service: str, cause: str, most: int | None) -> int:
    """Release or withdraw what is held; returns how many. `most`: None, all. Raises InvalidError."""
    async with deployed(stack) as ports:
        policy = await ports.policies.current()
        shell = stage.Holds(ports.table, ports.indexes, ports.queues, log_aside)
        accounts = (await stage.held(shell, _known(policy, service), MOST, cause))[:most]
        if word == "released":
            return await stage.release(shell, accounts, clock(), "provision-release")
        return await stage.withdraw(shell, accounts, "withdrawn by an operator", "provision-withdraw")


def _known(policy: Policy, service: str) -> str:
    if service not in policy.services:
        raise InvalidError(f"there is no service {service!r}", right=f"one of {', '.join(policy.services)}")
    return service


async def _brake(ports: Deployed, policy: Policy, service: Service, now: Instant) -> dict[str, Any]:
    options, brake = service.brake, await ports.table.brake(service.id)
    domains = sorted({*domains_of(policy).values()})
    shares = [Share(lane, domain) for domain in (domains if len(domains) > 1 else [""]) for lane in Lane]
    shown = [
        {
            "lane": share.lane.value,
            "domain": share.domain,
            "taken": taken(brake, options, share, now),
            "limit": limit(options, share.lane, brake.population, ports.table.shards, len(domains)),
        }
        for share in shares
    ]
    return {"off": options.off, "window": str(options.window), "shares": shown}


def _by_cause(accounts: Sequence[Account]) -> list[dict[str, Any]]:
    """The most frequent cause first."""
    groups: dict[str, list[str]] = {}
    for account in accounts:
        groups.setdefault(account.error, []).append(account.identity)
    return [
        {"cause": cause, "count": len(some), "sample": some[:SAMPLE]}
        for cause, some in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
