"""Theirs × ours: what an account is, by its mark, its id, its values, and by when it was last delivered."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import Account, Condition, Intent, Known, Phase
from provisioning.core.difference import Class, Compared, Finding, Shown, classify, drift, heeded, token
from provisioning.core.reconcile_options import Reconcile
from provisioning.core.reconcile_part import Left, Part, Row, Want, read_part, write_part
from provisioning.core.reconciled import Run, read_to_the_end
from provisioning.core.repair import action_of, doubted, is_from, parked, seen_by_list

VALUES = {"userName": "ann", "displayName": "Ann"}
KNOWN = Known(Phase.ACTIVE, "r1", VALUES)
ACCOUNT = Account("i1", "library", KNOWN, changed_at=100)
SHOWN = Shown("r1", "i1", "ann", Phase.ACTIVE, VALUES)
HOW = Compared(lambda _, shown, ours: bool(shown == ours), settling=30)
LATER = 1000


def said(shown: Shown = SHOWN, how: Compared = HOW, at: int = LATER, **account: Any) -> tuple[Class, tuple[str, ...]]:
    finding = classify(shown, replace(ACCOUNT, **account), how, at)
    assert (finding.remote_id, finding.identity) == (shown.remote_id, "i1")
    return finding.kind, finding.attributes


def test_an_account_as_we_left_it_is_settled() -> None:
    assert said() == (Class.SETTLED, ())
    assert said(condition=Condition.JOINING) == (Class.SETTLED, ())


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"values": {**VALUES, "displayName": "Eve"}}, ("displayName",)),
        ({"values": {"userName": "ann"}}, ("displayName",)),
        ({"phase": Phase.SUSPENDED}, ("phase",)),
        ({"values": {}, "phase": Phase.SUSPENDED}, ("phase", "displayName", "userName")),
        ({"values": {**VALUES, "nickName": "Annie"}}, ()),
        ({"values": None}, ()),
    ],
)
def test_what_differs_is_named_if_it_is_ours(changes: dict[str, Any], names: tuple[str, ...]) -> None:
    assert said(replace(SHOWN, **changes)) == (Class.DRIFTED if names else Class.SETTLED, names)


def test_what_is_only_given_once_and_what_is_in_doubt_is_not_compared() -> None:
    shown = replace(SHOWN, values={"userName": "ann", "displayName": "Annie"})
    assert said(shown, replace(HOW, weak=frozenset({"displayName"}))) == (Class.SETTLED, ())
    assert said(replace(SHOWN, values={}), known=replace(KNOWN, values=dict.fromkeys(VALUES))) == (Class.SETTLED, ())


def test_a_missing_mark_is_a_drift_where_accounts_bear_marks() -> None:
    unmarked = replace(SHOWN, mark=None)
    assert drift(unmarked, ACCOUNT, HOW).attributes == ("mark",)
    assert drift(unmarked, ACCOUNT, replace(HOW, marks=False)).kind is Class.SETTLED


@pytest.mark.parametrize("condition", sorted(set(Condition) - {Condition.SETTLED, Condition.JOINING}))
def test_of_an_account_that_is_on_its_way_nothing_is_said(condition: Condition) -> None:
    assert said(replace(SHOWN, values={}), condition=condition)[0] is Class.OPEN
    assert said(replace(SHOWN, remote_id="r2"), condition=condition)[0] is Class.OPEN


@pytest.mark.parametrize(("at", "kind"), [(129, Class.OPEN), (130, Class.OPEN), (131, Class.DRIFTED)])
def test_a_list_may_be_older_than_what_was_delivered(at: int, kind: Class) -> None:
    assert said(replace(SHOWN, values={}), at=at)[0] is kind


def test_another_account_with_our_mark_is_a_duplicate_or_an_orphan() -> None:
    other = replace(SHOWN, remote_id="r2")
    assert said(other)[0] is Class.DUPLICATE
    assert said(other, known=Known())[0] is Class.ORPHAN
    assert said(other, known=Known(), condition=Condition.PARKED)[0] is Class.ORPHAN
    assert said(other, known=Known(), condition=Condition.FAILED)[0] is Class.OPEN
    assert said(other, known=Known(), intent=Intent("a", 0))[0] is Class.OPEN
    assert said(replace(other, gone=True), known=Known())[0] is Class.SETTLED


def test_attributes_that_the_sp_does_not_keep_are_no_drift() -> None:
    finding = classify(replace(SHOWN, values={"userName": "eve"}), ACCOUNT, HOW, LATER)
    assert heeded(finding, frozenset({"displayName"})).attributes == ("userName",)
    assert heeded(replace(finding, attributes=("displayName",)), frozenset({"displayName"})).kind is Class.SETTLED
    assert heeded(finding, frozenset({"userName"})) == finding, "what is shown otherwise is kept"


def test_an_attribute_is_taken_for_unkept_only_if_several_lack_it_and_nobody_has_it() -> None:
    assert Run(1, 0, 0, expected={"a": 4}).unkept == frozenset()
    assert Run(1, 0, 0, expected={"a": 5}).unkept == {"a"}
    assert Run(1, 0, 0, expected={"a": 500}, kept={"a": 1}).unkept == frozenset()


@pytest.mark.parametrize(
    ("first", "last", "shown", "proven"),
    [(3, 3, 3, True), (3, 3, 2, False), (3, 3, 4, False), (3, 5, 4, True), (5, 3, 2, False), (None, None, 7, True),
     (None, 7, 7, True), (0, 0, 0, True)],
)  # fmt: skip
def test_a_list_is_proven_by_its_number(first: int | None, last: int | None, shown: int, proven: bool) -> None:
    assert read_to_the_end(Run(1, 0, 0, first=first, total=last, shown=shown)).proven is proven


def test_a_problem_of_a_page_is_not_forgotten() -> None:
    assert read_to_the_end(Run(1, 0, 0, first=3, total=3, shown=3, problem="the place was lost")).proven is False


@given(st.sampled_from(list(Class)), st.booleans())
def test_nothing_that_is_found_is_acted_on_without_a_word_of_the_operator(kind: Class, known: bool) -> None:
    assert action_of(Reconcile(), Finding(kind, "r1", "i1" if known else "")) == "report"


@given(st.sampled_from(list(Class)))
def test_what_is_nobodys_or_anothers_is_never_acted_on(kind: Class) -> None:
    boldest = Reconcile(drifted="repair", missing="repair", orphan="adopt", duplicate="park")
    assert action_of(boldest, Finding(kind, "r1")) == "report"
    assert action_of(boldest, Finding(Class.FOREIGN, "r1", "i1")) == "report"


def test_a_doubt_keeps_what_is_known_and_brings_deliver_to_look() -> None:
    after = doubted(ACCOUNT, 7, Finding(Class.DRIFTED, "r1", "i1", ("displayName",)), LATER)
    assert (after.condition, after.known, after.due_at) == (Condition.UNKNOWN, KNOWN, LATER)
    assert after.intent is not None
    assert (after.intent.deadline, seen_by_list(after.intent), is_from(after, 7), is_from(after, 8)) == (
        LATER, True, True, False,
    )  # fmt: skip
    assert after.error == "reconciliation 7: the SP shows other values: displayName"
    assert not seen_by_list(Intent("operation", 0))
    waiting = parked(ACCOUNT, 7, Finding(Class.MISSING, "r1", "i1"), LATER)
    assert (waiting.condition, waiting.due_at, is_from(waiting, 7)) == (Condition.PARKED, None, True)


def test_a_part_is_read_as_it_was_written() -> None:
    part = Part(
        [Row("a", "i1", "m")], [Finding(Class.DRIFTED, "r1", "i1", ("x", "y"), ("y",))],
        [Left("r2", "m2", Phase.SUSPENDED, foreign=True)], [Want("m3", "i3")], 4,
    )  # fmt: skip
    assert read_part(write_part(part)) == part
    assert Part().is_empty
    assert not part.is_empty


def test_a_token_stands_for_a_text_and_does_not_tell_it() -> None:
    assert token("ann") == token("ann") != token("Ann")
    assert "ann" not in token("ann")
    assert token("") == ""
