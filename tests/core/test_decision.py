import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import Account, Condition
from provisioning.core.catalog import Bundle
from provisioning.core.decision import Decision, decide_identity, standings_of
from provisioning.core.eligibility import EMPTY
from provisioning.core.evaluation import evaluate
from provisioning.core.identity import Closed, Identity
from provisioning.core.identity import person as merged
from provisioning.core.lifecycle import NOTHING, Standing, decide
from provisioning.core.mapping import desired
from provisioning.core.period import DAY, FOREVER
from provisioning.core.policy import Policy
from provisioning.core.publication import compile_bundle
from provisioning.core.record import Affiliation, Record

NOW = 1_800_000_000
SERVICE = {"protocol": "scim", "endpoint": "https://sp.example", "account": {"userName": "person.login"}}
RULES: list[dict[str, Any]] = [
    {"id": "readers", "service": "library", "who": 'affiliation.type == "student"', "authorizations": ["read"]},
    {"id": "editors", "service": "wiki", "who": 'affiliation.type == "staff"', "authorizations": ["edit"],
     "lasting": {"lead": "P1D", "grace": "P7D"}},
    {"id": "admins", "service": "wiki", "who": '"admin" in person.tags', "authorizations": ["admin"]},
    {"id": "blocked", "service": "wiki", "who": '"blocked" in person.tags', "deny": True},
]  # fmt: skip


def policy(*rules: dict[str, Any], sequence: int = 1, retention: str = "P30D") -> Policy:
    services = [{**SERVICE, "id": name, "lifecycle": {"retention": retention}} for name in ("library", "wiki")]
    bundle = Bundle.model_validate(
        {
            "tenant": {
                "id": "campus",
                "person": {"login": "string", "tags": "list(string)", "level": "int"},
                "affiliation": {"type": "string"},
            },
            "sources": [{"id": "registry"}, {"id": "hr"}],
            "services": services,
            "rules": [{**rule, "because": "so"} for rule in rules or RULES],
        }
    )
    return compile_bundle(bundle, "hash", sequence)


POLICY = policy()


def person(*kinds: str | Affiliation, **attributes: Any) -> Identity:
    given_ = tuple(Affiliation(kind, 0, FOREVER, {"type": kind}) if isinstance(kind, str) else kind for kind in kinds)
    return Identity(
        "i1", {"registry": Record("registry", "p1", 1, False, {"login": "ada", "tags": [], **attributes}, given_)}
    )


def decided(
    identity: Identity, accounts: Mapping[str, Account] | None = None, now: int = NOW, by: Policy = POLICY
) -> Decision:
    return decide_identity(by, identity, identity, accounts or {}, now)


def answering(decision: Decision, **fields: Any) -> dict[str, Account]:
    """Accounts that are settled, or otherwise as given, for what was decided."""
    return {
        service: Account("i1", service, **{"turn": entitlement.turn, **fields})
        for service, entitlement in decision.identity.entitlements.items()
    }


def standings(decision: Decision) -> dict[str, str]:
    return {service: item.standing.value for service, item in decision.identity.entitlements.items()}


def test_whoever_never_had_a_service_has_nothing_stored_for_it() -> None:
    decision = decided(person("guest"))
    assert (decision.identity.entitlements, decision.rings, decision.identity.due_at) == ({}, (), None)
    assert decision.changed, "the bundle that decided is remembered"


def test_what_begins_later_is_not_stored_either_but_its_beginning_is_waited_for() -> None:
    decision = decided(person(Affiliation("a", NOW + 500, FOREVER, {"type": "student"})))
    assert (decision.identity.entitlements, decision.identity.due_at) == ({}, NOW + 500)


def test_the_due_instant_is_the_nearest_boundary_of_all_services() -> None:
    both = person(
        Affiliation("a", 0, NOW + 900, {"type": "student"}), Affiliation("b", NOW + 2 * DAY, FOREVER, {"type": "staff"})
    )
    assert decided(both).identity.due_at == NOW + 900
    assert decided(both, now=NOW + 900).identity.due_at == NOW + DAY, "staff may edit a day before they begin"
    assert decided(person("student")).identity.due_at is None


def test_services_are_rung_for_which_no_account_answers() -> None:
    decision = decided(person("student", "staff"))
    assert decision.rings == ("library", "wiki")
    accounts = answering(decision)
    assert decided(decision.identity, accounts).rings == ()
    assert decided(decision.identity, {"library": accounts["library"]}).rings == ("wiki",)


def test_rings_compare_with_accounts_and_not_with_what_has_just_changed() -> None:
    decision = decided(person("student"))
    again = decided(decision.identity)
    assert (again.changed, again.rings) == (False, ("library",))


