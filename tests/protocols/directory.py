"""A directory in dicts, as RFC 4511 has it: what is refused changes nothing, and names and values have no case."""

import re
from collections.abc import Iterator
from typing import Any

from provisioning.protocols.dialogue import Answer, HttpResponse
from provisioning.protocols.ldap_message import (
    Attributes,
    LdapAdd,
    LdapChange,
    LdapDelete,
    LdapEntry,
    LdapModify,
    LdapRename,
    LdapRequest,
    LdapResult,
    LdapSearch,
)
from provisioning.protocols.ldap_names import beneath, parent_of, read_dn

SUFFIX = "dc=example,dc=org"
PEOPLE, GROUPS = f"ou=people,{SUFFIX}", f"ou=groups,{SUFFIX}"
OPTIONS: dict[str, Any] = {
    "base": PEOPLE, "rdn": "userName", "owner": "employeeNumber", "groups": GROUPS, "classes": ["testAccount"],
    "suspended": {"locked": "yes"},
}  # fmt: skip
_TEST = re.compile(r"\((\w+)=([^()]*)\)")


class Directory:
    """Entries by folded name. `unique`: the attributes of which no two entries have the same value."""

    def __init__(self, *unique: str) -> None:
        self.calls = 0
        self.unique = unique
        self.held: dict[Any, LdapEntry] = {}
        for dn in (SUFFIX, PEOPLE, GROUPS):
            self.put(dn, {"objectClass": (b"organizationalUnit",)})

    def put(self, dn: str, attributes: Attributes) -> None:
        self.held[fold(dn)] = LdapEntry(dn, {"objectClass": (b"inetOrgPerson",), **attributes})

    def people(self) -> Iterator[LdapEntry]:
        return (entry for entry in self.held.values() if beneath(entry.dn, PEOPLE))

    def answer(self, request: LdapRequest) -> LdapResult:
        self.calls += 1
        match request:
            case LdapSearch():
                return self._search(request)
            case LdapAdd(dn, attributes):
                return self._store(dn, attributes, None)
            case LdapModify(dn, changes):
                return self._modify(dn, changes)
            case LdapRename():
                return self._rename(request)
            case LdapDelete(dn):
                return LdapResult(32 if self.held.pop(fold(dn), None) is None else 0)

    def _store(self, dn: str, attributes: Attributes, instead: str | None) -> LdapResult:
        old = self.held.pop(fold(instead), None) if instead is not None else None
        code = self._refusal(dn, attributes)
        if code:
            if old is not None:
                self.put(old.dn, old.attributes)
            return LdapResult(code, "refused")
        attribute, value = read_dn(dn)[0]
        entry = LdapEntry(dn, attributes)
        has = value.lower().encode() in lower(entry.values(attribute))
        self.put(dn, attributes if has else {**attributes, attribute: (*entry.values(attribute), value.encode())})
        return LdapResult(0)

    def _refusal(self, dn: str, attributes: Attributes) -> int:
        if fold(dn) in self.held:
            return 68
        if fold(parent_of(dn)) not in self.held:
            return 32
        entry = LdapEntry(dn, attributes)
        for name in self.unique:
            taken = {value for other in self.people() for value in lower(other.values(name))}
            if taken & {*lower(entry.values(name))}:
                return 19
        return 65 if b"groupOfNames" in entry.values("objectClass") and not entry.values("member") else 0

    def _modify(self, dn: str, changes: tuple[LdapChange, ...]) -> LdapResult:
        entry = self.held.get(fold(dn))
        if entry is None:
            return LdapResult(32)
        changed = apply(entry.attributes, changes)
        return LdapResult(changed) if isinstance(changed, int) else self._store(entry.dn, changed, entry.dn)

    def _rename(self, request: LdapRename) -> LdapResult:
        entry = self.held.get(fold(request.dn))
        if entry is None:
            return LdapResult(32)
        parent = request.parent if request.parent is not None else parent_of(request.dn)
        attribute, value = read_dn(request.dn)[0]
        gone = None if request.keeps else value.lower().encode()
        attributes = {
            name: tuple(item for item in values if name.lower() != attribute.lower() or item.lower() != gone)
            for name, values in entry.attributes.items()
        }
        return self._store(
            f"{request.rdn},{parent}", {name: held for name, held in attributes.items() if held}, request.dn
        )

    def _search(self, request: LdapSearch) -> LdapResult:
        if fold(request.base) not in self.held:
            return LdapResult(32)
        near = [
            entry
            for key, entry in self.held.items()
            if key == fold(request.base) or (request.scope == "subtree" and beneath(entry.dn, request.base))
        ]
        names = {name.lower() for name in request.attributes}
        shown = tuple(
            LdapEntry(entry.dn, {name: held for name, held in entry.attributes.items() if name.lower() in names})
            for entry in near
            if matches(request.filter, entry)
        )
        return LdapResult(4 if len(shown) > request.most else 0, "", shown[: request.most])


class DirectoryProvider(Directory):
    """The directory as the contract sees it."""

    def throttled(self) -> Answer:
        return LdapResult(51, "busy")

    def garbage(self) -> Answer:
        return HttpResponse(200, {}, b"<html>Welcome")

    def accounts(self) -> dict[str, tuple[str, str, list[str]]]:
        found = {}
        for entry in self.people():
            groups = [
                group.values("cn")[0].decode()
                for group in self.held.values()
                if entry.dn.lower().encode() in lower(group.values("member"))
            ]
            phase = "suspended" if entry.values("locked") else "active"
            mark = b"".join(entry.values("employeeNumber")).decode()
            found[mark] = (phase, entry.values("userName")[0].decode(), sorted(groups))
        return found

    def plant(self, user_name: str, mark: str | None) -> None:
        owner = {"employeeNumber": (mark.encode(),)} if mark else {}
        self.put(f"userName={user_name},{PEOPLE}", {"userName": (user_name.encode(),), **owner})

    def remove_all(self) -> None:
        for entry in list(self.people()):
            del self.held[fold(entry.dn)]


def fold(dn: str) -> tuple[tuple[str, str], ...]:
    return tuple((attribute.casefold(), value.casefold()) for attribute, value in read_dn(dn))


def lower(values: tuple[bytes, ...]) -> list[bytes]:
    return [value.lower() for value in values]


def apply(attributes: Attributes, changes: tuple[LdapChange, ...]) -> dict[str, tuple[bytes, ...]] | int:
    """The attributes after changes, or the code by which all of them are refused (RFC 4511 4.6)."""
    held = {name.lower(): (name, values) for name, values in attributes.items()}
    for change in changes:
        name, values = held.get(change.attribute.lower(), (change.attribute, ()))
        come = {*lower(change.values)}
        if change.operation == "replace":
            values = change.values
        elif change.operation == "add":
            if come & {*lower(values)}:
                return 20
            values = (*values, *change.values)
        else:
            if not come <= {*lower(values)} or not values:
                return 16
            values = tuple(value for value in values if change.values and value.lower() not in come)
        if len({*lower(values)}) < len(values):
            return 20
        held[change.attribute.lower()] = (name, values)
    return {name: values for name, values in held.values() if values}


def matches(filter_: str, entry: LdapEntry) -> bool:
    """A filter of equalities and presence under at most one `&` or `|`."""
    every = all if filter_.startswith("(&") else any
    return every(
        bool(entry.values(name)) if value == "*" else unescape(value).lower() in lower(entry.values(name))
        for name, value in _TEST.findall(filter_)
    )


def unescape(value: str) -> bytes:
    return re.sub(rb"\\([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), value.encode())
