"""The federation's main job: set up, play, judge, report."""

import asyncio

from rich.console import Console

from localstack import clock
from localstack.engine import Say
from localstack.federation.play import play
from localstack.federation.report import report
from localstack.federation.stage import open_federation
from localstack.report import differences
from localstack.setup import Place


async def run(place: Place, console: Console, say: Say, *, once: bool) -> int:
    """0 if after every act every account was as the oracle says, else 1."""
    async with open_federation(place, say) as world:
        problems = await play(world)
        await report(console, world, int(clock.seconds()))
        if problems:
            console.print(f"[red]{len(problems)} differences between the SPs and the oracle:[/red]")
            differences(console, problems)
        else:
            console.print("[green]After every act every account at every SP was what the oracle says.[/green]")
        if not once:
            await asyncio.Event().wait()
    return 1 if problems else 0
