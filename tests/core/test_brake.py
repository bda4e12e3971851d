"""The arithmetic of brakes: no window, wherever it begins, lets more through than its limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import Account, Desired, Intent, Known, Phase
from provisioning.core.brake import (
    BUCKETS,
    Brake,
    Kind,
    Lane,
    Removal,
    Share,
    grant,
    home,
    lane_of,
    limit,
    removal_of,
    taken,
)
from provisioning.core.brake_options import Announced
from provisioning.core.brake_options import Brake as Options
from provisioning.core.period import DAY, Duration
from provisioning.core.record import Record

OPTIONS = Options(removals=100, share=0.1, least=5)
SUDDEN, ANNOUNCED = Share(Lane.SUDDEN), Share(Lane.ANNOUNCED)
EIGHT = dict.fromkeys(range(8), 100)  # 800 accounts


def test_the_limit_is_the_lesser_of_a_number_and_a_share_and_never_under_the_least() -> None:
    assert limit(OPTIONS, Lane.SUDDEN, EIGHT, 8) == 80
    assert limit(OPTIONS, Lane.SUDDEN, dict.fromkeys(range(8), 10_000), 8) == 100
    assert limit(OPTIONS, Lane.SUDDEN, dict.fromkeys(range(8), 1), 8) == 5
    assert limit(OPTIONS, Lane.ANNOUNCED, EIGHT, 8) == 400
    assert limit(OPTIONS, Lane.SUDDEN, {3: 100}, 8) == 80, "from one shard all is guessed"
    assert limit(OPTIONS, Lane.SUDDEN, {}, 8) == 5, "nobody knows yet how many there are"


def test_what_was_let_through_is_free_again_when_the_window_has_passed() -> None:
    brake, first = grant(Brake(population=EIGHT), OPTIONS, [(SUDDEN, 1)] * 100, 8, 1, DAY)
    assert first == [True] * 80 + [False] * 20
    _, later = grant(brake, OPTIONS, [(SUDDEN, 1)], 8, 1, 2 * DAY - 1)
    assert later == [False]
    _, after = grant(brake, OPTIONS, [(SUDDEN, 1)], 8, 1, 2 * DAY + DAY // BUCKETS)
    assert after == [True]


def test_what_was_announced_does_not_use_up_what_comes_suddenly() -> None:
    brake, _ = grant(Brake(population=EIGHT), OPTIONS, [(ANNOUNCED, 1)] * 400, 8, 1, DAY)
    assert taken(brake, OPTIONS, ANNOUNCED, DAY) == 400
    _, granted = grant(brake, OPTIONS, [(SUDDEN, 1), (ANNOUNCED, 1)], 8, 1, DAY)
    assert granted == [True, False]


def test_of_several_memberships_all_are_counted_or_none_is_lost() -> None:
    brake, granted = grant(Brake(), OPTIONS, [(SUDDEN, 4), (SUDDEN, 2), (SUDDEN, 1)], 8, 1, DAY)
    assert granted == [True, False, True]
    assert taken(brake, OPTIONS, SUDDEN, DAY) == 5


def test_each_domain_has_a_share_of_its_own() -> None:
    north, south = Share(Lane.SUDDEN, "north"), Share(Lane.SUDDEN, "south")
    asked = [(north, 1)] * 60 + [(south, 1)] * 60
    _, granted = grant(Brake(population=EIGHT), OPTIONS, asked, 8, 2, DAY)
    assert (sum(granted[:60]), sum(granted[60:])) == (40, 40)


def test_a_removal_is_of_the_domain_that_withdrew_the_person() -> None:
    domains = {"a": "north", "b": "south", "c": "south"}
    here, gone = Record("", "k", 1), Record("", "k", 1, deleted=True)
    assert home(domains, {"a": here, "b": here}) == "north"
    assert home(domains, {"a": here, "b": gone}) == "south"
    assert home(domains, {"c": here}) == "south"
    assert home(domains, {}) == ""
    assert home({"a": "north", "b": "north"}, {"a": here}) == "", "of one domain nobody has a share"


@given(st.lists(st.tuples(st.integers(0, 7200), st.integers(1, 4)), max_size=120))
def test_no_window_lets_more_through_than_its_limit(steps: list[tuple[int, int]]) -> None:
    now, brake, let = 10 * DAY, Brake(), list[tuple[int, int]]()
    for pause, number in steps:
        now += pause
        brake, (granted,) = grant(brake, OPTIONS, [(SUDDEN, number)], 8, 1, now)
        let += [(now, number)] if granted else []
    for begins, _ in let:
        assert sum(number for at, number in let if begins <= at < begins + DAY) <= 5
    assert len(brake.taken.get(SUDDEN, {})) <= BUCKETS + 2, "what is too old to count is not kept"


def test_an_end_is_announced_if_it_was_known_for_long_enough() -> None:
    options = Options(announced=Announced(ahead=Duration(days=2)))
    assert [lane_of(options, notice) for notice in (0, 2 * DAY - 1, 2 * DAY)] == [
        Lane.SUDDEN, Lane.SUDDEN, Lane.ANNOUNCED,
    ]  # fmt: skip
    assert lane_of(Options(announced=Announced(ahead=Duration())), 0) is Lane.SUDDEN


ACTIVE = Known(Phase.ACTIVE, "r1", {}, ("a", "b"))


@pytest.mark.parametrize(
    ("account", "desired", "removal"),
    [
        (Account("i", "s", ACTIVE), Desired(Phase.ABSENT), Removal(Kind.DELETION)),
        (Account("i", "s", ACTIVE), Desired(Phase.SUSPENDED), Removal(Kind.SUSPENSION)),
        (Account("i", "s", ACTIVE), Desired(Phase.ACTIVE, groups=("a",)), Removal(Kind.MEMBERSHIP)),
        (Account("i", "s", ACTIVE), Desired(Phase.ACTIVE, groups=("c",)), Removal(Kind.MEMBERSHIP, 2)),
        (Account("i", "s", ACTIVE), Desired(Phase.ACTIVE, groups=("a", "b", "c")), None),
        (Account("i", "s", Known(Phase.SUSPENDED)), Desired(Phase.ABSENT), Removal(Kind.DELETION)),
        (Account("i", "s", Known(Phase.SUSPENDED)), Desired(Phase.SUSPENDED), None),
        (Account("i", "s", intent=Intent("x", 1)), Desired(Phase.ABSENT), Removal(Kind.DELETION)),
        (Account("i", "s", intent=Intent("x", 1)), Desired(Phase.SUSPENDED), Removal(Kind.SUSPENSION)),
        (Account("i", "s"), Desired(Phase.ABSENT), None),
        (Account("i", "s"), Desired(Phase.ACTIVE), None),
    ],
)
def test_what_is_taken_away_is_what_is_there_or_may_be(
    account: Account, desired: Desired, removal: Removal | None
) -> None:
    assert removal_of(account, desired, gathers=False) == removal


def test_memberships_that_are_left_to_their_groups_are_counted_there() -> None:
    assert removal_of(Account("i", "s", ACTIVE), Desired(Phase.ACTIVE), gathers=True) is None


def test_a_window_is_an_hour_to_a_month() -> None:
    with pytest.raises(ValueError, match="PT1H to P31D"):
        Options.model_validate({"window": "PT1M"})
