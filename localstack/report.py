"""What a run prints: progress as it happens, and a table at its end."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from localstack.check import Held, Verdict
from localstack.world import World
from provisioning.core.account import Condition

_PARKED: Final = 20  # shown of each service
_DIFFERENCES: Final = 200


async def report(console: Console, world: World, verdict: Verdict) -> None:
    """Print identities, accounts, latencies, and what needs a person."""
    states = await world.accounts()
    accounts = Table("service", "phase", "at the SP", "by the oracle", "by the engine", title="Accounts")
    for service, phases in verdict.counts.items():
        for phase, expected in phases.items():
            held = sum(item.phase == phase for item in verdict.held[service].values())
            known = sum(number for state, number in states[service].items() if state == (phase, Condition.SETTLED))
            gone = world.badges.withdrawn if service == "badge" else 0
            at_provider = gone if phase == "absent" else held
            accounts.add_row(service, phase, str(at_provider), str(expected), str(known))
    console.print(f"{len(world.registry.history)} identities")
    console.print(accounts)
    console.print(latencies(world, verdict.held))
    park = world.car_park
    console.print(f"The car park took in extract {park.number}: {len(park.rows)} rows in {park.parts} files")
    console.print(_sports(world, verdict.held.get("sports", {})))
    await _needs_a_person(console, world)


def latencies(world: World, held: Mapping[str, Mapping[str, Held]]) -> Table:
    """Seconds from the notification's publication to the account at the SP, by the SP's own clock."""
    table = Table("service", "what", "accounts", "p50", "p95", "max", title="Seconds from notification to account")
    for service, accounts in held.items():
        if service == "parking":  # it is told once a night
            continue
        rows: dict[str, list[float]] = {"loaded at once": [], "created": [], "changed": [], "while it was down": []}
        for key, history in world.registry.history.items():
            account = accounts.get(str(history[-1].person.attributes.get("login")))
            measured = _measured(world, service, key, account) if account is not None else None
            if measured is not None:
                rows[measured[0]].append(max(0.0, measured[1]))
        for what, seconds in rows.items():
            if seconds:
                figures = (percentile(seconds, 0.5), percentile(seconds, 0.95), max(seconds))
                table.add_row(service, what, str(len(seconds)), *(f"{figure:.1f}" for figure in figures))
    return table


def _measured(world: World, service: str, key: str, account: Held) -> tuple[str, float] | None:
    """What was measured of one account; nothing if it waited for the sports hall to open."""
    history = world.registry.history[key]
    first, last = history[0].at, history[-1].at
    if service == "sports" and last < world.opening.timestamp():
        return None
    if service == "library" and key in world.during_outage:
        return "while it was down", account.changed - last
    if len(history) > 1 and account.changed > last:
        return "changed", account.changed - last
    if service == "sports" and first < world.opening.timestamp():
        return None
    return ("loaded at once" if key in world.loaded else "created"), account.created - first


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lies: the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _sports(world: World, accounts: Mapping[str, Held]) -> str:
    opening = world.opening.timestamp()
    waiting = {str(h[0].person.attributes.get("login")) for h in world.registry.history.values() if h[0].at < opening}
    after = [account.created - opening for name, account in accounts.items() if name in waiting]
    if not after:
        return "Nobody had an account at the sports hall"
    return (
        f"The sports hall opened at {world.opening:%H:%M:%S}: {len(after)} accounts, the first {min(after):.1f} s "
        f"and the last {max(after):.1f} s after that"
    )


async def _needs_a_person(console: Console, world: World) -> None:
    table = Table("where", "what", "why", title="Parked and rejected")
    for service in world.services:
        for account in await world.indexes.resting(service, Condition.PARKED, _PARKED):
            table.add_row(service, f"account of {account.identity}", account.error)
    for source in world.bundle.sources:
        for rejected in await world.rejections.rejections(source.id, _PARKED):
            table.add_row(source.id, f"message {rejected.message}", rejected.reason)
    console.print(table)


def differences(console: Console, found: Iterable[str]) -> None:
    """Print every difference on a line."""
    lines = list(found)
    for line in lines[:_DIFFERENCES]:
        console.print(f"  {line}", markup=False, highlight=False)
    if len(lines) > _DIFFERENCES:
        console.print(f"  and {len(lines) - _DIFFERENCES} more", markup=False, highlight=False)
