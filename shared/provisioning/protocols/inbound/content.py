"""From what a client sent to what is kept (RFC 7643 2): one spelling of each name, one form of each value.

Attributes and extensions that are not known are kept as they are. What only we can say (id, meta, groups) is left
out, and so is the password: it is never stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.pushed import LARGEST, LONGEST_ID, LONGEST_NAME, Kind
from provisioning.core.wire import canonical
from provisioning.protocols.inbound.refusal import RefusedError, refuse
from provisioning.protocols.inbound.schema import CORE, Attribute, attribute_of, schema_of

LONGEST_VALUE: Final = 1024  # characters of a userName or an externalId
MOST: Final = 1000  # attributes of a resource or an extension, and entries of an attribute: what is compared is bounded


@dataclass(frozen=True, slots=True)
class Sent:
    """A whole resource as it was sent. `members` None: it says nothing of them."""

    content: Mapping[str, Any]
    members: tuple[str, ...] | None


def read_resource(kind: Kind, body: Any) -> Sent:
    """The body of a POST or PUT. Raises RefusedError."""
    if not isinstance(body, dict):
        raise refuse("invalidSyntax", "the body is an object in JSON")
    bounded(body)
    content: dict[str, Any] = {}
    members: tuple[str, ...] | None = None
    schemas: list[str] = []
    for name, value in body.items():
        attribute = attribute_of(kind, None, name)
        key = schema_of(name) if attribute is None else attribute.name
        if key == "members" and kind == "Group":
            members = read_members(value)
        elif key == "schemas":
            schemas = read_schemas(value)
        elif value is not None and writable(attribute):
            if key in content:
                raise refuse("invalidSyntax", f"{key} stands twice")
            normal = extension(kind, key, value) if key.lower().startswith("urn:") else normalized(attribute, value)
            content |= {key: normal} if normal is not None else {}
    content["schemas"] = schemas
    return Sent(checked(kind, content), members)


def bounded(held: Any) -> None:
    """Refuse what has more attributes or entries than are compared with each other."""
    if isinstance(held, dict | list) and len(held) > MOST:
        raise refuse("tooMany", f"at most {MOST} attributes, or entries of one attribute")


def read_schemas(value: Any) -> list[str]:
    """The schemas that a client names."""
    bounded(value)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise refuse("invalidSyntax", "schemas is a list of URNs")
    return [schema_of(each) for each in value]


def read_members(value: Any) -> tuple[str, ...]:
    """The ids of members, each once."""
    entries = [] if value is None else value if isinstance(value, list) else [value]
    values = [entry.get("value") if isinstance(entry, dict) else entry for entry in entries]
    ids = [value for value in values if isinstance(value, str) and 0 < len(value) <= LONGEST_ID]
    if len(ids) < len(values):
        raise refuse("invalidValue", f'a member is {{"value": id}}, an id of at most {LONGEST_ID} characters')
    return tuple(dict.fromkeys(ids))


def writable(attribute: Attribute | None) -> bool:
    """Whether a client's word about it is kept."""
    return attribute is None or attribute.mutability not in ("readOnly", "writeOnly")


def extension(kind: Kind, schema: str, value: Any) -> Any:
    """The attributes of an extension; None if there are none. What is no object is kept as it is."""
    bounded(value)
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, item in value.items():
        attribute = attribute_of(kind, schema, name)
        normal = normalized(attribute, item) if item is not None and writable(attribute) else None
        found |= {} if normal is None else {name if attribute is None else attribute.name: normal}
    return found or None


def normalized(attribute: Attribute | None, value: Any) -> Any:
    """A value in the form of its attribute; None if it says that there is none. Raises RefusedError."""
    bounded(value)
    if attribute is None or value is None:
        return value
    if not attribute.many:
        return _single(attribute, value[0] if isinstance(value, list) and len(value) == 1 else value)
    entries = [_single(attribute, entry) for entry in (value if isinstance(value, list) else [value])]
    found = [entry for entry in entries if entry is not None]
    if sum(isinstance(entry, dict) and entry.get("primary") is True for entry in found) > 1:
        raise refuse("invalidValue", f"one entry of {attribute.name} is primary, at most")
    return found or None


def _single(attribute: Attribute, value: Any) -> Any:
    if attribute.type == "complex":
        return _complex(attribute, value)
    if attribute.type == "boolean":
        text = value.lower() if isinstance(value, str) else value  # some clients write "False"
        if text in (True, "true"):
            return True
        if text in (False, "false"):
            return False
        raise refuse("invalidValue", f"{attribute.name} is true or false")
    if value is not None and not isinstance(value, str):
        raise refuse("invalidValue", f"{attribute.name} is a text")
    return value


def _complex(attribute: Attribute, value: Any) -> Any:
    if isinstance(value, str) and attribute.sub("value") is not None:  # some clients write a manager's id alone
        value = {"value": value} if value else {}
    if value is not None and not isinstance(value, dict):
        raise refuse("invalidValue", f"{attribute.name} is an object")
    found: dict[str, Any] = {}
    for name, item in (value or {}).items():
        sub = attribute.sub(name)
        normal = normalized(sub, item) if writable(sub) else None
        found |= {} if normal is None else {name if sub is None else sub.name: normal}
    if not attribute.many and found.get("value") == "":  # Entra's way to say that there is no manager
        del found["value"]
    return found or None


def checked(kind: Kind, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """A resource's content with its schemas, if it has what it must have and is not too large. Raises RefusedError."""
    name, most = ("userName", LONGEST_VALUE) if kind == "User" else ("displayName", LONGEST_NAME)
    for key, needed in ((name, True), ("externalId", False)):
        value = content.get(key)
        if value is None and not needed:
            continue
        if not isinstance(value, str) or not value.strip() or len(value) > (most if needed else LONGEST_VALUE):
            raise refuse("invalidValue", f"{key} is a text of 1 to {most if needed else LONGEST_VALUE} characters")
    found = {key: value for key, value in content.items() if value not in (None, [], {})}
    for value in (found, *found.values()):
        bounded(value)
    found["schemas"] = _schemas(kind, found)
    size = len(canonical(found))
    if size > LARGEST:
        raise RefusedError(413, "", f"{size} bytes; a resource has at most {LARGEST}")
    return found


def _schemas(kind: Kind, content: Mapping[str, Any]) -> Sequence[str]:
    """Those that are used, and what else was named."""
    used = [name for name in content if name.lower().startswith("urn:") and isinstance(content[name], dict)]
    named = [each for each in content.get("schemas", ()) if each != CORE + kind]
    return [CORE + kind, *sorted({*used, *named})]
