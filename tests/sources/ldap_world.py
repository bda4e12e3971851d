"""OpenLDAP, as the contract sees it: with content synchronization, or by time stamps."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import ldap3
import pytest

from provisioning.adapters.sources.ldap import open_ldap
from provisioning.core.source import Item
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction
from tests.delivery.openldap import MISSING, find
from tests.sources.slapd import GROUPS, PASSWORD, PEOPLE, READER, ROOT, ROOT_PASSWORD, Slapd, slapd
from tests.sources.world import Fields

PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF"  # octets that the schema demands, and that are no UTF-8
_LACKS = {"snapshot_goes_on_elsewhere": "cookies of paged results hold for one connection (RFC 2696 3)"}
_TIMESTAMP = {
    "changes_show_who_went": "an entry that is not there any more has no time: full snapshots show who is gone",
    "a_useless_place_says_so": "an instant is of use however old it is",
}


class LdapWorld:
    """A directory of its own. `eyes`: an independent client that may write."""

    def __init__(self, server: Slapd, *, sync: bool) -> None:
        self.server, self.sync = server, sync
        self.lacks: Mapping[str, str] = _LACKS if sync else {**_LACKS, **_TIMESTAMP}
        self.eyes: Any = None  # an ldap3.Connection, most of which is not typed
        self.look()

    def look(self) -> None:
        """Open the eyes."""
        server = ldap3.Server(self.server.url, get_info=ldap3.NONE)
        self.eyes = ldap3.Connection(server, ROOT, ROOT_PASSWORD, auto_bind=True)

    def poll(self, page: int = 3, **options: Any) -> Poll:
        """What the bundle says."""
        ldap = {
            "urls": [self.server.url], "secret": "directory", "base": PEOPLE, "single": ["givenName", "uid"],
            "exclude": [], "private": True, "start_tls": False,
        }  # fmt: skip
        return Poll.model_validate({"ldap": {**ldap, **options}, "page": page, "timeout": 20})

    async def put(self, name: str, fields: Fields) -> str:
        dn, values = f"uid={name},{PEOPLE}", {"givenName": fields["given"], "ou": fields["unit"]}
        if not self.eyes.add(dn, "inetOrgPerson", {"uid": name, "cn": name, "sn": name, **values}):
            changes = {key: [(ldap3.MODIFY_REPLACE, [value])] for key, value in values.items()}
            assert self.eyes.modify(dn, changes), self.eyes.result
        return self.uuid(dn)

    async def remove(self, name: str) -> None:
        assert self.eyes.delete(f"uid={name},{PEOPLE}"), self.eyes.result

    async def spoil(self, name: str) -> None:
        await self.put(name, {"given": name, "unit": "arts"})
        self.change(name, jpegPhoto=[PICTURE])

    async def forget(self) -> None:
        self.restart(kill=False)  # the session log is in the server's memory

    async def interrupt(self) -> None:
        self.restart(kill=True)

    def restart(self, *, kill: bool) -> None:
        self.server.stop(kill=kill)
        self.server.start()
        self.look()

    def open(self, page: int = 3, **options: Any) -> AbstractAsyncContextManager[Extraction]:
        return open_ldap(self.poll(page, **options), self.read)

    async def read(self, name: str) -> str:
        assert name == "directory"
        return json.dumps({"dn": READER, "password": PASSWORD})

    def given(self, item: Item) -> str | None:
        return None if item.fields is None else str(item.fields["givenName"])

    def uuid(self, dn: str) -> str:
        """What the directory calls an entry."""
        assert self.eyes.search(dn, "(objectClass=*)", ldap3.BASE, attributes=["entryUUID"]), self.eyes.result
        found: bytes = self.eyes.response[0]["raw_attributes"]["entryUUID"][0]
        return found.decode()

    def change(self, name: str, **values: Sequence[str | bytes]) -> None:
        """Attributes of a person."""
        changes = {key: [(ldap3.MODIFY_REPLACE, list(value))] for key, value in values.items()}
        assert self.eyes.modify(f"uid={name},{PEOPLE}", changes), self.eyes.result

    def group(self, name: str, *members: str) -> None:
        """A group with these persons, and with one who is none."""
        dns = [f"cn=nobody,{GROUPS}", *(f"uid={member},{PEOPLE}" for member in members)]
        dn = f"cn={name},{GROUPS}"
        if not self.eyes.add(dn, "groupOfNames", {"cn": name, "member": dns}):
            assert self.eyes.modify(dn, {"member": [(ldap3.MODIFY_REPLACE, dns)]}), self.eyes.result


@asynccontextmanager
async def ldap_world(*, sync: bool = True, **how: Any) -> AsyncIterator[LdapWorld]:
    """An empty directory on a server of its own."""
    if find() is None:
        pytest.skip(MISSING)
    with slapd(sync=sync, **how) as server:
        made = LdapWorld(server, sync=sync)
        yield made
        made.eyes.unbind()