def test_an_account_that_failed_is_rung_when_it_is_due_and_not_before() -> None:
    decision = decided(person("student"))
    accounts = answering(decision, condition=Condition.FAILED, due_at=NOW + 10)
    assert decided(decision.identity, accounts).rings == ()
    assert decided(decision.identity, accounts, NOW + 10).rings == ("library",)


def test_a_parked_account_is_rung_only_for_something_new() -> None:
    decision = decided(person("student"))
    accounts = answering(decision, condition=Condition.PARKED)
    assert decided(decision.identity, accounts).rings == ()
    renamed = replace(decision.identity, records=person("student", login="eve").records)
    assert decide_identity(POLICY, decision.identity, renamed, accounts, NOW).rings == ("library",)


def test_the_turn_grows_when_the_account_that_is_wanted_changes_and_only_then() -> None:
    first = decided(person("student")).identity
    assert first.entitlements["library"].turn == 1
    same = replace(first, records=person("student", tags=["x"], level=3).records)
    assert decided(same).identity.entitlements["library"].turn == 1
    renamed = decided(replace(first, records=person("student", login="eve").records)).identity
    assert renamed.entitlements["library"].turn == 2
    back = decided(replace(renamed, records=first.records)).identity
    assert (back.entitlements["library"].turn, back.entitlements["library"].digest) == (
        3, first.entitlements["library"].digest,
    )  # fmt: skip


def test_grace_is_not_a_change_of_the_account_that_is_wanted() -> None:
    staff = person(Affiliation("a", 0, NOW + 10, {"type": "staff"}))
    before = decided(staff).identity
    after = decided(before, now=NOW + 10).identity
    assert (before.entitlements["wiki"].standing, after.entitlements["wiki"].standing) == (
        Standing.ACTIVE,
        Standing.GRACE,
    )
    assert before.entitlements["wiki"].turn == after.entitlements["wiki"].turn
    assert after.due_at == NOW + 10 + 7 * DAY


def test_what_has_ended_stays_until_it_is_removed_and_is_remembered_as_absent() -> None:
    held = decided(person("student")).identity
    lost = decided(replace(held, records=person().records)).identity
    assert (standings(Decision(lost, False, ()))["library"], lost.due_at) == ("suspended", NOW + 30 * DAY)
    gone = decided(lost, now=NOW + 30 * DAY)
    assert (standings(gone), gone.identity.due_at, gone.rings) == ({"library": "absent"}, None, ("library",))
    assert gone.identity.entitlements["library"].turn == 3
    assert decided(gone.identity, answering(gone), NOW + 31 * DAY).rings == ()


def test_a_denial_suspends_what_was_held_and_says_nothing_of_what_was_not() -> None:
    blocked = person("staff", "student", tags=["blocked"])
    assert standings(decided(blocked)) == {"library": "active"}
    held = decided(person("staff")).identity
    assert standings(decided(replace(held, records=blocked.records))) == {"wiki": "suspended", "library": "active"}


def test_a_deny_that_cannot_be_evaluated_holds_and_is_told() -> None:
    unknown = person("staff")
    attributes = {"login": "ada"}  # no tags at all
    record = replace(unknown.records["registry"], attributes=attributes)
    decision = decided(replace(unknown, records={"registry": record}))
    assert standings(decision) == {}
    assert [failure.split(":")[0] for failure in decision.failures] == ["admins for person", "blocked for person"]


def test_a_grant_that_cannot_be_evaluated_grants_nothing_and_is_told() -> None:
    grants = policy(RULES[0], {"id": "seniors", "service": "wiki", "who": "person.level > 3"})
    decision = decided(person("student"), by=grants)
    assert standings(decision) == {"library": "active"}
    assert [failure.split(":")[0] for failure in decision.failures] == ["seniors for person"]


def test_an_attribute_that_a_rule_does_not_need_may_be_missing() -> None:
    assert decided(person("student")).failures == ()


def test_a_rule_without_an_affiliation_holds_while_any_source_knows_the_person() -> None:
    admin = person(tags=["admin"])
    assert standings(decided(admin)) == {"wiki": "active"}
    gone = replace(admin, records={"registry": replace(admin.records["registry"], deleted=True)})
    assert standings(decided(gone)) == {}
    hr = Record("hr", "p1", 1, False, {"login": "ada", "tags": ["admin"]})
    assert standings(decided(replace(gone, records={**gone.records, "hr": hr}))) == {"wiki": "active"}
    quiet = replace(hr, attributes={"login": "ada"})
    assert standings(decided(replace(gone, records={**gone.records, "hr": quiet}))) == {}, "what registry said went"


