"""A resource as an item: as the server spells it, without what is excluded, the same text for the same resource."""

from collections.abc import Mapping, Sequence
from typing import Final

from provisioning.core.account import Json
from provisioning.core.errors import InvalidError
from provisioning.core.source import Fields, Item, Spoiled
from provisioning.core.source_scim import ScimSource
from provisioning.core.wire import canonical
from provisioning.protocols.scim_calls import id_of
from provisioning.protocols.scim_resource import Path, member, read_path, spelled, value_at

LARGEST: Final = 240_000  # octets of one item's JSON
_LONGEST_KEY: Final = 512
_SHOWN: Final = 1000  # characters of what is spoiled


class ResourceReader:
    """Resources → items. `query`: the parameters by which a server is asked for the attributes."""

    def __init__(self, options: ScimSource) -> None:
        self._options = options
        self.path = _key_path(options.key)
        self._out = tuple(map(_parts, options.exclude))
        self.query = _query(options)

    def key(self, resource: Json) -> str | None:
        """What the source calls a subject; None if the resource does not show it, or it cannot be a key."""
        if self.path is None:
            return id_of(resource)
        value = value_at(resource, self.path) if isinstance(resource, Mapping) else None
        usable = isinstance(value, str) and 0 < len(value) <= _LONGEST_KEY and value.isprintable()
        return str(value) if usable else None

    def item(self, resource: Json, where: str, groups: Sequence[str] | None) -> Item | Spoiled:
        """One subject. `where`: its place in the list. `groups`: shown as they are, if they are read."""
        key = self.key(resource)
        if not isinstance(resource, Mapping) or key is None:
            reason = f"it has no usable {self._options.key}" if isinstance(resource, Mapping) else "it is no object"
            return Spoiled(where, reason, _readable(resource))
        fields = self._fields(resource)
        if groups is not None:
            fields["groups"] = list(groups)
        try:
            body = canonical(fields)
        except UnicodeEncodeError:
            return Spoiled(where, "it has half a character", _readable(resource), key)
        if len(body) > LARGEST:
            return Spoiled(where, f"it has {len(body)} bytes, more than {LARGEST}", _readable(resource), key)
        return Item(key, Fields(body.decode()))

    def _fields(self, resource: Mapping[str, Json]) -> dict[str, Json]:
        fields = {name: _ordered(value) for name, value in resource.items()}
        for whole, outer, part in self._out:
            name = spelled(fields, outer)
            inner = fields.get(name)
            if not part or spelled(fields, whole) in fields:
                fields.pop(spelled(fields, whole), None)
            elif isinstance(inner, Mapping):
                fields[name] = _without(inner, part)
            elif isinstance(inner, list):
                fields[name] = [_without(each, part) if isinstance(each, Mapping) else each for each in inner]
        return fields


def _parts(name: str) -> tuple[str, str, str]:
    """What is left out: its whole name, and the part of an attribute, or of an extension's object, if it is one."""
    outer, _, part = name.rpartition(":") if ":" in name else name.partition(".")
    return name, outer, part


def _query(options: ScimSource) -> dict[str, str]:
    """`id` always comes; what we need is asked for beside what the operator asks for (RFC 7644 3.9)."""
    if options.attributes:
        needed = [options.key] if options.key != "id" else []
        if options.changes != "none":
            needed.append("meta.lastModified")
        given = {name.casefold() for name in options.attributes} | ({"meta.lastmodified"} & _meta(options))
        added = [name for name in needed if name.casefold() not in given]
        return {"attributes": ",".join((*options.attributes, *added))}
    own = [name for name in options.exclude if not name.casefold().startswith("meta")]
    if options.groups is not None:
        own.append("groups")
    return {"excludedAttributes": ",".join(dict.fromkeys(own))} if own else {}


def _meta(options: ScimSource) -> set[str]:
    return {"meta.lastmodified"} if any(name.casefold() == "meta" for name in options.attributes) else set()


def _key_path(key: str) -> Path | None:
    """None: it is the id."""
    if key == "id":
        return None
    try:
        return read_path(key)
    except InvalidError as error:
        raise InvalidError(error.problem, "poll.scim.key", right="id, userName, externalId, or the like") from error


def _ordered(value: Json) -> Json:
    """Lists have no order (RFC 7643 2.4), and a server may show another one each time; the primary value is first."""
    if isinstance(value, dict):
        return {name: _ordered(each) for name, each in value.items()}
    if isinstance(value, list):
        entries = [_ordered(each) for each in value]
        return sorted(entries, key=_rank) if len(entries) > 1 else entries
    return value


def _rank(value: Json) -> tuple[bool, str]:
    return member(value, "primary") is not True, canonical_text(value)


def canonical_text(value: Json) -> str:
    """Canonical JSON as text, whatever characters are in it."""
    try:
        return canonical(value).decode()
    except UnicodeEncodeError:
        return repr(value)


def _without(value: Mapping[str, Json], name: str) -> dict[str, Json]:
    left = dict(value)
    left.pop(spelled(left, name), None)
    return left


def _readable(resource: Json) -> str:
    return canonical_text(resource)[:_SHOWN].encode(errors="replace").decode()
