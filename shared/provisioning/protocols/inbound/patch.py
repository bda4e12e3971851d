"""PATCH (RFC 7644 3.5.2) with the dialects of the clients that there are.

Entra writes `Replace` and `"False"`, removes by `value`, addresses entries that are not there yet, and puts whole
paths into the names of a value without a path. Okta sends a value without a path.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.pushed import Kind
from provisioning.protocols.inbound.content import bounded, checked, normalized, read_members, read_schemas, writable
from provisioning.protocols.inbound.entries import add_entries, change_chosen, change_each, remove_entries
from provisioning.protocols.inbound.filter import Path, Target, read_path, read_target
from provisioning.protocols.inbound.match import value_ids
from provisioning.protocols.inbound.refusal import refuse
from provisioning.protocols.inbound.schema import SCHEMAS, Attribute, attribute_of, key_in, schema_of

MOST: Final = 1000  # operations of one request
_OPERATIONS: Final = frozenset({"add", "replace", "remove"})


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What becomes of a group's members. `alone`: whoever else is in it goes."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    alone: bool = False

    def add(self, ids: Sequence[str]) -> "MemberChange":
        """These come, too."""
        removed = tuple(each for each in self.removed if each not in set(ids))
        return MemberChange(tuple(dict.fromkeys((*self.added, *ids))), removed, self.alone)

    def remove(self, ids: Sequence[str]) -> "MemberChange":
        """These go."""
        added = tuple(each for each in self.added if each not in set(ids))
        return MemberChange(added, tuple(dict.fromkeys((*self.removed, *ids))), self.alone)


@dataclass(frozen=True, slots=True)
class Patched:
    """A resource's content after a PATCH, and what it says of members."""

    content: Mapping[str, Any]
    members: MemberChange


def patched(kind: Kind, content: Mapping[str, Any], body: Any) -> Patched:
    """A resource after all operations of a PATCH, whole or not at all. Raises RefusedError."""
    operations = body.get(key_in(body, "Operations")) if isinstance(body, dict) else None
    if not isinstance(operations, list) or not 1 <= len(operations) <= MOST:
        raise refuse("invalidSyntax", f"Operations is a list of 1 to {MOST} operations")
    work = _Work(kind, deepcopy(dict(content)))
    for operation in operations:
        if not isinstance(operation, dict):
            raise refuse("invalidSyntax", "an operation is an object")
        word = operation.get(key_in(operation, "op"))
        if not isinstance(word, str) or word.lower() not in _OPERATIONS:
            raise refuse("invalidSyntax", "op is add, replace or remove")
        work.apply(word.lower(), operation.get(key_in(operation, "path")), operation.get(key_in(operation, "value")))
    return Patched(checked(kind, work.content), work.members)


