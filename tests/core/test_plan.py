"""Plans: what a draft would do is what putting it in force does."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.catalog import Bundle
from provisioning.core.decision import decide_identity
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import NOTHING
from provisioning.core.period import DAY, FOREVER
from provisioning.core.plan import Effect, plan_identity
from provisioning.core.policy import Policy
from provisioning.core.publication import compile_bundle
from provisioning.core.record import Affiliation
from tests.core.test_decision import NOW, POLICY, RULES, person, policy


def stored(identity: Identity, by: Policy = POLICY) -> Identity:
    return decide_identity(by, identity, identity, {}, NOW).identity


def effects(draft: Policy, identity: Identity, now: int = NOW) -> dict[str, Effect]:
    return {one.service: one.effect for one in plan_identity(POLICY, draft, identity, now).planned}


def variant(*changes: Mapping[str, Any], **more: Any) -> Policy:
    """The rules with changes by id."""
    by_id = {change["id"]: change for change in changes}
    return policy(*[{**rule, **by_id.get(rule["id"], {})} for rule in RULES], **more)


def test_the_same_bundle_changes_nothing() -> None:
    assert plan_identity(POLICY, POLICY, stored(person("student", "staff")), NOW).planned == ()


def test_each_effect_is_what_would_happen_now() -> None:
    student = stored(person("student"))
    nobody = variant({"id": "readers", "who": 'affiliation.type == "nobody"'})
    assert effects(nobody, student) == {"library": Effect.SUSPENDED}
    assert effects(variant({"id": "readers", "who": 'affiliation.type == "nobody"'}, retention="P0D"), student) == {
        "library": Effect.REMOVED
    }
    wider = variant({"id": "editors", "who": 'affiliation.type in ["staff", "student"]'})
    assert effects(wider, student) == {"wiki": Effect.CREATED}
    suspended = stored(replace(student, records=person().records))
    assert effects(variant({"id": "readers", "who": "has(person.login)"}), suspended) == {"library": Effect.RESTORED}
    until = Affiliation("a", 0, NOW + 30 * DAY, {"type": "student"})
    assert effects(variant({"id": "readers", "lasting": {"grace": "P1D"}}), stored(person(until))) == {
        "library": Effect.MOVED
    }


def test_what_the_account_would_hold_is_a_change_and_a_service_that_is_gone_is_left() -> None:
    bundle = POLICY.bundle.model_dump(mode="json", by_alias=True)
    renamed = [{**bundle["services"][0], "account": {"userName": 'person.login + "@x"'}}, bundle["services"][1]]
    assert effects(compiled({**bundle, "services": renamed}), stored(person("student"))) == {"library": Effect.CHANGED}
    fewer = {**bundle, "services": bundle["services"][1:], "rules": bundle["rules"][1:]}
    assert effects(compiled(fewer), stored(person("student"))) == {"library": Effect.LEFT}


def compiled(bundle: dict[str, Any]) -> Policy:
    return compile_bundle(Bundle.model_validate(bundle), "draft", 2)


def test_conflicts_of_duties_are_told_with_the_rules_that_decide() -> None:
    bundle = POLICY.bundle.model_dump(mode="json", by_alias=True)
    exclusion = {"id": "one", "between": [{"service": "library"}, {"service": "wiki"}], "resolve": "stronger",
                 "because": "so"}  # fmt: skip
    plan = plan_identity(
        POLICY, compiled({**bundle, "exclusions": [exclusion]}), stored(person("student", "staff")), NOW
    )
    assert [(one.service, one.effect) for one in plan.planned] == [("wiki", Effect.SUSPENDED)]
    assert [(one.service, one.refusal.exclusion, one.refusal.kept) for one in plan.conflicts] == [
        ("wiki", "one", "library")
    ]


kinds = st.lists(st.sampled_from(["student", "staff", "other"]), unique=True)


@given(kinds, st.sets(st.sampled_from(["admin", "blocked"])), st.sampled_from(RULES), st.integers(0, 40))
def test_a_plan_says_what_publishing_then_does(
    found: list[str], tags: set[str], dropped: dict[str, Any], days: int
) -> None:
    affiliations = [Affiliation(kind, 0, FOREVER, {"type": kind}) for kind in found]
    identity = stored(person(*affiliations, tags=sorted(tags)))
    draft, now = policy(*[rule for rule in RULES if rule is not dropped]), NOW + days * DAY
    before, after = (decide_identity(by, identity, identity, {}, now).identity.entitlements for by in (POLICY, draft))
    changed = {service for service, one in after.items() if one.standing is not before.get(service, NOTHING).standing}
    planned = effects(draft, identity, now)
    assert changed <= set(planned)
    assert {service for service, effect in planned.items() if effect is not Effect.MOVED} <= {
        service for service in after if after[service] != before.get(service)
    }
