"""The words of several sources about one person → one person, and whose word each value is.

Whoever is live comes before who is not: a source that has withdrawn speaks only where nobody else does, so that an
account does not lose its name, and no longer to rules while anybody is live.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from provisioning.core.account import Json
from provisioning.core.identity import Identity
from provisioning.core.trust import Trust, believed_attributes, may_tell


class Said(NamedTuple):
    """The word of one source, as far as it is believed."""

    source: str
    live: bool
    attributes: Mapping[str, Json]


class Value(NamedTuple):
    """A value, or one of a list's, and the sources that state it, the one whose word counts first."""

    value: Json
    sources: tuple[str, ...]


Released = Mapping[str, frozenset[str]] | None


def said(identity: Identity, trust: Trust, ended: Collection[str] = ()) -> tuple[Said, ...]:
    """What is believed of each source, in the bundle's order. `ended`: sources whose word counts no more."""
    records = [(source, identity.records[source]) for source in trust.sources if source in identity.records]
    return tuple(
        Said(source, not record.deleted and source not in ended, believed_attributes(record, trust.asserts.get(source)))
        for source, record in records
    )


def for_rules(words: Sequence[Said]) -> Sequence[Said]:
    """Whose word rules go by: of who is live, if anybody is."""
    return [word for word in words if word.live] or words


def merge(words: Sequence[Said], trust: Trust, released: Released = None) -> dict[str, Json]:
    """One person: of each attribute the first word in its order of precedence, or the union of all.

    `released`: by source, the attributes that may be told; None: all.
    """
    merged: dict[str, Json] = {}
    names = {name: None for word in words for name in word.attributes}
    for name in names:
        stating = _in_order(words, name, trust, released)
        if not stating:
            continue
        if name in trust.unions:
            merged[name] = [entry for entry, _ in _union(stating, name)][: trust.longest]
        else:
            merged[name] = stating[0].attributes[name]
    return merged


def provenance(words: Sequence[Said], trust: Trust, released: Released = None) -> dict[str, tuple[Value, ...]]:
    """By attribute, each value with the sources that state it: of what `merge` gives, and nothing else."""
    found: dict[str, tuple[Value, ...]] = {}
    for name in {name: None for word in words for name in word.attributes}:
        stating = _in_order(words, name, trust, released)
        if not stating:
            continue
        if name in trust.unions:
            found[name] = tuple(Value(entry, sources) for entry, sources in _union(stating, name))[: trust.longest]
            continue
        value = stating[0].attributes[name]
        found[name] = (Value(value, tuple(word.source for word in stating if word.attributes[name] == value)),)
    return found


def beyond(words: Sequence[Said], trust: Trust) -> Iterator[str]:
    """The unions of which some values are left out, since a list may not be as long: in words."""
    for name in sorted(trust.unions):
        stating = _in_order(words, name, trust, None)
        count = sum(1 for _ in _union(stating, name)) if stating else 0
        if count > trust.longest:
            yield f"person.{name}: {count} values of all sources, of which the first {trust.longest} count"


def _in_order(words: Sequence[Said], name: str, trust: Trust, released: Released) -> list[Said]:
    """Who states an attribute and may be quoted, who is live first, and then by precedence."""
    stating = [word for word in words if name in word.attributes and may_tell(released, word.source, name)]
    order = trust.precedence.get(name)
    if order is not None:
        stating.sort(key=lambda word: order.index(word.source))
    live = [word for word in stating if word.live]
    if name in trust.unions:  # of a union a source withdraws its values
        return live or stating
    return live + [word for word in stating if not word.live]


def _union(stating: Sequence[Said], name: str) -> Iterator[tuple[Json, tuple[str, ...]]]:
    sources: dict[str, tuple[Json, tuple[str, ...]]] = {}
    for word in stating:
        entries = word.attributes[name]
        for entry in entries if isinstance(entries, list) else [entries]:
            known = sources.get(repr(entry), (entry, ()))
            if word.source not in known[1]:
                sources[repr(entry)] = (entry, (*known[1], word.source))
    yield from sources.values()
