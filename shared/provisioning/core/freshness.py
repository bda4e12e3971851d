"""Which sources have been silent for too long: what they said last is stale."""

from collections.abc import Mapping

from provisioning.core.period import Instant, shift
from provisioning.core.policy import Policy


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


def has_effect(policy: Policy, changed: Mapping[str, Instant]) -> bool:
    """Whether anybody's rights follow from these being stale, or no longer."""
    by_id = {source.id: source.freshness for source in policy.bundle.sources}
    found = [by_id.get(source) for source in changed]
    return any(freshness is None or freshness.then != "keep" for freshness in found)
