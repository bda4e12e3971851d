"""What deliver finds when it looks at accounts: what is wanted, what is known, who must wait for what."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from provisioning.core import delivery, membership
from provisioning.core.account import Account, Condition, Desired, waits
from provisioning.core.bell import OWN_SPAN, Bell, Cause
from provisioning.core.brake import Removal, removal_of
from provisioning.core.catalog import Service
from provisioning.core.confirmation import overtaken
from provisioning.core.errors import TransientError
from provisioning.core.gate import Gate
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import NOTHING
from provisioning.core.mapping import desired
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.quick import quick
from provisioning.core.wire import digest_of
from provisioning.ports import Accounts, Bells, Courier, Deliveries, Policies
from provisioning.protocols.registry import STAGING, member_batch
from provisioning.stages.message import Log


@dataclass(frozen=True, slots=True)
class Deliver:
    """What deliver needs. `groups` remembers the remote ids of groups between invocations."""

    service: str
    accounts: Accounts
    policies: Policies
    courier: Courier
    bells: Bells
    groups: dict[str, str]
    log: Log


@quick
@dataclass(frozen=True, slots=True)
class Visit:
    """One account as read, with what is wanted of it."""

    policy: Policy
    service: Service
    account: Account
    desired: Desired
    turn: int
    plan: delivery.Plan
    trace: str
    identity: Identity
    operation: str  # stands for this change of this account: the same whenever it is repeated
    gathers: bool  # memberships are left to the groups' own doorbells

    @property
    def asks(self) -> bool:
        """Whether the SP will be called for the account itself."""
        if not self.plan.call or self.stages:
            return False
        if not self.gathers or self.plan.doubt:
            return True
        known = self.account.known
        return not delivery.agrees(known, replace(self.desired, groups=known.groups))

    @property
    def removal(self) -> Removal | None:
        """What it would take away that no brake has let through yet."""
        if not self.plan.call or self.service.brake.off is not None or self.operation in self.account.permits:
            return None
        return removal_of(self.account, self.desired, gathers=self.gathers)

    @property
    def own(self) -> Desired:
        """What the account's own dialogue is to bring about."""
        return membership.without_groups(self.desired) if self.gathers else self.desired

    @property
    def stages(self) -> bool:
        """Whether its protocol does not talk to the SP: the account is written down for another to read."""
        return self.service.protocol in STAGING

    @property
    def has_slot(self) -> bool:
        """Whether it waited for a slot of the budget and the slot has come."""
        return self.account.condition is Condition.PENDING and not delivery.creating(self.account, self.service)


async def look_at(shell: Deliver, traces: Mapping[str, str], now: Instant) -> tuple[list[Visit], list[Bell], Gate]:
    """Read what is wanted and what is known of every identity; keep those with something to do.

    While the service is paused that is nobody. Nothing is written either: who resumes it rings everyone.
    """
    before = (await shell.policies.current()).services.get(shell.service)
    found = await shell.accounts.deliveries(shell.service, list(traces), before.requires if before else ())
    rows = found.rows
    if found.gate.paused:
        shell.log("service.paused", service=shell.service, bells=len(traces), reason=found.gate.paused)
        return [], [], found.gate
    sequences = [item.sequence for row in rows.values() for item in row if item is not None]
    policy = await shell.policies.current(at_least=max(sequences, default=0))
    service = policy.services.get(shell.service)
    if service is None:
        raise TransientError(f"service {shell.service!r} is not in bundle {policy.sequence}")
    if before is None or before.requires != service.requires:  # a bundle that was newer than ours says so
        found = await shell.accounts.deliveries(shell.service, list(traces), service.requires)
        rows = found.rows
    gathers = member_batch(service) is not None
    visits: list[Visit] = []
    bells: list[Bell] = []
    for identity, trace in traces.items():
        wanted, account = rows.get(identity, (None, None))
        if wanted is None:
            shell.log("identity.unknown", identity=identity, service=shell.service, trace=trace)
            continue
        visit = _visit(policy, service, wanted, account, trace, now, gathers=gathers)
        if visit is not None and (lacking := _lacking(visit, found)):
            # What it requires rings for it as soon as it is there.
            shell.log("deliver.waits", identity=identity, service=shell.service, requires=lacking, trace=trace)
        elif visit is not None:
            visits.append(visit)
        elif account is not None:
            # Its writer may have died before it rang for this instant, which the sweep has already passed.
            bells += [*bells_of(account, trace, now), *dependents(policy, wanted, account, trace)]
            bells += group_bells(account, trace)
    return visits, bells, found.gate


def _visit(
    policy: Policy,
    service: Service,
    identity: Identity,
    account: Account | None,
    trace: str,
    now: Instant,
    *,
    gathers: bool,
) -> Visit | None:
    turn = identity.entitlements.get(service.id, NOTHING).turn
    if not turn or (waits(account, turn, now) and not overtaken(account, turn)):
        return None
    return visit_of(policy, service, identity, account, trace, gathers=gathers)


def visit_of(
    policy: Policy, service: Service, identity: Identity, account: Account | None, trace: str, *, gathers: bool
) -> Visit:
    """One account with what is wanted of it now, whatever it waits for."""
    entitlement = identity.entitlements.get(service.id, NOTHING)
    account = account or Account(identity.id, service.id)
    wanted = desired(
        policy.mappings[service.id], account.subject, policy.told(identity, service.id), entitlement,
        decided=identity.sequence == policy.sequence,
    )  # fmt: skip
    wanted = delivery.for_account(wanted, account)
    plan = delivery.plan(wanted, account, entitlement.turn, gathers=gathers)
    operation = digest_of([identity.id, service.id, entitlement.turn, wanted.digest]) if plan.call else ""
    return Visit(policy, service, account, wanted, entitlement.turn, plan, trace, identity, operation, gathers)


def _lacking(visit: Visit, found: Deliveries) -> list[str]:
    """The services at which an account must be, before one is made here, and is not yet."""
    if not visit.plan.intent:
        return []
    accounts = {name: found.others.get((visit.account.identity, name)) for name in visit.service.requires}
    return [name for name, account in accounts.items() if account is None or not account.exists]


def dependents(policy: Policy, identity: Identity, account: Account, trace: str) -> list[Bell]:
    """Bells for the services that wait for this account, once it is there.

    Also if nothing was done for it: who did may have died before they rang.
    """
    if not account.exists or not any(service.requires for service in policy.services.values()):
        return []
    return [
        Bell(identity.id, Cause.DECISION, trace, service.id)
        for service in policy.services.values()
        if account.service in service.requires and identity.entitlements.get(service.id, NOTHING).turn
    ]


def group_bells(account: Account, trace: str) -> list[Bell]:
    """Bells for the groups in which an account's membership is in question."""
    return [Bell("", Cause.DECISION, trace, account.service, group=name) for name in account.joining]


def bells_of(account: Account, trace: str, now: Instant) -> list[Bell]:
    if account.due_at is None or not account.due_at < now + OWN_SPAN:
        return []
    return [Bell(account.identity, Cause.CLOCK, trace, at=account.due_at)]
