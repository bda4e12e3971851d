"""The tenant of these tests: a library and a wiki on SCIM, badges on a queue; students, staff and visitors."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from provisioning.core.catalog import Bundle
from provisioning.stages.message import Message

START: Final = 1_800_000_000  # 2027-01-15T08:00:00Z
MINUTE: Final = 60
DAY: Final = 86400
SOURCE: Final = "registry"
_USER: Final = {"userName": {"value": "person.login", "required": True}, "displayName": "person.name"}
_SCIM: Final = {"protocol": "scim", "account": _USER, "settling": 30, "timeout": 10, "private": True}


def bundle(services: dict[str, dict[str, Any]] | None = None, **changes: Any) -> Bundle:
    """The tenant's bundle; `services` changes fields of services by id, `changes` whole parts."""
    library: dict[str, Any] = {"id": "library", "endpoint": "http://library", "lifecycle": {"retention": "P30D"}}
    wiki = {"id": "wiki", "endpoint": "http://wiki", "groups": {"edit": "editors", "admin": "administrators"}}
    badges: dict[str, Any] = {"id": "badges", "protocol": "queue", "endpoint": "http://badges", "match": "login"}
    parts: list[dict[str, Any]] = [
        {**_SCIM, **library},
        {**_SCIM, **wiki, "create_groups": True},
        {**badges, "account": {"login": "person.login"}},
    ]
    return Bundle.model_validate(
        {
            "tenant": {
                "id": "campus",
                "person": {"login": "string", "name": "string", "tags": "list(string)"},
                "affiliation": {"type": "string"},
            },
            "sources": [{"id": SOURCE}, {"id": "hr"}],
            "services": [{**part, **(services or {}).get(part["id"], {})} for part in parts],
            "rules": [
                rule("readers", "library", 'affiliation.type == "student"', authorizations=["read"]),
                rule("editors", "wiki", 'affiliation.type == "staff"', authorizations=["edit"]),
                rule("admins", "wiki", '"admin" in person.tags', authorizations=["admin"]),
                rule("visitors", "badges", 'affiliation.type == "visitor"'),
            ],
            **changes,
        }
    )


def rule(id_: str, service: str, who: str, **more: Any) -> dict[str, Any]:
    """A rule as its operator writes it."""
    return {"id": id_, "service": service, "who": who, "because": id_, **more}


def affiliation(kind: str, start: int | None = None, end: int | None = None) -> dict[str, Any]:
    """An affiliation as the registry publishes it; its type is its id."""
    bounds = {"start": start, "end": end}
    return {"id": kind, "type": kind, **{name: _text(at) for name, at in bounds.items() if at is not None}}


def data(key: str = "p1", version: int = 1, *kinds: str | dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """A record as the registry publishes it; affiliations by type, or as they are."""
    return {
        "key": key,
        "version": version,
        "attributes": {"login": f"login-{key}", "name": f"Name of {key}", **attributes},
        "affiliations": [affiliation(kind) if isinstance(kind, str) else kind for kind in kinds],
    }


def event(content: dict[str, Any]) -> str:
    """The CloudEvent of a record."""
    return json.dumps({"specversion": "1.0", "id": f"{content['key']}.{content['version']}", "data": content})


def says(key: str = "p1", version: int = 1, *kinds: str | dict[str, Any], **attributes: Any) -> Message:
    """A notification as the stage receives it; its id is the event's."""
    return Message(f"{key}.{version}", event(data(key, version, *kinds, **attributes)), SOURCE)


def _text(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat()
