"""Strengths, defaults and names: what is wanted of a new account, and what of one that exists."""

from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import LAST_NUMBER, Account, Candidates, Desired, Intent, Known, Phase
from provisioning.core.delivery import Plan, agrees, for_account, plan
from provisioning.core.errors import InvalidError
from provisioning.core.lifecycle import Standing
from provisioning.core.mapping import desired, is_other
from tests.core.test_mapping import ADA, entitled, mapping, values

DOTTED = '(person.given.ascii() + "." + person.login.ascii()).lower()'
NAMES = {"userName": {"candidates": [DOTTED, "person.login", DOTTED + " + string(counter)"]}}
ONCE = {"locale": {"value": "person.given", "strength": "create"}}
FILL = {"title": {"value": "person.given", "strength": "fill"}}
INTENT = Intent("attempt", 1)


def wanted(account: dict[str, Any], **person: Any) -> Desired:
    return desired(mapping(account), "i1", {**ADA, **person}, entitled())


def having(known: Known, intent: Intent | None = None) -> Account:
    return Account("i1", "wiki", known, turn=1, revision=1, intent=intent)


def after(made: Desired) -> Known:
    """What is known once the SP has it."""
    return Known(made.phase, "77", made.held, made.groups, made.filled)


# Defaults.


@pytest.mark.parametrize("person", [{"login": "ada"}, {"login": "ada", "given": None}])
def test_a_default_stands_in_for_what_has_no_value(person: dict[str, Any]) -> None:
    account = {"displayName": {"value": "person.given", "default": "person.login", "required": True}}
    assert values(account, person)["displayName"] == "ada"
    assert values(account)["displayName"] == "Ada"


def test_an_empty_text_is_a_value_and_needs_no_default() -> None:
    assert values({"title": {"value": "person.given", "default": '"none"'}}, {**ADA, "given": ""})["title"] == ""


def test_a_default_without_a_value_leaves_the_attribute_out() -> None:
    made = desired(mapping({"title": {"value": "person.given", "default": "person.tags[9]"}}), "i1", ADA, entitled())
    assert made.values["title"] == "Ada"
    account = {"title": {"value": "person.tags[8]", "default": "person.tags[9]", "required": True}}
    assert desired(mapping(account), "i1", ADA, entitled()).problem.startswith("title: ")


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"value": "person.given", "default": "person.gvien"}, "title.default"),
        ({"value": "person.given", "default": "person.born"}, "title.default"),
        ({"value": "person.given", "default": "counter"}, "title.default"),
        ({"value": "string(counter)"}, "title"),
        ({"candidates": ["person.given", "person.level"]}, "title.candidates.1"),
        ({"candidates": ["person.tags"]}, "title.candidates.0"),
        ({"candidates": ["person.given"], "default": "person.login"}, "title.default"),
        ({"candidates": ["person.given"], "strength": "fill"}, "title.strength"),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(value: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidError) as caught:
        mapping({"title": value})
    assert caught.value.where == f"services/wiki.account.{where}"
    assert caught.value.right


# Strengths.


@pytest.mark.parametrize("account", [ONCE, FILL])
def test_a_change_of_what_only_a_new_account_gets_is_a_turn_only_while_there_is_none(account: dict[str, Any]) -> None:
    before, now = wanted(account), wanted(account, given="Eve")
    assert (before.values != now.values, before.digest != now.digest) == (True, True)
    assert not is_other(now, before.digest, having(after(before)))
    assert is_other(now, before.digest, None)
    assert is_other(now, before.digest, having(Known()))
    assert not is_other(before, before.digest, None)


@pytest.mark.parametrize("account", [ONCE, FILL])
def test_a_change_of_another_value_is_a_turn(account: dict[str, Any]) -> None:
    mixed = {**account, "displayName": "person.login"}
    assert is_other(wanted(mixed, login="eve"), wanted(mixed).digest, having(after(wanted(mixed))))


@pytest.mark.parametrize("account", [ONCE, FILL])
def test_an_account_that_exists_costs_no_call_when_such_a_value_changes(account: dict[str, Any]) -> None:
    known = after(wanted(account))
    assert "locale" not in known.values
    assert plan(wanted(account, given="Eve"), having(known), 1) == Plan(call=False)
    assert plan(wanted(account, given=None), having(known), 1) == Plan(call=False)


def test_a_value_that_fills_and_comes_later_is_looked_for_once() -> None:
    before, now = wanted(FILL, given=None), wanted(FILL)
    account = having(after(before))
    assert is_other(now, before.digest, account)
    assert plan(now, account, 2) == Plan(call=True, fill=True)
    assert plan(now, having(after(now)), 1) == Plan(call=False)


def test_a_value_for_new_accounts_that_comes_later_is_not_sent() -> None:
    before, now = wanted(ONCE, given=None), wanted(ONCE)
    assert not is_other(now, before.digest, having(after(before)))
    assert agrees(after(before), now)


def test_what_a_new_account_needs_is_a_problem_only_of_a_new_account() -> None:
    required = {"locale": {"value": "person.given", "strength": "create", "required": True}}
    lacking = wanted(required, given=None)
    assert for_account(lacking, having(Known())).problem.startswith("locale: ")
    assert for_account(lacking, having(after(wanted(required)))).problem == ""
    assert is_other(wanted(required), lacking.digest, having(Known())), "it can be made now"


