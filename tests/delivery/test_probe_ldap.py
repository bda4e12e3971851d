"""Probing OpenLDAP over real TLS: its root DSE, and whether the places of the settings are there."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.ldap import LdapCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.catalog import Service
from provisioning.core.probe import Finding, Findings, Verdict
from provisioning.protocols.ldap_groups import make_group
from provisioning.protocols.ldap_probe import probe
from tests.delivery.certificates import make_certificate
from tests.delivery.conftest import no_queue
from tests.delivery.openldap import GROUPS, MISSING, PEOPLE, SUFFIX, OpenLdap, find, running
from tests.delivery.test_ldap import read_secret, trust

pytestmark = pytest.mark.skipif(find() is None, reason=MISSING)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(certificate: tuple[Path, Path]) -> Iterator[OpenLdap]:
    with running(*certificate) as server:
        yield server


@pytest.fixture
async def directories(certificate: tuple[Path, Path]) -> AsyncIterator[Courier]:
    caller = LdapCaller(Secrets(read_secret), trust(certificate[0]))
    yield Courier(HttpCaller(Secrets(read_secret)), no_queue, caller)
    await caller.close()


def service(url: str, **ldap: Any) -> Service:
    return Service.model_validate(
        {
            "id": "directory", "protocol": "ldap", "endpoint": url, "secret": "directory", "private": True,
            "timeout": 5, "match": "uid", "create_groups": True, "account": {"uid": "x", "cn": "x", "sn": "x"},
            "ldap": {"base": PEOPLE, "groups": GROUPS, **ldap},
        }
    )  # fmt: skip


def by_subject(findings: Findings) -> dict[str, Finding]:
    assert findings.refusal == ""
    return {each.about: each for each in findings.findings}


async def test_a_directory_is_found_as_configured(directories: Courier, server: OpenLdap) -> None:
    held = service(server.secure_url)
    await directories.converse(held, make_group(held, "readers", False))
    findings = await directories.probe(held, probe(held))
    seen = by_subject(findings)
    assert {about for about, each in seen.items() if each.verdict is Verdict.CONTRADICTS} == set()
    assert seen["naming contexts"].says == SUFFIX
    assert "StartTLS" in seen["controls and extensions"].says
    assert (seen["ldap.base"].seen, seen["ldap.groups"].seen) == ("it is there", "it is there")
    assert seen["search by uid"].seen == "one that matches nobody gave no entries"
    assert {each.setting: each.value for each in findings.proposals} == {"ldap.group_class": "groupOfNames"}


async def test_places_that_are_not_there_and_another_class_of_groups_are_told(
    directories: Courier, server: OpenLdap
) -> None:
    held = service(server.url, suspended_in=f"ou=away,{PEOPLE}", group_class="posixGroup", start_tls=True)
    await directories.converse(service(server.url), make_group(service(server.url), "readers", True))
    findings = await directories.probe(held, probe(held))
    seen = by_subject(findings)
    assert seen["ldap.suspended_in"].verdict is Verdict.CONTRADICTS
    assert seen["ldap.suspended_in"].seen == "there is no such entry"
    assert seen["group class"].verdict is Verdict.CONTRADICTS
    proposed = {each.setting: each.value for each in findings.proposals}
    assert proposed == {"ldap.group_class": "groupOfNames", "ldap.start_tls": True}
    elsewhere = service(server.url, base="dc=other,dc=org", groups=None)
    seen = by_subject(await directories.probe(elsewhere, probe(elsewhere)))
    assert seen["naming contexts"].seen == "ldap.base is in none of them"
    assert seen["ldap.base"].verdict is Verdict.CONTRADICTS


async def test_a_directory_that_nobody_reaches_finds_nothing(directories: Courier, server: OpenLdap) -> None:
    held = service(server.secure_url.replace("localhost", "no-such-host.invalid"))
    findings = await directories.probe(held, probe(held))
    assert findings.refusal.startswith("the root DSE: not answered: not connected")
