"""Merge: whose word counts, attribute by attribute, and whose word each value is."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.merge import Said, beyond, merge, provenance, said
from provisioning.core.trust import Trust
from tests.core.federation import ada, affiliation, policy, record

TRUST = Trust(
    ("a", "b", "c"), dict.fromkeys("abc", "one"), precedence={"name": ("b", "a", "c")}, unions=frozenset({"tags"}),
    longest=3,
)  # fmt: skip


def _said(source: str, live: bool = True, **attributes: Any) -> Said:
    return Said(source, live, attributes)


def test_the_first_in_the_bundles_order_that_states_it_counts() -> None:
    words = [_said("a", mail="a"), _said("b", mail="b", city="b"), _said("c", mail="c", city="c", room="c")]
    assert merge(words, TRUST) == {"mail": "a", "city": "b", "room": "c"}


def test_precedence_is_of_one_attribute_and_falls_back() -> None:
    assert merge([_said("a", name="a"), _said("b", name="b")], TRUST) == {"name": "b"}
    assert merge([_said("a", name="a"), _said("b")], TRUST) == {"name": "a"}


def test_a_union_has_each_value_once_with_all_who_state_it() -> None:
    words = [_said("a", tags=["x", "y"]), _said("c", tags=["y", "z"])]
    assert merge(words, TRUST) == {"tags": ["x", "y", "z"]}
    assert [each.sources for each in provenance(words, TRUST)["tags"]] == [("a",), ("a", "c"), ("c",)]


def test_a_union_is_no_longer_than_a_list_may_be_and_says_so() -> None:
    words = [_said("a", tags=["x", "y"]), _said("c", tags=["z", "w"])]
    assert merge(words, TRUST)["tags"] == ["x", "y", "z"]
    assert list(beyond(words, TRUST)) == ["person.tags: 4 values of all sources, of which the first 3 count"]


def test_who_withdrew_speaks_last_and_of_a_union_no_more() -> None:
    words = [_said("a", False, name="a", room="a", tags=["x"]), _said("c", name="c", tags=["z"])]
    assert merge(words, TRUST) == {"name": "c", "room": "a", "tags": ["z"]}


def test_what_may_not_be_told_is_as_if_it_was_not_said() -> None:
    words = [_said("a", mail="a", tags=["x"]), _said("b", mail="b", tags=["y"])]
    assert merge(words, TRUST, {"b": frozenset({"mail"})}) == {"mail": "b"}
    assert merge(words, TRUST, {"b": frozenset({"*"})}) == {"mail": "b", "tags": ["y"]}
    assert merge(words, TRUST, {}) == {}


_WORDS = st.lists(
    st.builds(
        Said, st.sampled_from("abc"), st.booleans(),
        st.dictionaries(st.sampled_from(["name", "mail"]), st.sampled_from("xyz"), max_size=2).flatmap(
            lambda facts: st.lists(st.sampled_from("xyz"), unique=True).map(lambda tags: {**facts, "tags": tags})
        ),
    ),
    max_size=3, unique_by=lambda word: word.source,
).map(lambda words: sorted(words, key=lambda word: word.source))  # fmt: skip


@given(_WORDS)
def test_provenance_is_of_what_merge_gives_and_of_nothing_else(words: list[Said]) -> None:
    merged = merge(words, TRUST)
    told = provenance(words, TRUST)
    assert merged.keys() == told.keys()
    for name, values in told.items():
        assert [each.value for each in values] == (merged[name] if name in TRUST.unions else [merged[name]])
        assert all(each.sources for each in values)


def test_a_service_is_told_by_each_source_what_it_may_be() -> None:
    by = policy()
    person = ada(
        record("north", affiliation("north"), orcid="0000-N", tags=["north:owner"]),
        record("south", affiliation("south"), orcid="0000-S"),
    )
    assert by.told(person, "wiki") == {"name": "Ada of south", "mail": "ada@north.edu", "orcid": "0000-S"}
    assert by.told(person, "cluster") == {"mail": "ada@north.edu"}


def test_without_trust_nothing_is_limited_and_precedence_is_the_bundles_order() -> None:
    plain = Trust(("north", "south"), {})
    person = ada(record("south", room="s"), record("north"))
    assert merge(said(person, plain), plain) == {"name": "Ada of north", "mail": "ada@north.edu", "room": "s"}
