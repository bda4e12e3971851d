"""Worlds made at random — a zone, rules, one person — and what is true in them, told as plainly as possible."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from pydantic import TypeAdapter

from provisioning.core.catalog import Bundle
from provisioning.core.eligibility import EMPTY, Timeline
from provisioning.core.evaluation import evaluate
from provisioning.core.identity import Identity
from provisioning.core.period import BEGINNING, FOREVER
from provisioning.core.publication import compile_bundle
from provisioning.core.record import read_record
from tests.core.wall import bound, moved

# A zone, and a day on or near which something happens to its clocks.
CHANGES = [
    ("UTC", date(2026, 9, 1)),
    ("Europe/Amsterdam", date(2026, 3, 29)),
    ("Europe/Amsterdam", date(2026, 10, 25)),
    ("America/Sao_Paulo", date(2018, 11, 4)),  # no 0:00
    ("America/Sao_Paulo", date(2019, 2, 16)),  # 24:00 becomes 23:00
    ("Asia/Beirut", date(2022, 3, 27)),  # no 0:00
    ("Asia/Beirut", date(2022, 10, 30)),
    ("America/Havana", date(2026, 3, 8)),  # no 0:00
    ("America/Havana", date(2026, 11, 1)),  # two midnights
    ("Africa/Cairo", date(2024, 4, 26)),  # no 0:00
    ("Africa/Cairo", date(2024, 10, 31)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Pacific/Apia", date(2011, 12, 30)),  # no such day
    ("Pacific/Kwajalein", date(1993, 8, 21)),  # no such day
    ("America/Toronto", date(1919, 3, 31)),  # from 23:30 to 0:30
    ("America/Scoresbysund", date(2024, 3, 31)),  # another offset from here on
    ("Africa/Casablanca", date(2026, 2, 15)),  # negative summer time
]
NAMES = ["read", "write", "admin"]
WHO = ['affiliation.type == "a"', 'affiliation.type != "a"', 'affiliation.role == "x"', '"t" in person.tags']


@dataclass(frozen=True)
class World:
    """A tenant's zone, rules as written, and one person as stated."""

    zone: ZoneInfo
    rules: tuple[dict[str, Any], ...]
    person: dict[str, Any]
    affiliations: tuple[dict[str, Any], ...]


def span(days: int, seconds: int) -> str:
    return f"P{days}DT{seconds}S"


def texts(around: date) -> st.SearchStrategy[str | None]:
    day = st.integers(-4, 4).map(lambda days: (around + timedelta(days=days)).isoformat())
    instant = st.integers(-300, 300).map(
        lambda quarters: (
            datetime(around.year, around.month, around.day, tzinfo=UTC) + timedelta(minutes=15 * quarters)
        ).isoformat()
    )
    far = st.sampled_from([None, "1900-01-01", "0001-01-01", "9999-12-31", "2500-06-01", "9999-12-31T23:59:59Z"])
    return st.one_of(day, day, day, instant, far)


@st.composite
def rules(draw: st.DrawFn, around: date, deny: bool | None = None) -> dict[str, Any]:
    whole, part = st.integers(0, 4), st.sampled_from([0, 0, 0, 900, 43200, 86400])
    rule: dict[str, Any] = {
        "id": f"r{draw(st.integers(0, 10**9))}",
        "service": "sp",
        "who": draw(st.sampled_from(WHO)),
        "authorizations": draw(st.lists(st.sampled_from(NAMES), max_size=2)),
        "deny": draw(st.integers(0, 3)) == 0 if deny is None else deny,
        "because": "x",
        "lasting": {"lead": span(draw(whole), draw(part)), "grace": span(draw(whole), draw(part))},
    }  # fmt: skip
    for name in ("from", "until"):
        if draw(st.integers(0, 3)) == 0:
            rule[name] = draw(texts(around).filter(lambda text: text is not None))
    return rule


def sensible(rule: dict[str, Any], zone: ZoneInfo) -> bool:
    return bound(rule.get("from"), zone, last=False) < bound(rule.get("until"), zone, last=True)


