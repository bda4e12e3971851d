"""Physical names, which others rely on, and logical ids. One tenant is one stack."""

from typing import Final

from provisioning.adapters.aws.stack import output
from provisioning.core.catalog import Source
from provisioning.core.errors import InvalidError

_LONGEST_FUNCTION: Final = 64
_LONGEST_QUEUE: Final = 80


def changes(tenant: str, source: Source) -> str:
    """The topic that a source publishes to, and the queue behind it."""
    fifo = ".fifo" if source.channel.fifo else ""
    return _checked(f"{tenant}-changes-{source.id}", _LONGEST_QUEUE - len(f"-dead{fifo}")) + fifo


def bulk(tenant: str, source: str) -> str:
    """The queue of what snapshots of a source show."""
    return _checked(f"{tenant}-bulk-{source}", _LONGEST_QUEUE - len("-dead"))


def identities(tenant: str) -> str:
    """The queue of evaluate."""
    return f"{tenant}-identities"


def campaign(tenant: str) -> str:
    """The queue of campaign."""
    return f"{tenant}-campaign"


def extract(tenant: str) -> str:
    """The queue of extract."""
    return f"{tenant}-extract"


def reconcile(tenant: str, service: str) -> str:
    """The queue of a service's reconcile."""
    return _checked(f"{tenant}-reconcile-{service}", _LONGEST_QUEUE - len("-dead"))


def poll(tenant: str, source: str) -> str:
    """The queue of a source's poll."""
    return _checked(f"{tenant}-poll-{source}", _LONGEST_QUEUE - len("-dead"))


def events(tenant: str) -> str:
    """The topic of all events."""
    return f"{tenant}-events"


def events_of(tenant: str, subscriber: str) -> str:
    """The topic of a subscriber's own."""
    return f"{tenant}-events-{subscriber}"


def deliver(tenant: str, service: str) -> str:
    """The FIFO queue of a service."""
    return f"{_checked(f'{tenant}-deliver-{service}', _LONGEST_QUEUE - len('-dead.fifo'))}.fifo"


def feedback(tenant: str, service: str) -> str:
    """The queue on which a service's SP confirms."""
    return _checked(f"{tenant}-feedback-{service}", _LONGEST_QUEUE - len("-dead"))


def dead(queue: str) -> str:
    """The dead-letter queue of a queue."""
    return f"{queue.removesuffix('.fifo')}-dead.fifo" if queue.endswith(".fifo") else f"{queue}-dead"


def function(tenant: str, stage: str, service: str | None = None) -> str:
    """A function: of a stage, or of a stage for one service."""
    return _checked("-".join(filter(None, (tenant, stage, service))), _LONGEST_FUNCTION)


def logical(*parts: str) -> str:
    """A logical id: `deliver`, `my-wiki`, `queue` becomes `DeliverMyWikiQueue`. Commands find outputs by it."""
    return output(*parts)


def _checked(name: str, most: int) -> str:
    if len(name) > most:
        raise InvalidError(f"the name {name!r} has {len(name)} characters", right=f"at most {most}: shorten an id")
    return name
