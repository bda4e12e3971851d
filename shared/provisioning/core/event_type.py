"""The names of the types of events. What each means, and what its data hold, is in `event_types`."""

from enum import StrEnum


class Type(StrEnum):
    """Every type of event that is published."""

    IDENTITY_CREATED = "identity.created"
    IDENTITY_CHANGED = "identity.changed"
    IDENTITY_LINKED = "identity.linked"
    IDENTITY_SPLIT = "identity.split"
    IDENTITY_CLOSED = "identity.closed"
    IDENTITY_GAP = "identity.gap"
    ENTITLEMENT_GRANTED = "entitlement.granted"
    ENTITLEMENT_CHANGED = "entitlement.changed"
    ENTITLEMENT_ENDED = "entitlement.ended"
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_SUSPENDED = "account.suspended"
    ACCOUNT_RESUMED = "account.resumed"
    ACCOUNT_REMOVED = "account.removed"
    ACCOUNT_PENDING = "account.pending"
    ACCOUNT_SETTLED = "account.settled"
    ACCOUNT_FAILED = "account.failed"
    ACCOUNT_PARKED = "account.parked"
    ACCOUNT_HELD = "account.held"
    ACCOUNT_REPAIRED = "account.repaired"
    ACCOUNT_GAP = "account.gap"
