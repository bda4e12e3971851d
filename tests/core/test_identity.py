import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.identity import (
    MOST_CLOSED,
    Absorbed,
    Closed,
    Identity,
    absorb,
    affiliations,
    person,
    prune,
)
from provisioning.core.period import FOREVER
from provisioning.core.record import Affiliation, Record

NOW = 1000
SOURCES = ("registry", "hr")


def stated(key: str = "a", start: int = 0, end: int = FOREVER, kind: str = "student") -> Affiliation:
    return Affiliation(key, start, end, {"type": kind})


def record(version: int = 1, *given_: Affiliation, source: str = "registry", **attributes: str) -> Record:
    return Record(source, "p1", version, False, attributes, given_)


def holding(*records: Record) -> Identity:
    return Identity("i1", {item.source: item for item in records})


def taught(identity: Identity, new: Record, now: int = NOW) -> Identity:
    after, absorbed = absorb(identity, new, now)
    assert absorbed is Absorbed.NEWER
    return after


def closed(identity: Identity) -> list[tuple[str, int]]:
    return [(item.affiliation.id, item.affiliation.end) for item in identity.closed]


def test_the_version_decides_and_not_the_content() -> None:
    known = holding(record(5, login="ada"))
    assert absorb(known, record(4, login="eve"), NOW) == (known, Absorbed.OLDER)
    assert absorb(known, record(5, login="ada"), NOW) == (known, Absorbed.SAME)
    assert absorb(known, record(5, login="eve"), NOW) == (known, Absorbed.REUSED)
    assert taught(known, record(6, login="eve")).records["registry"].attributes == {"login": "eve"}


def test_versions_of_two_sources_are_not_compared() -> None:
    known = taught(holding(record(5)), record(1, source="hr"))
    assert {source: item.version for source, item in known.records.items()} == {"registry": 5, "hr": 1}


def test_what_is_no_longer_stated_closes_when_that_is_learned() -> None:
    after = taught(holding(record(1, stated("a"), stated("b"))), record(2, stated("b")))
    assert closed(after) == [("a", NOW)]


def test_what_had_ended_before_keeps_its_own_end() -> None:
    assert closed(taught(holding(record(1, stated(end=300))), record(2))) == [("a", 300)]


def test_what_had_not_begun_leaves_nothing_behind() -> None:
    assert closed(taught(holding(record(1, stated(start=NOW)), record(1, source="hr")), record(2))) == []


def test_an_affiliation_that_changed_its_nature_is_closed_and_stated_anew() -> None:
    after = taught(holding(record(1, stated(kind="student"))), record(2, stated(kind="staff")))
    found = [(name, item.facts["type"]) for name, item in affiliations(after, SOURCES)]
    assert found == [("registry/a", "staff"), ("registry/a (closed)", "student")]


def test_an_affiliation_that_only_moved_its_dates_is_the_same() -> None:
    after = taught(holding(record(1, stated(end=2000))), record(2, stated(end=3000)))
    assert (closed(after), after.records["registry"].affiliations[0].end) == ([], 3000)


def test_a_deletion_keeps_the_attributes_and_closes_every_affiliation() -> None:
    after = taught(
        holding(record(1, stated("a"), stated("b", end=500), login="ada")), Record("registry", "p1", 2, True)
    )
    kept = after.records["registry"]
    assert (kept.deleted, kept.attributes, kept.affiliations) == (True, {"login": "ada"}, ())
    assert closed(after) == [("b", 500), ("a", NOW)]
    assert not after.live


def test_whoever_another_source_still_knows_lives_on() -> None:
    both = holding(record(1), record(1, source="hr"))
    assert taught(both, Record("registry", "p1", 2, True)).live


def test_a_deletion_of_somebody_never_seen_is_remembered_by_its_version() -> None:
    after = taught(Identity("i1"), Record("registry", "p1", 7, True))
    assert (after.live, after.closed) == (False, ())
    assert absorb(after, record(6, stated()), NOW)[1] is Absorbed.OLDER


