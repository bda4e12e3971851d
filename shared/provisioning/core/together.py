"""What linking writes: all of it in one transaction, or nothing."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from provisioning.core.account import Account
from provisioning.core.identity import Identity
from provisioning.core.linking import Claimed, Question

MOST_WRITES: Final = 100  # items of one transaction, the table's bound


class LinkTo(NamedTuple):
    """A (source, key) that is linked to an identity from now on. `was`: to which it is until now; empty: to none.

    Without an identity it is linked to nobody any more.
    """

    source: str
    key: str
    identity: str
    was: str = ""


@dataclass(frozen=True, slots=True)
class Together:
    """Identities, accounts and questions as their revision + 1; links and claims from what was read to this.

    Claims without a claimant are dropped.
    """

    identities: tuple[Identity, ...] = ()
    links: tuple[LinkTo, ...] = ()
    claims: tuple[Claimed, ...] = ()
    questions: tuple[Question, ...] = ()
    accounts: tuple[Account, ...] = ()

    @property
    def writes(self) -> int:
        """How many items it is."""
        parts = (self.identities, self.links, self.claims, self.questions, self.accounts)
        return sum(map(len, parts))
