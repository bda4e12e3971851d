"""Two states of an item → what happened. The only place that says which write is told of, and as what."""

from collections.abc import Iterator, Sequence

from provisioning.core import transition_account, transition_identity
from provisioning.core.account import Account
from provisioning.core.identity import Identity
from provisioning.core.occurrence import IDENTITY, Change, Occurrence, Type


def occurrences(change: Change, told: int | None) -> Sequence[Occurrence]:
    """What a write meant, in the order in which it is told: nothing, if nothing changed that others are told of.

    The same write always yields the same, with the same ids. `told`: the revision of this item of which something was
    told last, 0 if nothing was; None: the write before this one was never seen here, so there is a gap.
    """
    if change.unreadable:
        return tuple(_gap(change))
    found = tuple(_of_write(change, told or 0))
    if told is not None:
        return found
    # How they stand to a service is told once: by what this very write meant for it, if it meant anything.
    entitled = {each.service for each in found} if change.service == IDENTITY else set()
    return (*(each for each in _gap(change) if each.service not in entitled or each.service == IDENTITY), *found)


def _of_write(change: Change, told: int) -> Iterator[Occurrence]:
    old, new = change.old, change.new
    if change.service:
        yield from transition_account.of_account(change, _account(old), _account(new), told)
    else:
        yield from transition_identity.of_identity(change, _identity(old), _identity(new), told)


def _gap(change: Change) -> Iterator[Occurrence]:
    """What is told where writes before this one were never told of: the state as it is now, by the new image.

    That restores what holds now: whether the person is live, whom they are known by, how they stand to each service; or
    the phase and the condition of the account. It cannot restore what was so in between, nor the names of what changed:
    those are gone with the stream. Whoever needs more fetches the subject.

    An item of which the history knows nothing, because it is older than the history or because that was erased, or
    expired, is told of in the same way: it may have been told of before.
    """
    new = change.new
    if isinstance(new, Account):
        yield transition_account.occurrence(change, Type.ACCOUNT_GAP, new, 0)
    elif isinstance(new, Identity):
        yield transition_identity.occurrence(change, Type.IDENTITY_GAP, new, 0)
        for service in sorted(new.entitlements):
            yield transition_identity.of_entitlement(change, Type.ENTITLEMENT_CHANGED, service, new, 0)


def _account(item: Identity | Account | None) -> Account | None:
    return item if isinstance(item, Account) else None


def _identity(item: Identity | Account | None) -> Identity | None:
    return item if isinstance(item, Identity) else None
