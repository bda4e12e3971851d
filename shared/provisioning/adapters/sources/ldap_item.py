"""An entry as an item: its attributes under the directory's names, as text that is the same for the same entry."""

import json
import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from provisioning.adapters.sources.ldap_ber import Reply
from provisioning.core.account import Json
from provisioning.core.errors import InvalidError
from provisioning.core.source import Item, Spoiled
from provisioning.core.source_ldap import LdapSource

UUID: Final = "entryUUID"
CHANGED: Final = "modifyTimestamp"
LARGEST: Final = 240_000  # octets of one item's JSON
_SHOWN: Final = 1000  # characters of what is spoiled
_TIME: Final = re.compile(r"(\d{10})(\d{2})?(\d{2})?(?:[.,](\d{1,9}))?(Z|[+-]\d{2}(?:\d{2})?)")
Show = Callable[[list[bytes]], Json]


class _SpoiledError(Exception):
    """The reason why an entry is no item."""


class EntryReader:
    """Entries → items. `asked`: the attributes that a search asks for."""

    def __init__(self, options: LdapSource) -> None:
        self._key = options.key.casefold()
        own = [options.key]
        if options.groups is not None and options.groups.kind == "uid":
            own.append(options.groups.uid)
        self.asked = tuple(dict.fromkeys((*options.attributes, *own)))
        hidden = _folded([*own, CHANGED]) - _folded(options.attributes)  # what we need, and nobody asked to be shown
        if "*" in options.attributes:
            hidden &= _folded([UUID, CHANGED])  # the others come by themselves
        self._out = _folded(options.exclude) | (hidden if "+" not in options.attributes else set())
        self._single, self._binary = _folded(options.single), _folded(options.binary)
        self._instants = _folded(options.instants)
        self._shows: dict[str, Show | None] = {}  # by name as the directory writes it

    def item(self, entry: Reply, groups: Sequence[str] | None) -> Item | Spoiled:
        """One subject. `groups`: shown as they are, if they are read."""
        key = None
        try:
            key = self.key(entry)
            fields = self._fields(entry)
            if groups is not None:
                fields["groups"] = list(groups)
            if entry.size > LARGEST // 4:
                size = len(json.dumps(fields, ensure_ascii=False).encode())
                if size > LARGEST:
                    raise _SpoiledError(f"the entry has {size} bytes, more than {LARGEST}")
        except _SpoiledError as error:
            return Spoiled(entry.dn[:_SHOWN], str(error), json.dumps(_readable(entry))[:_SHOWN], key)
        return Item(key, fields)

    def key(self, entry: Reply) -> str:
        """What the source calls the subject."""
        values = values_of(entry, self._key)
        if len(values) != 1 or not values[0]:
            raise _SpoiledError(f"the entry has {len(values)} values of its key, and must have one")
        if self._key in self._binary:
            return b64encode(values[0]).decode()
        try:
            return values[0].decode()
        except UnicodeDecodeError:
            raise _SpoiledError("the key is not UTF-8: if it holds octets, name it in `binary`") from None

    def octets(self, key: str) -> bytes:
        """A key as the directory has it."""
        try:
            return b64decode(key, validate=True) if self._key in self._binary else key.encode()
        except Error:
            return b""

    def _fields(self, entry: Reply) -> dict[str, Json]:
        fields: dict[str, Json] = {"dn": entry.dn}
        for name, values in entry.attributes.items():
            try:
                show = self._shows[name]
            except KeyError:
                show = self._shows.setdefault(name, self._show(name))
            if show is not None and values:
                try:
                    fields[name] = show(values)
                except UnicodeDecodeError:
                    reason = f"{name[:100]} is not UTF-8: if it holds octets, name it in `binary`"
                    raise _SpoiledError(reason) from None
                except ValueError:
                    raise _SpoiledError(f"{name[:100]} is no GeneralizedTime (RFC 4517 3.3.13)") from None
        return fields

    def _show(self, name: str) -> Show | None:
        """How an attribute is shown. Options of a name, as in cn;lang-de, do not change that."""
        if len(self._shows) > 10_000:
            raise InvalidError("more than 10000 attributes", "poll.ldap.attributes", right="those that are needed")
        whole, plain = name.casefold(), name.casefold().partition(";")[0]
        if not {whole, plain}.isdisjoint(self._out):
            return None
        if ";range=" in whole:  # a part of the values only, which must not be taken for all of them
            raise _SpoiledError(f"the directory shows only a part of {plain}")
        octets = plain in self._binary or whole.endswith(";binary")
        one = _base64 if octets else _instant if plain in self._instants else bytes.decode
        if {whole, plain}.isdisjoint(self._single):
            return lambda values: sorted(map(one, values))
        return lambda values: min(map(one, values))


def values_of(entry: Reply, name: str) -> list[bytes]:
    """Values of one attribute. `name`: folded, as names have no case."""
    for other, values in entry.attributes.items():
        if other.casefold() == name:
            return values
    return []


def read_time(text: str) -> datetime:
    """An instant as a directory writes it: GeneralizedTime (RFC 4517 3.3.13). Raises ValueError."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    hours, minute, second, fraction, zone = match.groups()
    made = datetime.strptime(f"{hours}{minute or '00'}{second or '00'}+0000", "%Y%m%d%H%M%S%z")
    if fraction:
        unit = 1_000_000 if second else 60_000_000 if minute else 3_600_000_000
        made += timedelta(microseconds=int(int(fraction) * unit / 10 ** len(fraction)))
    if zone == "Z":
        return made
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:] or 0)) * (-1 if zone[0] == "-" else 1)
    return made.replace(tzinfo=timezone(offset)).astimezone(UTC)


def _instant(value: bytes) -> str:
    return read_time(value.decode()).isoformat().replace("+00:00", "Z")


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


def _readable(entry: Reply) -> Json:
    return {name: [value[:200].decode(errors="replace") for value in held[:20]] for name, held in _some(entry)}


def _some(entry: Reply) -> list[tuple[str, list[bytes]]]:
    return list(entry.attributes.items())[:100]


def _folded(names: Sequence[str]) -> set[str]:
    return {name.casefold() for name in names}
