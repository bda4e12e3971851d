"""The bound on an item's size, without packing what is far below it."""

from typing import Final

from provisioning.adapters.aws.items import account_item, identity_item
from provisioning.core.account import Account, Json
from provisioning.core.identity import Identity

_SURE: Final = 60_000  # characters that fit an item whatever they are: escaped, one can take six bytes


def check_identity(identity: Identity) -> None:
    """Raises PermanentError for what the table would refuse."""
    size = 0
    for record in identity.records.values():
        size += 200 + _size(record.attributes)
        for affiliation in record.affiliations:
            size += 100 + len(affiliation.id) + _size(affiliation.facts)
        size += sum(map(len, record.notices))
    for closed in identity.closed:
        size += 100 + len(closed.affiliation.id) + _size(closed.affiliation.facts)
    for entitlement in identity.entitlements.values():
        size += 200 + _size(entitlement.authorizations)
    if size > _SURE:
        identity_item(identity, b"")


def check_account(account: Account) -> None:
    """Raises PermanentError for what the table would refuse."""
    size = 1000 + len(account.error) + sum(map(len, account.known.groups)) + 8 * len(account.known.groups)
    for path, value in account.known.values.items():
        # As Python writes a value it has no fewer characters than as JSON.
        size += 16 + len(path) + len(value if isinstance(value, str) else repr(value))
    if size > _SURE:
        account_item(account, b"")


def _size(value: Json) -> int:
    """No fewer than the characters of a value as JSON, before they are escaped."""
    if isinstance(value, str):
        return 8 + len(value)
    if isinstance(value, dict):
        return 8 + sum(8 + len(name) + _size(item) for name, item in value.items())
    if isinstance(value, list | tuple):
        return 8 + sum(map(_size, value))
    return 32
