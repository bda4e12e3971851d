"""What `provision source pause` and `source list` ask of a deployed stack: whether a source is listened to."""

from collections.abc import Mapping
from typing import Any

from provisioning.adapters.aws.hearings import StoredHearings
from provisioning.adapters.aws.intake import are_on, switch
from provisioning.adapters.aws.stack import output
from provisioning.command.deployed import Deployed, deployed, of_domain
from provisioning.core.errors import InvalidError
from provisioning.core.period import show


async def switch_source(stack: str, source: str, *, on: bool) -> None:
    """Take a source's messages, or let them wait. Raises InvalidError if there is no such source."""
    async with deployed(stack) as ports:
        policy = await ports.policies.current()
        if source not in policy.sources:
            raise InvalidError(f"there is no source {source!r}", right=f"one of {', '.join(policy.sources)}")
        await switch(ports.clients, _queues(ports, source), on=on)


async def listed(stack: str, domain: str) -> list[Mapping[str, Any]]:
    """How each source is: whose word it is, whether it is listened to, and when it was last heard.

    That is known of those whose silence has a limit. Raises InvalidError if no source is of the domain.
    """
    async with deployed(stack) as ports:
        policy = await ports.policies.current()
        some = of_domain(policy, domain)
        limited = [each.id for each in some if each.freshness is not None]
        heard = await StoredHearings(ports.rows).heard(limited) if limited else {}
        return [
            {
                "source": each.id,
                "domain": each.domain or policy.bundle.tenant.id,
                "paused": not await are_on(ports.clients, _queues(ports, each.id)),
                "heard": show(heard[each.id]) if each.id in heard else None,
                "stale": show(policy.stale[each.id]) if each.id in policy.stale else None,
            }
            for each in some
        ]


def _queues(ports: Deployed, source: str) -> list[str]:
    """The queues in which what a source says, or shows, waits for receive."""
    names = [output(kind, source, "queue") for kind in ("changes", "bulk")]
    found = [ports.outputs[name] for name in names if name in ports.outputs]
    if not found:
        raise InvalidError(f"source {source!r} is not deployed", right="deploy the stack with it first")
    return found
