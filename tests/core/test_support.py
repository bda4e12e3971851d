"""Support: a right lives while any source gives it, each withdraws its own share, and some domains are demanded."""

from dataclasses import replace
from typing import Any

import pytest

from provisioning.core.evaluation import evaluate
from provisioning.core.identity import Identity, absorb
from provisioning.core.policy import Policy
from provisioning.core.record import Record
from tests.core.federation import CONSORTIUM, DAY, NOW, ada, affiliation, federation, policy, record, university


def _held(identity: Identity, by: Policy | None = None, at: int = NOW) -> dict[str, tuple[str, ...]]:
    lines = evaluate(by or policy(), identity, NOW).timelines
    return {service: held.authorizations for service, line in lines.items() if (held := line.at(at)) is not None}


def test_what_two_homes_give_unites_and_each_withdraws_its_own_share() -> None:
    north, south = record("north", affiliation("north"), tags=["north:owner"]), record("south", affiliation("south"))
    both = ada(north, south)
    assert _held(both) == {"wiki": ("edit",), "cluster": ("compute",)}
    for source in ("north", "south"):
        left, _ = absorb(both, Record(source, both.records[source].key, 2, deleted=True), NOW)
        assert _held(left) == {"wiki": ("edit",), "cluster": ("compute",)}
        none, _ = absorb(left, Record(*_other(left, source), 2, deleted=True), NOW)
        assert _held(none) == {}


def _other(identity: Identity, source: str) -> tuple[str, str]:
    other = next(name for name in identity.records if name != source)
    return other, identity.records[other].key


def test_a_source_gives_only_authorizations_that_it_may_support() -> None:
    """Its people may compute, whatever the rule gives: to store is the consortium's to give."""
    member = record("north", affiliation("north", "project"))
    assert _held(ada(member)) == {"cluster": ("compute",)}
    granted = replace(member, source="grid", attributes={}, affiliations=(affiliation("grid", "project"),))
    assert _held(ada(granted)) == {"cluster": ("compute", "store")}


def test_what_gives_only_what_its_source_may_not_support_gives_nothing() -> None:
    assert "wiki" not in _held(ada(record("north", tags=["north:owner"]))), "`own` is nobody's to give"
    owning = university("north", supports={"wiki": ["*"]})
    by = policy(sources=[owning, university("south"), CONSORTIUM])
    assert _held(ada(record("north", tags=["north:owner"])), by) == {"wiki": ("own",)}


def test_a_service_that_a_source_may_not_support_it_can_neither_give_nor_deny() -> None:
    rules = [*federation().model_dump(mode="json", by_alias=True)["rules"], {
        "id": "banned", "service": "wiki", "who": 'affiliation.type == "project"', "deny": True, "because": "banned",
    }]  # fmt: skip
    by = policy(rules=rules)
    north = record("north", affiliation("north"))
    grid = Record("grid", "g1", 1, affiliations=(affiliation("grid", "project"),))
    assert "wiki" in _held(ada(north, grid), by)
    assert "wiki" not in _held(ada(replace(north, affiliations=(affiliation("north", "project"),))), by)


def test_a_service_may_demand_the_word_of_one_of_some_domains() -> None:
    by = policy(cluster={"support": {"any": ["grid", "south"]}})
    north, south = record("north", affiliation("north")), record("south", affiliation("south", "project"))
    assert "cluster" not in _held(ada(north), by)
    assert _held(ada(south), by)["cluster"] == ("compute",)
    granted = Record("grid", "g1", 1, affiliations=(affiliation("grid", "project"),))
    assert _held(ada(north, granted), by)["cluster"] == ("compute", "store")


@pytest.mark.parametrize(
    ("north", "grid", "held"),
    [
        ((0, 9), (0, 9), [(0, 9)]),
        ((0, 9), (3, 5), [(3, 5)]),
        ((3, 5), (0, 9), [(3, 5)]),
        ((0, 4), (4, 9), []),
        ((0, 4), (2, 9), [(2, 4)]),
    ],
)
def test_a_service_may_demand_the_word_of_several_domains_at_the_same_time(
    north: tuple[int, int], grid: tuple[int, int], held: list[tuple[int, int]]
) -> None:
    by = policy(cluster={"support": {"all": ["north", "grid"]}})
    line = evaluate(by, _supported(north, grid), NOW).timelines.get("cluster")
    found = [(segment.start, segment.end) for segment in line.segments] if line is not None else []
    assert found == [(NOW + start * DAY, NOW + end * DAY) for start, end in held]


def _supported(north: tuple[int, int], grid: tuple[int, int]) -> Identity:
    def days(bounds: tuple[int, int]) -> dict[str, int]:
        return {"start": NOW + bounds[0] * DAY, "end": NOW + bounds[1] * DAY}

    return ada(
        record("north", affiliation("north", "staff", **days(north))),
        Record("grid", "g1", 1, affiliations=(affiliation("grid", "project", **days(grid)),)),
    )


def test_of_two_graces_the_shorter_ends_what_both_support() -> None:
    rules: list[dict[str, Any]] = [
        {"id": "computing", "service": "cluster", "who": 'affiliation.type == "staff"', "because": "x",
         "lasting": {"grace": "P20D"}},
        {"id": "projects", "service": "cluster", "who": 'affiliation.type == "project"', "because": "x",
         "lasting": {"grace": "P5D"}},
    ]  # fmt: skip
    by = policy(cluster={"support": {"all": ["north", "grid"]}}, rules=rules)
    line = evaluate(by, _supported((0, 9), (0, 4)), NOW).timelines["cluster"]
    assert [(each.phase.value, (each.end - NOW) / DAY) for each in line.segments] == [("active", 4), ("grace", 9)]


def test_a_withdrawn_sources_attributes_give_nothing_while_another_is_live() -> None:
    owning = university("north", supports={"wiki": ["*"]})
    by = policy(sources=[owning, university("south"), CONSORTIUM])
    gone = record("north", tags=["north:owner"], deleted=True)
    assert _held(ada(gone, record("south", affiliation("south"))), by)["wiki"] == ("edit",)
