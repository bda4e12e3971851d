"""schedule: the clock, every minute → bells for what is due soon."""

from typing import Any

from provisioning.runtime.clockwork import freshness_shell, population_ports, schedule_shell
from provisioning.runtime.entry import clock, run
from provisioning.runtime.log import log
from provisioning.stages.freshness import freshness
from provisioning.stages.population import population
from provisioning.stages.schedule import schedule


async def sweep(trace: str) -> int:
    """Sweep every shard once, count accounts for the brakes, and see which sources are silent."""
    now = clock()
    rung = await schedule(schedule_shell(), now, trace)
    await population(*population_ports(), now)
    watching = freshness_shell()
    if watching is not None:
        await freshness(watching, now, trace)
    return rung


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  Lambda passes both
    """EventBridge calls this; a failure is repeated by the next minute, which begins at the same cursor."""
    rung = run(sweep(str(event.get("id", "schedule"))))
    log("swept", rung=rung)
    return {"rung": rung}
