"""Which write of an account or an identity is told of, and as what."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import Account, Condition, Intent, Known, Phase
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import Entitlement, Standing
from provisioning.core.occurrence import Change, Occurrence, Type
from provisioning.core.record import Affiliation, Record
from provisioning.core.transition import occurrences
from provisioning.core.transition_account import released

AT = 1_800_000_000
T = Type
HELD = {"userName": "ada"}


def account(phase: Phase = Phase.ABSENT, condition: Condition = Condition.SETTLED, **known: object) -> Account:
    fields = {"values": HELD} if phase is not Phase.ABSENT else {}
    made = Known(phase, **{**fields, **known})  # type: ignore[arg-type]  # fields by name
    return Account("p1", "library", made, condition, sequence=3)


def write(old: Account | Identity | None, new: Account | Identity | None, previous: int = 6) -> Change:
    service = "library" if isinstance(old or new, Account) else ""
    return Change("1", AT, "p1", service, previous + 1, previous if old is not None else 0, old, new)


def told(old: Account | Identity | None, new: Account | Identity | None, known: int | None = 6) -> list[Occurrence]:
    return list(occurrences(write(old, new), known))


def types(old: Account | Identity | None, new: Account | Identity | None) -> list[Type]:
    return [each.type for each in told(old, new)]


STATES = [account(phase, condition) for phase, condition in product(Phase, Condition)]


@pytest.mark.parametrize(("old", "new"), list(product(STATES, STATES)))
def test_of_every_pair_of_phases_and_conditions_a_write_is_told_of_exactly_if_they_differ(
    old: Account, new: Account
) -> None:
    found = told(old, new)
    same = (old.known.phase, old.condition) == (new.known.phase, new.condition)
    assert bool(found) is not same
    assert len({each.id for each in found}) == len(found)
    for each in found:  # any of them alone tells the state
        assert dict(each.state) == {"phase": new.known.phase, "condition": new.condition, "in_doubt": False}
        assert (each.identity, each.service, each.revision, each.previous, each.sequence) == ("p1", "library", 7, 6, 3)
    told_of_phase = [each for each in found if each.type in (T.ACCOUNT_CREATED, T.ACCOUNT_SUSPENDED, T.ACCOUNT_RESUMED,
                                                            T.ACCOUNT_REMOVED)]  # fmt: skip
    assert len(told_of_phase) == (old.known.phase is not new.known.phase)
    if old.condition is not new.condition:
        assert (T.ACCOUNT_FAILED in types(old, new)) is (new.condition is Condition.FAILED)
        assert (T.ACCOUNT_PARKED in types(old, new)) is (new.condition is Condition.PARKED)
        assert (T.ACCOUNT_HELD in types(old, new)) is (new.condition is Condition.HELD)
        troubled = old.condition in (Condition.FAILED, Condition.PARKED, Condition.HELD)
        repaired = new.condition is Condition.SETTLED and troubled
        assert (T.ACCOUNT_REPAIRED in types(old, new)) is repaired


@pytest.mark.parametrize("new", STATES)
def test_the_first_write_is_told_of_as_if_nothing_had_been_there(new: Account) -> None:
    assert types(None, new) == types(account(), new)


@pytest.mark.parametrize("old", STATES)
def test_an_account_whose_item_is_gone_is_removed(old: Account) -> None:
    found = told(old, None)
    assert [dict(each.state) for each in found] in (
        [{"phase": "absent", "condition": "settled", "in_doubt": False}],
        [],
    )
    assert (not found) is (old.known.phase is Phase.ABSENT and old.condition is Condition.SETTLED)


def test_phases_are_told_by_the_names_of_what_happened_at_the_sp() -> None:
    absent, active, suspended = (account(phase) for phase in Phase)
    assert types(absent, active) == [T.ACCOUNT_CREATED]
    assert types(absent, suspended) == [T.ACCOUNT_CREATED]
    assert types(active, suspended) == [T.ACCOUNT_SUSPENDED]
    assert types(suspended, active) == [T.ACCOUNT_RESUMED]
    assert types(suspended, absent) == [T.ACCOUNT_REMOVED]
    pending, active_pending = account(condition=Condition.PENDING), account(Phase.ACTIVE, Condition.PENDING)
    assert types(None, pending) == [T.ACCOUNT_PENDING]
    assert types(pending, active) == [T.ACCOUNT_CREATED]
    assert types(active_pending, active) == [T.ACCOUNT_SETTLED]
    assert types(account(Phase.ACTIVE, Condition.FAILED), suspended) == [T.ACCOUNT_SUSPENDED, T.ACCOUNT_REPAIRED]


def test_who_failed_and_waited_for_a_slot_since_is_repaired_all_the_same() -> None:
    waiting = replace(account(Phase.ACTIVE, Condition.PENDING), attempts=2)
    assert types(waiting, account(Phase.ACTIVE)) == [T.ACCOUNT_REPAIRED]


def test_names_of_what_changed_are_told_and_never_values() -> None:
    old = account(Phase.ACTIVE, values={"userName": "ada", "mail": "ada@a.example", "gone": 1}, groups=("a",))
    new = account(Phase.ACTIVE, values={"userName": "ada", "mail": "ada@b.example", "new": 1}, groups=("b",))
    (found,) = told(old, new)
    assert (found.type, found.names) == (T.ACCOUNT_CHANGED, ("gone", "groups", "mail", "new"))
    assert "b.example" not in repr(found)


def test_a_doubt_is_no_value_and_what_is_held_by_nobody_does_not_change() -> None:
    doubt = replace(account(Phase.ACTIVE, values={**HELD, "mail": None}), intent=Intent("a", AT))
    assert types(account(Phase.ACTIVE), doubt) == []
    intended = replace(account(condition=Condition.PENDING, values=HELD), intent=Intent("a", AT))
    assert [each.names for each in told(account(), intended)] == [()]
    (created,) = told(intended, account(Phase.ACTIVE))
    assert created.names == ("userName",)


def test_attempts_errors_turns_and_due_times_alone_are_not_told_of() -> None:
    old = account(Phase.ACTIVE, Condition.FAILED)
    assert types(old, replace(old, attempts=3, error="down", turn=9, due_at=AT, changed_at=AT)) == []


def test_what_an_sp_received_is_named_also_if_the_call_may_have_been_lost() -> None:
    intended = account(condition=Condition.PENDING, values={**HELD, "photo": "x"}, groups=("a",))
    assert released(None, intended) == ("groups", "photo", "userName")
    made = account(Phase.ACTIVE, groups=("a",), filled=("nickname",))
    assert released(intended, made) == ("nickname",)
    assert released(made, account(Phase.SUSPENDED, groups=("a",), filled=("nickname",))) == ()


def person(*records: Record, **entitlements: Entitlement) -> Identity:
    return Identity("p1", {each.source: each for each in records}, entitlements=entitlements, sequence=3)


REGISTRY = Record("registry", "k", 1, attributes={"name": "Ada", "login": "ada"})
HR = Record("hr", "77", 1, attributes={"name": "Ada L."})


def test_people_are_told_of_by_what_their_sources_say() -> None:
    affiliated = replace(REGISTRY, affiliations=(Affiliation("staff", 0, AT),))
    gone = replace(REGISTRY, version=2, deleted=True)
    assert [(each.type, each.names) for each in told(None, person(REGISTRY))] == [
        (T.IDENTITY_CREATED, ("login", "name"))
    ]
    assert types(person(REGISTRY), person(replace(REGISTRY, version=2, observed=9))) == []
    (changed,) = told(person(REGISTRY), person(affiliated))
    assert (changed.type, changed.names, changed.sources) == (T.IDENTITY_CHANGED, ("affiliations",), ("registry",))
    linked = told(person(REGISTRY), person(REGISTRY, HR))
    assert [(each.type, each.names) for each in linked] == [
        (T.IDENTITY_LINKED, ("hr",)),
        (T.IDENTITY_CHANGED, ("name",)),
    ]
    assert types(person(REGISTRY, HR), person(REGISTRY))[0] is T.IDENTITY_SPLIT
    (closed,) = told(person(REGISTRY), person(gone))
    assert (closed.type, dict(closed.state)) == (T.IDENTITY_CLOSED, {"live": False})
    assert types(person(REGISTRY, HR), person(gone, HR)) == [T.IDENTITY_CHANGED]
    (again,) = told(person(gone), person(replace(REGISTRY, version=3)))
    assert (again.type, again.names, dict(again.state)) == (T.IDENTITY_CHANGED, ("record",), {"live": True})


STANDINGS = [Entitlement(standing) for standing in Standing]


@pytest.mark.parametrize(("old", "new"), list(product(STANDINGS, STANDINGS)))
def test_every_pair_of_standings_is_told_of_exactly_if_they_differ(old: Entitlement, new: Entitlement) -> None:
    found = told(person(library=old), person(library=new))
    assert len(found) == (old.standing is not new.standing)
    for each in found:
        held = [side.standing in (Standing.ACTIVE, Standing.GRACE) for side in (old, new)]
        by_holding = {(False, True): T.ENTITLEMENT_GRANTED, (True, False): T.ENTITLEMENT_ENDED}
        assert each.type is by_holding.get((held[0], held[1]), T.ENTITLEMENT_CHANGED)
        assert (each.service, dict(each.state), each.names) == (
            "library", {"standing": new.standing}, ("standing",),
        )  # fmt: skip


def test_a_digest_and_a_turn_are_nobody_elses_business() -> None:
    entitled = Entitlement(Standing.ACTIVE, ("read",), AT)
    assert types(person(library=entitled), person(library=replace(entitled, digest="x", turn=2))) == []
    (found,) = told(person(library=entitled), person(library=replace(entitled, until=AT + 1, authorizations=())))
    assert (found.type, found.names) == (T.ENTITLEMENT_CHANGED, ("authorizations", "until"))


def test_where_writes_were_missed_the_state_is_told_beside_what_this_write_meant() -> None:
    found = told(account(Phase.ACTIVE), account(Phase.SUSPENDED), None)
    assert [(each.type, each.previous) for each in found] == [(T.ACCOUNT_GAP, 0), (T.ACCOUNT_SUSPENDED, 0)]
    old = person(REGISTRY, library=Entitlement(Standing.ACTIVE), wiki=Entitlement(Standing.ACTIVE))
    new = person(REGISTRY, library=Entitlement(Standing.ABSENT), wiki=Entitlement(Standing.ACTIVE))
    assert [(each.type, each.service) for each in told(old, new, None)] == [
        (T.IDENTITY_GAP, ""), (T.ENTITLEMENT_CHANGED, "wiki"), (T.ENTITLEMENT_ENDED, "library"),
    ]  # fmt: skip


def test_of_a_write_over_what_nobody_understands_only_the_state_is_told() -> None:
    unreadable = replace(write(account(), account(Phase.ACTIVE)), old=None, unreadable=True)
    assert [each.type for each in occurrences(unreadable, 5)] == [T.ACCOUNT_GAP]


accounts = st.builds(
    Account, st.just("p1"), st.just("library"),
    st.builds(Known, st.sampled_from(Phase), st.none() | st.just("r1"), st.dictionaries(st.sampled_from("ab"),
              st.none() | st.integers(0, 2)), st.sampled_from([(), ("g",)])),
    st.sampled_from(Condition), st.none() | st.just(Intent("a", AT)), attempts=st.integers(0, 2),
)  # fmt: skip


@given(st.lists(st.tuples(accounts, st.booleans()), max_size=12))
def test_who_rebuilds_phase_and_condition_by_any_one_event_of_each_write_has_those_of_the_table(
    history: list[tuple[Account, bool]],
) -> None:
    """In any history, also of writes that no engine would make. `lost`: the stream was not read for this write."""
    rebuilt: tuple[object, object] = (Phase.ABSENT, Condition.SETTLED)
    old: Account | None = None
    told_last: int | None = 0
    for revision, (new, lost) in enumerate(history, 1):
        if lost:
            old, told_last = new, None
            continue
        found = occurrences(Change("1", AT, "p1", "library", revision, revision - 1, old, new), told_last)
        if found:
            state = dict(found[-1].state)
            rebuilt = (state["phase"], state["condition"])
            assert all(dict(each.state) == state for each in found)
            assert all(each.previous == (told_last or 0) for each in found)  # so that a gap is seen by whoever listens
        told_last = revision if found else told_last
        assert rebuilt == (new.known.phase, new.condition)
        old = new


@given(accounts, accounts)
def test_a_repeated_write_has_the_same_events_with_the_same_ids(old: Account, new: Account) -> None:
    assert told(old, new) == told(old, new)
    ids = [each.id for each in told(old, new)]
    assert ids == [each.id for each in told(old, new, None) if each.type is not T.ACCOUNT_GAP]
