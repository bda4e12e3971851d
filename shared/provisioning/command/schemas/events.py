"""JSON Schemas of the events that are published, each with an example, made of the table of types.

Each is the schema of a whole event; that of its `data` lies in it under the URI that the event gives as `dataschema`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from provisioning.command.schemas import DIALECT
from provisioning.core.event import cloud_event, schema_id
from provisioning.core.event_types import KINDS, Kind
from provisioning.core.occurrence import Occurrence, Type

FOLDER: Final = "events"  # beside the schemas of a bundle's files
_TEXT: Final = {"type": "string", "minLength": 1}
_EXAMPLES: Final[Mapping[str, Any]] = {
    "live": True, "standing": "active", "phase": "active", "condition": "settled", "in_doubt": False,
}  # fmt: skip
# How examples differ from these, by type.
_STATES: Final[Mapping[Type, Mapping[str, Any]]] = {
    Type.IDENTITY_CLOSED: {"live": False},
    Type.ENTITLEMENT_ENDED: {"standing": "suspended"},
    Type.ACCOUNT_SUSPENDED: {"phase": "suspended"},
    Type.ACCOUNT_REMOVED: {"phase": "absent"},
    Type.ACCOUNT_PENDING: {"phase": "absent", "condition": "pending", "in_doubt": True},
    Type.ACCOUNT_FAILED: {"condition": "failed"},
    Type.ACCOUNT_PARKED: {"condition": "parked"},
    Type.ACCOUNT_HELD: {"condition": "held"},
}
_NAMES: Final[Mapping[Type, tuple[str, ...]]] = {
    Type.IDENTITY_CREATED: ("affiliations", "mail", "name"),
    Type.IDENTITY_CHANGED: ("mail",),
    Type.IDENTITY_LINKED: ("alumni",),
    Type.IDENTITY_SPLIT: ("alumni",),
    Type.IDENTITY_CLOSED: ("affiliations", "record"),
    Type.ENTITLEMENT_GRANTED: ("authorizations", "standing", "until"),
    Type.ENTITLEMENT_CHANGED: ("until",),
    Type.ENTITLEMENT_ENDED: ("standing",),
    Type.ACCOUNT_CREATED: ("groups", "mail", "remote_id", "userName"),
    Type.ACCOUNT_CHANGED: ("mail",),
}


def schema(kind: Type) -> dict[str, Any]:
    """The schema of events of one type. What it does not mention may be there: later versions may add fields."""
    found = KINDS[kind]
    required = {
        "specversion": {"const": "1.0"},
        "id": {**_TEXT, "description": "the same whenever the same change is published again"},
        "source": {**_TEXT, "format": "uri-reference", "description": "/provisioning/ and the tenant's id"},
        "type": {"const": kind.value},
        "subject": {**_TEXT, "description": "the identity's id"},
        "time": {"type": "string", "format": "date-time", "description": "when the change was committed"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"const": schema_id(kind)},
        "data": _data(kind, found),
    }
    return {
        "$schema": DIALECT, "title": kind.value, "description": found.means, "type": "object",
        "properties": required, "required": [*required], "examples": [example(kind)],
    }  # fmt: skip


def _data(kind: Type, found: Kind) -> dict[str, Any]:
    of = "the account's item" if kind.value.startswith("account.") else "the identity's item"
    fields: dict[str, Any] = {"identity": {**_TEXT, "description": "the identity's id"}}
    if found.service:
        fields["service"] = {**_TEXT, "description": "the service's id"}
    fields |= {
        "revision": {"type": "integer", "minimum": 1, "description": f"of {of}, by which its events are ordered"},
        "previous": {
            "type": "integer", "minimum": 0,
            "description": f"the revision of {of} of which an event was published last. Whoever heard of another one "
            "last has missed some, and fetches; 0: none, or nobody knows",
        },
        "sequence": {"type": "integer", "minimum": 0, "description": "of the bundle that decided it"},
        **found.state,
    }  # fmt: skip
    if found.sources:
        fields["sources"] = {"type": "array", "items": _TEXT, "description": "of this person's records"}
    fields["changed"] = {"type": "array", "items": {"type": "string"}, "description": f"names: {found.names}"}
    optional = {
        "values": {"type": "object", "description": "of the account, by path; to those alone who may have them"}
    }
    return {
        "$id": schema_id(kind), "type": "object", "properties": {**fields, **(optional if found.full else {})},
        "required": [*fields],
    }  # fmt: skip


def example(kind: Type) -> dict[str, Any]:
    """An event of one type."""
    found = KINDS[kind]
    state = tuple((name, {**_EXAMPLES, **_STATES.get(kind, {})}[name]) for name in found.state)
    gap = kind in (Type.IDENTITY_GAP, Type.ACCOUNT_GAP)
    occurrence = Occurrence(
        kind, "6f2d0c1e-8a53-4f0b-9d2e-0b8a4f5f1c77", "library" if found.service else "", 7, 0 if gap else 6, 3,
        1_800_000_000, _NAMES.get(kind, ()), state, ("registry",) if found.sources else (),
    )  # fmt: skip
    return cloud_event("campus", occurrence)


def write_events(folder: Path) -> list[Path]:
    """Write the schemas of all types into a folder, which is made if there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in Type:
        file = folder / f"{kind.value}.json"
        file.write_text(json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(file)
    return written
