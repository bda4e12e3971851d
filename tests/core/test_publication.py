from typing import Any

import pytest
from pydantic import ValidationError

from provisioning.core.catalog import Bundle
from provisioning.core.errors import InvalidError
from provisioning.core.period import BEGINNING, DAY, FOREVER, Duration
from provisioning.core.policy import Policy
from provisioning.core.publication import BundleError, compile_bundle

SERVICE = {"id": "wiki", "protocol": "scim", "endpoint": "https://sp.example", "account": {"userName": "person.login"}}
PERSON = {"login": "string", "tags": "list(string)"}


def rule(id_: str = "one", **changes: Any) -> dict[str, Any]:
    return {"id": id_, "service": "wiki", "who": 'affiliation.type == "x"', "because": "so", **changes}


def bundle(*rules: dict[str, Any], **changes: Any) -> Bundle:
    parts = {
        "tenant": {"id": "campus", "zone": "Europe/Amsterdam", "person": PERSON, "affiliation": {"type": "string"}},
        "sources": [{"id": "registry"}, {"id": "hr"}],
        "services": [SERVICE],
        "rules": rules,
    }
    return Bundle.model_validate({**parts, **changes})


def compiled(*rules: dict[str, Any], **changes: Any) -> Policy:
    return compile_bundle(bundle(*rules, **changes))


def problems(*rules: dict[str, Any], **changes: Any) -> list[InvalidError]:
    with pytest.raises(BundleError) as caught:
        compiled(*rules, **changes)
    assert all(problem.right for problem in caught.value.problems), "every problem says what would be right"
    return list(caught.value.problems)


def where(*rules: dict[str, Any], **changes: Any) -> list[str]:
    return [problem.where for problem in problems(*rules, **changes)]


def tenant(**changes: Any) -> dict[str, Any]:
    return {"id": "campus", "person": PERSON, "affiliation": {"type": "string"}, **changes}


def test_a_right_bundle_is_compiled_with_its_sources_in_the_order_of_their_precedence() -> None:
    policy = compiled(rule())
    assert (policy.sources, list(policy.services), policy.zone.key) == (
        ("registry", "hr"),
        ["wiki"],
        "Europe/Amsterdam",
    )


def test_a_rule_that_does_not_mention_the_affiliation_is_tried_once_for_the_person() -> None:
    policy = compiled(rule("one"), rule("two", who='"x" in person.tags'))
    assert [item.rule.id for item in policy.affiliation_rules] == ["one"]
    assert [item.rule.id for item in policy.person_rules] == ["two"]


def test_every_problem_is_told_and_not_only_the_first() -> None:
    second = {**SERVICE, "id": "other", "account": {"userName": "person.nobody"}, "match": "mail"}
    third = {**SERVICE, "id": "third", "match": "mail"}
    found = where(
        rule("one", who="person.logn == 1"),
        rule("one", service="wikki"),
        rule("two", **{"from": "soon"}),
        services=[SERVICE, second, third],
    )
    assert found == [
        "rules/one.id", "services/other.account.userName", "services/third.match",
        "rules/one.who", "rules/one.service", "rules/two.from",
    ]  # fmt: skip


def test_the_error_of_all_problems_reads_as_all_of_them() -> None:
    with pytest.raises(BundleError, match=r"rules/one\.who.*; rules/two\.service"):
        compiled(rule("one", who="person.x"), rule("two", service="x1"))


def test_an_unknown_attribute_is_shown_at_its_column_with_the_one_that_was_meant() -> None:
    (problem,) = problems(rule(who='affiliation.type == "x" &&\n  person.logn == "y"'))
    assert (problem.where, problem.line, problem.column) == ("rules/one.who", 2, 10)
    assert problem.right == "did you mean 'login'?"


@pytest.mark.parametrize(
    "who",
    [
        "person.login", '"yes"', "1", "person.login == 1", "person.tags == person.login", "affiliation.type &&",
        "now() > person.login", "person.login.shouted() == 'X'", "identity == 'x'", "person", "true)", "",
    ],
)  # fmt: skip
def test_what_is_no_condition_is_refused(who: str) -> None:
    if who:
        assert where(rule(who=who)) == ["rules/one.who"]
    else:
        with pytest.raises(ValidationError):
            bundle(rule(who=who))


def test_a_service_that_does_not_exist_is_shown_with_those_that_do() -> None:
    (problem,) = problems(rule(service="wikki"))
    assert (problem.where, problem.right) == ("rules/one.service", "one of wiki")


@pytest.mark.parametrize(
    ("zone", "named"), [("Europe/Amsterdamm", "tenant.zone"), ("", "tenant.zone"), ("../etc/passwd", "tenant.zone")]
)
def test_a_zone_that_does_not_exist_is_a_problem(zone: str, named: str) -> None:
    assert where(rule(), tenant=tenant(zone=zone)) == [named]


@pytest.mark.parametrize("kind", ["text", "list", "list()", "list(list(string))", "map(string)", "String"])
def test_a_type_that_does_not_exist_is_a_problem(kind: str) -> None:
    assert where(rule(), tenant=tenant(person={"login": kind})) == ["tenant.person.login"]


