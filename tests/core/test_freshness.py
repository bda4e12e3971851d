"""Freshness: a source that is silent too long is stale, and what it said then counts as its operator decided."""

from dataclasses import replace
from typing import Any

import pytest

from provisioning.core.decision import decide_identity
from provisioning.core.evaluation import evaluate
from provisioning.core.explanation import explain
from provisioning.core.freshness import CLOCK, excused, has_effect, stale_at, watched
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import Standing
from provisioning.core.policy import Policy
from tests.core.federation import CONSORTIUM, DAY, NOW, ada, affiliation, policy, record, university


def _policy(then: str | None, **changes: Any) -> Policy:
    """North may be silent for two days."""
    north = university("north")
    if then is not None:
        north["freshness"] = {"limit": "P2D", "then": then}
    cluster = {"lifecycle": {"retention": "P30D"}}
    return policy(sources=[north, university("south"), CONSORTIUM], cluster=cluster, **changes)


def _stale(by: Policy, since: int = NOW) -> Policy:
    return replace(by, stale={"north": since})


def _later(by: Policy, identity: Identity, *days: int) -> Identity:
    for day in days:
        identity = decide_identity(by, identity, identity, {}, NOW + day * DAY).identity
    return identity


def _standing(identity: Identity, service: str = "cluster") -> Standing:
    return identity.entitlements[service].standing


STAFF = record("north", affiliation("north"))


def test_who_has_been_silent_for_longer_than_the_limit_is_stale_since_then() -> None:
    by = _policy("end")
    assert watched(by) == ["north"]
    assert stale_at(by, {"north": NOW - 2 * DAY + 1}, NOW) == {}
    assert stale_at(by, {"north": NOW - 2 * DAY}, NOW) == {"north": NOW}
    assert stale_at(by, {}, NOW) == {}, "who was never heard is not watched yet"
    assert stale_at(by, {"north": NOW - 9 * DAY, "south": 0}, NOW) == {"north": NOW - 7 * DAY}


def test_silence_does_not_count_while_nobody_listened() -> None:
    stood = {CLOCK: NOW - 3 * DAY, "north": NOW - 4 * DAY, "south": NOW - DAY}
    assert excused(stood, NOW) == {"north": NOW - DAY, "south": NOW}
    assert excused({**stood, CLOCK: NOW - 60}, NOW) == {}
    assert excused({"north": NOW - 4 * DAY}, NOW) == {}, "the clock has only just begun"


def test_what_is_kept_stays_as_it_is() -> None:
    by = _policy("keep")
    held = _later(by, ada(STAFF), 0)
    assert _later(_stale(by), held, 1).entitlements == held.entitlements
    assert (has_effect(by, {"north": NOW}), has_effect(_policy("end"), {"north": NOW})) == (False, True)


def test_what_ends_is_suspended_and_removed_as_after_any_end() -> None:
    by = _policy("end")
    held = _later(by, ada(STAFF), 0)
    silent = _later(_stale(by), held, 1)
    assert _standing(silent) is Standing.SUSPENDED
    assert _standing(_later(_stale(by), silent, 32)) is Standing.ABSENT


def test_what_is_suspended_is_not_removed_until_the_source_is_heard_again() -> None:
    by = _policy("suspend")
    silent = _later(_stale(by), _later(by, ada(STAFF), 0), 1, 32, 400)
    assert _standing(silent) is Standing.SUSPENDED
    assert _standing(_later(by, silent, 401)) is Standing.ACTIVE


def test_who_would_have_lost_it_all_the_same_is_not_spared() -> None:
    """The contract had an announced end: silence keeps nobody beyond it."""
    by = _policy("suspend")
    ending = record("north", affiliation("north", end=NOW + 10 * DAY))
    silent = _later(_stale(by), _later(by, ada(ending), 0), 1, 9)
    assert _standing(silent) is Standing.SUSPENDED
    assert _standing(_later(_stale(by), silent, 45)) is Standing.ABSENT


@pytest.mark.parametrize("then", ["end", "suspend"])
def test_what_another_source_gives_is_not_touched(then: str) -> None:
    by = _policy(then)
    both = _later(by, ada(STAFF, record("south", affiliation("south"))), 0)
    silent = _later(_stale(by), both, 1, 400)
    assert (_standing(silent), _standing(silent, "wiki")) == (Standing.ACTIVE, Standing.ACTIVE)
    assert evaluate(_stale(by), both, NOW).person["mail"] == "ada@south.edu", "rules hear who is fresh"


def test_the_values_that_are_explained_are_those_that_are_told() -> None:
    by = _stale(_policy("end"))
    both = ada(STAFF, record("south", affiliation("south")))
    (mail,) = [word for word in explain(by, both, {}, NOW).words if word.attribute == "mail"]
    assert (mail.value, mail.sources) == (by.told(both, "wiki")["mail"], ("south",))


def test_a_right_by_attributes_of_a_stale_source_ends_too() -> None:
    owning = {**university("north", supports={"wiki": ["*"]}), "freshness": {"limit": "P2D", "then": "end"}}
    by = policy(sources=[owning, university("south"), CONSORTIUM])
    person = ada(record("north", tags=["north:owner"]), record("south", affiliation("south")))
    held = [evaluate(each, person, NOW).timelines["wiki"].holding(NOW) for each in (by, _stale(by))]
    assert [found and found[1] for found in held] == [("edit", "own"), ("edit",)]


def test_it_works_without_any_other_trust() -> None:
    plain: dict[str, Any] = {"id": "north", "freshness": {"limit": "P2D", "then": "suspend"}}
    by = policy(sources=[plain, {"id": "south"}], wiki={"receives": None}, cluster={"receives": None})
    by = replace(by, trust=None, circles=())
    silent = _later(_stale(by), _later(by, ada(STAFF), 0), 1, 400)
    assert _standing(silent) is Standing.SUSPENDED
    assert _stale(by).told(silent, "wiki")["mail"] == "ada@north.edu", "a suspended account keeps its name"
