"""The SP's accounts, page by page, each compared with what we know of whom it bears the mark."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from provisioning.core.account import Account
from provisioning.core.difference import MARK, Class, Compared, Finding, Shown, classify, token
from provisioning.core.gate import closed
from provisioning.core.maintenance import open_again
from provisioning.core.period import Instant
from provisioning.core.reconcile_part import Left, Row
from provisioning.core.reconciled import MOST_PARTS, TROUBLES, Run, read_to_the_end
from provisioning.protocols.dialogue import Ending, Outcome
from provisioning.protocols.ending import discreet
from provisioning.protocols.listing import Page, Restart
from provisioning.stages.forward import forwarded
from provisioning.stages.reconcile_work import PART, Work

LONGEST_DELAY: Final = 900  # seconds, the queue's
_PAUSE: Final = 15  # seconds after the first refusal; doubles
_AGAIN: Final = 3  # how often a list is begun anew
_BARREN: Final = 20  # pages in a row without anybody new
_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")  # what can be an identity's id


async def read(work: Work) -> int | None:
    """Read as many pages as there is time for. None: the list is read; else in how many seconds it goes on."""
    delay = await _closed(work)
    if delay is not None:
        return await _troubled(work, *delay)
    while work.has_time:
        observed = work.shell.seconds()
        found = await work.shell.courier.drive(work.service, work.lists.page(work.service, work.run.position))
        if isinstance(found, Restart):
            if await _restarted(work, found):
                continue
            return None
        if isinstance(found, Ending):
            if found.outcome is Outcome.PERMANENT:
                await _ended(work, discreet(found).reason)
                return None
            return await _troubled(work, discreet(found).reason, found.retry_after)
        if await _take(work, found, observed):
            return None
    await work.save(work.run)
    return 0


async def _take(work: Work, page: Page, observed: Instant) -> bool:
    """Take in one page; whether it was the last."""
    before = len(work.remotes)
    run = await compare(work, page.accounts, observed)
    barren = run.barren + 1 if len(work.remotes) == before else 0
    first = run.first if run.pages else page.total
    total = page.total if page.total is not None else run.total
    problem = run.problem or page.problem
    if barren > _BARREN or len(run.parts) >= MOST_PARTS:
        problem = problem or f"after {run.pages + 1} pages with {len(work.remotes)} accounts the list does not end"
    run = replace(
        run, position=page.place, pages=run.pages + 1, shown=len(work.remotes), first=first, total=total,
        barren=barren, problem=problem, troubles=0,
    )  # fmt: skip
    work.item = replace(work.item, run=run)
    if page.place is None or barren > _BARREN or len(run.parts) >= MOST_PARTS:
        await work.save(read_to_the_end(run))
        return True
    if work.part.size >= PART:
        await work.save(run)
    return False


async def compare(work: Work, accounts: Sequence[Shown], observed: Instant) -> Run:
    """Say of each account that was not shown before what it is, if its mark tells; the run with what that counts."""
    fresh = list(
        {each.remote_id: each for each in accounts if work.token_of(each.remote_id) not in work.remotes}.values()
    )
    ours, known = await _of_marks(work, [each.mark for each in fresh if each.mark])
    how, run = work.how, work.run
    expected, kept = Counter(run.expected), Counter(run.kept)
    for shown in fresh:
        account = ours.get(shown.mark or "")
        row = Row(work.token_of(shown.remote_id), "", token(shown.match))
        if account is not None:
            finding = classify(shown, account, how, observed)
            if how.is_it(shown, account):
                row = row._replace(identity=account.identity)
                _count(shown, account, how, finding, expected, kept)
            if finding.kind is Class.DUPLICATE:
                # Unless the account that we know is gone: then this is it, under another id.
                _leave(work, shown, row, account.identity)
            else:
                work.part.take(finding)
        elif shown.mark and shown.mark in known:
            work.part.take(Finding(Class.SETTLED if shown.gone else Class.ORPHAN, shown.remote_id, shown.mark))
        else:
            # Nobody's mark, or another's: whether the account is one of ours nevertheless shows when ours are walked.
            _leave(work, shown, row)
        work.part.rows.append(row)
        work.remotes.add(row.remote)
        if row.identity:
            work.identities.add(row.identity)
            work.matches.update({row.match: row.identity} if row.match else {})
    return replace(run, expected=dict(expected), kept=dict(kept))


def _leave(work: Work, shown: Shown, row: Row, identity: str = "") -> None:
    left = Left(shown.remote_id, row.match, shown.phase, bool(shown.mark) and not identity, identity)
    work.part.left.append(left)
    work.leave(left)


def _count(
    shown: Shown, account: Account, how: Compared, finding: Finding, expected: Counter[str], kept: Counter[str]
) -> None:
    """At which paths something was to be shown, and was."""
    if finding.kind is Class.OPEN or shown.values is None:
        return
    there = {path for path in account.known.values if path not in how.weak and shown.values.get(path) is not None}
    expected.update(there)
    expected.update(finding.unshown)
    kept.update(there - {MARK})


async def _of_marks(work: Work, marks: Sequence[str]) -> tuple[Mapping[str, Account], frozenset[str]]:
    """Accounts by mark, for marks that are identities of ours; and those of ours that have none here.

    An account that came along with a merge still bears the mark of the identity that was merged.
    """
    service, accounts = work.service.id, work.shell.accounts
    wanted = [mark for mark in dict.fromkeys(marks) if _ID.fullmatch(mark)]
    ours = {each.identity: each for each in await work.shell.held.accounts(service, wanted)} if wanted else {}
    others = [mark for mark in wanted if mark not in ours or not ours[mark].may_exist]
    if not others:
        return ours, frozenset()
    rows = (await accounts.deliveries(service, others)).rows
    for mark, (identity, _) in rows.items():
        if identity is not None and identity.forward:
            _, account = await forwarded(accounts, service, mark)
            ours.update({mark: account} if account is not None else {})
    return ours, frozenset(mark for mark, (identity, _) in rows.items() if identity is not None and mark not in ours)


async def _closed(work: Work) -> tuple[str, int] | None:
    """Why the SP must not be called now, and in how many seconds it is looked at again."""
    now = work.shell.seconds()
    gate = (await work.shell.accounts.deliveries(work.service.id, [])).gate
    if gate.paused:
        return f"the service is paused: {gate.paused}", LONGEST_DELAY
    opens = open_again(work.service.maintenance, work.policy.zone, now)
    if opens is not None:
        return "the service is in maintenance", opens - now
    if closed(gate, now):
        return "the service is quarantined", (gate.closed_until or now) - now
    return None


async def _troubled(work: Work, reason: str, after: int | None) -> int | None:
    """The SP does not show a page now. It is asked again a few times; then the list is what it is."""
    troubles = work.run.troubles + 1
    work.shell.log("reconcile.troubled", service=work.service.id, number=work.run.number, reason=reason)
    if troubles > TROUBLES:
        await _ended(work, reason)
        return None
    await work.save(replace(work.run, troubles=troubles))
    return max(1, min(LONGEST_DELAY, after if after is not None else _PAUSE * 2**troubles))


async def _ended(work: Work, problem: str) -> None:
    """No more of the list will be seen: it is a partial one."""
    await work.save(read_to_the_end(replace(work.run, problem=work.run.problem or problem)))


async def _restarted(work: Work, found: Restart) -> bool:
    """Begin the list anew; False if that was tried often enough. What was seen stays seen."""
    again = work.run.again + 1
    work.shell.log("reconcile.restarted", service=work.service.id, number=work.run.number, reason=found.reason)
    if again > _AGAIN:
        await _ended(work, found.reason)
        return False
    await work.save(replace(work.run, position=None, again=again, barren=0))
    return True
