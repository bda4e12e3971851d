"""The main job: a local AWS, the deployed engine, the sample SPs, the sample campus, a day of changes, and a verdict.

`python -m localstack.run --once` ends after the verdict; its status is 0 only if every account at every SP is what the
oracle says. Without it everything stays up until Ctrl-C.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Final

from rich.console import Console

from infra.bundle import BundleBuildError
from localstack import clock, hints
from localstack.campus.car_park import DamagedFileError
from localstack.campus.cast import Cast
from localstack.campus.people import people
from localstack.campus.registry import PublishError
from localstack.check import check
from localstack.deploy import DeployError
from localstack.emulator import ROOT, EmulatorError, await_endpoint, emulator, use
from localstack.engine import UnsettledError
from localstack.federation.run import run as federation
from localstack.play import load, play
from localstack.report import differences, report
from localstack.setup import Place, add_foreign_account, open_world
from provisioning.core.errors import ProvisioningError

LOG: Final = ROOT / "build" / "emulator.log"
_LOCALSTACK: Final = "http://127.0.0.1:4566"
_OPENS: Final = 50  # seconds from the start; later if there are many people to load before
_A_SECOND: Final = 20  # people that are loaded in one second, at least


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for."""

    people: int
    seed: int
    once: bool
    localstack: bool
    tenant: str


def main(arguments: list[str]) -> int:
    """Run; 0 if every account is as it should be, 1 if not, 2 if it could not be tried."""
    asked = _parse(arguments)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a stopped run ends its emulator too
    try:
        with _place(asked, console) as place:
            use(place.endpoint)
            return asyncio.run(_run(asked, place, console))
    except KeyboardInterrupt:
        return 0 if not asked.once else 130
    except (EmulatorError, BundleBuildError, DeployError, PublishError, ProvisioningError) as error:
        console.print(f"{type(error).__name__}: {error}", markup=False, style="red")
        return 2


def _parse(arguments: list[str]) -> Arguments:
    parser = argparse.ArgumentParser(prog="python -m localstack.run", description=__doc__)
    parser.add_argument("--people", type=int, default=200, help="1 to 1000000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--once", action="store_true", help="end after the verdict")
    parser.add_argument("--aws", choices=("embedded", "localstack"), default="embedded")
    parser.add_argument("--tenant", choices=("campus", "federation"), default="campus")
    given = parser.parse_args(arguments)
    if not 1 <= given.people <= 1_000_000:
        parser.error("--people is 1 to 1000000")
    return Arguments(given.people, given.seed, given.once, given.aws == "localstack", given.tenant)


@contextmanager
def _place(asked: Arguments, console: Console) -> Iterator[Place]:
    given = os.environ.get("AWS_ENDPOINT_URL", "")
    if asked.localstack:
        endpoint = given or _LOCALSTACK
        console.print(f"LocalStack at {endpoint}: docker compose -f localstack/compose.yaml up -d --wait")
        await_endpoint(endpoint)
        # The functions' containers reach this machine by name, so the SPs listen on more than loopback; they ask for
        # a token.
        yield Place(endpoint, "0.0.0.0", "host.docker.internal", containers=True)  # noqa: S104
    elif given:
        await_endpoint(given)
        yield Place(given)
    else:
        with emulator(LOG) as endpoint:
            console.print(f"embedded AWS at {endpoint}, its log in {LOG.relative_to(ROOT)}")
            yield Place(endpoint)


async def _run(asked: Arguments, place: Place, console: Console) -> int:
    started = clock.moment()

    def say(text: str) -> None:
        console.print(f"[dim]{(clock.moment() - started).total_seconds():6.1f} s[/dim]  {text}")

    if asked.tenant == "federation":
        return await federation(place, console, say, once=asked.once)
    opens_in = _OPENS + asked.people // _A_SECOND
    async with open_world(place, opens_in, say) as world:
        cast = Cast(started.date())
        problems: list[str] = []
        try:
            await add_foreign_account(world)
            everybody = chain(cast.residents().values(), people(asked.seed, asked.people, started.date()))
            await load(world, everybody, asked.people + len(cast.residents()))
            await play(world, cast)
        except (UnsettledError, DamagedFileError) as error:
            problems.append(str(error))
        verdict = await check(world)
        await report(console, world, verdict)
        problems += verdict.differences
        if problems:
            console.print(f"[red]{len(problems)} differences between the SPs and the oracle:[/red]")
            differences(console, problems)
        else:
            console.print("[green]Every account at every SP is what the oracle says.[/green]")
        if not asked.once:
            console.print(hints.write(world), markup=False)
            await asyncio.Event().wait()
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
