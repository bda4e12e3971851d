"""What happened to an identity or an account, as others are told of it.

CloudEvents calls an occurrence what an event tells of. `account.Event` is another thing: it moves a condition.
"""

from dataclasses import dataclass
from typing import Final

from provisioning.core.account import Account
from provisioning.core.event_type import Type as Type
from provisioning.core.identity import Identity
from provisioning.core.period import Instant
from provisioning.core.wire import digest_of

IDENTITY: Final = ""  # in place of a service: the item of the identity itself


@dataclass(frozen=True, slots=True)
class Change:
    """One committed write of an item: what it was, and what it is. None: it is not there.

    `number`: its place in the table's stream. `service`: IDENTITY for the identity's own item. `previous`: the revision
    before it, 0 if there was none. `unreadable`: there was an old one, which nobody here understands.
    """

    number: str
    at: Instant
    identity: str
    service: str
    revision: int
    previous: int
    old: Identity | Account | None
    new: Identity | Account | None
    unreadable: bool = False

    @property
    def item(self) -> tuple[str, str]:
        """The item that was written."""
        return self.identity, self.service


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry of the stream that nobody here understands. `body`: as it came."""

    number: str
    at: Instant
    reason: str
    body: str


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One thing that a write meant. `names`: of what changed, never values. `state`: what is so now, in our own words.

    `service`: whose account or entitlement it is; IDENTITY: nobody's. `revision`: of the item that was written: the
    account's own, and that of the identity for all else. `previous`: the revision of this item of which something was
    told last; 0 if nothing was, or if nobody knows. Writes in between meant nothing to others. `sequence`: of the
    bundle that decided it.
    """

    type: Type
    identity: str
    service: str
    revision: int
    previous: int
    sequence: int
    at: Instant
    names: tuple[str, ...] = ()
    state: tuple[tuple[str, str | bool], ...] = ()
    sources: tuple[str, ...] = ()  # whose records the identity has; an account's item does not know

    @property
    def id(self) -> str:
        """The same whenever the same write is read: 16 characters for the item, its revision and the type."""
        return digest_of([self.identity, self.service, self.revision, self.type.value])
