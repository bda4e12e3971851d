"""The entries of multi-valued attributes under PATCH (RFC 7644 3.5.2)."""

from typing import Any

from provisioning.core.pushed import Kind
from provisioning.protocols.inbound.content import normalized
from provisioning.protocols.inbound.filter import Compare, Filter, Logic, Target
from provisioning.protocols.inbound.match import entry_holds
from provisioning.protocols.inbound.refusal import refuse
from provisioning.protocols.inbound.schema import Attribute, key_in


def add_entries(container: dict[str, Any], key: str, values: list[Any]) -> None:
    """Add entries; one that has the same value and type as another is that one, changed."""
    held = container.get(key)
    entries = held if isinstance(held, list) else [] if held is None else [held]
    touched = []
    for value in values:
        same = next((entry for entry in entries if _identity(entry) == _identity(value)), None)
        if same is None:
            entries.append(value)
            touched.append(value)
        elif isinstance(same, dict):
            same.update(value)
            touched.append(same)
    container[key] = entries
    _one_primary(entries, touched)


def remove_entries(container: dict[str, Any], key: str, value: Any) -> None:
    """Remove an attribute, or those of its entries that have everything that `value` says of one."""
    held = container.get(key)
    if value in (None, "", []) or not isinstance(held, list):
        container.pop(key, None)
        return
    gone = value if isinstance(value, list) else [value]
    container[key] = [entry for entry in held if not any(_covers(entry, each) for each in gone)]


def change_each(container: dict[str, Any], key: str, word: str, sub: str, value: Any) -> None:
    """Change a sub-attribute of every entry; without entries, make one of it."""
    held = container.get(key)
    entries = held if isinstance(held, list) else []
    if not entries and word != "remove" and value is not None:
        entries = [{}]
    for entry in entries:
        if isinstance(entry, dict):
            _put(entry, sub, None if word == "remove" else value)
    container[key] = [entry for entry in entries if entry != {}]


def change_chosen(
    container: dict[str, Any], key: str, attribute: Attribute | None, word: str, target: Target, value: Any, kind: Kind
) -> None:
    """Change the entries for which a filter holds. Where there is none, one is made that it describes.

    RFC 7644 3.5.2.3 would have that refused; but Entra names an entry so before it is there.
    """
    held, filter_ = container.get(key), target.chosen
    if filter_ is None or (attribute is not None and not attribute.many):
        raise refuse("invalidPath", f"{key} has no entries to choose from")
    entries = held if isinstance(held, list) else []
    chosen = [entry for entry in entries if entry_holds(filter_, entry, kind, target.path)]
    sub = target.path.sub
    if word == "remove" and sub is None:
        container[key] = [entry for entry in entries if not any(entry is each for each in chosen)]
        return
    if not chosen and word != "remove" and value is not None:
        made = _described(filter_)
        if made is None:
            raise refuse("noTarget", f"no entry of {key} is chosen")
        if attribute is not None:
            (made,) = normalized(attribute, [made]) or [made]
        chosen = [made]
        entries = [*entries, made]
    for entry in chosen:
        if isinstance(entry, dict):
            _change(entry, attribute, word, sub, value)
    container[key] = [entry for entry in entries if entry != {}]
    if word != "remove":
        _one_primary(entries, chosen)


def _change(entry: dict[str, Any], attribute: Attribute | None, word: str, sub: str | None, value: Any) -> None:
    if sub is not None:
        known = attribute.sub(sub) if attribute is not None else None
        _put(entry, sub if known is None else known.name, None if word == "remove" else normalized(known, value))
        return
    whole = normalized(attribute, value)
    whole = whole[0] if isinstance(whole, list) and len(whole) == 1 else whole
    if not isinstance(whole, dict):
        raise refuse("invalidValue", "an entry is an object")
    entry.update(whole)


def _put(entry: dict[str, Any], sub: str, value: Any) -> None:
    if value is None:
        entry.pop(key_in(entry, sub), None)
    else:
        entry[key_in(entry, sub)] = value


def _described(filter_: Filter) -> dict[str, Any] | None:
    """The entry that equalities joined by `and` describe; None if a filter says anything else."""
    if isinstance(filter_, Logic) and filter_.word == "and" and filter_.right is not None:
        left, right = _described(filter_.left), _described(filter_.right)
        return None if left is None or right is None else {**left, **right}
    return {filter_.path.name: filter_.value} if isinstance(filter_, Compare) and filter_.operator == "eq" else None


def _identity(entry: Any) -> Any:
    return (entry.get("value"), entry.get("type")) if isinstance(entry, dict) and "value" in entry else (entry,)


def _covers(entry: Any, wanted: Any) -> bool:
    if isinstance(entry, dict) and isinstance(wanted, dict):
        return all(entry.get(name) == value for name, value in wanted.items())
    return bool(entry == wanted)


def _one_primary(entries: list[Any], touched: list[Any]) -> None:
    """An entry that becomes primary takes that from the others (RFC 7644 3.5.2)."""
    if any(isinstance(entry, dict) and entry.get("primary") is True for entry in touched):
        for entry in entries:
            if isinstance(entry, dict) and "primary" in entry and not any(entry is each for each in touched):
                entry["primary"] = False