def test_who_withdrew_still_gives_an_account_the_name_that_nobody_else_states() -> None:
    staff = person("staff")
    known = {"registry": replace(staff.records["registry"], deleted=True), "hr": Record("hr", "p1", 1)}
    known["hr"] = replace(known["hr"], affiliations=staff.records["registry"].affiliations)
    evaluation = evaluate(policy(), replace(staff, records=known), NOW)
    assert (evaluation.person, evaluation.told("wiki")["login"]) == ({}, "ada")


def test_what_was_closed_matters_as_long_as_a_grace_reaches_from_there() -> None:
    past = Closed("registry", Affiliation("a", 0, NOW, {"type": "staff"}))
    identity = replace(person(), closed=(past,))
    assert standings(decided(identity, now=NOW + 6 * DAY)) == {"wiki": "grace"}
    assert decided(identity, now=NOW + 6 * DAY).identity.closed == (past,)
    assert decided(identity, now=NOW + 9 * DAY).identity.closed == ()


def test_a_service_that_the_bundle_dropped_keeps_what_is_known_and_rings_nobody() -> None:
    held = decided(person("student", "staff")).identity
    bundle = POLICY.bundle
    library = tuple(service for service in bundle.services if service.id == "library")
    rules = tuple(rule for rule in bundle.rules if rule.service == "library")
    smaller = compile_bundle(bundle.model_copy(update={"services": library, "rules": rules}), "h", 2)
    decision = decided(held, by=smaller)
    assert decision.identity.entitlements["wiki"] == held.entitlements["wiki"]
    assert decision.rings == ("library",)


def test_a_newer_bundle_is_a_change_even_if_nothing_else_is() -> None:
    held = decided(person("student")).identity
    again = decided(held, by=policy(sequence=2))
    assert (again.changed, again.identity) == (True, replace(held, sequence=2))


@st.composite
def affiliations(draw: st.DrawFn) -> Affiliation:
    start, days = NOW + draw(st.integers(-60, 20)) * DAY, draw(st.integers(0, 60))
    kind = draw(st.sampled_from(["student", "staff", "guest"]))
    return Affiliation(str(draw(st.uuids(version=4))), start, start + days * DAY, {"type": kind})


attributes_ = st.fixed_dictionaries(
    {}, optional={"login": st.sampled_from(["ada", "eve"]), "tags": st.lists(st.sampled_from(["admin", "blocked"]))}
)
people = st.builds(
    lambda found, attributes, deleted: Record("registry", "p1", 1, deleted, attributes, tuple(found)),
    st.lists(affiliations(), max_size=4),
    attributes_,
    st.booleans(),
)


@given(people, people, st.integers(0, 40 * DAY), st.randoms())
def test_the_order_of_rules_records_and_affiliations_does_not_matter(
    ours: Record, theirs: Record, now: int, chance: random.Random
) -> None:
    rules = list(RULES)
    chance.shuffle(rules)
    shuffled = list(ours.affiliations)
    chance.shuffle(shuffled)
    hr = replace(theirs, source="hr")
    one = Identity("i1", {"registry": ours, "hr": hr})
    other = Identity("i1", {"hr": hr, "registry": replace(ours, affiliations=tuple(shuffled))})
    first, second = decided(one, now=NOW + now), decided(other, now=NOW + now, by=policy(*rules))
    assert first.identity.entitlements == second.identity.entitlements
    assert (first.identity.due_at, first.rings, first.failures) == (
        second.identity.due_at,
        second.rings,
        second.failures,
    )
    assert evaluate(POLICY, one, NOW).timelines == evaluate(POLICY, other, NOW).timelines


@given(people, people, st.integers(0, 40 * DAY))
def test_a_decision_applied_to_its_own_result_changes_nothing(before: Record, after: Record, now: int) -> None:
    held = decided(Identity("i1", {"registry": before})).identity
    once = decided(replace(held, records={"registry": after}), now=NOW + now)
    again = decided(once.identity, now=NOW + now)
    assert (again.changed, again.identity, again.rings) == (False, once.identity, once.rings)
    assert decided(once.identity, answering(once), NOW + now).rings == ()


@given(people, people, st.integers(0, 40 * DAY))
def test_what_a_bundle_decided_has_the_digest_of_what_that_bundle_wants(
    before: Record, after: Record, now: int
) -> None:
    held = decided(Identity("i1", {"registry": before}), by=policy(*RULES[:2])).identity
    for identity in (held, decided(replace(held, records={"registry": after}), now=NOW + now).identity):
        attributes = merged(identity, POLICY.sources)
        for service, entitlement in identity.entitlements.items():
            given_ = (POLICY.mappings[service], identity.id, attributes, entitlement)
            assert desired(*given_, decided=True) == desired(*given_)


