"""A tenant whose three sources are matched with each other, and one that is not believed."""

import random
from collections.abc import Iterable
from typing import Any, Final

from provisioning.core.catalog import Bundle
from provisioning.stages.message import Message
from tests.stages.bench import Bench
from tests.stages.tenant import SOURCE, bundle, data, event

SOURCES: Final = (SOURCE, "hr", "grid", "stranger")
ADA: Final = "0000-0002-1825-0097"
BOB: Final = "0000-0001-5109-3700"
MATCHERS: Final[list[dict[str, Any]]] = [
    {"id": "orcid", "attribute": "orcid", "normalize": ["orcid"], "between": list(SOURCES[:3]), "because": "verified",
     "agree": ["birth"]},
    {"id": "mail", "attribute": "mails", "normalize": ["email"], "between": [SOURCE, "hr"], "tier": 2,
     "because": "both give addresses"},
]  # fmt: skip


def federation(matchers: list[dict[str, Any]] | None = None, **changes: Any) -> Bundle:
    """The bundle. `hr` tells when a key was given to another person."""
    person = {"login": "string", "name": "string", "tags": "list(string)", "orcid": "string", "birth": "string",
              "mails": "list(string)"}  # fmt: skip
    sources = [{"id": source} for source in SOURCES]
    sources[1]["reassigned"] = {"when": ["birth"]}  # type: ignore[assignment]
    return bundle(
        tenant={"id": "campus", "person": person, "affiliation": {"type": "string"}},
        sources=sources, matchers=MATCHERS if matchers is None else matchers, **changes,
    )  # fmt: skip


def tells(source: str, key: str, version: int = 1, *kinds: str | dict[str, Any], **attributes: Any) -> Message:
    """A notification of any source; what is None is not stated."""
    content = data(key, version, *kinds, **attributes)
    content["attributes"] = {name: value for name, value in content["attributes"].items() if value is not None}
    return Message(f"{source}.{key}.{version}", event(content), source)


def leaves(source: str, key: str, version: int) -> Message:
    """A notification of a source that somebody is gone."""
    return Message(f"{source}.{key}.{version}", event({"key": key, "version": version, "deleted": True}), source)


def persons(bench: Bench) -> set[frozenset[str]]:
    """Who is whom: the links, grouped by identity."""
    found: dict[str, set[str]] = {}
    for (source, key), identity in bench.store.linked.items():
        found.setdefault(identity, set()).add(f"{source}/{key}")
    return {frozenset(some) for some in found.values()}


def together(*groups: Iterable[str]) -> set[frozenset[str]]:
    return {frozenset(group) for group in groups}


def consistent(bench: Bench) -> None:
    """Every link, record and claim agrees with the others: nobody is where nobody finds them."""
    store = bench.store
    for (source, key), id_ in store.linked.items():
        assert store.identities[id_].records[source].key == key
    for identity in store.identities.values():
        for source, record in identity.records.items():
            if not record.deleted:
                assert store.linked[source, record.key] == identity.id
    claims = {
        (claim, (source, identity.records[source].key, identity.id))
        for identity in store.identities.values()
        for source, some in identity.linking.claims.items()
        for claim in some
    }
    stored = {(each.claim, tuple(claimant)) for each in store.claims.values() for claimant in each.claimants}
    crowded = {each.claim for each in store.claims.values() if each.crowded}
    assert {each for each in claims if each[0] not in crowded} == stored


def shuffled(messages: list[Message], seed: int) -> list[Message]:
    found = list(messages)
    random.Random(seed).shuffle(found)  # noqa: S311  an order, no secret
    return found
