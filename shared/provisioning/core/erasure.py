"""What one source gave is forgotten: the record, what followed it, and how it came here."""

from collections.abc import Mapping
from dataclasses import replace

from provisioning.core.account import Account
from provisioning.core.errors import InvalidError
from provisioning.core.identity import Identity
from provisioning.core.policy import Policy


def check_erasable(policy: Policy, identity: Identity, accounts: Mapping[str, Account], source: str) -> None:
    """Raises InvalidError, if the source still states the person, or accounts are made of what would be forgotten."""
    record = identity.records[source]
    if not record.deleted and source in policy.sources:
        right = f"first a withdrawal by {source}, or a bundle without it"
        raise InvalidError(f"{source} still states {record.key}", right=right)
    others = any(
        not each.deleted and name != source and name in policy.sources for name, each in identity.records.items()
    )
    there = sorted(name for name, account in accounts.items() if account.may_exist)
    if there and not others:
        right = "again, when their retention has ended and they are removed"
        raise InvalidError(f"there are accounts at {', '.join(there)} still, and nobody else states them", right=right)


def erased(identity: Identity, source: str) -> Identity:
    """The identity without all that a source said of it. Without any other record, nothing is left but its id."""
    record = identity.records[source]
    records = {name: each for name, each in identity.records.items() if name != source}
    linking = identity.linking.without([source])
    past = tuple(each for each in linking.past if (each.source, each.key) != (source, record.key))
    closed = tuple(each for each in identity.closed if each.source != source)
    left = replace(identity, records=records, closed=closed, linking=replace(linking, past=past))
    return left if records else replace(left, entitlements={}, due_at=None)


def emptied(accounts: Mapping[str, Account]) -> tuple[Account, ...]:
    """Accounts that are there no more, without the rest of what was known of them."""
    return tuple(
        Account(each.identity, each.service, turn=each.turn, sequence=each.sequence, revision=each.revision)
        for each in accounts.values()
    )
