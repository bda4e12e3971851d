"""`provision probe` as an operator runs it: a process of its own, against an SP and a Secrets Manager on loopback."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from moto.server import ThreadedMotoServer

from localstack.emulator import ROOT, credentials
from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.policies import PublishedPolicies
from provisioning.adapters.aws.rows import Rows
from provisioning.command.bundle import load_folder
from provisioning.runtime.entry import clock
from tests.contracts.backends import new_bucket, new_table
from tests.delivery.certificates import make_certificate
from tests.delivery.liar import Liar, lying, says
from tests.delivery.openldap import ADMIN, MISSING, PASSWORD, PEOPLE, find, running

TOKEN = "a-token-of-the-library"


@pytest.fixture
async def sp() -> AsyncIterator[Liar]:
    async with lying(Liar(token=TOKEN)) as liar:
        yield liar
    assert {request.method for request in liar.asked} <= {"GET"}


@pytest.fixture
def folder(tmp_path: Path, sp: Liar) -> Path:
    """A bundle with one service, whose SP is the one that runs."""
    made = tmp_path / "bundle"
    library = {
        "id": "library", "protocol": "scim", "endpoint": sp.url, "private": True, "secret": "campus/library",
        "timeout": 2, "account": {"userName": "person.login"},
    }  # fmt: skip
    files: dict[str, Any] = {
        "tenant.yaml": {"id": "te", "person": {"login": "string"}},
        "sources/registry.yaml": {"id": "registry"},
        "services/library.yaml": library,
        "services/badge.yaml": {
            "id": "badge", "protocol": "queue", "endpoint": "https://q", "match": "a", "account": {"a": "person.login"}
        },
        "rules/all.yaml": [],
    }  # fmt: skip
    for name, content in files.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    return made


async def provision(where: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a folder of its own. Nothing that it prints ever holds the credential."""
    program = Path(sys.executable).parent / "provision"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    kept["PYTHONPATH"] = f"{ROOT / 'shared'}{os.pathsep}{ROOT}"  # this tree's, wherever the program was installed from
    given = {**kept, "AWS_EC2_METADATA_DISABLED": "true", "COLUMNS": "200", **environment}

    def wait() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments], cwd=where, env=given, capture_output=True, text=True, timeout=60, check=False
        )

    result = await asyncio.to_thread(wait)  # the SP runs on the loop of the test
    assert TOKEN not in result.stdout + result.stderr
    return result


def probe(folder: Path, *more: str, service: str = "library") -> tuple[str, ...]:
    return ("probe", service, "--bundle", str(folder), *more)


async def test_the_findings_are_printed_and_written_for_review(folder: Path, tmp_path: Path) -> None:
    result = await provision(tmp_path, *probe(folder, "--secret-env", "LIBRARY_TOKEN"), LIBRARY_TOKEN=TOKEN)
    assert (result.returncode, result.stderr) == (0, "")
    assert "startIndex past the end gave nobody" in result.stdout
    assert "library.probe.yaml: for review; nothing of it is in force" in result.stdout
    text = (tmp_path / "library.probe.yaml").read_text(encoding="utf-8")
    assert TOKEN not in text
    told = yaml.safe_load(text)
    assert told["service"] == "library"
    (paging,) = (each for each in told["findings"] if each["about"] == "paging by index")
    assert paging == {
        "about": "paging by index", "says": "", "seen": "startIndex past the end gave nobody", "verdict": "holds"
    }  # fmt: skip
    assert not list(folder.rglob("*.probe.yaml"))


