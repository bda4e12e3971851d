"""`provision plan`: a draft beside the bundle in force, over everyone in the table. Nothing is changed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from provisioning.core.brake import Brake, Lane, Share, home, limit, taken
from provisioning.core.catalog import Service
from provisioning.core.identity import Identity
from provisioning.core.period import Instant
from provisioning.core.plan import Effect, Plan, plan_identity
from provisioning.core.policy import Policy
from provisioning.ports import Identities, Walk
from provisioning.stages.brake import domains_of

SAMPLES: Final = 3  # people named for each effect and for each exclusion
_PAGE: Final = 50  # identities read at a time


class Braked(NamedTuple):
    """How many removals a draft leads to at a service at once, and how many of them its brake would let through."""

    removals: int
    through: int


@dataclass
class Total:
    """The plans of all identities, counted, with a few people named: by source and key."""

    identities: int = 0
    effects: dict[str, Counter[Effect]] = field(default_factory=dict)
    samples: dict[tuple[str, Effect], list[dict[str, Any]]] = field(default_factory=dict)
    conflicts: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    removals: dict[str, Counter[str]] = field(default_factory=dict)  # by service and domain, of which they are taken
    brakes: dict[str, Braked] = field(default_factory=dict)

    def add(self, identity: Identity, plan: Plan, domains: Mapping[str, str]) -> None:
        """Count one identity's plan. `domains`: of the sources."""
        self.identities += 1
        name = next((f"{record.source}/{record.key}" for record in identity.records.values()), identity.id)
        for planned in plan.planned:
            self.effects.setdefault(planned.service, Counter())[planned.effect] += 1
            if planned.effect in (Effect.REMOVED, Effect.SUSPENDED):
                self.removals.setdefault(planned.service, Counter())[home(domains, identity.records)] += 1
            samples = self.samples.setdefault((planned.service, planned.effect), [])
            if len(samples) < SAMPLES:
                samples.append({"person": name, "rules": list(planned.rules)})
        for exclusion, service in {(one.refusal.exclusion, one.service) for one in plan.conflicts}:
            self.refused[exclusion, service] += 1
            people = self.conflicts.setdefault((exclusion, service), [])
            if len(people) < SAMPLES:
                people.append(name)

    def brake(self, service: Service, brake: Brake, shards: int, domains: int, now: Instant) -> None:
        """See how much of a service's removals its brake would let through now."""
        if service.brake.off is not None or service.id not in self.removals:
            return
        through = 0
        for domain, count in self.removals[service.id].items():
            share = Share(Lane.SUDDEN, domain)
            most = limit(service.brake, share.lane, brake.population, shards, domains)
            through += max(0, min(count, most - taken(brake, service.brake, share, now)))
        self.brakes[service.id] = Braked(self.removals[service.id].total(), through)


async def plan_everyone(identities: Identities, walk: Walk, current: Policy, draft: Policy, now: Instant) -> Total:
    """Plan for every identity in the table: one query for each, and those of the walk."""
    total = Total()
    async for page in _pages(walk):
        for holding in await asyncio.gather(*(identities.holding(identity) for identity in page)):
            if holding.identity is not None:
                plan = plan_identity(current, draft, holding.identity, now)
                total.add(holding.identity, plan, domains_of(draft))
    return total


async def _pages(walk: Walk) -> AsyncIterator[list[str]]:
    position: str | None = None
    while True:
        page, position = await walk.walk(0, 1, position, _PAGE)
        if page:
            yield list(page)
        if position is None:
            return


def words(total: Total) -> dict[str, Any]:
    """A plan in JSON's terms."""
    return {
        "identities": total.identities,
        "brakes": {
            service: {"removals": each.removals, "through": each.through, "held": each.removals - each.through}
            for service, each in sorted(total.brakes.items())
        },
        "services": {
            service: {
                effect.value: {"count": count, "samples": total.samples[service, effect]}
                for effect, count in sorted(counts.items(), key=lambda item: list(Effect).index(item[0]))
            }
            for service, counts in sorted(total.effects.items())
        },
        "conflicts": [
            {
                "exclusion": exclusion,
                "service": service,
                "people": count,
                "samples": total.conflicts[exclusion, service],
            }
            for (exclusion, service), count in sorted(total.refused.items())
        ],
    }


def print_plan(console: Console, total: Total) -> None:
    """A plan for people: counts by service and effect, with a few names; then what exclusions refuse."""
    if not total.effects and not total.refused:
        console.print(f"{total.identities} identities: nothing changes")
        return
    table = Table("service", "effect", "accounts", "such as", box=SIMPLE)
    for service, effects in words(total)["services"].items():
        for effect, found in effects.items():
            names = ", ".join(f"{one['person']} [{', '.join(one['rules'])}]" for one in found["samples"])
            table.add_row(service, effect, str(found["count"]), names)
    console.print(f"{total.identities} identities", highlight=False)
    console.print(table, markup=False)
    for service, each in sorted(total.brakes.items()):
        if held := each.removals - each.through:
            told = f"the brake of {service} would hold {held} of {each.removals} removals"
            console.print(told, markup=False, highlight=False, style="red")
    for (exclusion, service), count in sorted(total.refused.items()):
        names = ", ".join(total.conflicts[exclusion, service])
        console.print(f"{exclusion} refuses {count} of them {service}: {names}", markup=False, highlight=False)
