"""What follows from what was found, by the service's policy: deliver is rung, or a person is asked. Then the report.

Nothing here calls the SP. Deliver does, as for any other cause: through the gate, after a look of its own.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from provisioning.core import repair
from provisioning.core.account import Account, Condition, Phase
from provisioning.core.bell import Bell, Cause
from provisioning.core.difference import REMOTE_ID, Class, Finding, heeded, is_open
from provisioning.core.errors import ConflictError, StalePolicyError
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import NOTHING, Standing
from provisioning.core.reconcile_part import read_part
from provisioning.core.reconcile_report import Tally, report_of, summary_of
from provisioning.core.reconciled import Step, ended
from provisioning.stages.reconcile_work import Work

BATCH: Final = 50  # findings that are acted on at once: their identities and accounts are one request
REPORT: Final = "report.json"


async def act(work: Work) -> bool:
    """Do what is to be done about the findings, as far as there is time; whether all was done."""
    while work.run.part < len(work.run.parts):
        if not work.has_time:
            await work.save(work.run)
            return False
        part = read_part(await work.shell.reconciles.file(work.run.parts[work.run.part]))
        due = _due(work, part.found)
        while work.run.acted < len(due):
            if not work.has_time:
                await work.save(work.run)
                return False
            some = list(islice(due, work.run.acted, work.run.acted + BATCH))
            done = Counter(work.run.done)
            done.update(await _act_on(work, some))
            # Who dies before this is stored does it again: what was doubted by this run is only rung for.
            await work.save(replace(work.run, acted=work.run.acted + len(some), done=dict(done)))
        work.item = replace(work.item, run=replace(work.run, part=work.run.part + 1, acted=0))
    await work.save(replace(work.run, step=Step.WRITE))
    return True


def _due(work: Work, found: Sequence[Finding]) -> list[Finding]:
    """Of some findings those of which the policy wants more than a report: the same whenever it is asked."""
    unkept = work.run.unkept
    seen = (heeded(finding, unkept) for finding in found)
    return [each for each in seen if repair.action_of(work.options, each) != "report"]


async def _act_on(work: Work, some: Sequence[Finding]) -> Counter[str]:
    shell, service = work.shell, work.service.id
    rows = (await shell.accounts.deliveries(service, [each.identity for each in some])).rows
    done: Counter[str] = Counter()
    bells: list[Bell] = []
    for finding in some:
        identity, account = rows.get(finding.identity, (None, None))
        action = repair.action_of(work.options, finding)
        if identity is None or account is None or not await _note(work, finding, action, identity, account):
            done["left"] += 1
            continue
        done[action] += 1
        if action != "park":
            trace = f"reconcile-{service}-{work.run.number}"
            bells.append(Bell(finding.identity, Cause.RECONCILIATION, trace, service))
        shell.log(
            f"reconcile.{action}", identity=finding.identity, service=service, found=finding.kind.value,
            attributes=list(finding.attributes),
        )  # fmt: skip
    if bells:
        await shell.bells.ring(bells, shell.seconds())
    return done


async def _note(work: Work, finding: Finding, action: str, identity: Identity, account: Account) -> bool:
    """Store with the account that it is in doubt, or parked; whether it is, by this run."""
    number, now = work.run.number, work.shell.seconds()
    if repair.is_from(account, number):
        return True
    if not _still(work, finding, action, identity, account):
        return False
    change = repair.parked if action == "park" else repair.doubted
    try:
        # Loses to a delivery of this account, which has seen more of the SP than our list.
        await work.shell.accounts.put_account(change(account, number, finding, now))
    except (ConflictError, StalePolicyError):
        return False
    return True


def _still(work: Work, finding: Finding, action: str, identity: Identity, account: Account) -> bool:
    """Whether what was found is so, as far as we know: nobody has dealt with the account since."""
    if finding.kind is not Class.ORPHAN:
        if is_open(account, work.run.begun, work.service.settling):
            return False
        known, canonical = account.known.remote_id, work.lists.canonical
        is_it = known is not None and canonical(known) == canonical(finding.remote_id)
        other = finding.kind is Class.DUPLICATE or REMOTE_ID in finding.attributes
        return account.known.phase is not Phase.ABSENT and is_it is not other
    if account.known.phase is not Phase.ABSENT or account.condition not in (Condition.SETTLED, Condition.PARKED):
        return False
    # Whoever is not entitled to an account is not given one, and what is there is not removed because it was found.
    wanted = identity.entitlements.get(work.service.id, NOTHING).standing is not Standing.ABSENT
    return wanted or action == "park"


async def write(work: Work) -> None:
    """Count everything once more, store the report, and end the run."""
    shell, run, now = work.shell, work.run, work.shell.seconds()
    tally = Tally()
    for name in run.parts:
        part = read_part(await shell.reconciles.file(name))
        tally.take((heeded(finding, run.unkept) for finding in part.found), part.settled)
    report = json.dumps(report_of(work.service.id, run, tally, now), ensure_ascii=False).encode()
    await shell.reconciles.keep_file(report_name(work.service.id, run.number), report)
    await work.put(ended(work.item, summary_of(run, tally, now)))
    await shell.reconciles.drop_files(run.parts)
    shell.log(
        "reconcile.ended", service=work.service.id, number=run.number, complete=not run.problem, reason=run.problem,
        counts=dict(tally.counts), done=dict(run.done),
    )  # fmt: skip


def report_name(service: str, number: int) -> str:
    """The file of a run's report."""
    return f"{service}/{number:06d}/{REPORT}"