async def test_the_credential_may_be_in_a_file_and_the_findings_elsewhere(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    out = tmp_path / "elsewhere.yaml"
    result = await provision(tmp_path, *probe(folder, "--secret-file", "token", "--out", str(out), "--json"))
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["findings"] == yaml.safe_load(out.read_text(encoding="utf-8"))["findings"]


async def test_a_report_does_not_become_a_part_of_the_bundle(folder: Path) -> None:
    out = ("--out", "services/library.yaml")
    result = await provision(folder, *probe(folder, "--secret-env", "LIBRARY_TOKEN", *out), LIBRARY_TOKEN=TOKEN)
    assert (result.returncode, "a report is no part of one" in result.stderr.replace("\n", " ")) == (1, True)
    assert "findings" not in (folder / "services" / "library.yaml").read_text(encoding="utf-8")


@pytest.fixture
async def aws(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[dict[str, str]]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request says nothing
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {**credentials(), "AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    clients = Clients()
    client = await clients.secretsmanager()
    await client.create_secret(Name="campus/library", SecretString=TOKEN)
    yield environment
    await client.delete_secret(SecretId="campus/library", ForceDeleteWithoutRecovery=True)
    await clients.close()
    server.stop()


async def test_without_an_option_the_credential_is_that_of_the_functions(
    folder: Path, tmp_path: Path, aws: dict[str, str], sp: Liar
) -> None:
    result = await provision(tmp_path, *probe(folder), **aws)
    assert result.returncode == 0, result.stderr
    assert sp.asked


async def publish(folder: Path) -> str:
    """A stack that has no more than a probe reads, with the bundle in force."""
    clients = Clients()
    table, bucket = await new_table(clients), await new_bucket(clients)
    outputs = {"Table": table, "Bucket": bucket, "IdentitiesQueue": "none", "CampaignQueue": "none"}
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    client = await clients.cloudformation()
    with suppress(client.exceptions.AlreadyExistsException):  # the SDK repeats a call whose answer took too long
        await client.create_stack(StackName=table, TemplateBody=json.dumps(template))
    loaded = load_folder(folder)
    policies = PublishedPolicies(Rows(clients, table), Objects(clients, bucket), clock)
    await policies.publish(loaded.published, loaded.hash)
    await clients.close()
    return table


async def test_without_a_folder_the_service_in_force_is_probed(
    folder: Path, tmp_path: Path, aws: dict[str, str], sp: Liar
) -> None:
    stack = await publish(folder)
    result = await provision(tmp_path, "probe", "library", "--stack", stack, **aws)
    assert result.returncode == 0, result.stderr
    assert sp.asked
    result = await provision(tmp_path, "probe", "libary", "--stack", stack, **aws)
    assert (result.returncode, "there is no service 'libary'" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--secret-env", "WRONG"), "the SP refuses the credential: GET /Users answered 401"),
        (("--secret-env", "MISSING"), "the variable 'MISSING' is not set"),
        (("--secret-file", "missing"), "missing: cannot be read (a file of text)"),
        (("--secret-env", "WRONG", "--secret-file", "missing"), "two credentials are given"),
    ],
)
async def test_a_credential_that_will_not_do_fails(
    folder: Path, tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    result = await provision(tmp_path, *probe(folder, *options), WRONG="another")
    assert result.returncode == 1
    assert problem in result.stderr.replace("\n", " ")
    assert not (tmp_path / "library.probe.yaml").exists()


async def test_an_sp_that_is_not_reached_fails(folder: Path, tmp_path: Path) -> None:
    file = folder / "services" / "library.yaml"
    library = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**library, "endpoint": "https://sp.invalid"}), encoding="utf-8")
    result = await provision(tmp_path, *probe(folder, "--secret-env", "LIBRARY_TOKEN"), LIBRARY_TOKEN=TOKEN)
    assert result.returncode == 1
    assert "nothing can be found out about library: GET /ServiceProviderConfig not answered" in result.stderr


async def test_a_redirect_is_refused(folder: Path, tmp_path: Path, sp: Liar) -> None:
    sp.instead["/Users"] = says(302, Location="http://169.254.169.254/latest")
    result = await provision(tmp_path, *probe(folder, "--secret-env", "LIBRARY_TOKEN"), LIBRARY_TOKEN=TOKEN)
    assert result.returncode == 1
    assert "a redirect, and none is followed" in result.stderr


async def test_a_service_that_cannot_be_asked_or_is_not_there_fails(folder: Path, tmp_path: Path) -> None:
    result = await provision(tmp_path, *probe(folder, service="badge"))
    assert (result.returncode, "an SP of protocol 'queue' cannot be asked" in result.stderr) == (1, True)
    result = await provision(tmp_path, *probe(folder, service="libary"))
    assert (result.returncode, "there is no service 'libary'" in result.stderr) == (1, True)
    result = await provision(tmp_path, "probe", "library")
    assert (result.returncode, "--stack" in result.stderr) == (1, True)


@pytest.mark.skipif(find() is None, reason=MISSING)
async def test_a_directory_is_probed_over_tls(folder: Path, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    with running(certificate, key) as server:
        directory = {
            "id": "directory", "protocol": "ldap", "endpoint": server.secure_url, "private": True, "secret": "any",
            "match": "uid", "account": {"uid": "person.login", "cn": "person.login", "sn": "person.login"},
            "ldap": {"base": PEOPLE},
        }  # fmt: skip
        (folder / "services" / "directory.yaml").write_text(yaml.safe_dump(directory), encoding="utf-8")
        bind = {"BIND": json.dumps({"dn": ADMIN, "password": PASSWORD}), "SSL_CERT_FILE": str(certificate)}
        result = await provision(tmp_path, *probe(folder, "--secret-env", "BIND", service="directory"), **bind)
    assert result.returncode == 0, result.stderr
    assert "one that matches nobody gave no entries" in result.stdout
    assert PASSWORD not in result.stdout + (tmp_path / "directory.probe.yaml").read_text(encoding="utf-8")
