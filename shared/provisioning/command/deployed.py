"""What commands ask of a deployed stack. The stack's outputs say where its table, bucket and queues are."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from provisioning.adapters.aws import stack as stacks
from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.extracts import StoredExtracts
from provisioning.adapters.aws.files import StoredFiles
from provisioning.adapters.aws.indexes import Indexes
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.policies import PublishedPolicies
from provisioning.adapters.aws.queues import Queues
from provisioning.adapters.aws.rejections import KeptRejections
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.aws.table import Table
from provisioning.command.bundle import Folder
from provisioning.command.plan import Total, plan_everyone
from provisioning.core.account import Account, Condition
from provisioning.core.catalog import Source
from provisioning.core.errors import ConflictError, InvalidError, TransientError
from provisioning.core.gate import Gate, closed
from provisioning.core.identity import Identity
from provisioning.core.maintenance import open_again
from provisioning.core.period import Instant, show
from provisioning.core.policy import Policy
from provisioning.ports import Published, Rejected
from provisioning.runtime.entry import clock
from provisioning.stages.brake import domains_of
from provisioning.stages.campaign import VERIFYING, steps, write_step
from provisioning.stages.forward import found_at
from provisioning.stages.notify import STREAM

SHOWN: Final = 20  # parked accounts of a service, and rejected records of a source


@dataclass(frozen=True, slots=True)
class Deployed:
    """The ports of a deployed stack. `outputs`: by name; `clients` and `rows` for ports that few commands need."""

    clients: Clients
    rows: Rows
    outputs: Mapping[str, str]
    table: Table
    indexes: Indexes
    policies: PublishedPolicies
    rejections: KeptRejections
    queues: Queues
    extracts: StoredExtracts
    files: StoredFiles


@asynccontextmanager
async def deployed(stack: str) -> AsyncIterator[Deployed]:
    """Open a stack's ports. Raises InvalidError if none is named."""
    if not stack:
        raise InvalidError("no stack is named", "--stack", right="the stack's name, or PROVISIONING_STACK")
    clients = Clients()
    try:
        outputs = await stacks.outputs(clients, stack)
        rows, objects = Rows(clients, outputs["Table"]), Objects(clients, outputs["Bucket"])
        yield Deployed(
            clients,
            rows,
            outputs,
            Table(rows),
            Indexes(rows),
            PublishedPolicies(rows, objects, clock),
            KeptRejections(rows, objects),
            Queues(clients, outputs["IdentitiesQueue"], {}, outputs["CampaignQueue"]),
            StoredExtracts(rows, clients, outputs.get("ExtractQueue", "")),
            StoredFiles(clients, outputs["Bucket"]),
        )
    finally:
        await clients.close()


async def person_of(stack: str, person: str) -> tuple[Policy, Identity, Mapping[str, Account]]:
    """The policy in force, and an identity with its accounts, by its id or by SOURCE/KEY. Raises InvalidError."""
    async with deployed(stack) as ports:
        identity, (source, _, key) = person, person.partition("/")
        if key:
            identity = (await ports.table.links([(source, key)])).get((source, key), "")
        holding = await ports.table.holding(identity) if identity else None
        if holding is not None and holding.identity is not None and not holding.identity.records:
            holding = await found_at(ports.table, identity)  # it was merged into another one, and keeps nothing
        if holding is None or holding.identity is None:
            raise InvalidError(f"nobody is known as {person!r}", right="SOURCE/KEY, such as registry/ada, or an id")
        return await ports.policies.current(holding.identity.sequence), holding.identity, holding.accounts


async def state_of(stack: str, domain: str = "") -> dict[str, Any]:
    """Accounts by service, phase and condition; what is parked; what was rejected.

    `domain`: only what concerns it: its sources, and the services to which its word may give anything. Raises
    InvalidError if no source is of it.
    """
    async with deployed(stack) as ports:
        policy = await ports.policies.current()
        sources = of_domain(policy, domain)
        services = {}
        for service, configured in policy.services.items():
            if domain and not any(_speaks_for(source, service) for source in sources):
                continue
            counts = await ports.indexes.count(service)
            parked = await ports.indexes.resting(service, Condition.PARKED, SHOWN)
            gate, now = (await ports.table.deliveries(service, [])).gate, clock()
            services[service] = {
                "gate": gate_state(gate, open_again(configured.maintenance, policy.zone, now), now),
                "accounts": [
                    {"phase": phase, "condition": condition, "count": count}
                    for (phase, condition), count in sorted(counts.items())
                ],
                "parked": [{"identity": account.identity, "reason": account.error} for account in parked],
            }
        # What came by a queue that is no source's is kept under the queue's name and is not listed here.
        rejected = [
            item
            for source in (*(each.id for each in sources), *([] if domain else [STREAM]))
            for item in await ports.rejections.rejections(source, SHOWN)
        ]
        return {
            "bundle": {"hash": policy.hash, "sequence": policy.sequence},
            "stale": {each.id: show(policy.stale[each.id]) for each in sources if each.id in policy.stale},
            "services": services,
            "rejected": [_rejected(item) for item in rejected],
        }