def test_whoever_reappears_is_stated_again_and_keeps_what_was_closed() -> None:
    gone = taught(holding(record(1, stated(), login="ada")), Record("registry", "p1", 2, True))
    back = taught(gone, record(3, stated("n", start=NOW), login="ada"), NOW + 500)
    assert (back.live, closed(back)) == (True, [("a", NOW)])


def test_of_many_closed_affiliations_those_that_ended_last_are_kept() -> None:
    known = holding(record(1, *(stated(f"{end:04}", end=end) for end in range(1, MOST_CLOSED + 21))))
    after = taught(known, record(2))
    assert closed(after) == [(f"{end:04}", end) for end in range(21, MOST_CLOSED + 21)]


def test_pruning_forgets_what_ended_before_an_instant_and_nothing_else() -> None:
    known = replace(Identity("i1"), closed=tuple(Closed("hr", stated(f"{end}", end=end)) for end in (10, 20, 30)))
    assert closed(prune(known, 20)) == [("20", 20), ("30", 30)]
    assert prune(known, 10) is known


def test_of_an_attribute_the_word_of_the_first_source_counts_that_states_it() -> None:
    known = holding(record(1, login="ada", name="Ada"), record(9, source="hr", name="Augusta", mail="a@x.example"))
    assert person(known, SOURCES) == {"login": "ada", "name": "Ada", "mail": "a@x.example"}
    assert person(known, ("hr", "registry"))["name"] == "Augusta"


def test_a_source_that_the_bundle_no_longer_has_says_nothing() -> None:
    known = holding(record(1, stated(), login="ada"), record(1, stated("b"), source="old", name="x"))
    ended = taught(known, record(2, source="old"))
    assert person(ended, SOURCES) == {"login": "ada"}
    assert [name for name, _ in affiliations(ended, SOURCES)] == ["registry/a"]


attributes = st.dictionaries(st.sampled_from(["login", "name", "mail"]), st.sampled_from("xyz"), max_size=3)
instants = st.integers(0, 2000)
several = st.lists(
    st.tuples(st.sampled_from("abc"), instants, instants, st.sampled_from(["student", "staff"])), max_size=3
)


@st.composite
def records(draw: st.DrawFn, source: str) -> Record:
    given_ = {key: stated(key, start, start + length, kind) for key, start, length, kind in draw(several)}
    return Record(source, "p1", draw(st.integers(0, 5)), False, draw(attributes), tuple(given_.values()))


@given(st.lists(records("registry"), max_size=4), st.lists(records("hr"), max_size=3), st.randoms())
def test_whatever_order_two_sources_records_arrive_in_the_newest_of_each_counts(
    ours: list[Record], theirs: list[Record], chance: random.Random
) -> None:
    arriving = {(item.source, item.version): item for item in (*ours, *theirs)}
    shuffled = list(arriving.values())
    chance.shuffle(shuffled)
    ends = []
    for order in (list(arriving.values()), shuffled):
        identity = Identity("i1")
        for item in order:
            identity = absorb(identity, item, NOW)[0]
        ends.append((identity.records, person(identity, SOURCES), identity.live))
    assert ends[0] == ends[1]


@given(records("registry"), records("registry"))
def test_a_record_absorbed_twice_teaches_nothing(first: Record, second: Record) -> None:
    once = absorb(absorb(Identity("i1"), first, NOW)[0], second, NOW)[0]
    again, absorbed = absorb(once, second, NOW + 1)
    assert again == once
    expected = {-1: (Absorbed.OLDER,), 0: (Absorbed.SAME, Absorbed.REUSED), 1: (Absorbed.SAME,)}
    assert absorbed in expected[(second.version > first.version) - (second.version < first.version)]


@given(records("registry"), records("registry"))
def test_nothing_closed_ends_after_it_was_learned_of(first: Record, second: Record) -> None:
    once = absorb(absorb(Identity("i1"), first, NOW)[0], second, NOW)[0]
    assert all(item.affiliation.start < NOW and item.affiliation.end <= NOW for item in once.closed)
