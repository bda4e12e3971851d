"""Ours, page by page: who was not shown by a proven list is missing. At the end it is said what everybody else is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from provisioning.core.account import Account, Condition, Phase
from provisioning.core.difference import MARK, REMOTE_ID, Class, Finding, Shown, drift, is_open, token
from provisioning.core.lifecycle import NOTHING
from provisioning.core.mapping import desired
from provisioning.core.reconcile_part import Left
from provisioning.core.reconciled import Step
from provisioning.core.stored import Standing
from provisioning.stages.reconcile_work import PART, Work

PAGE: Final = 500  # accounts of one page


async def walk(work: Work) -> bool:
    """Walk as far as there is time for; whether all were walked."""
    if work.run.problem and not work.left:  # nobody is missing, and nobody is left of whom anything is to be said
        await work.save(replace(work.run, step=Step.ACT, position=None))
        return True
    while work.has_time:
        shell, run = work.shell, work.run
        page, position = await shell.standings.standings(work.service.id, run.position, PAGE)
        await _compare(work, page)
        await _wanting(work, page)
        work.item = replace(work.item, run=replace(run, position=position))
        if position is None:
            _say_of_the_rest(work)
            await work.save(replace(work.run, step=Step.ACT))
            return True
        if work.part.size >= PART:
            await work.save(work.run)
    await work.save(work.run)
    return False


async def _compare(work: Work, page: Sequence[Standing]) -> None:
    """Look at accounts of ours of which none was shown as theirs."""
    unseen = [each.identity for each in page if each.phase != Phase.ABSENT and each.identity not in work.identities]
    if not unseen:
        return
    for account in await work.shell.held.accounts(work.service.id, list(dict.fromkeys(unseen))):
        finding = _unseen(work, account)
        if finding is not None:
            work.part.found.append(finding)  # also if it is settled: what was left is said of once
            work.said.add(work.lists.canonical(finding.remote_id))
            work.identities.add(account.identity)  # an index may show it twice


def _unseen(work: Work, account: Account) -> Finding | None:
    """What an account of ours is that was not shown with our mark. None: nothing can be said of it."""
    remote_id, settling = account.known.remote_id, work.service.settling
    if remote_id is None or account.known.phase is Phase.ABSENT:
        return None
    left = work.left.get(work.lists.canonical(remote_id))
    if work.beside[account.identity] and left is None:
        return None  # at the end it is said what those are
    if left is not None and (left.foreign or left.identity):
        return Finding(Class.FOREIGN, remote_id, account.identity, (MARK,))
    if left is None and (work.run.problem or work.token_of(remote_id) in work.remotes):
        return None
    if is_open(account, work.run.begun, settling):
        return Finding(Class.OPEN, remote_id, account.identity)
    if left is None:
        return Finding(Class.MISSING, remote_id, account.identity)
    return drift(Shown(remote_id, phase=left.phase, values=None), account, work.how)


async def _wanting(work: Work, page: Sequence[Standing]) -> None:
    """Note who wants an account and is parked without one, where accounts may be taken over by their match value."""
    if work.options.orphan != "adopt" or work.service.adopt != "match":
        return
    parked = [each.identity for each in page if (each.phase, each.condition) == (Phase.ABSENT, Condition.PARKED)]
    if not parked:
        return
    policy, service = work.policy, work.service
    for identity, _ in (await work.shell.accounts.deliveries(service.id, parked)).rows.values():
        entitlement = NOTHING if identity is None else identity.entitlements.get(service.id, NOTHING)
        if identity is None or not entitlement.turn:
            continue
        told = policy.told(identity, service.id)
        wanted = desired(policy.mappings[service.id], identity.id, told, entitlement)
        match = wanted.values.get(service.match)
        if wanted.phase is not Phase.ABSENT and isinstance(match, str) and match:
            work.want(token(match.casefold()), identity.id)


def _say_of_the_rest(work: Work) -> None:
    """Say what those are who were shown and are no account that we know."""
    for left in work.left.values():
        if work.lists.canonical(left.remote_id) not in work.said:
            work.part.take(_stranger(work, left))


def _stranger(work: Work, left: Left) -> Finding:
    if left.foreign:
        return Finding(Class.FOREIGN, left.remote_id)
    if left.identity:
        if left.identity in work.identities or work.beside[left.identity] > 1:
            return Finding(Class.DUPLICATE, left.remote_id, left.identity)
        # The account that we know was not shown. Whether it is there nevertheless, only a proven list tells.
        kind = Class.OPEN if work.run.problem else Class.DRIFTED
        return Finding(kind, left.remote_id, left.identity, () if work.run.problem else (REMOTE_ID,))
    if left.match in work.matches:
        return Finding(Class.DUPLICATE, left.remote_id, work.matches[left.match])
    return Finding(Class.ORPHAN, left.remote_id, work.wants.get(left.match, ""))