def test_nothing_else_is_said_while_the_attributes_cannot_be_read() -> None:
    assert where(rule(who="person.x"), tenant=tenant(person={"login": "text"})) == ["tenant.person.login"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"from": "soon"}, "rules/one.from"),
        ({"until": "2026-02-30"}, "rules/one.until"),
        ({"from": "2026-02-01T08:00:00"}, "rules/one.from"),
        ({"from": "2026-02-02", "until": "2026-02-01"}, "rules/one.until"),
    ],
)
def test_a_rules_own_period_is_checked(changes: dict[str, str], named: str) -> None:
    assert where(rule(**changes)) == [named]


def test_a_rules_own_period_is_of_days_in_the_tenants_zone_the_last_one_included() -> None:
    policy = compiled(rule("one", **{"from": "2026-07-01", "until": "2026-07-01"}), rule("two"))
    windows = {item.rule.id: item.window for item in policy.affiliation_rules}
    assert windows["one"].end - windows["one"].start == DAY
    assert windows["one"].start == 1782856800  # 2026-06-30T22:00:00Z: midnight in Amsterdam, in summer
    assert windows["two"] == (BEGINNING, FOREVER)


@pytest.mark.parametrize(
    ("part", "entry"), [("sources", {"id": "registry"}), ("services", SERVICE), ("rules", rule("registry"))]
)
def test_the_same_id_twice_is_a_problem(part: str, entry: dict[str, Any]) -> None:
    assert where(**{part: [entry, entry]}) == [f"{part}/{entry['id']}.id"]


def test_what_has_ended_matters_for_the_longest_grace_of_any_rule() -> None:
    policy = compiled(rule("one", lasting={"grace": "P30D"}), rule("two", lasting={"grace": "PT12H"}))
    assert policy.longest_grace == Duration(0, 31 * DAY)


@pytest.mark.parametrize(
    "changes",
    [
        {"rules": [rule(typo=1)]},
        {"rules": [rule(lasting={"grace": "P1M"})]},
        {"rules": [rule("A rule")]},
        {"services": []},
        {"sources": []},
        {"services": [{**SERVICE, "rate": 0}]},
        {"services": [{**SERVICE, "account": {}}]},
        {"services": [{**SERVICE, "protocol": "ftp"}]},
    ],
)
def test_what_has_not_the_form_of_a_bundle_does_not_get_this_far(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        bundle(**{"rules": [], **changes})


def test_the_published_form_is_read_as_the_same_bundle() -> None:
    given = bundle(
        rule("one", lasting={"lead": "P2W", "grace": "PT36H"}, **{"from": "2026-01-01"}), rule("two", deny=True)
    )
    text = given.model_dump_json(by_alias=True)
    assert Bundle.model_validate_json(text) == given


def excluding(*between: dict[str, Any], key: str = "one") -> dict[str, Any]:
    return {"id": key, "between": between, "resolve": "later", "because": "so"}


READ, EDIT = ({"service": "wiki", "authorizations": [name]} for name in ("read", "edit"))
GIVING = (rule("one", authorizations=["read"]), rule("two", authorizations=["edit"]))


def test_an_exclusion_of_duties_that_rules_give_is_compiled() -> None:
    policy = compiled(*GIVING, exclusions=[excluding(READ, EDIT)])
    assert [item.id for item in policy.bundle.exclusions] == ["one"]


@pytest.mark.parametrize(
    ("between", "place", "problem"),
    [
        (({"service": "wikki"}, EDIT), "exclusions/one.between.0.service", "there is no service 'wikki'"),
        (
            (READ, {"service": "wiki", "authorizations": ["edti"]}),
            "exclusions/one.between.1.authorizations",
            "no rule gives 'edti'",
        ),
        ((READ, {"service": "wiki"}), "exclusions/one.between.1", "wiki is part of wiki [read], or has it as a part"),
    ],
)
def test_an_exclusion_that_would_exclude_nothing_is_refused(between: Any, place: str, problem: str) -> None:
    (found,) = problems(*GIVING, exclusions=[excluding(*between)])
    assert (found.where, found.problem) == (place, problem)


def test_two_exclusions_of_one_id_are_refused() -> None:
    assert where(*GIVING, exclusions=[excluding(READ, EDIT), excluding(READ, EDIT)]) == ["exclusions/one.id"]


def test_only_a_deny_can_be_urgent() -> None:
    with pytest.raises(ValidationError, match="only a rule with `deny: true` can be urgent"):
        bundle(rule(urgent=True))


def test_a_service_requires_services_that_are_there_and_never_itself_in_the_end() -> None:
    def services(**requires: list[str]) -> list[dict[str, Any]]:
        return [{**SERVICE, "id": name, "requires": wanted} for name, wanted in requires.items()]

    assert compiled(rule(), services=services(wiki=["home"], home=[])).services["wiki"].requires == ("home",)
    assert where(rule(), services=services(wiki=["hom"], home=[])) == ["services/wiki.requires"]
    assert where(rule(), services=services(wiki=["home"], home=["desk"], desk=["wiki"])) == [
        "services/wiki.requires", "services/home.requires", "services/desk.requires",
    ]  # fmt: skip