@given(people, people, st.integers(0, 40 * DAY))
def test_until_the_due_instant_nothing_changes_by_itself(before: Record, after: Record, now: int) -> None:
    held = decided(Identity("i1", {"registry": before})).identity
    once = decided(replace(held, records={"registry": after}), now=NOW + now)
    due_at = once.identity.due_at
    assert due_at is None or due_at > NOW + now
    last = (due_at or NOW + 400 * DAY) - 1
    quiet = decided(once.identity, now=last)
    assert {name: (item.standing, item.turn) for name, item in quiet.identity.entitlements.items()} == {
        name: (item.standing, item.turn) for name, item in once.identity.entitlements.items()
    }


@given(people, st.integers(0, 40 * DAY))
def test_following_the_boundaries_comes_to_an_end(record: Record, now: int) -> None:
    decision = decided(Identity("i1", {"registry": record}), now=NOW + now)
    for _ in range(40):
        due_at = decision.identity.due_at
        if due_at is None:
            break
        decision = decided(decision.identity, now=due_at)
    assert decision.identity.due_at is None


def test_an_urgent_deny_removes_and_one_that_cannot_be_evaluated_only_suspends() -> None:
    rules = [
        RULES[0],
        {"id": "expelled", "service": "library", "who": "person.level == 9", "deny": True, "urgent": True},
    ]
    by = policy(*rules)
    before = decided(person("student", level=1), by=by).identity
    record = before.records["registry"]

    def after(attributes: Mapping[str, Any]) -> Standing:
        later = replace(before, records={"registry": replace(record, attributes=attributes)})
        return decided(later, by=by).identity.entitlements["library"].standing

    assert before.entitlements["library"].standing is Standing.ACTIVE
    assert after({**record.attributes, "level": 9}) is Standing.ABSENT
    assert after({"login": "ada", "tags": []}) is Standing.SUSPENDED


EXCLUSIVE = [{"id": "read-or-edit", "between": [
    {"service": "library", "authorizations": ["read"]}, {"service": "wiki", "authorizations": ["edit"]},
], "resolve": "park", "because": "so"}]  # fmt: skip


def exclusive(**changes: Any) -> Policy:
    bundle = POLICY.bundle.model_dump(mode="json", by_alias=True)
    return compile_bundle(Bundle.model_validate({**bundle, "exclusions": [{**EXCLUSIVE[0], **changes}]}), "hash", 1)


def test_a_conflict_is_refused_and_its_dispute_stored_so_that_a_bell_rings_for_it() -> None:
    decision = decided(person("student", "staff"), by=exclusive())
    entitlements = decision.identity.entitlements
    assert {name: (one.standing, one.dispute) for name, one in entitlements.items()} == {
        "library": (Standing.ABSENT, "read-or-edit: conflicts with wiki [edit]"),
        "wiki": (Standing.ACTIVE, ""),
    }
    assert decision.rings == ("library", "wiki")
    again = decided(replace(decision.identity, records=person("staff").records), by=exclusive())
    assert again.identity.entitlements["library"].dispute == ""
    assert again.rings == ("library", "wiki")


stays = st.builds(
    lambda kind, start, length: Affiliation(f"{kind}-{start}", start, start + length, {"type": kind}),
    st.sampled_from(["student", "staff", "other"]),
    st.integers(NOW - 40 * DAY, NOW + 40 * DAY),
    st.integers(0, 60 * DAY) | st.just(FOREVER),
)


@given(st.lists(stays, max_size=3, unique_by=lambda one: one.id), st.sets(st.sampled_from(["admin", "blocked"])),
       st.lists(st.integers(0, 30), max_size=4))  # fmt: skip
def test_the_short_way_to_decide_is_the_long_one(found: list[Affiliation], tags: set[str], days: list[int]) -> None:
    identity, now = person(*found, tags=sorted(tags)), NOW
    for more in [0, *days]:
        now += more * DAY
        evaluation = evaluate(POLICY, identity, now)
        short, due_at = standings_of(POLICY, identity, evaluation, now)
        long = {
            service: decide(
                identity.entitlements.get(service, NOTHING), evaluation.timelines.get(service, EMPTY),
                POLICY.services[service].lifecycle, now, POLICY.zone,
            )
            for service in {*evaluation.timelines, *identity.entitlements}
        }  # fmt: skip
        assert short == {service: entitlement for service, (entitlement, _) in long.items()}
        assert due_at == min((boundary for _, boundary in long.values()), default=FOREVER)
        identity = replace(identity, entitlements={name: one for name, one in short.items() if one != NOTHING})
