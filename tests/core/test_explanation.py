"""Explanations: the end and what it would be otherwise, rules that hold and rules that do not, other instants."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.catalog import Bundle
from provisioning.core.evaluation import evaluate
from provisioning.core.explanation import Change, Explained, explain
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import Entitlement, Standing
from provisioning.core.period import FOREVER, Instant, midnight
from provisioning.core.policy import Policy
from provisioning.core.publication import compile_bundle
from provisioning.core.record import Affiliation, Record

RULES: list[dict[str, Any]] = [
    {"id": "students", "who": 'affiliation.type == "student"', "lasting": {"grace": "P31D"}, "authorizations": ["a"]},
    {"id": "staff", "who": 'affiliation.type == "staff" && person.level > 2', "authorizations": ["b"]},
    {"id": "barred", "who": '"barred" in person.tags', "deny": True, "from": "2026-06-01"},
]


def policy(*rules: dict[str, Any], exclusions: Sequence[dict[str, Any]] = ()) -> Policy:
    service = {"protocol": "scim", "endpoint": "https://sp.example", "account": {"userName": "person.login"}}
    bundle = {
        "tenant": {
            "id": "campus",
            "zone": "Europe/Amsterdam",
            "person": {"login": "string", "tags": "list(string)", "level": "int"},
            "affiliation": {"type": "string"},
        },
        "sources": [{"id": "registry"}],
        "services": [{**service, "id": name, "lifecycle": {"retention": "P10D"}} for name in ("library", "wiki")],
        "rules": [{"service": "library", "because": "so", **rule} for rule in rules or RULES],
        "exclusions": exclusions,
    }
    return compile_bundle(Bundle.model_validate(bundle), "hash", 1)


POLICY = policy()
ZONE = POLICY.zone


def day(text: str) -> Instant:
    return midnight(date.fromisoformat(text), ZONE)


def through(kind: str, first: str, last: str) -> Affiliation:
    return Affiliation(kind, day(first), midnight(date.fromordinal(date.fromisoformat(last).toordinal() + 1), ZONE),
                       {"type": kind})  # fmt: skip


def person(*found: Affiliation, **attributes: Any) -> Identity:
    record = Record("registry", "p1", 1, False, {"login": "ada", "tags": [], "level": 1, **attributes}, found)
    return Identity("i1", {"registry": record})


def library(identity: Identity, now: str, at: str | None = None, by: Policy = POLICY) -> Explained:
    return explain(by, identity, {}, day(now), "library", None if at is None else day(at)).services[0]


def told(explained: Explained) -> dict[str, list[tuple[str, bool | None, list[str]]]]:
    return {
        rule.rule.id: [(tried.fact, tried.holds, [part.text for part in tried.parts]) for tried in rule.tried]
        for rule in explained.rules
    }


def test_the_end_is_the_affiliations_and_the_grace_of_the_rule_and_would_be_earlier_without_it() -> None:
    both = person(through("student", "2025-09-01", "2026-12-31"), through("staff", "2026-01-01", "2027-01-10"), level=3)
    end = library(both, "2026-11-23").end
    assert end is not None
    assert end.because == ("affiliation registry/student ends 2026-12-31 plus 31 days of grace of rule students",)
    assert (end.at, [(other.rule, other.end) for other in end.without]) == (
        day("2027-02-01"), [("students", day("2027-01-11"))],
    )  # fmt: skip


def test_what_only_one_rule_gives_would_not_be_held_without_it() -> None:
    end = library(person(through("student", "2025-09-01", "2026-12-31")), "2026-11-23").end
    assert end is not None
    assert [(other.rule, other.end) for other in end.without] == [("students", None)]


def test_a_deny_that_ends_it_is_named_with_what_would_be_without() -> None:
    end = library(person(through("student", "2025-09-01", "2026-12-31"), tags=["barred"]), "2026-05-01").end
    assert end is not None
    assert end.because == ("rule barred denies it from 2026-06-01",)
    assert [(other.rule, other.end) for other in end.without] == [("barred", day("2027-02-01")), ("students", None)]


def test_what_has_no_end_says_which_rule_gives_it_so() -> None:
    forever = Affiliation("x", 0, FOREVER, {"type": "student"})
    end = library(person(forever), "2026-05-01").end
    assert end is not None
    assert (end.at, end.because) == (FOREVER, ("rule students gives it for affiliation registry/x without an end",))


def test_for_each_rule_and_fact_the_parts_that_decided_are_told() -> None:
    both = person(through("student", "2025-09-01", "2026-12-31"), through("staff", "2026-01-01", "2027-01-10"))
    assert told(library(both, "2026-11-23")) == {
        "barred": [("person", False, ['"barred" in person.tags'])],
        "students": [
            ("registry/student", True, ['affiliation.type == "student"']),
            ("registry/staff", False, ['affiliation.type == "student"']),
        ],
        "staff": [
            ("registry/student", False, ['affiliation.type == "staff"']),
            ("registry/staff", False, ["person.level > 2"]),
        ],
    }


def test_a_deny_that_cannot_be_evaluated_is_told_with_its_reason_and_what_it_takes() -> None:
    identity = person(through("student", "2025-09-01", "2026-12-31"))
    record = replace(identity.records["registry"], attributes={"login": "ada"})
    rule = next(one for one in library(replace(identity, records={"registry": record}), "2026-11-23").rules)
    assert rule.rule.id == "barred"
    assert rule.tried[0].holds is None
    assert rule.tried[0].parts[0].error == "person.tags is absent"
    assert rule.tried[0].match is not None


def test_the_course_goes_from_what_was_through_what_is_to_what_will_be() -> None:
    identity = replace(
        person(through("student", "2025-09-01", "2026-12-31")),
        entitlements={"library": Entitlement(Standing.ACTIVE, ("a",), day("2027-01-01"), turn=1)},
    )
    course = library(identity, "2026-11-23").course
    assert course[1:] == (
        Change(day("2025-09-01"), "active"),
        Change(day("2026-11-23"), "active"),
        Change(day("2027-01-01"), "grace"),
        Change(day("2027-02-01"), "suspended"),
        Change(day("2027-02-11"), "absent"),
    )
    assert course[0].standing == "absent"


def test_another_instant_is_told_as_todays_facts_have_it() -> None:
    identity = person(through("student", "2025-09-01", "2026-12-31"))
    standings = {
        at: library(identity, "2026-11-23", at).standing
        for at in ("2025-08-31", "2025-09-01", "2026-12-31", "2027-01-01", "2027-02-01", "2027-02-11")
    }
    assert list(standings.values()) == ["future", "active", "active", "grace", "suspended", "absent"]
    assert library(identity, "2026-11-23", "2026-12-31").until == day("2027-01-01")


def test_what_an_exclusion_refuses_is_told_and_is_the_end_of_what_it_ends() -> None:
    by = policy(
        {**RULES[0], "service": "wiki", "lasting": {}},
        {"id": "readers", "who": 'affiliation.type == "staff"', "authorizations": ["read"]},
        exclusions=[{"id": "one", "between": [{"service": "wiki"}, {"service": "library"}], "resolve": "stronger",
                     "because": "so"}],
    )  # fmt: skip
    both = person(through("student", "2026-06-01", "2026-12-31"), through("staff", "2026-01-01", "2027-01-10"))
    explained = library(both, "2026-03-01", by=by)
    assert [(one.period, one.kept) for one in explained.timeline.refusals] == [
        ((day("2026-06-01"), day("2027-01-01")), "wiki")
    ]
    assert explained.end is not None
    assert (explained.end.at, explained.end.because) == (day("2026-06-01"), ("exclusion one refuses it beside wiki",))


affiliations = st.builds(
    lambda kind, number, start, length: Affiliation(f"{kind}{number}", start, start + length, {"type": kind}),
    st.sampled_from(["student", "staff"]),
    st.integers(0, 3),
    st.integers(0, 40 * 86400),
    st.integers(1, 40 * 86400),
)


@given(st.lists(affiliations, max_size=4, unique_by=lambda one: one.id), st.integers(0, 4), st.integers(0, 80 * 86400))
def test_the_counterfactual_is_what_the_bundle_without_the_rule_says(
    found: list[Affiliation], level: int, now: Instant
) -> None:
    identity = person(*found, level=level)
    explained = explain(POLICY, identity, {}, now, "library").services[0]
    if explained.end is None or explained.timeline.at(now) is None:
        return
    told_ = {other.rule: other.end for other in explained.end.without}
    for rule in RULES:
        lacking = policy(*[other for other in RULES if other is not rule])
        again = explain(lacking, identity, {}, now, "library").services[0]
        held = again.timeline.at(now) is not None and again.end is not None
        end = again.end.at if held and again.end is not None else None
        assert told_.get(rule["id"], explained.end.at) == end


@given(st.lists(affiliations, max_size=4, unique_by=lambda one: one.id), st.integers(0, 4))
def test_the_rules_that_are_told_to_hold_are_those_that_the_evaluation_found(
    found: list[Affiliation], level: int
) -> None:
    identity = person(*found, level=level)
    explained = explain(POLICY, identity, {}, 0, "library").services[0]
    matches = [tried.match for rule in explained.rules for tried in rule.tried if tried.match is not None]
    evaluated = evaluate(POLICY, identity, 0).matches.get("library", ())
    assert sorted(matches, key=repr) == sorted(evaluated, key=repr)
