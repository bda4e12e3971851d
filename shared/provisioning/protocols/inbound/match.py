"""SCIM filters held against resources (RFC 7644 3.4.2.2), and what a filter says before anything is read."""

from collections.abc import Mapping
from typing import Any

from provisioning.core.pushed import Kind
from provisioning.protocols.inbound.filter import Compare, Filter, Logic, Path, Within
from provisioning.protocols.inbound.schema import attribute_of, key_in


def holds(filter_: Filter, resource: Mapping[str, Any], kind: Kind) -> bool:
    """Whether a filter holds for a resource as it is shown."""
    if isinstance(filter_, Logic):
        left = holds(filter_.left, resource, kind)
        if filter_.word == "not" or filter_.right is None:
            return not left
        right = holds(filter_.right, resource, kind)
        return (left and right) if filter_.word == "and" else (left or right)
    if isinstance(filter_, Within):
        entries = _values(resource, Path(filter_.path.schema, filter_.path.name))
        return any(entry_holds(filter_.inner, entry, kind, filter_.path) for entry in entries)
    return _compares(filter_, resource, kind)


def entry_holds(filter_: Filter, entry: Any, kind: Kind, of: Path) -> bool:
    """Whether a filter within brackets holds for one entry of an attribute."""
    if isinstance(filter_, Logic):
        left = entry_holds(filter_.left, entry, kind, of)
        if filter_.word == "not" or filter_.right is None:
            return not left
        right = entry_holds(filter_.right, entry, kind, of)
        return (left and right) if filter_.word == "and" else (left or right)
    if isinstance(filter_, Within):
        return False
    fields = entry if isinstance(entry, dict) else {"value": entry}
    held = fields.get(key_in(fields, filter_.path.name))
    return _meets(filter_, [held], _exact(kind, Path(of.schema, of.name, filter_.path.name)))


def _compares(filter_: Compare, resource: Mapping[str, Any], kind: Kind) -> bool:
    values = _values(resource, filter_.path)
    if filter_.operator != "pr":
        values = [each.get(key_in(each, "value")) if isinstance(each, dict) else each for each in values]
    return _meets(filter_, values, _exact(kind, filter_.path))


def _meets(filter_: Compare, values: list[Any], exact: bool) -> bool:
    values = [each for each in values if each is not None]
    if filter_.operator == "pr":
        return any(each not in ("", [], {}) for each in values)
    if filter_.operator == "ne":
        return not _meets(Compare(filter_.path, "eq", filter_.value), values, exact)
    if filter_.value is None:
        return not values
    return any(_meet(filter_.operator, each, filter_.value, exact) for each in values)


def _meet(operator: str, held: Any, wanted: Any, exact: bool) -> bool:
    if isinstance(held, bool) or isinstance(wanted, bool):  # some clients write "true"
        return operator == "eq" and str(held).lower() == str(wanted).lower()
    if isinstance(held, str) and isinstance(wanted, str):
        held, wanted = (held, wanted) if exact else (held.casefold(), wanted.casefold())
        texts = {"co": wanted in held, "sw": held.startswith(wanted), "ew": held.endswith(wanted)}
        if operator in texts:
            return bool(texts[operator])
    elif not (isinstance(held, int | float) and isinstance(wanted, int | float)):
        return False
    orders = {
        "eq": held == wanted, "gt": held > wanted, "ge": held >= wanted, "lt": held < wanted, "le": held <= wanted,
    }  # fmt: skip
    return bool(orders.get(operator))


def _values(resource: Mapping[str, Any], path: Path) -> list[Any]:
    """What is held at a path: of a list, each entry's."""
    holder: Any = resource if path.schema is None else resource.get(key_in(resource, path.schema), {})
    held = holder.get(key_in(holder, path.name)) if isinstance(holder, dict) else None
    entries = held if isinstance(held, list) else [] if held is None else [held]
    if path.sub is None:
        return entries
    return [entry.get(key_in(entry, path.sub)) for entry in entries if isinstance(entry, dict)]


def _exact(kind: Kind, path: Path) -> bool:
    attribute = attribute_of(kind, path.schema, path.name)
    if attribute is None:
        return False
    named = attribute.sub(path.sub or "value") if attribute.subs else attribute
    return named is not None and named.exact


def equalities(filter_: Filter) -> list[Compare]:
    """Comparisons by `eq` that must hold for the whole: by any of them a resource may be looked up."""
    if isinstance(filter_, Logic) and filter_.word == "and" and filter_.right is not None:
        return equalities(filter_.left) + equalities(filter_.right)
    return [filter_] if isinstance(filter_, Compare) and filter_.operator == "eq" else []


def member_ids(filter_: Filter) -> list[str] | None:
    """The ids that a filter compares with `members`; None if it asks of them anything else."""
    if isinstance(filter_, Logic):
        left, right = member_ids(filter_.left), [] if filter_.right is None else member_ids(filter_.right)
        return None if left is None or right is None else left + right
    if filter_.path.schema is not None or filter_.path.name.lower() != "members":
        return []
    return value_ids(filter_.inner) if isinstance(filter_, Within) else value_ids(Compare(
        Path(None, filter_.path.sub or "value"), filter_.operator, filter_.value))  # fmt: skip


def value_ids(filter_: Filter) -> list[str] | None:
    """The ids of a filter within `members[…]`: `value eq`, alone or joined by `or`; None for anything else."""
    if isinstance(filter_, Logic) and filter_.word == "or" and filter_.right is not None:
        left, right = value_ids(filter_.left), value_ids(filter_.right)
        return None if left is None or right is None else left + right
    if not isinstance(filter_, Compare) or filter_.operator != "eq" or filter_.path.name.lower() != "value":
        return None
    return [filter_.value] if isinstance(filter_.value, str) else None


def mentions(filter_: Filter, name: str) -> bool:
    """Whether a filter speaks of an attribute of the resource's own."""
    if isinstance(filter_, Logic):
        return mentions(filter_.left, name) or (filter_.right is not None and mentions(filter_.right, name))
    return filter_.path.schema is None and filter_.path.name.lower() == name
