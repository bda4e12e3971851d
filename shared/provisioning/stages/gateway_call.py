"""What an endpoint of the gateway is given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioning.core.catalog import Source
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.ports import KeySets
from provisioning.ports.pushed import Changes, Pushed
from provisioning.protocols.inbound.http import Request

if TYPE_CHECKING:
    from provisioning.stages.gateway_passwords import Passwords


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a source that is known by its credential. `rest`: the path below the endpoint's, without slashes."""

    request: Request
    rest: str
    source: Source
    policy: Policy
    now: Instant
    pushed: Pushed
    changes: Changes
    new_id: Callable[[], str]
    issuers: KeySets
    passwords: "Passwords | None" = None  # none: no source may send any
