"""An occurrence as a CloudEvent 1.0 in structured JSON, and what queues and topics filter it by.

The schema of each type, and an example, are in the folder `events` beside the schemas of the bundle.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from provisioning.core.account import Account, Json
from provisioning.core.event_types import KINDS, VERSION
from provisioning.core.occurrence import Occurrence, Type
from provisioning.core.period import show
from provisioning.core.transition_account import GROUPS

LARGEST: Final = 262_144  # bytes of one message with its attributes, and of all messages of one request
_MARGIN: Final = 3072  # bytes left for attributes: a type, a service, and the ids of at most 50 sources


@dataclass(frozen=True, slots=True)
class Announced:
    """An event ready to be sent. `group`: what is received in order, where the receiver keeps any.

    `attributes`: what subscriptions filter by, a text or a list of texts.
    """

    id: str
    group: str
    body: str
    attributes: Mapping[str, str | tuple[str, ...]]

    @property
    def size(self) -> int:
        """Bytes as the service counts them, rounded up: the body is ASCII."""
        return len(self.body) + _MARGIN


class Refusal(NamedTuple):
    """Why an event was not accepted. `lasting`: it never will be; the fault is its own."""

    reason: str
    lasting: bool = False


def announced(tenant: str, occurrence: Occurrence, values: Mapping[str, Json] | None = None) -> Announced:
    """The event of an occurrence. `values`: of the account, that its receiver may have; None: names only.

    What would be too large for a message with its values goes without them, which is seen by the missing field.
    """
    event = cloud_event(tenant, occurrence, values)
    body = _written(event)
    if values is not None and len(body) > LARGEST - _MARGIN:
        body = _written(cloud_event(tenant, occurrence))
    attributes: dict[str, str | tuple[str, ...]] = {"type": occurrence.type.value}
    if occurrence.service:
        attributes["service"] = occurrence.service
    if occurrence.sources:
        attributes["sources"] = occurrence.sources
    return Announced(occurrence.id, occurrence.identity, body, attributes)


def cloud_event(tenant: str, occurrence: Occurrence, values: Mapping[str, Json] | None = None) -> dict[str, Any]:
    """The event, whose `time` is when the change was committed. `source` is the tenant's URI reference."""
    kind = KINDS[occurrence.type]
    data: dict[str, Any] = {"identity": occurrence.identity}
    if kind.service:
        data["service"] = occurrence.service
    data |= {"revision": occurrence.revision, "previous": occurrence.previous, "sequence": occurrence.sequence}
    data |= dict(occurrence.state)
    if kind.sources:
        data["sources"] = list(occurrence.sources)
    data["changed"] = list(occurrence.names)
    if kind.full and values is not None:
        data["values"] = dict(values)
    return {
        "specversion": "1.0",
        "id": occurrence.id,
        "source": source_of(tenant),
        "type": occurrence.type.value,
        "subject": occurrence.identity,
        "time": show(occurrence.at),
        "datacontenttype": "application/json",
        "dataschema": schema_id(occurrence.type),
        "data": data,
    }


def source_of(tenant: str) -> str:
    """What a tenant's events give as their source."""
    return f"/provisioning/{tenant}"


def schema_id(kind: Type) -> str:
    """The URI of the schema of a type's data."""
    return f"urn:provisioning:event:{kind.value}:{VERSION}"


def values_of(account: Account, attributes: frozenset[str]) -> dict[str, Json]:
    """Those values of an account that a receiver may have, by path; `groups` is one of the paths."""
    values = {path: value for path, value in account.known.values.items() if path in attributes and value is not None}
    if GROUPS in attributes:
        values[GROUPS] = list(account.known.groups)
    return values


def _written(event: Mapping[str, Any]) -> str:
    return json.dumps(event, separators=(",", ":"))
