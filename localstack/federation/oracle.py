"""What the SPs should hold: the partners' agreement in plain Python, without any of the engine's code."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from localstack.campus.oracle import Expected
from localstack.campus.people import Person

UNIVERSITIES = ("north", "south")


@dataclass(frozen=True, slots=True)
class Stated:
    """What one source says of one subject: everything, the last word, and the last one before it withdrew them."""

    source: str
    said: tuple[Person, ...]
    now: Person
    last: Person


def persons(stated: Mapping[str, Mapping[str, Sequence[Person]]]) -> Iterator[list[Stated]]:
    """Everybody, as those who may speak of them state them: one ORCID is one person, unless births differ.

    `stated`: by source and key, every statement. What is said of others' people is not heard.
    """
    people: list[list[Stated]] = []
    for source, by_key in stated.items():
        for key, said in by_key.items():
            if source in UNIVERSITIES and not key.endswith(f"@{source}.example"):
                continue
            last = next((each for each in reversed(said) if not each.deleted), said[-1])
            one = Stated(source, tuple(said), said[-1], last)
            same = next((some for some in people if _is_same(one, some)), None)
            if same is None:
                people.append([one])
            else:
                same.append(one)
    yield from people


def _is_same(one: Stated, others: Sequence[Stated]) -> bool:
    orcid, birth = one.last.attributes.get("orcid"), one.last.attributes.get("birth")
    if orcid is None or any(orcid != other.last.attributes.get("orcid") for other in others):
        return False
    return all(birth in (None, other) for each in others if (other := each.last.attributes.get("birth")) is not None)


def _has(stated: Stated, *kinds: str) -> bool:
    """Whether a source gives somebody an affiliation of its own organization."""
    return _gives(stated.source, stated.now, kinds)


def _had(stated: Stated, *kinds: str) -> bool:
    return any(_gives(stated.source, person, kinds) for person in stated.said)


def _gives(source: str, person: Person, kinds: Sequence[str]) -> bool:
    return any(each.type in kinds and each.organization.partition(".")[0] == source for each in person.affiliations)


def wiki(person: Sequence[Stated]) -> Expected | None:
    """Students and staff read, and for 30 days after; staff writes. The wiki knows names and addresses."""
    homes = [each for each in person if each.source in UNIVERSITIES]
    if not any(_had(each, "student", "staff") for each in homes):
        return None
    live = [each for each in homes if not each.now.deleted]
    told = (live or homes)[0].last.attributes
    groups = {"editors"} if any(_has(each, "staff") for each in homes) else set()
    return Expected("active", {"userName": told["mail"], "displayName": told["name"]}, frozenset(groups))


def cluster(person: Sequence[Stated], silent: frozenset[str]) -> Expected | None:
    """Staff of a university computes while the consortium has them in a project, and is suspended after that."""
    members = [each for each in person if each.source == "grid" and _had(each, "member")]
    staff = [each for each in person if each.source in UNIVERSITIES and _had(each, "staff")]
    if not members or not staff:
        return None
    holds = any(_has(each, "member") for each in members) and any(_has(each, "staff") for each in staff)
    phase = "active" if holds and "grid" not in silent else "suspended"
    told = members[0].last.attributes
    return Expected(phase, {"userName": told["orcid"], "title": told["projects"][0]}, frozenset())
