"""Every technology × every behaviour of a source. What one cannot have is skipped with its reason, and shown so."""

import pytest

from provisioning.contract.suite import BEHAVIOURS, World


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
async def test_contract(world: World, behaviour: str) -> None:
    if behaviour in world.lacks:
        pytest.skip(world.lacks[behaviour])
    await BEHAVIOURS[behaviour](world)
