"""Who hears which event, and with which values."""

from collections.abc import Iterator, Sequence

from provisioning.core.account import Account
from provisioning.core.catalog import Bundle
from provisioning.core.errors import InvalidError
from provisioning.core.event import Announced, announced, values_of
from provisioning.core.occurrence import Change, Occurrence
from provisioning.core.subscriber_options import Subscriber
from provisioning.core.transition_account import GROUPS


def wants(subscriber: Subscriber, occurrence: Occurrence) -> bool:
    """Whether a subscriber hears of it. What is of no service is not left out by `services`."""
    if subscriber.types and occurrence.type not in subscriber.types:
        return False
    return not subscriber.services or not occurrence.service or occurrence.service in subscriber.services


def told_apart(tenant: str, subscriber: Subscriber, change: Change, found: Sequence[Occurrence]) -> list[Announced]:
    """The events of a write as they go to a subscriber's own topic."""
    account = change.new if isinstance(change.new, Account) and subscriber.form == "full" else None
    values = values_of(account, frozenset(subscriber.attributes)) if account is not None else None
    return [announced(tenant, each, values) for each in found if wants(subscriber, each)]


def subscriber_problems(bundle: Bundle) -> Iterator[InvalidError]:
    """Subscribers that name what is not there."""
    services = {service.id for service in bundle.services}
    paths = {GROUPS, *(path for service in bundle.services for path in service.account)}
    for subscriber in bundle.subscribers:
        where = f"subscribers/{subscriber.id}"
        for name in subscriber.services:
            if name not in services:
                right = f"one of {', '.join(sorted(services))}"
                yield InvalidError(f"there is no service {name!r}", f"{where}.services", right=right)
        for path in subscriber.attributes:
            if path not in paths:
                right = f"one of {', '.join(sorted(paths))}"
                yield InvalidError(f"no account has {path!r}", f"{where}.attributes", right=right)
