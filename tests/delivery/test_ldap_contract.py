"""The table of behaviours once more, against OpenLDAP: a real counterpart of the directory in dicts."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ldap3
import pytest

from provisioning.adapters.delivery.ldap import LdapCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Answer, HttpResponse
from provisioning.protocols.ldap_message import LdapRequest, LdapResult
from tests.contracts.test_protocols import BEHAVIOURS, World
from tests.delivery.certificates import make_certificate
from tests.delivery.openldap import ADMIN, MISSING, PASSWORD, OpenLdap, find, running
from tests.protocols.directory import GROUPS, OPTIONS, PEOPLE

pytestmark = pytest.mark.skipif(find() is None, reason=MISSING)


class OpenLdapProvider:
    """OpenLDAP as the contract sees it: asked by the real transport, looked at by another client."""

    def __init__(self, server: OpenLdap, certificate: Path, runner: asyncio.Runner) -> None:
        self.calls = 0
        self.runner = runner
        self.caller = LdapCaller(Secrets(self.read), ssl.create_default_context(cafile=str(certificate)))
        place = ldap3.Server(server.url, get_info=ldap3.NONE)
        eyes: Any = ldap3.Connection(place, ADMIN, PASSWORD, auto_bind=True)
        self.eyes = eyes  # most of it is not typed
        fields = {
            "id": "directory", "protocol": "ldap", "endpoint": server.secure_url, "secret": "x", "private": True,
            "account": {"userName": "x"}, "ldap": OPTIONS,
        }  # fmt: skip
        self.service = Service.model_validate(fields)
        for dn in [item["dn"] for base in (PEOPLE, GROUPS) for item in self.shown(base)]:
            self.eyes.delete(dn)

    async def read(self, name: str) -> str:
        return json.dumps({"dn": ADMIN, "password": PASSWORD})

    def answer(self, request: LdapRequest) -> Answer:
        self.calls += 1
        return self.runner.run(self.caller(self.service, request, 10))

    def throttled(self) -> Answer:
        return LdapResult(51, "busy")

    def garbage(self) -> Answer:
        return HttpResponse(200, {}, b"<html>Welcome")

    def shown(self, base: str) -> list[dict[str, Any]]:
        self.eyes.search(base, "(!(objectClass=organizationalUnit))", attributes="*")
        return [item for item in self.eyes.response or () if item["type"] == "searchResEntry"]

    def accounts(self) -> dict[str, tuple[str, str, list[str]]]:
        groups = self.shown(GROUPS)
        found = {}
        for person in self.shown(PEOPLE):
            held = person["raw_attributes"]
            joined = [
                group["raw_attributes"]["cn"][0].decode()
                for group in groups
                if person["dn"].encode() in group["raw_attributes"]["member"]
            ]
            mark = b"".join(held.get("employeeNumber", [])).decode()
            found[mark] = (
                "suspended" if held.get("locked") else "active",
                held["userName"][0].decode(),
                sorted(joined),
            )
        return found

    def plant(self, user_name: str, mark: str | None) -> None:
        owner = {"employeeNumber": mark} if mark else {}
        assert self.eyes.add(f"userName={user_name},{PEOPLE}", "testAccount", owner)

    def remove_all(self) -> None:
        for person in self.shown(PEOPLE):
            self.eyes.delete(person["dn"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OpenLdap, Path]]:
    certificate, key = make_certificate(tmp_path_factory.mktemp("certificates"))
    with running(certificate, key) as made:
        yield made, certificate


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_openldap_behaves_as_the_table_says(server: tuple[OpenLdap, Path], behaviour: str) -> None:
    with asyncio.Runner() as runner:
        world = World("ldap")
        world.provider = provider = OpenLdapProvider(*server, runner)
        BEHAVIOURS[behaviour](world)
        runner.run(provider.caller.close())
        assert provider.calls > 0
