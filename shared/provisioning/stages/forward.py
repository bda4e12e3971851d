"""Where somebody is who was one identity: there, or in the one that it was merged into; and where their account is."""

from typing import Final

from provisioning.core.account import Account
from provisioning.core.identity import Identity
from provisioning.ports import Accounts, Holding, Identities

HOPS: Final = 10  # identities that were merged into others, one after another, before it is called a loop


async def forwarded(accounts: Accounts, service: str, identity: str) -> tuple[Identity | None, Account | None]:
    """An identity and its account at a service; if that went along with a merge, those that have it now.

    One request, and one more for each merge. An identity alone if nobody has it any more.
    """
    subject, found = identity, None
    for _ in range(HOPS):
        person, account = (await accounts.deliveries(service, [identity])).rows.get(identity, (None, None))
        if person is None or not person.forward or (account is not None and account.may_exist):
            # What is found elsewhere is the same account only if the SP knows it by the same mark.
            return person, account if account is None or account.subject == subject or found is None else None
        found, identity = person, person.forward
    return found, None


async def found_at(identities: Identities, identity: str) -> Holding:
    """An identity, or the one into which it was merged in the end; without an identity if there is none, or a loop."""
    for _ in range(HOPS):
        holding = await identities.holding(identity)
        if holding.identity is None or not holding.identity.forward:
            return holding
        identity = holding.identity.forward
    return Holding(None, {})
