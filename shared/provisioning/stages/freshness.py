"""Sources that are silent for too long are marked as stale, and heard ones no longer: a part of schedule."""

from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.core.errors import ConflictError
from provisioning.core.freshness import CLOCK, excused, has_effect, stale_at, watched
from provisioning.core.period import Instant, show
from provisioning.ports import Campaigns, Hearings, Policies, Staleness, Unheard
from provisioning.stages.campaign import steps, write_step
from provisioning.stages.message import Log


@dataclass(frozen=True, slots=True)
class Freshness:
    """What it needs."""

    policies: Policies
    staleness: Staleness
    hearings: Hearings
    unheard: Unheard
    campaigns: Campaigns
    log: Log


async def freshness(shell: Freshness, now: Instant, trace: str) -> None:
    """Compare when sources were heard with their limits; where somebody's rights follow, decide everybody again.

    Two requests, and none in a bundle that limits nobody's silence. The campaign comes first, for the sequence that
    the mark will give: whoever dies in between begins it again, and nobody decides by it before it is there.
    """
    policy = await shell.policies.current()
    sources = watched(policy)
    if not sources and not policy.stale:
        return
    heard = await _heard(shell, sources, now, trace) if sources else {}
    stale = stale_at(policy, heard, now)
    silent = [source for source in stale if source not in policy.stale]
    for source in await shell.unheard.unheard(silent) if silent else ():
        del stale[source]  # it spoke, and it is we who have not listened yet
        shell.log("source.unheard", source=source, trace=trace)
    changed = dict.fromkeys(stale.keys() ^ policy.stale.keys(), now)
    if not changed:
        return
    following = policy.sequence + 1 if has_effect(policy, changed) else policy.sequence
    if following > policy.sequence:
        for step in steps(following):
            await shell.campaigns.continue_campaign(write_step(step))
    try:
        await shell.staleness.mark(stale, policy.sequence, following)
    except ConflictError:  # a bundle was published meanwhile: the next minute sees it
        shell.log("source.overtaken", trace=trace)
        return
    await shell.policies.current(at_least=following)
    for source in sorted(changed):
        since = show(stale[source]) if source in stale else None
        shell.log("source.stale" if source in stale else "source.fresh", source=source, since=since, trace=trace)


async def _heard(shell: Freshness, sources: Sequence[str], now: Instant, trace: str) -> dict[str, Instant]:
    """When each was heard, without the time in which nobody listened."""
    heard = dict(await shell.hearings.heard([*sources, CLOCK]))
    for source, at in (forgiven := excused(heard, now)).items():
        await shell.hearings.hear(source, at)
    for source in sources:
        if source not in heard:  # its silence is counted from when somebody began to listen
            await shell.hearings.hear(source, now)
    if forgiven:
        shell.log("clock.stood", since=show(heard[CLOCK]), trace=trace)
    # Only now: had we died before, the next minute would excuse them once more, which harms nobody.
    await shell.hearings.hear(CLOCK, now)
    return {**heard, **forgiven}
