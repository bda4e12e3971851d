"""What a run of the federation shows: who is stated by whom and has what, the question, what was not believed, why."""

from typing import Final

from rich.console import Console
from rich.table import Table

from localstack.check import read_scim
from localstack.federation.stage import Federation
from provisioning.command.deployed import person_of
from provisioning.command.explained import print_explanation
from provisioning.core.explanation import explain
from provisioning.core.period import Instant

_ADA: Final = "south/ada.l@south.example"
_REJECTED: Final = 10


async def report(console: Console, world: Federation, now: Instant) -> None:
    """Print all of it."""
    console.print(await _people(world))
    for question in await world.table.questions(10):
        candidates = ", ".join(f"{each.other_source}/{each.other_key}" for each in question.evidence)
        console.print(
            f"open question: is {question.source}/{question.key} who {candidates} is? "
            f"Against it: {'; '.join(question.against)}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    for source in world.registries:
        for rejected in await world.rejections.rejections(source, _REJECTED):
            console.print(f"rejected from {source}: {rejected.reason}", markup=False, highlight=False, soft_wrap=True)
    policy, identity, accounts = await person_of(world.deployment.stack, _ADA)
    console.print(f"\n`provision explain {_ADA}`:", markup=False, highlight=False)
    print_explanation(console, explain(policy, identity, accounts, now), policy.zone, failed=False)


async def _people(world: Federation) -> Table:
    """A row for each identity: the keys by which the sources know it, and its accounts as the SPs have them."""
    names = [service.id for service in world.bundle.services]
    table = Table("identity", *world.registries, *names, title="Who is stated by whom, and has what")
    marks: dict[str, dict[str, str]] = {}
    for name in names:
        for user, held in (await read_scim(world.providers[name], ())).items():
            groups = f" in {', '.join(sorted(held.groups))}" if held.groups else ""
            marks.setdefault(str(held.mark), {})[name] = f"{user}: {held.phase}{groups}"
    keys = [(source, key) for source, registry in world.registries.items() for key in registry.history]
    by_identity: dict[str, dict[str, str]] = {}
    for (source, key), identity in (await world.table.links(keys)).items():
        by_identity.setdefault(identity, {})[source] = key
    for identity, known in by_identity.items():
        row = [known.get(source, "") for source in world.registries]
        table.add_row(identity[:8], *row, *(marks.get(identity, {}).get(name, "") for name in names))
    return table
