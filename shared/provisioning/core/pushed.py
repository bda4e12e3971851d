"""What a source pushed over HTTP: its resources as it left them, and which of them still have to be told onwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from provisioning.core.errors import ConflictError
from provisioning.core.observation import push
from provisioning.core.period import Instant

Kind = Literal["User", "Group"]

MOST_GROUPS: Final = 1000  # groups that hold one resource
LONGEST_NAME: Final = 200  # characters of a group's name: with them a user's message stays below a mebibyte
LARGEST: Final = 131_072  # bytes of one resource as JSON, members and groups apart
KEPT_DAYS: Final = 90  # days for which it is known that a resource was deleted, and when
LONGEST_ANSWER: Final = 262_144  # bytes of an answer that is kept
LONGEST_ID: Final = 128  # characters of the id of a member that nobody knows


class TakenError(ConflictError):
    """Another resource of the source has a value that only one can have."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A user or a group as its source left it. `version` of one that is not stored yet: what its first one follows.

    `content` is without id, meta, members and groups, and never holds a password. `memberships`: how many groups hold
    it. A deleted resource has no content; its version goes on, so that whoever is told late knows better.
    """

    source: str
    kind: Kind
    id: str
    content: Mapping[str, Any] = field(default_factory=dict)
    created: Instant = 0
    modified: Instant = 0
    version: int = 0
    memberships: int = 0
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A resource, and the ids of the groups that hold it, sorted, as one consistent read saw them."""

    resource: Resource
    groups: tuple[str, ...] = ()


class Claim(NamedTuple):
    """A value by which a resource is found. `unique`: no other of its kind may have it."""

    attribute: str
    value: str
    unique: bool


class Unsent(NamedTuple):
    """A resource that has to be told onwards: a user itself, a group to its members.

    `mark` is drawn for each write, so that what was written meanwhile is not taken for told.
    """

    kind: Kind
    id: str
    mark: str


class Gone(NamedTuple):
    """A resource that was deleted, and when."""

    id: str
    at: Instant


class Answer(NamedTuple):
    """What became of a request that its source asks about later. `until`: as long as it is kept."""

    request: str
    text: str
    until: Instant


FINDABLE: Final[Mapping[Kind, Sequence[str]]] = {
    "User": ("userName", "externalId"),
    "Group": ("displayName", "externalId"),
}


def claim_of(attribute: str, value: str) -> Claim:
    """The claim on a value. Names are compared without case; an externalId is case-exact (RFC 7643 3.1).

    Groups of one name are no fault: some directories have them.
    """
    folded = value if attribute == "externalId" else value.casefold()
    return Claim(attribute, folded, attribute != "displayName")


def claims_of(resource: Resource) -> frozenset[Claim]:
    """Every value by which a resource is found."""
    if resource.deleted:
        return frozenset()
    values = ((name, resource.content.get(name)) for name in FINDABLE[resource.kind])
    return frozenset(claim_of(name, value) for name, value in values if isinstance(value, str) and value)


def message_of(held: Held, names: Mapping[str, str]) -> str:
    """The message about a user, see `observation`. `names`: of groups, by id."""
    user = held.resource
    if user.deleted:
        return push(user.id, user.version, None)
    groups = [{"value": group, "display": names[group]} for group in sorted(held.groups) if group in names]
    return push(user.id, user.version, {**user.content, "id": user.id, "groups": groups})