class _Work:
    """The resource while operations are applied to it, one after the other."""

    def __init__(self, kind: Kind, content: dict[str, Any]) -> None:
        self.kind, self.content, self.members = kind, content, MemberChange()

    def apply(self, word: str, path: Any, value: Any) -> None:
        if path is not None and path != "":
            target = read_target(path, self.kind)
            if not target.path.name:
                self._extension(word, target.path.schema or "", value)
            else:
                self._change(word, target, value, named=True)
        elif word == "remove":
            raise refuse("noTarget", "a removal has a path")
        elif not isinstance(value, dict):
            raise refuse("invalidValue", "without a path, the value is an object of attributes")
        else:
            bounded(value)
            for name, item in value.items():
                self._attribute(word, name, item)

    def _attribute(self, word: str, name: str, value: Any) -> None:
        """One attribute of a value without a path; its name may be a path."""
        if schema_of(name) in SCHEMAS or (name.lower().startswith("urn:") and isinstance(value, dict)):
            self._extension(word, schema_of(name), value)
        else:
            self._change(word, read_target(name, self.kind), value, named=False)

    def _extension(self, word: str, schema: str, value: Any) -> None:
        if word == "remove" or value is None:
            self.content.pop(key_in(self.content, schema), None)
        elif not isinstance(value, dict):
            raise refuse("invalidValue", f"{schema} is an object of attributes")
        else:
            bounded(value)
            for name, item in value.items():
                inner = read_path(name, self.kind)
                if inner is None or inner.schema is not None:
                    raise refuse("invalidPath", f"{name[:100]!r} is no attribute")
                own = read_path(f"{schema}:{name}", self.kind) or inner
                self._change(word, Target(own), item, named=False)

    def _change(self, word: str, target: Target, value: Any, *, named: bool) -> None:
        path = target.path
        if self.kind == "Group" and path.schema is None and path.name.lower() == "members":
            self._members(word, target, value)
            return
        attribute = attribute_of(self.kind, path.schema, path.name)
        if not writable(attribute):
            if named and attribute is not None and attribute.mutability == "readOnly":
                raise refuse("mutability", f"{attribute.name} is not the client's to change")
            return  # beside others it is passed over (RFC 7644 3.5.1), and a password is never kept
        if path.schema is None and path.name.lower() == "schemas":
            given = read_schemas(value if isinstance(value, list) else [value]) if word != "remove" else []
            self.content["schemas"] = [*self.content.get("schemas", ()), *given]
            return
        container = self.content
        if path.schema is not None:
            held = self.content.setdefault(key_in(self.content, path.schema), {})
            container = held if isinstance(held, dict) else {}
        self._within(container, word, attribute, target, value)
        if path.schema is not None and not container:
            self.content.pop(key_in(self.content, path.schema), None)

    def _within(
        self, container: dict[str, Any], word: str, attribute: Attribute | None, target: Target, value: Any
    ) -> None:
        path = target.path
        bounded(container)
        key = key_in(container, path.name) if attribute is None else attribute.name
        word = "remove" if word == "replace" and value is None else word
        bounded(container.get(key))
        if target.chosen is not None:
            change_chosen(container, key, attribute, word, target, value, self.kind)
        elif path.sub is not None:
            self._sub(container, key, attribute, word, path, value)
        elif word == "remove":
            remove_entries(container, key, normalized(attribute, value))
        else:
            _set(container, key, attribute, word, normalized(attribute, value))
        if container.get(key, ()) in (None, [], {}):
            container.pop(key, None)

    def _sub(
        self, container: dict[str, Any], key: str, attribute: Attribute | None, word: str, path: Path, value: Any
    ) -> None:
        sub = attribute.sub(path.sub or "") if attribute is not None else None
        name, normal = (path.sub or "") if sub is None else sub.name, normalized(sub, value)
        held = container.get(key)
        if isinstance(held, list) or (attribute is not None and attribute.many):
            change_each(container, key, word, name, normal)
        elif word == "remove" or normal is None:
            if isinstance(held, dict):
                held.pop(key_in(held, name), None)
        elif isinstance(held, dict):
            held[key_in(held, name)] = normal
        else:
            container[key] = {name: normal}

    def _members(self, word: str, target: Target, value: Any) -> None:
        if target.chosen is not None:
            ids = value_ids(target.chosen)
            if word != "remove" or ids is None or target.path.sub is not None:
                raise refuse("invalidPath", 'one member is removed by members[value eq "id"]')
            self.members = self.members.remove(ids)
        elif word == "add":
            self.members = self.members.add(read_members(value))
        elif word == "replace":
            self.members = MemberChange(read_members(value), alone=True)
        elif value in (None, [], ""):
            self.members = MemberChange(alone=True)
        else:
            self.members = self.members.remove(read_members(value))


def _set(container: dict[str, Any], key: str, attribute: Attribute | None, word: str, value: Any) -> None:
    """`add` and `replace` of an attribute as a whole (RFC 7644 3.5.2.1, 3.5.2.3)."""
    held = container.get(key)
    if value is None:
        if word == "replace":
            container.pop(key, None)
    elif word == "add" and isinstance(value, list):
        add_entries(container, key, value)
    elif isinstance(held, dict) and isinstance(value, dict) and (attribute is None or not attribute.many):
        container[key] = {**held, **value}
    else:
        container[key] = value
