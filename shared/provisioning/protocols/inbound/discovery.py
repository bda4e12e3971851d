"""What the SCIM endpoint says of itself (RFC 7643 5 to 7, RFC 7644 4)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from provisioning.core.pushed import Kind
from provisioning.protocols.inbound.answer import ROOT
from provisioning.protocols.inbound.schema import CORE, EXTENSIONS, SCHEMAS, Attribute

MOST_RESULTS: Final = 200  # resources of one page
_META: Final = "urn:ietf:params:scim:schemas:core:2.0:"


def provider_config(base: str) -> dict[str, Any]:
    """The ServiceProviderConfig (RFC 7643 5)."""
    schemes = (("oauthbearertoken", "Bearer token", "https://www.rfc-editor.org/info/rfc6750"),
               ("httpbasic", "User and password", "https://www.rfc-editor.org/info/rfc7617"))  # fmt: skip
    return {
        "schemas": [_META + "ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST_RESULTS},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {"type": kind, "name": name, "description": "Bound to one source", "specUri": uri}
            for kind, name, uri in schemes
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}{ROOT}/ServiceProviderConfig"},
    }


def resource_types(kinds: Sequence[Kind], base: str) -> list[dict[str, Any]]:
    """The ResourceTypes (RFC 7643 6)."""
    return [
        {
            "schemas": [_META + "ResourceType"],
            "id": kind,
            "name": kind,
            "endpoint": f"/{kind}s",
            "description": f"{kind}s of the source",
            "schema": CORE + kind,
            "schemaExtensions": [{"schema": schema, "required": False} for schema in EXTENSIONS[kind]],
            "meta": {"resourceType": "ResourceType", "location": f"{base}{ROOT}/ResourceTypes/{kind}"},
        }
        for kind in kinds
    ]


def schemas(kinds: Sequence[Kind], base: str) -> list[dict[str, Any]]:
    """The Schemas (RFC 7643 7)."""
    used = [schema for kind in kinds for schema in (CORE + kind, *EXTENSIONS[kind])]
    return [
        {
            "schemas": [_META + "Schema"],
            "id": schema,
            "name": "EnterpriseUser" if "enterprise" in schema else schema.rpartition(":")[2],
            "description": schema,
            "attributes": [_attribute(each) for each in SCHEMAS[schema]],
            "meta": {"resourceType": "Schema", "location": f"{base}{ROOT}/Schemas/{schema}"},
        }
        for schema in used
    ]


def _attribute(each: Attribute) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        "name": each.name,
        "type": each.type,
        "multiValued": each.many,
        "description": each.name,
        "required": each.required,
        "mutability": each.mutability,
        "returned": each.returned,
    }
    if each.type != "complex":
        found |= {"caseExact": each.exact, "uniqueness": each.uniqueness}
    if each.references:
        found["referenceTypes"] = list(each.references)
    if each.subs:
        found["subAttributes"] = [_attribute(sub) for sub in each.subs]
    return found