def test_plain_mappings_have_the_digest_that_they_always_had() -> None:
    """Or every stored account would get a new turn when this version is deployed."""
    assert desired(mapping({"title": "person.given"}), "i1", ADA, entitled()).digest == "RN8KvLTy2ObuqgFL"


# Names.


def test_candidates_are_tried_in_order_those_without_a_counter_first() -> None:
    candidates = wanted(NAMES, given="Ädä").names["userName"]
    assert list(islice(candidates, 4)) == ["ada.ada", "ada", "ada.ada2", "ada.ada3"]


def test_candidates_end() -> None:
    names = list(wanted(NAMES).names["userName"])
    assert (len(names), names[-1]) == (2 + LAST_NUMBER - 1, f"ada.ada{LAST_NUMBER}")
    alone = wanted({"userName": {"candidates": ["person.login"]}}).names["userName"]
    assert list(alone) == ["ada"]


def test_the_same_candidate_is_tried_once() -> None:
    account = {"userName": {"candidates": ["person.login", "person.login", '"x" + string(counter / 1000)']}}
    assert list(wanted(account).names["userName"]) == ["ada", "x0"]


def test_a_candidate_without_a_value_is_passed_over_and_without_any_there_is_a_problem() -> None:
    some = wanted(NAMES, given=None)
    assert list(some.names["userName"]) == ["ada"]
    none = for_account(wanted(NAMES, given=None, login=None), having(Known()))
    assert none.problem == "userName: no candidate has a value"


def test_a_name_is_kept_whatever_the_candidates_become() -> None:
    known = Known(Phase.ACTIVE, "77", {"userName": "ada.ada7"})
    for person in ({}, {"given": "Eve"}, {"given": None, "login": None}):
        kept = for_account(wanted(NAMES, **person), having(known))
        assert (kept.values, kept.names, kept.problem) == ({"userName": "ada.ada7"}, {}, "")
        assert plan(kept, having(known), 1) == Plan(call=False)
        assert not is_other(wanted(NAMES, given="Eve"), wanted(NAMES).digest, having(known))


def test_a_name_that_a_lost_create_may_have_used_is_kept() -> None:
    lost = having(Known(values={"userName": "ada.ada7"}), INTENT)
    assert for_account(wanted(NAMES, given="Eve"), lost).values == {"userName": "ada.ada7"}
    refused = having(Known(values={"userName": "ada.ada7"}))
    assert for_account(wanted(NAMES, given="Eve"), refused).names


def test_a_parked_account_is_tried_again_when_its_candidates_change() -> None:
    assert is_other(wanted(NAMES, given="Eve"), wanted(NAMES).digest, having(Known()))


def test_an_account_that_exists_gets_a_name_for_an_attribute_that_needs_one_now() -> None:
    account = {"nickName": {"candidates": ["person.given"]}}
    before, now = desired(mapping({}), "i1", ADA, entitled()), wanted(account)
    existing = having(after(before))
    assert is_other(now, before.digest, existing)
    asked = for_account(now, existing)
    assert plan(asked, existing, 2).call
    named = replace(asked, values={**asked.values, "nickName": "Ada"}, names={})
    assert after(named).values == {"userName": "ada", "nickName": "Ada"}
    assert agrees(after(named), for_account(wanted(account, given="Eve"), having(after(named))))


def test_a_name_for_new_accounts_is_not_chosen_for_one_that_exists() -> None:
    account = {"nickName": {"candidates": ["person.given"], "strength": "create", "required": True}}
    before, now = desired(mapping({}), "i1", ADA, entitled()), wanted(account)
    existing = having(after(before))
    assert not plan(for_account(now, existing), existing, 1).call
    assert not is_other(now, wanted(account, given=None).digest, existing)
    assert for_account(now, having(Known())).names


@given(st.lists(st.text(max_size=3), max_size=5), st.lists(st.text(max_size=3), max_size=2))
def test_candidates_are_given_once_each_and_are_never_more_than_their_bound(first: list[str], more: list[str]) -> None:
    found = list(Candidates((*first, *more), lambda number: [f"{text}{number}" for text in more]))
    assert found[: len({*first, *more})] == list(dict.fromkeys((*first, *more)))
    assert len(found) <= len({*first, *more}) + len(more) * LAST_NUMBER


strengths = st.sampled_from(["always", "create", "fill"])
people = st.fixed_dictionaries(
    {"login": st.sampled_from(["ada", "eve"])},
    optional={"given": st.sampled_from(["Ada", ""]), "level": st.integers(0, 2)},
)


@given(strengths, strengths, people, people, st.sampled_from([Standing.ACTIVE, Standing.SUSPENDED]))
def test_no_turn_means_no_call_and_what_was_just_made_agrees(
    one: str, other: str, first: dict[str, Any], second: dict[str, Any], standing: Standing
) -> None:
    compiled = mapping(
        {
            "title": {"value": "person.given", "strength": one},
            "locale": {"value": "string(person.level)", "strength": other},
        }
    )
    made = desired(compiled, "i1", first, entitled())
    account = having(after(made))
    assert agrees(account.known, made)
    now = desired(compiled, "i1", second, entitled(standing))
    if not is_other(now, made.digest, account):
        assert not plan(now, account, 1).call
