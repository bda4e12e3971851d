"""What the SCIM endpoint answers: resources, lists and errors (RFC 7644 3.4.2, 3.9, 3.12, 3.14)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from provisioning.core.period import Instant
from provisioning.core.pushed import Held, Kind, Resource
from provisioning.protocols.inbound.filter import Path, read_path
from provisioning.protocols.inbound.http import Response
from provisioning.protocols.inbound.refusal import RefusedError, refuse
from provisioning.protocols.inbound.schema import key_in

TYPE: Final = "application/scim+json"
MOST_ASKED: Final = 100  # attributes that are asked for by name
LONGEST: Final = 5_500_000  # bytes of an answer; Lambda carries six megabytes
_MESSAGES: Final = "urn:ietf:params:scim:api:messages:2.0:"
_ALWAYS: Final = ("schemas", "id")  # RFC 7643 7: returned whatever is asked for
ROOT: Final = "/scim/v2"


def shown(held: Held, names: Mapping[str, str], members: Sequence[str] | None, base: str) -> dict[str, Any]:
    """A resource as it is answered. `names`: of its groups, by id; `members` None: they are not shown."""
    resource = held.resource
    view: dict[str, Any] = {"schemas": resource.content["schemas"], "id": resource.id, **resource.content}
    if resource.kind == "User" and held.groups:
        view["groups"] = [{"value": group, "display": names[group]} for group in held.groups if group in names]
    if members:
        view["members"] = [{"value": member} for member in members]
    view["meta"] = {
        "resourceType": resource.kind,
        "created": instant(resource.created),
        "lastModified": instant(resource.modified),
        "location": location(resource, base),
        "version": etag(resource),
    }
    return view


def instant(at: Instant) -> str:
    """An instant as xsd:dateTime (RFC 7643 2.3.5)."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def location(resource: Resource, base: str) -> str:
    """The address of a resource."""
    return f"{base}{ROOT}/{resource.kind}s/{resource.id}"


def etag(resource: Resource) -> str:
    """A weak version (RFC 7644 3.14): it grows also with the groups that are shown."""
    return f'W/"{resource.version}"'


def matches(header: str, resource: Resource) -> bool:
    """Whether If-Match or If-None-Match names this version, weak or strong, or any."""
    named = [each.strip().removeprefix("W/") for each in header.split(",")]
    return "*" in named or etag(resource).removeprefix("W/") in named


def asked(query: Mapping[str, str], kind: Kind, name: str) -> Sequence[Path]:
    """The paths of `attributes` or `excludedAttributes`; what is no path is no attribute of anybody.

    Raises RefusedError if there are too many.
    """
    texts = [each.strip() for each in query.get(name, "").split(",")]
    if len(texts) > MOST_ASKED:
        raise refuse("invalidValue", f"{name} are at most {MOST_ASKED}")
    return [path for path in (read_path(text, kind) for text in texts if text) if path is not None]


def projected(view: Mapping[str, Any], wanted: Sequence[Path], excluded: Sequence[Path]) -> dict[str, Any]:
    """A resource with only what was asked for, or without what was not (RFC 7644 3.9)."""
    if wanted:
        found: dict[str, Any] = {name: view[name] for name in _ALWAYS if name in view}
        for path in wanted:
            _copy(view, found, path)
        return found
    left = dict(view)
    for path in excluded:
        if path.name.lower() not in _ALWAYS:
            _omit(left, path)
    return left


def _copy(view: Mapping[str, Any], found: dict[str, Any], path: Path) -> None:
    if path.schema is not None:
        key = key_in(view, path.schema)
        if isinstance(view.get(key), dict):
            _copy(view[key], found.setdefault(key, {}), Path(None, path.name, path.sub))
        return
    key = key_in(view, path.name)
    if key not in view:
        return
    held = view[key]
    if path.sub is None:
        found[key] = held
    elif isinstance(held, dict):
        found[key] = {**found.get(key, {}), **_only(held, path.sub)}
    elif isinstance(held, list):
        before = found.get(key) or [{} for _ in held]
        parts = [_only(entry, path.sub) if isinstance(entry, dict) else {} for entry in held]
        found[key] = [{**one, **other} for one, other in zip(before, parts, strict=True)]


def _only(held: Mapping[str, Any], sub: str) -> dict[str, Any]:
    key = key_in(held, sub)
    return {key: held[key]} if key in held else {}


def _omit(view: dict[str, Any], path: Path) -> None:
    holder: Any = view
    if path.schema is not None:
        key = key_in(view, path.schema)
        holder = view[key] = dict(view[key]) if isinstance(view.get(key), dict) else {}
    key = key_in(holder, path.name)
    held = holder.get(key)
    if path.sub is None:
        holder.pop(key, None)
    elif isinstance(held, dict):
        holder[key] = {name: value for name, value in held.items() if name.lower() != path.sub.lower()}
    elif isinstance(held, list):
        holder[key] = [{name: value for name, value in entry.items() if name.lower() != path.sub.lower()}
                       for entry in held if isinstance(entry, dict)]  # fmt: skip


def answer(
    status: int, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] = MappingProxyType({})
) -> Response:
    """An answer in JSON. Raises RefusedError if it is too large."""
    named = dict(headers)
    if body is None:
        return Response(status, named)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST:
        raise RefusedError(400, "tooMany", "the answer would be too large: leave out members, or ask for fewer")
    return Response(status, {"content-type": TYPE, **named}, text)


def refusal(error: RefusedError) -> Response:
    """An error (RFC 7644 3.12)."""
    body: dict[str, Any] = {"schemas": [_MESSAGES + "Error"], "status": str(error.status), "detail": error.detail}
    if error.kind:
        body["scimType"] = error.kind
    return answer(error.status, body)


def listed(resources: Iterable[Mapping[str, Any]], total: int, start: int) -> Response:
    """A list (RFC 7644 3.4.2)."""
    found = list(resources)
    body = {"schemas": [_MESSAGES + "ListResponse"], "totalResults": total, "startIndex": start}
    return answer(200, {**body, "itemsPerPage": len(found), "Resources": found})
