"""Several trust domains, one of which lies and one of which may fall silent: nobody else is touched by either."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import pytest

from provisioning.core import matching, policy
from provisioning.stages import receive
from tests.simulation.domains import build, judge
from tests.simulation.verdict import DEFECT

SEEDS = max(1, int(os.environ.get("SEEDS", "2000")) // 10)


def problems(seed: int) -> list[str]:
    return judge(build(seed))


def test_what_a_liar_says_reaches_no_sp_and_nobody_else_and_who_is_silent_takes_away_what_is_theirs_alone() -> None:
    failed = {seed: found for seed in range(SEEDS) if (found := problems(seed))}
    assert not failed, f"{len(failed)} of {SEEDS} seeds failed, such as {next(iter(failed.items()))}"


def test_the_worlds_are_full_of_lies_links_and_silence() -> None:
    worlds = [build(seed) for seed in range(20)]
    for world in worlds:
        judge(world)
    said = "\n".join(line for world in worlds for line in world.lines)
    assert all(word in said for word in ("rejected", "record.unbelieved", "linked", "source.stale"))
    assert sum(len(world.store.asked) for world in worlds) > 5, "whoever claims to be somebody is asked about"
    assert sum(world.faults.count for world in worlds) > 200
    assert sum(len(identity.records) > 1 for world in worlds for identity in world.store.identities.values()) > 50


MUTANTS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "scopes of assertion": lambda: patch.object(receive, "believed", lambda told, _: (told, {})),
    "keys of its own": lambda: patch.object(receive, "is_about", lambda *_: True),
    "what must agree": lambda: patch.object(matching, "contradictions", lambda *_: []),
    "silence": lambda: patch.object(policy.Policy, "ended", lambda *_, **__: {}),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_each_safeguard_is_missed_when_it_is_off(name: str) -> None:
    with MUTANTS[name]():
        found = (each for seed in range(60) for each in problems(seed) if not each.startswith(DEFECT))
        assert next(found, None) is not None
