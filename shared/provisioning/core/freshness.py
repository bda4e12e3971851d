"""Which sources have been silent for too long: what they said last is stale."""

from collections.abc import Mapping
from typing import Final

from provisioning.core.period import Instant, shift
from provisioning.core.policy import Policy

CLOCK: Final = ".clock"  # among what was heard: the clock that watches. No source is called so
DOZE: Final = 600  # seconds without the clock in which silence counts all the same: it is not exact


def watched(policy: Policy) -> list[str]:
    """The sources whose silence has a limit."""
    return [source.id for source in policy.bundle.sources if source.freshness is not None]


def stale_at(policy: Policy, heard: Mapping[str, Instant], now: Instant) -> dict[str, Instant]:
    """Sources that are silent beyond their limit, each with the instant at which it was reached.

    `heard`: when each was last heard. Who was never heard is not watched yet.
    """
    stale = {}
    for source in policy.bundle.sources:
        if source.freshness is not None and source.id in heard:
            since = shift(heard[source.id], source.freshness.limit, policy.zone)
            if since <= now:
                stale[source.id] = since
    return stale


def excused(heard: Mapping[str, Instant], now: Instant) -> dict[str, Instant]:
    """When sources are taken to have been heard, if nobody listened for a while: that while is no silence of theirs.

    Where the clock stood still the rest may have too: who spoke meanwhile may wait in a queue, or was not asked.
    """
    watched_at = heard.get(CLOCK, now)
    if now - watched_at <= DOZE:
        return {}
    return {source: at + now - max(at, watched_at) for source, at in heard.items() if source != CLOCK}


def has_effect(policy: Policy, changed: Mapping[str, Instant]) -> bool:
    """Whether anybody's rights follow from these being stale, or no longer."""
    by_id = {source.id: source.freshness for source in policy.bundle.sources}
    found = [by_id.get(source) for source in changed]
    return any(freshness is None or freshness.then != "keep" for freshness in found)
