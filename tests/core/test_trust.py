"""Trust: what a source is not believed in has no effect whatsoever, when it arrives and when it is used."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.decision import decide_identity
from provisioning.core.evaluation import evaluate
from provisioning.core.identity import Identity
from provisioning.core.mapping import desired
from provisioning.core.record import Affiliation, Record
from provisioning.core.trust import believed, is_about
from provisioning.core.trust_options import Asserts
from tests.core.federation import NOW, ada, affiliation, policy, record

ASSERTS = Asserts.model_validate(
    {
        "keys": ["*@north.edu", "n-*"],
        "attributes": {"mail": ["*@north.edu"], "tags": ["north:*"], "level": ["*"]},
        "affiliations": {"organization": ["north", "north/*"]},
    }
)


def _record(*affiliations: Affiliation, **facts: Any) -> Record:
    return Record("north", "ada@north.edu", 1, attributes=facts, affiliations=affiliations)


@pytest.mark.parametrize("key", ["ada@north.edu", "ADA@North.EDU", "n-17"])
def test_a_source_speaks_of_its_own_subjects(key: str) -> None:
    assert is_about(key, ASSERTS)


@pytest.mark.parametrize("key", ["ada@south.edu", "ada@north.edu.evil.org", "ada@north.edu\n", "", "xn-17"])
def test_a_source_speaks_of_nobody_elses(key: str) -> None:
    assert not is_about(key, ASSERTS)


def test_what_is_not_asserted_is_dropped_and_counted_and_the_rest_stays() -> None:
    told = _record(
        affiliation("north/arts"), affiliation("south"), Affiliation("bare", 0, 9, {"type": "staff"}),
        mail="ada@south.edu", tags=["north:a", "south:admin", "north:b"], level=3, orcid="0000-0001",
    )  # fmt: skip
    part, dropped = believed(told, ASSERTS)
    assert part.attributes == {"tags": ["north:a", "north:b"], "level": 3}
    assert [each.id for each in part.affiliations] == ["north/arts"]
    assert dropped == {"mail": 1, "tags": 1, "orcid": 1, "affiliations": 2}
    assert part.notices[0] == "affiliations: 2 not believed of north"
    assert "south" not in "".join(part.notices[1:]), "a notice has no values"


def test_a_list_of_which_nothing_is_believed_is_not_there_and_an_empty_one_is() -> None:
    assert believed(_record(tags=["south:admin"]), ASSERTS)[0].attributes == {}
    assert believed(_record(tags=[]), ASSERTS)[0].attributes == {"tags": []}


def test_without_a_word_on_affiliations_none_is_believed() -> None:
    part, dropped = believed(_record(affiliation("north")), Asserts())
    assert (part.affiliations, dropped["affiliations"]) == ((), 1)


_TEXTS = st.sampled_from(["north:owner", "south:x", "", "*", "north:", "Ada", "ada@north.edu", "ada@south.edu", "grid"])
_FACTS = st.fixed_dictionaries(
    {},
    optional={
        "name": _TEXTS,
        "mail": _TEXTS,
        "orcid": _TEXTS,
        "tags": st.lists(_TEXTS, max_size=4),
        "quota": st.integers(0, 9),
    },
)
_KIND = st.sampled_from(["staff", "project", "student"])
_AFFILIATIONS = st.lists(
    st.builds(affiliation, st.sampled_from(["north", "north/x", "south", "grid", ""]), _KIND),
    max_size=4, unique_by=lambda each: each.id,
)  # fmt: skip


def _outcome(identity: Identity) -> Any:
    by = policy()
    decision = decide_identity(by, Identity("ada"), identity, {}, NOW)
    accounts = {
        service: desired(by.mappings[service], "ada", by.told(identity, service), entitlement)
        for service, entitlement in decision.identity.entitlements.items()
    }
    return decision.identity.entitlements, decision.rings, accounts


@given(_FACTS, _AFFILIATIONS, _FACTS, _AFFILIATIONS)
def test_nothing_that_is_not_believed_has_an_effect_even_if_it_was_stored(
    facts: dict[str, Any], stated: list[Affiliation], others: dict[str, Any], other: list[Affiliation]
) -> None:
    """A bundle of before may have believed more: what is stored is looked at again whenever it is used."""
    by = policy()
    north = Record("north", "ada@north.edu", 1, attributes=facts, affiliations=tuple(stated))
    south = Record("south", "ada@south.edu", 1, attributes=others, affiliations=tuple(other))
    assert by.trust is not None
    clean = [believed(each, by.trust.asserts[each.source])[0] for each in (north, south)]
    assert _outcome(ada(north, south)) == _outcome(ada(*clean))


@given(_FACTS, _AFFILIATIONS)
def test_an_impostor_takes_nothing_from_a_person_and_gives_them_nothing_that_is_not_its_own(
    facts: dict[str, Any], stated: list[Affiliation]
) -> None:
    """South says anything of a person of north: what north gives stays, and south's own shows in what it may give."""
    north = record("north", affiliation("north"), tags=["north:owner"])
    alone = evaluate(policy(), ada(north), NOW)
    both = evaluate(policy(), ada(north, Record("south", "x@south.edu", 1, False, facts, tuple(stated))), NOW)
    for service, line in alone.timelines.items():
        held, holds = line.at(NOW), both.timelines[service].at(NOW)
        assert held is not None
        assert holds is not None
        assert set(holds.authorizations) >= set(held.authorizations)
        gained = set(holds.authorizations) - set(held.authorizations)
        assert gained <= {"wiki": {"edit"}, "cluster": {"compute"}}[service]
        assert not gained or any(each.facts["organization"] == "south" for each in stated)
