"""A careless rule takes the library from everybody: the plan says so, the brake holds it, and the mend undoes it."""

from collections.abc import Mapping
from typing import Final

from localstack.engine import UnsettledError
from localstack.world import World
from provisioning.command.bundle import Folder
from provisioning.command.deployed import plan_folder, publish_folder
from provisioning.command.held_deployed import answer
from provisioning.core.account import Condition, Phase
from provisioning.core.catalog import Rule
from provisioning.core.publication import compile_bundle

SERVICE: Final = "library"
# Meant was somebody's tag; whoever wrote it thought that `has` asks for that.
_RULE: Final = Rule(id="barred-by-mistake", service=SERVICE, who="has(person.login)", deny=True, because="A mistake.")


async def careless(world: World, patience: float) -> None:
    """Publish the rule although the plan warns; see what the brake lets through; take it back.

    Raises UnsettledError if more was taken away than the brake lets through, or if anybody is still without it.
    """
    stack, bundle = world.deployment.stack, world.bundle
    draft = Folder(bundle.model_copy(update={"rules": (*bundle.rules, _RULE)}))
    before = (await world.accounts())[SERVICE]
    total = await plan_folder(stack, draft, compile_bundle(draft.bundle))
    foreseen = total.brakes[SERVICE]
    held_back = foreseen.removals - foreseen.through
    world.say(f"plan: {foreseen.removals} would lose the library, of whom the brake would hold {held_back}")
    if not held_back:
        world.say("of so few the brake holds nobody: the rule is not published")
        return
    await publish_folder(stack, draft)
    await world.quiet(patience)
    during = (await world.accounts())[SERVICE]
    held = sum(count for (_, condition), count in during.items() if condition == Condition.HELD)
    lost = _active(before) - _active(during)
    world.say(f"published all the same: {lost} lost it, {held} are held")
    if (lost, held) != (foreseen.through, held_back):
        raise UnsettledError(f"{lost} lost the library and {held} are held, not as planned: {foreseen}")
    await publish_folder(stack, Folder(bundle))
    await world.quiet(patience)
    after = (await world.accounts())[SERVICE]
    if _active(after) != _active(before):
        raise UnsettledError(f"{_active(after)} of {_active(before)} have the library again")


async def release(world: World, patience: float) -> None:
    """Whoever left the library since was held too: the mistake had used up the day. An operator lets them through."""
    count = await answer(world.deployment.stack, "released", SERVICE, "", None)
    world.say(f"{count} released")
    await world.quiet(patience)


def _active(states: Mapping[tuple[str, str], int]) -> int:
    return sum(count for (phase, _), count in states.items() if phase == Phase.ACTIVE)
