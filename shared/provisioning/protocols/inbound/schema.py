"""The schemas that the SCIM endpoint knows (RFC 7643 4, 8.7.1), as data: what else a client sends is kept as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.pushed import Kind

CORE: Final = "urn:ietf:params:scim:schemas:core:2.0:"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute as RFC 7643 2.2 and 7 describe it. `many`: multi-valued; `exact`: compared with case."""

    name: str
    type: str = "string"
    many: bool = False
    required: bool = False
    exact: bool = False
    mutability: str = "readWrite"
    returned: str = "default"
    uniqueness: str = "none"
    subs: tuple["Attribute", ...] = ()
    references: tuple[str, ...] = ()

    def sub(self, name: str) -> "Attribute | None":
        """A sub-attribute, whatever its case."""
        return next((each for each in self.subs if each.name.lower() == name.lower()), None)


def _texts(*names: str) -> tuple[Attribute, ...]:
    return tuple(Attribute(name) for name in names)


def _entries(name: str, value: str = "string") -> Attribute:
    subs = (Attribute("value", value), *_texts("display", "type"), Attribute("primary", "boolean"))
    return Attribute(name, "complex", many=True, subs=subs)


_ADDRESS: Final = (
    *_texts("formatted", "streetAddress", "locality", "region", "postalCode", "country", "type"),
    Attribute("primary", "boolean"),
)
_NAME: Final = _texts("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
_MANAGER: Final = (
    Attribute("value", exact=True),
    Attribute("$ref", "reference", exact=True, references=("User",)),
    Attribute("displayName", mutability="readOnly"),
)
_IN_GROUP: Final = (
    Attribute("value", exact=True, mutability="readOnly"),
    Attribute("display", mutability="readOnly"),
)
_MEMBER: Final = (Attribute("value", exact=True, mutability="immutable"),)
# Of every resource, and of no schema (RFC 7643 3.1).
COMMON: Final = (
    Attribute("id", exact=True, mutability="readOnly", returned="always", uniqueness="server"),
    Attribute("externalId", exact=True),
    Attribute("schemas", "reference", many=True, exact=True, returned="always"),
    Attribute("meta", "complex", mutability="readOnly", subs=(
        *_texts("resourceType"), Attribute("created", "dateTime"), Attribute("lastModified", "dateTime"),
        Attribute("location", "reference", exact=True), Attribute("version", exact=True),
    )),
)  # fmt: skip
_USER: Final = (
    Attribute("userName", required=True, uniqueness="server"),
    Attribute("name", "complex", subs=_NAME),
    *_texts("displayName", "nickName"),
    Attribute("profileUrl", "reference", exact=True, references=("external",)),
    *_texts("title", "userType", "preferredLanguage", "locale", "timezone"),
    Attribute("active", "boolean"),
    Attribute("password", mutability="writeOnly", returned="never"),
    *(_entries(name) for name in ("emails", "phoneNumbers", "ims")),
    _entries("photos", "reference"),
    Attribute("addresses", "complex", many=True, subs=_ADDRESS),
    Attribute("groups", "complex", many=True, mutability="readOnly", subs=_IN_GROUP),
    *(_entries(name) for name in ("entitlements", "roles")),
    _entries("x509Certificates", "binary"),
)
_GROUP: Final = (
    Attribute("displayName", required=True),
    Attribute("members", "complex", many=True, subs=_MEMBER),
)
_ENTERPRISE: Final = (
    *_texts("employeeNumber", "costCenter", "organization", "division", "department"),
    Attribute("manager", "complex", subs=_MANAGER),
)
SCHEMAS: Final[Mapping[str, Sequence[Attribute]]] = {
    CORE + "User": _USER,
    CORE + "Group": _GROUP,
    ENTERPRISE: _ENTERPRISE,
}
EXTENSIONS: Final[Mapping[Kind, Sequence[str]]] = {"User": (ENTERPRISE,), "Group": ()}
_ATTRIBUTES: Final = {
    schema: {each.name.lower(): each for each in (*(COMMON if schema.startswith(CORE) else ()), *attributes)}
    for schema, attributes in SCHEMAS.items()
}
_URNS: Final = {schema.lower(): schema for schema in SCHEMAS}


def schema_of(urn: str) -> str:
    """A schema's URN as it is written, whatever its case; one that is not known stays as it is."""
    return _URNS.get(urn.lower(), urn)


def attribute_of(kind: Kind, schema: str | None, name: str) -> Attribute | None:
    """An attribute of a schema (None: of the resource's own), whatever its case; None if it is not known."""
    known = _ATTRIBUTES.get(CORE + kind if schema is None else schema_of(schema), {})
    return known.get(name.lower())


def key_in(held: Mapping[str, Any], name: str) -> str:
    """The name under which something is held, whatever its case; itself if nothing is."""
    if name in held:
        return name
    folded = name.lower()
    return next((key for key in held if key.lower() == folded), name)
