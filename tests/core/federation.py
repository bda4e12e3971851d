"""Two universities and a consortium that share a wiki and a cluster, and people with one home or two."""

from typing import Any, Final

from provisioning.core.catalog import Bundle
from provisioning.core.identity import Identity
from provisioning.core.policy import Policy
from provisioning.core.publication import compile_bundle
from provisioning.core.record import Affiliation, Record

NOW: Final = 1_800_000_000
DAY: Final = 86400
FOREVER: Final = 4_000_000_000
NAMES: Final = ["name", "mail", "orcid", "tags"]


def university(id_: str, **more: Any) -> dict[str, Any]:
    """A university: it knows its own addresses and its own people's affiliations."""
    asserts = {
        "keys": [f"*@{id_}.edu"],
        "attributes": {"name": ["*"], "mail": [f"*@{id_}.edu"], "orcid": ["*"], "tags": [f"{id_}:*"]},
        "affiliations": {"organization": [id_, f"{id_}/*"]},
        "supports": {"wiki": ["edit"], "cluster": ["compute"]},
    }
    return {"id": id_, "domain": id_, "asserts": {**asserts, **more}}


CONSORTIUM: Final = {
    "id": "grid", "domain": "grid",
    "asserts": {
        "attributes": {"quota": ["*"]}, "affiliations": {"organization": ["grid"]},
        "supports": {"cluster": ["*"]},
    },
}  # fmt: skip
_SERVICE: Final = {"protocol": "scim", "endpoint": "https://sp.example/scim", "match": "userName"}


def federation(**changes: Any) -> Bundle:
    """The federation's bundle; `changes` whole parts, and `wiki` and `cluster` fields of these services."""
    account = {"userName": {"value": "person.mail"}, "displayName": "person.name", "nickName": "person.orcid"}
    wiki = {
        **_SERVICE, "id": "wiki", "account": account,
        "receives": {"north": ["mail", "name"], "south": ["*"]}, **changes.pop("wiki", {}),
    }  # fmt: skip
    cluster = {
        **_SERVICE, "id": "cluster", "account": account, "receives": {"north": ["mail"], "south": ["mail"]},
        "lifecycle": {"retention": "P30D"}, **changes.pop("cluster", {}),
    }  # fmt: skip
    rules = [
        ("editors", "wiki", 'affiliation.type == "staff"', ["edit"]),
        ("owners", "wiki", '"north:owner" in person.tags', ["own"]),
        ("computing", "cluster", 'affiliation.type == "staff"', ["compute"]),
        ("projects", "cluster", 'affiliation.type == "project"', ["compute", "store"]),
    ]
    parts = {
        "tenant": {
            "id": "federation",
            "person": {
                "name": "string", "mail": "string", "orcid": "string", "tags": "list(string)", "quota": "int",
            },
            "affiliation": {"type": "string", "organization": "string"},
            "merge": {"name": {"precedence": ["south"]}, "tags": {"union": True}},
        },
        "sources": [university("north"), university("south"), CONSORTIUM],
        "services": [wiki, cluster],
        "rules": [
            {"id": id_, "service": service, "who": who, "authorizations": given, "because": id_}
            for id_, service, who, given in rules
        ],
        **changes,
    }  # fmt: skip
    return Bundle.model_validate(parts)


def policy(**changes: Any) -> Policy:
    """The same, compiled."""
    return compile_bundle(federation(**changes), "hash", 1)


def affiliation(organization: str, kind: str = "staff", start: int = 0, end: int = FOREVER) -> Affiliation:
    """An affiliation; its id is its organization's."""
    return Affiliation(organization, start, end, {"type": kind, "organization": organization})


def record(source: str, *affiliations: Affiliation, key: str = "ada", deleted: bool = False, **facts: Any) -> Record:
    """What a source says of Ada."""
    stated = {"name": f"Ada of {source}", "mail": f"ada@{source}.edu", **facts}
    return Record(source, f"{key}@{source}.edu", 1, deleted, stated, affiliations)


def ada(*records: Record) -> Identity:
    """One person of these records."""
    return Identity("ada", {record.source: record for record in records})