@st.composite
def worlds(draw: st.DrawFn, most: int = 4) -> World:
    name, around = draw(st.sampled_from(CHANGES))
    zone = ZoneInfo(name)
    made = draw(
        st.lists(
            rules(around).filter(lambda rule: sensible(rule, zone)), max_size=most, unique_by=lambda rule: rule["id"]
        )
    )
    person = {} if draw(st.integers(0, 5)) == 0 else {"tags": draw(st.sampled_from([[], ["t"]]))}
    affiliations = []
    for number in range(draw(st.integers(0, most))):
        entry = {
            "id": str(number),
            "type": draw(st.sampled_from("ab")),
            "start": draw(texts(around)),
            "end": draw(texts(around)),
        }
        if draw(st.booleans()):
            entry["role"] = draw(st.sampled_from("xy"))
        if bound(entry["start"], zone, last=False) <= bound(entry["end"], zone, last=True):  # the rest is refused
            affiliations.append(entry)
    return World(zone, tuple(made), person, tuple(affiliations))


def timeline(world: World) -> Timeline:
    tenant = {
        "id": "te", "zone": world.zone.key,
        "person": {"tags": "list(string)", "login": "string"}, "affiliation": {"type": "string", "role": "string"},
    }  # fmt: skip
    service = {
        "id": "sp", "protocol": "queue", "endpoint": "https://q.example", "match": "login",
        "account": {"login": "person.login"},
    }  # fmt: skip
    stated = {"tenant": tenant, "sources": [{"id": "registry"}], "services": [service], "rules": list(world.rules)}
    policy = compile_bundle(TypeAdapter(Bundle).validate_python(stated))
    data = {"key": "k", "version": 1, "attributes": world.person, "affiliations": list(world.affiliations)}
    record = read_record("registry", data, policy.schema)
    return evaluate(policy, Identity("i", {"registry": record}), BEGINNING).timelines.get("sp", EMPTY)


# The naive evaluation ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """One rule for one fact: when it gives, and until when its grace lasts."""

    start: int
    end: int
    grace_end: int
    deny: bool
    authorizations: tuple[str, ...]


def holds(rule: dict[str, Any], person: dict[str, Any], facts: dict[str, Any]) -> bool:
    """Whether a rule is true of a fact; what cannot be told is true for a deny only."""
    if rule["who"].startswith('"t"'):
        return "t" in person["tags"] if "tags" in person else bool(rule["deny"])
    if "role" in rule["who"]:
        return facts["role"] == "x" if "role" in facts else bool(rule["deny"])
    return bool((facts["type"] == "a") == ("==" in rule["who"]))


def claims(world: World) -> Iterator[Claim]:
    always = {"start": None, "end": None}
    for rule in world.rules:
        opens, closes = bound(rule.get("from"), world.zone, last=False), bound(rule.get("until"), world.zone, last=True)
        of_person = rule["who"].startswith('"t"')
        (lead_days, lead_seconds), (grace_days, grace_seconds) = (
            tuple(map(int, text[1:-1].split("DT"))) for text in (rule["lasting"]["lead"], rule["lasting"]["grace"])
        )
        for facts in [always] if of_person else world.affiliations:
            if not holds(rule, world.person, facts):
                continue
            start, end = bound(facts["start"], world.zone, last=False), bound(facts["end"], world.zone, last=True)
            if max(start, opens) >= min(end, closes):
                continue
            early = start if of_person else moved(start, -lead_days, -lead_seconds, world.zone)
            late = moved(min(end, closes), grace_days, grace_seconds, world.zone)
            yield Claim(max(early, opens), min(end, closes), late, rule["deny"], tuple(rule["authorizations"]))


def naive(found: list[Claim], instant: int) -> tuple[str, tuple[str, ...]] | None:
    """What holds at an instant."""
    if any(claim.deny and claim.start <= instant < claim.end for claim in found):
        return None
    active = [claim for claim in found if not claim.deny and claim.start <= instant < claim.end]
    grace = [claim for claim in found if not claim.deny and claim.end <= instant < claim.grace_end]
    if not active and not grace:
        return None
    return "active" if active else "grace", tuple(
        sorted({name for claim in active + grace for name in claim.authorizations})
    )


def held(line: Timeline, instant: int) -> tuple[str, tuple[str, ...]] | None:
    segment = line.at(instant)
    return None if segment is None else (segment.phase.value, segment.authorizations)


def instants(world: World, *lines: Timeline) -> list[int]:
    """Every boundary that anybody knows of, the seconds around it, and some time before and after all."""
    cuts = {cut for line in lines for segment in line.segments for cut in (segment.start, segment.end)}
    cuts |= {cut for claim in claims(world) for cut in (claim.start, claim.end, claim.grace_end)}
    cuts |= {BEGINNING + 1, FOREVER - 1}
    return sorted(at for cut in cuts for at in (cut - 1, cut, cut + 1) if BEGINNING <= at < FOREVER)
