"""Doorbells: messages that say only "look at this again". Everything else is read from the table."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from provisioning.core.errors import InvalidError
from provisioning.core.period import Instant
from provisioning.core.quick import quick
from provisioning.core.wire import digest_of

EARLY: Final = 2  # seconds: a bell that arrives less than this before its instant is handled at its instant
HORIZON: Final = 300  # seconds that the sweep looks ahead
# A writer whose `due_at` lies inside this span rings by itself: the sweep may already have passed there. Larger
# than the horizon by more than the sweep's period and jitter.
OWN_SPAN: Final = 450


class Cause(StrEnum):
    """Why a bell rings."""

    NOTIFICATION = "notification"
    CLOCK = "clock"
    POLICY = "policy"
    COMMAND = "command"
    DECISION = "decision"
    RECONCILIATION = "reconciliation"


@quick
@dataclass(frozen=True, slots=True)
class Bell:
    """`service` None rings evaluate, otherwise that service's deliver.

    `at`: the boundary it was rung for. `sequence`: the bundle it was rung for; an older one must not answer it.
    `group`: a group of the service whose members are to be looked at; then `identity` is empty.
    """

    identity: str
    cause: Cause
    trace: str
    service: str | None = None
    at: Instant | None = None
    sequence: int = 0
    group: str | None = None

    @property
    def line(self) -> str:
        """What is answered in order: an identity, or a group; short, and of plain characters."""
        return self.identity if self.group is None else f"group-{digest_of([self.service, self.group])[:32]}"


def queue_of(bell: Bell, now: Instant) -> str | None:
    """The service whose queue a bell goes to; None: evaluate's, where it can wait, and from where it is passed on."""
    return None if (bell.at or 0) > now else bell.service


def write_bell(bell: Bell) -> str:
    """The message body of a bell."""
    body: dict[str, Any] = {"identity": bell.identity, "cause": bell.cause.value, "trace": bell.trace}
    if bell.service is not None:
        body["service"] = bell.service
    if bell.at is not None:
        body["at"] = bell.at
    if bell.sequence:
        body["sequence"] = bell.sequence
    if bell.group is not None:
        body["group"] = bell.group
    return json.dumps(body, separators=(",", ":"))


def read_bell(body: str) -> Bell:
    """The bell of a message body. Raises InvalidError: our own queues carry nothing else."""
    try:
        fields = json.loads(body)
        return Bell(
            str(fields["identity"]),
            Cause(fields["cause"]),
            str(fields["trace"]),
            fields.get("service"),
            fields.get("at"),
            fields.get("sequence", 0),
            fields.get("group"),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidError(f"not a doorbell: {error}", right='{"identity", "cause", "trace"}') from error


def instant_of(bell: Bell, now: Instant) -> Instant:
    """The instant to decide for: a bell that is a moment early counts as punctual."""
    return bell.at if bell.at is not None and now < bell.at < now + EARLY else now
