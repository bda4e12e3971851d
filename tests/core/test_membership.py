"""Memberships left to groups: what is in question, and that every answer settles exactly one of them."""

from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import Account, Condition, Desired, Known, Phase
from provisioning.core.membership import after_dialogue, in_question, joined, left_to_groups, refused

NOW = 1000
NAMES = ("a", "b", "c", "d")
GROUPS = st.sets(st.sampled_from(NAMES)).map(lambda names: tuple(sorted(names)))


def account(groups: tuple[str, ...] = (), joining: tuple[str, ...] = (), **fields: object) -> Account:
    known = Known(Phase.ACTIVE, "r1", {"userName": "ada"}, groups)
    return Account("i1", "wiki", known, joining=joining, **fields)  # type: ignore[arg-type]  # fields, by name


@given(GROUPS, GROUPS, GROUPS, GROUPS)
def test_whatever_was_in_question_the_account_settles_as_desired(
    had: tuple[str, ...], joining: tuple[str, ...], first: tuple[str, ...], then: tuple[str, ...]
) -> None:
    """What is wanted may change while memberships are under way; each answer is by what is wanted then."""
    before, wanted = account(had, joining), Desired(Phase.ACTIVE, {"userName": "ada"}, first)
    groups = in_question(before, before.known, wanted, doubt=False)
    after = left_to_groups(before, before.known, groups, 7, 1, NOW) if groups else before
    later = Desired(Phase.ACTIVE, {"userName": "ada"}, then)
    again = in_question(after, after.known, later, doubt=False)
    after = left_to_groups(after, after.known, again, 8, 1, NOW) if again else after
    for name in again:
        assert after.condition is Condition.JOINING
        after = joined(after, later, name, 1, NOW)
    assert after.known.groups == then
    assert (after.condition, after.joining, after.due_at) == (Condition.SETTLED, (), None)


def test_after_a_doubt_every_membership_is_asked_for_again() -> None:
    before = account(("a", "b"), ("c",))
    assert in_question(before, before.known, Desired(Phase.ACTIVE, {}, ("a", "d")), doubt=True) == NAMES


def test_an_account_that_is_gone_is_a_member_of_nothing() -> None:
    assert in_question(account(("a",), ("b",)), Known(), Desired(Phase.ABSENT), doubt=True) == ()


def test_a_new_account_in_the_place_of_one_that_vanished_has_no_memberships() -> None:
    before = account(("a",))
    assert after_dialogue(before, Known(Phase.ACTIVE, "r1"), doubt=False).groups == ("a",)
    assert after_dialogue(before, Known(Phase.ACTIVE, "r2"), doubt=False).groups == ()
    unknown = Account("i1", "wiki")
    assert after_dialogue(unknown, Known(Phase.ACTIVE, "r1", {}, ("a",)), doubt=False).groups == ()


def test_an_account_that_a_doubt_brought_to_light_may_be_a_member_of_what_it_was_to_join() -> None:
    intended = Account("i1", "wiki", Known(groups=("a", "b")))
    found = after_dialogue(intended, Known(Phase.ACTIVE, "r1"), doubt=True)
    assert in_question(intended, found, Desired(Phase.ACTIVE, {}, ("a",)), doubt=True) == ("a", "b")


def test_an_account_that_is_tried_again_for_another_reason_stays_so() -> None:
    trying = account((), ("a",), condition=Condition.FAILED, due_at=NOW + 9, error="503")
    after = joined(trying, Desired(Phase.ACTIVE, {}, ("a",)), "a", 1, NOW)
    assert (after.condition, after.due_at, after.error) == (Condition.FAILED, NOW + 9, "503")
    assert (after.known.groups, after.joining) == (("a",), ())
    assert refused(trying, "no", 0) == trying


def test_who_is_refused_needs_a_person_and_stays_in_question() -> None:
    after = refused(account((), ("a",), condition=Condition.JOINING, due_at=NOW), "group 'a': no", 1)
    assert (after.condition, after.joining, after.due_at) == (Condition.PARKED, ("a",), None)
