"""The oracle: what it says of lives that are worked out here by hand, and that the engine's decisions agree with it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from localstack.campus.cast import changed, deleted, left
from localstack.campus.oracle import Expected, Oracle
from localstack.campus.people import Affiliation, Person, people
from localstack.campus.policy import read_policy
from localstack.campus.registry import Statement
from localstack.setup import CAMPUS
from provisioning.command.bundle import check_folder
from provisioning.core.account import Phase
from provisioning.core.decision import decide_identity
from provisioning.core.identity import Identity, absorb
from provisioning.core.identity import person as merged
from provisioning.core.mapping import desired
from provisioning.core.record import read_record

ZONE = ZoneInfo("Europe/Amsterdam")
ORACLE = Oracle(read_policy(CAMPUS))
_, POLICY = check_folder(CAMPUS)
START = datetime(2026, 3, 2, 12, tzinfo=ZONE)  # the clocks change on 29 March


def someone(*affiliations: Affiliation, **attributes: Any) -> Person:
    common = {"login": "ada", "given_name": "Ada", "family_name": "Byron", "mail": "ada@campus.example", "tags": []}
    return Person("ada", {**common, **attributes}, affiliations)


def student(start: str, end: str) -> Affiliation:
    return Affiliation("1", "student", "arts.music", start, end)


def staff(role: str | None = None) -> Affiliation:
    return Affiliation("1", "staff", "arts.music", "2025-01-01", role=role)


def history(*statements: tuple[int, Person]) -> list[Statement]:
    """Statements at days after the start."""
    return [
        Statement((START + timedelta(days=day)).timestamp(), number, person)
        for number, (day, person) in enumerate(statements, 1)
    ]


def phase(statements: Sequence[Statement], service: str, now: datetime) -> str | None:
    expected = ORACLE.expected(statements, service, now)
    return expected.phase if expected is not None else None


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("now", "standing"),
    [
        ("2026-03-16T23:59:59", None),  # the lead of 14 days has not begun
        ("2026-03-17T00:00:00", "active"),
        ("2026-06-30T23:59:59", "active"),  # the last day is included
        ("2026-07-30T23:59:59", "active"),  # 30 days of grace
        ("2026-07-31T00:00:00", "suspended"),
        ("2026-08-29T23:59:59", "suspended"),  # 30 days of retention
        ("2026-08-30T00:00:00", "absent"),
    ],
)
def test_a_study_is_led_graced_kept_and_over_at_midnight(now: str, standing: str | None) -> None:
    life = history((0, someone(student("2026-03-31", "2026-06-30"))))
    assert phase(life, "library", at(now)) == standing


def test_who_left_keeps_the_rule_s_grace_from_when_that_was_published() -> None:
    life = history((0, someone(staff())), (10, left(someone(staff()))))
    gone = START + timedelta(days=10)
    assert phase(life, "library", gone + timedelta(days=6)) == "active"
    assert phase(life, "library", gone + timedelta(days=8)) == "suspended"
    assert phase(life, "wiki", gone + timedelta(seconds=1)) == "suspended"
    assert phase(life, "badge", gone + timedelta(seconds=1)) == "absent"


def test_who_is_barred_loses_the_account_at_once_and_gets_it_back() -> None:
    barred = changed(someone(staff()), tags=["library-barred"])
    life = history((0, someone(staff())), (1, barred), (2, someone(staff())))
    assert phase(life, "library", START + timedelta(days=1, hours=1)) == "suspended"
    assert phase(life, "library", START + timedelta(days=2, hours=1)) == "active"


def test_who_never_had_a_right_gets_nothing_not_even_a_suspended_account() -> None:
    life = history((0, someone()), (1, deleted(someone())))
    assert [phase(life, service, START + timedelta(days=2)) for service in ORACLE.policy.services] == [None] * 5


def test_a_rule_that_asks_for_no_affiliation_holds_while_the_person_is_known() -> None:
    admin = someone(tags=["wiki-admin-all"])
    life = history((0, admin), (5, deleted(admin)))
    assert ORACLE.expected(life[:1], "wiki", START) == Expected(
        "active",
        {
            "userName": "ada",
            "name.givenName": "Ada",
            "name.familyName": "Byron",
            'emails[type eq "work"].value': "ada@campus.example",
            "userType": "administrator",
        },
        frozenset({"wiki-administrators", "wiki-readers"}),
    )
    assert phase(life, "wiki", START + timedelta(days=6)) == "suspended"


def test_a_deny_that_cannot_be_evaluated_holds() -> None:
    untagged = someone(staff())
    untagged = Person("ada", {name: value for name, value in untagged.attributes.items() if name != "tags"}, (staff(),))
    assert phase(history((0, untagged)), "library", START) is None
    assert phase(history((0, untagged)), "wiki", START) == "active"


def test_without_the_name_by_which_it_is_known_there_is_no_account() -> None:
    nameless = changed(someone(staff()), login=None)
    nameless = Person("ada", {k: v for k, v in nameless.attributes.items() if v is not None}, (staff(),))
    assert phase(history((0, nameless)), "library", START) is None


def engine(statements: Sequence[Statement], now: datetime) -> dict[str, tuple[str, dict[str, Any], frozenset[str]]]:
    """What the engine decides of the same history, decided again at every boundary that it names."""
    identity = Identity("identity")
    end = int(now.timestamp())
    for number, statement in enumerate(statements):
        instant = int(statement.at)
        record = read_record("registry", statement.person.data(statement.version), POLICY.schema)
        absorbed, _ = absorb(identity, record, instant)
        identity = decide_identity(POLICY, identity, absorbed, {}, instant).identity
        until = int(statements[number + 1].at) if number + 1 < len(statements) else end + 1
        while identity.due_at is not None and identity.due_at < until:
            identity = decide_identity(POLICY, identity, identity, {}, identity.due_at).identity
    found = {}
    for service, entitlement in identity.entitlements.items():
        wanted = desired(POLICY.mappings[service], "", merged(identity, POLICY.sources), entitlement)
        if not wanted.problem:
            found[service] = (wanted.phase.value, dict(wanted.values), frozenset(wanted.groups))
    return found


def oracle(statements: Sequence[Statement], now: datetime) -> dict[str, tuple[str, dict[str, Any], frozenset[str]]]:
    judged = {service: ORACLE.expected(statements, service, now) for service in ORACLE.policy.services}
    return {
        service: (expected.phase, dict(expected.values), expected.groups)
        for service, expected in judged.items()
        if expected is not None
    }


@pytest.mark.parametrize("days", [0, 1, 6, 20, 45, 200])
def test_the_engine_and_the_oracle_agree_about_everybody(days: int) -> None:
    """Each person is published, then becomes somebody else, then goes, on days of their own."""
    today = date(2026, 3, 2)
    everybody = list(people(3, 120, today))
    phases: set[str] = set()
    for number, someone_ in enumerate(everybody):
        other = everybody[(number * 7 + 1) % len(everybody)]
        moved = Person(someone_.key, {**other.attributes, "login": someone_.attributes["login"]}, other.affiliations)
        last = [someone_, moved, left(moved), deleted(moved)][number % 4]
        life = history((0, someone_), (number % 11 + 1, moved), (number % 11 + 20, last))
        known = [statement for statement in life if statement.at <= (START + timedelta(days=days)).timestamp()]
        now = (START + timedelta(days=days, seconds=1)).astimezone(UTC)
        judged = oracle(known, now)
        assert engine(known, now) == judged, (someone_, moved, last)
        phases |= {state for state, _, _ in judged.values()}
    assert "active" in phases
    assert days < 20 or phases == {phase.value for phase in Phase}
