"""An object of an answer as an item: as the API spells it, without what is excluded, the same for the same subject."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from provisioning.core.account import Json
from provisioning.core.errors import InvalidError
from provisioning.core.loose_json import fault_of, shown
from provisioning.core.paths import compile_path
from provisioning.core.source import Fields, Item, Spoiled
from provisioning.core.source_http import HttpSource
from provisioning.core.wire import canonical

LARGEST: Final = 240_000  # octets of one item's JSON
_LONGEST_KEY: Final = 512
_SHOWN: Final = 1000  # characters of what is spoiled
_ALIVE: Final = (None, False, "")


@dataclass(frozen=True, slots=True)
class Read:
    """What came of a list. `gone`: how many of the items are said to be gone, and so have no fields."""

    items: tuple[Item, ...]
    spoiled: tuple[Spoiled, ...]
    gone: int = 0


class ObjectReader:
    """Objects → items. `key_path`: where they have the key, if not where everybody has it."""

    def __init__(self, options: HttpSource, key_path: str | None = None) -> None:
        self._options = options
        self.name = key_path or options.key
        self._key = compile_path(self.name)
        self._deleted = compile_path(options.deleted) if options.deleted is not None else None
        self._out = [path.split(".") for path in options.exclude]
        self._sets = [path.split(".") for path in options.unordered]

    def key(self, entry: Json) -> str | None:
        """What the source calls a subject; None if the object does not show it, or it cannot be a key."""
        value = self._key(entry)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_KEY and value.isprintable() else None

    def read(self, entries: Sequence[Json], where: str, first: int = 1) -> Read:
        """Subjects, in order. `where`: the list; `first`: number of its first object."""
        items, spoiled = list[Item](), list[Spoiled]()
        for number, entry in enumerate(entries, first):
            made = self.item(entry, f"{where} {number}")
            if isinstance(made, Item):
                items.append(made)
            else:
                spoiled.append(made)
        return Read(tuple(items), tuple(spoiled), sum(item.fields is None for item in items))

    def item(self, entry: Json, where: str) -> Item | Spoiled:
        """One subject. `where`: its place in what was read."""
        key = self.key(entry)
        if not isinstance(entry, dict) or key is None:
            reason = f"it has no usable {self.name}" if isinstance(entry, dict) else "it is no object"
            return Spoiled(where, fault_of(entry) or reason, _readable(entry))
        fault = fault_of(entry)
        if fault:
            return Spoiled(where, fault, _readable(entry), key)
        try:
            gone = self._is_gone(entry)
        except InvalidError as error:
            return Spoiled(where, str(error), _readable(entry), key)
        if gone:
            return Item(key, None)
        try:
            body = canonical(self._fields(entry))
        except UnicodeEncodeError:
            return Spoiled(where, "it has half a character", _readable(entry), key)
        if len(body) > LARGEST:
            return Spoiled(where, f"it has {len(body)} bytes, more than {LARGEST}", _readable(entry), key)
        return Item(key, Fields(body.decode()))

    def _is_gone(self, entry: Json) -> bool:
        """Raises InvalidError for a word that nobody has said the meaning of: a guess could end a right."""
        value = self._deleted(entry) if self._deleted is not None else None
        if value in _ALIVE:
            return False
        if self._options.deletes:
            return isinstance(value, str) and value in self._options.deletes
        if value == 1 or isinstance(value, dict) or (isinstance(value, str) and _is_instant(value)):
            return True
        right = "true, an instant or an object; for other words, poll.http.deletes"
        raise InvalidError("it does not say whether its subject is gone", self._options.deleted or "", right=right)

    def _fields(self, entry: dict[str, Json]) -> dict[str, Json]:
        fields: Json = entry
        for path in self._out:
            fields = _changed(fields, path, None)
        for path in self._sets:
            fields = _changed(fields, path, _ordered)
        return fields if isinstance(fields, dict) else {}


def _changed(value: Json, path: Sequence[str], change: Callable[[Json], Json] | None) -> Json:
    """A copy in which what stands at a path, in each entry of lists on the way, is changed; None: left out."""
    if isinstance(value, list):
        return [_changed(each, path, change) for each in value]
    if not isinstance(value, dict) or path[0] not in value:
        return value
    name, rest = path[0], path[1:]
    if rest:
        return {**value, name: _changed(value[name], rest, change)}
    if change is None:
        return {other: each for other, each in value.items() if other != name}
    return {**value, name: change(value[name])}


def _ordered(value: Json) -> Json:
    return sorted(value, key=shown) if isinstance(value, list) else value


def _is_instant(text: str) -> bool:
    try:
        return len(text) <= 64 and datetime.fromisoformat(text) is not None
    except ValueError:
        return False


def _readable(entry: Json) -> str:
    return shown(entry)[:_SHOWN].encode(errors="replace").decode()
