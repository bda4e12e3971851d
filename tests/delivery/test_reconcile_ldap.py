"""Reconciliation through the whole stage, at OpenLDAP."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import ldap3
import pytest

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.ldap import LdapCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.protocols import ldap_list
from tests.delivery import openldap
from tests.delivery.conftest import no_queue
from tests.delivery.openldap import ADMIN, ALUMNI, PASSWORD, PEOPLE, OpenLdap
from tests.delivery.test_ldap import LOCKED, Directory, trust
from tests.stages.bench import Process, new_bench
from tests.stages.reconciling import REPAIRS, Rig, of
from tests.stages.tenant import bundle, says

pytestmark = pytest.mark.skipif(openldap.find() is None, reason=openldap.MISSING)
ACCOUNT = {"uid": "person.login", "cn": "person.name", "sn": "person.name"}


async def _secret(_name: str) -> str:
    return json.dumps({"dn": ADMIN, "password": PASSWORD})


@pytest.fixture
def directory(server: OpenLdap) -> Any:
    eyes = ldap3.Connection(ldap3.Server(server.url, get_info=ldap3.NONE), ADMIN, PASSWORD, auto_bind=True)
    made = Directory(eyes, server)
    made.clear()
    yield made
    made.clear()
    eyes.unbind()


@pytest.fixture
async def rig(
    directory: Directory, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    """Seven people in a directory that is read three entries at a time."""
    monkeypatch.setattr(ldap_list, "PAGE", 3)
    secrets = Secrets(_secret)
    caller, ask = HttpCaller(secrets), LdapCaller(secrets, trust(certificate[0]))
    fields = {
        "protocol": "ldap", "endpoint": directory.server.secure_url, "secret": "directory", "match": "uid",
        "account": ACCOUNT, "private": True, "ldap": {"base": PEOPLE, "suspended": LOCKED},
        "reconcile": {**REPAIRS, "duplicate": "park"},
    }  # fmt: skip
    bench = await new_bench(bundle({"library": fields}))
    bench.courier = Courier(caller, no_queue, ask)
    bench.process = Process(bench)
    await bench.arrive(*(says(f"p{number}", 1, "student") for number in range(1, 8)))
    yield Rig(bench)
    await ask.close()
    await caller.close()


def dn(rig: Rig, key: str) -> str:
    return str(rig.bench.account(key=key).known.remote_id)


async def test_entries_are_listed_compared_and_mended(rig: Rig, directory: Directory) -> None:
    assert (await rig.run())["counts"] == {"settled": 7}
    assert directory.eyes.modify(dn(rig, "p1"), {"sn": [(ldap3.MODIFY_REPLACE, ["Eve"])]})
    assert directory.eyes.modify(dn(rig, "p2"), {"pwdAccountLockedTime": [(ldap3.MODIFY_ADD, ["000001010000Z"])]})
    assert directory.eyes.modify(dn(rig, "p3"), {"mail": [(ldap3.MODIFY_ADD, ["theirs@example.org"])]})
    assert directory.eyes.delete(dn(rig, "p4"))
    directory.plant("stranger")
    directory.plant("guest", employeeNumber="another-engines-mark")
    report = await rig.mend()
    assert (report["complete"], report["counts"]) == (
        True, {"drifted": 2, "missing": 1, "orphan": 1, "foreign": 1, "settled": 4},
    )  # fmt: skip
    assert sorted(each["attributes"] for each in of(report, "drifted")) == [["phase"], ["sn"]]
    assert "Eve" not in str(report)
    entries = directory.entries()
    assert entries[dn(rig, "p1")]["sn"] == [b"Name of p1"]
    assert not entries[dn(rig, "p2")].get("pwdAccountLockedTime")
    assert entries[dn(rig, "p3")]["mail"] == [b"theirs@example.org"], "what is not ours is left"
    assert len(entries) == 9
    assert (await rig.mend())["counts"] == {"orphan": 1, "foreign": 1, "settled": 7}


async def test_an_entry_that_was_given_another_name_is_ours_and_its_name_is_put_right(
    rig: Rig, directory: Directory
) -> None:
    assert directory.eyes.modify_dn(dn(rig, "p1"), "uid=renamed")
    report = await rig.mend()
    assert of(report, "drifted") == [
        {"remote_id": f"uid=renamed,{PEOPLE}", "identity": rig.bench.identity().id, "attributes": ["remote_id"]}
    ]
    assert f"uid=login-p1,{PEOPLE}" in directory.entries()
    assert (await rig.mend())["counts"] == {"settled": 7}


async def test_an_entry_that_was_sorted_elsewhere_is_found_there_and_left_there(rig: Rig, directory: Directory) -> None:
    assert directory.eyes.modify_dn(dn(rig, "p1"), "uid=login-p1", new_superior=ALUMNI)
    await rig.mend()
    assert rig.bench.account().known.remote_id == f"uid=login-p1,{ALUMNI}"
    assert (await rig.mend())["counts"] == {"settled": 7}


async def test_a_second_entry_with_our_mark_is_a_duplicate(rig: Rig, directory: Directory) -> None:
    planted = directory.plant("copy", employeeNumber=rig.bench.identity().id)
    report = await rig.mend()
    assert of(report, "duplicate") == [{"remote_id": planted, "identity": rig.bench.identity().id}]
    assert (report["done"], len(directory.entries())) == ({"park": 1}, 8)


async def test_a_list_that_was_begun_on_another_connection_is_begun_anew(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive, asked = rig.bench.courier.drive, 0

    async def lossy(service: Any, dialogue: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 3:
            await rig.bench.courier.ask.close()  # type: ignore[attr-defined]  # the process ended here
        return await drive(service, dialogue)

    monkeypatch.setattr(rig.slow, "drive", lossy)
    report = await rig.run()
    assert (report["complete"], report["counts"]) == (True, {"settled": 7})
    assert len(rig.bench.said("reconcile.restarted")) == 1


async def test_a_list_that_never_gets_to_its_end_proves_nobody_missing(
    rig: Rig, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive = rig.bench.courier.drive
    assert directory.eyes.delete(dn(rig, "p7"))

    async def lossy(service: Any, dialogue: Any) -> Any:
        result = await drive(service, dialogue)
        await rig.bench.courier.ask.close()  # type: ignore[attr-defined]  # before the next page
        return result

    monkeypatch.setattr(rig.slow, "drive", lossy)
    report = await rig.mend()
    assert (report["complete"], report["counts"]) == (False, {"settled": 3})
    assert report["problem"] == "the connection on which the list was read is gone"
    assert len(directory.entries()) == 6