def of_domain(policy: Policy, domain: str) -> list[Source]:
    """The sources of a domain; without one all. Raises InvalidError if there is none."""
    sources = policy.bundle.sources
    found = [each for each in sources if not domain or (each.domain or policy.bundle.tenant.id) == domain]
    if not found:
        known = sorted({each.domain or policy.bundle.tenant.id for each in sources})
        raise InvalidError(f"no source is of domain {domain!r}", "--domain", right=f"one of {', '.join(known)}")
    return found


def _speaks_for(source: Source, service: str) -> bool:
    """Whether a source's word may give anything at a service."""
    return source.asserts is None or source.asserts.supports is None or service in source.asserts.supports


def gate_state(gate: Gate, maintained: Instant | None, now: Instant) -> dict[str, Any]:
    """What a service lets through; `maintained`: when its maintenance ends, if it is in maintenance now.

    `backlog`: seconds until the last slot that is taken, from now or from the end of maintenance. Slots that fall into
    it are lost, and as many are taken after it.
    """
    last = gate.next_free // 1000
    begins = maintained if maintained is not None and last > maintained else now
    return {
        "paused": gate.paused,
        "maintained_until": show(maintained) if maintained is not None else None,
        "quarantined_until": show(gate.closed_until) if gate.quarantine and closed(gate, now) else None,
        "failures": gate.failures,
        "backlog": max(0, last - begins),
    }


def _rejected(item: Rejected) -> dict[str, str]:
    return {"source": item.source, "message": item.message, "at": show(item.at), "reason": item.reason}


async def _services(ports: Deployed) -> frozenset[str] | None:
    """The services in force; None before the first publication."""
    try:
        return frozenset((await ports.policies.current()).services)
    except TransientError:
        return None


async def pause_service(stack: str, service: str, reason: str) -> None:
    """Close a service's gate until it is resumed. Raises InvalidError for a service that is not in the bundle."""
    async with deployed(stack) as ports:
        await _known_service(ports, service)
        await _set_pause(ports, service, reason)


async def resume_service(stack: str, service: str) -> None:
    """Open a service's gate again, and ring everyone: what was wanted meanwhile was not rung for."""
    async with deployed(stack) as ports:
        sequence = await _known_service(ports, service)
        await _set_pause(ports, service, "")
        for step in steps(sequence):
            await ports.queues.continue_campaign(write_step(step))


async def refuse_paused(stack: str, service: str) -> None:
    """Raise TransientError if the service is paused: then an operator does not call its SP either."""
    async with deployed(stack) as ports:
        gate = (await ports.table.deliveries(service, [])).gate
    if gate.paused:
        raise TransientError(
            f"{service} is paused ({gate.paused}) and nothing was asked; `provision resume {service}` opens it"
        )


async def _known_service(ports: Deployed, service: str) -> int:
    policy = await ports.policies.current()
    if service not in policy.services:
        raise InvalidError(f"there is no service {service!r}", right=f"one of {', '.join(policy.services)}")
    return policy.sequence


async def _set_pause(ports: Deployed, service: str, reason: str) -> None:
    while True:
        gate = (await ports.table.deliveries(service, [])).gate
        try:
            # Loses to a batch that learned something of the SP; then it is tried on top of that.
            return await ports.table.put_gate(service, replace(gate, paused=reason))
        except ConflictError:
            continue


async def plan_folder(stack: str, folder: Folder, draft: Policy) -> Total:
    """What a draft would change, over everyone in the table. Raises InvalidError for a service not deployed."""
    async with deployed(stack) as ports:
        current = await ports.policies.current()
        _deployed_services(folder, frozenset(current.services))
        now = clock()
        total = await plan_everyone(ports.table, ports.indexes, current, draft, now)
        domains = len({*domains_of(draft).values()})
        for service in draft.bundle.services:
            if service.id in total.removals:
                total.brake(service, await ports.table.brake(service.id), ports.table.shards, domains, now)
        return total


def _deployed_services(folder: Folder, known: frozenset[str]) -> None:
    for service in folder.bundle.services:
        if service.id not in known:
            raise InvalidError(f"service {service.id!r} is not deployed", right="deploy the stack with it first")


async def publish_folder(stack: str, folder: Folder) -> Published:
    """Put a bundle in force and start its campaign: a first pass, and one that verifies.

    Raises InvalidError for a bundle with a service that is not deployed: its doorbells would have no queue.
    """
    async with deployed(stack) as ports:
        known = await _services(ports)
        if known is not None:
            _deployed_services(folder, known)
        published = await ports.policies.publish(folder.published, folder.hash)
        for delay in (0, VERIFYING):
            for step in steps(published.sequence):
                await ports.queues.continue_campaign(write_step(step), delay)
        return published
