"""The README's recipes are run as they stand there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from localstack.emulator import ROOT
from provisioning.command.bundle import load_bundle
from provisioning.core.catalog import Exclusion, Matcher, Service, Source, Subscriber, Tenant
from provisioning.core.lifecycle import Entitlement, Standing
from provisioning.core.mapping import compile_mapping, desired
from provisioning.core.publication import compile_bundle
from provisioning.core.reading import compile_reading
from provisioning.protocols.registry import check_paths

README = (ROOT / "README.md").read_text(encoding="utf-8")


def recipe(name: str) -> str:
    found = re.search(rf"<!-- recipe: {name} -->\n```bash\n(.*?)```", README, re.DOTALL)
    assert found is not None, f"the README has no recipe {name!r}"
    return found[1]


def test_a_first_rule_of_the_readers_own_is_checked_and_explained() -> None:
    shutil.rmtree(ROOT / "build" / "mine", ignore_errors=True)
    (ROOT / "build").mkdir(exist_ok=True)
    script = "set -euo pipefail\n" + recipe("first-rule")
    result = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert "no errors" in result.stdout
    assert "[chess-club, registry/1]" in result.stdout.replace("\n", " ") or "chess-club" in result.stdout
    assert "wiki: active" in result.stdout


def test_a_source_of_the_readers_own_is_written_held_to_the_contract_and_checked() -> None:
    shutil.rmtree(ROOT / "build" / "own", ignore_errors=True)
    (ROOT / "build").mkdir(exist_ok=True)
    script = "set -euo pipefail\n" + recipe("own-source")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"}
    result = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "10 passed, 1 skipped" in result.stdout
    assert "no errors" in result.stdout


def sample_text(name: str) -> str:
    return README.split(f"<!-- sample: {name} -->\n```yaml\n")[1].split("```")[0]


def sample(name: str) -> Any:
    """A file of a bundle that the README shows."""
    return yaml.safe_load(sample_text(name))


def test_the_account_that_is_shown_can_be_delivered() -> None:
    attributes = dict.fromkeys(("given_name", "family_name", "mail", "phone"), "string")
    fields = {"id": "sp", "protocol": "scim", "endpoint": "https://sp.example", **sample("account")}
    service = Service.model_validate(fields)
    assert list(check_paths(service)) == []
    person = {"given_name": "Søren", "family_name": "Łęcki", "mail": "s@campus.example"}
    entitled = Entitlement(Standing.ACTIVE, turn=1)
    wanted = desired(compile_mapping(service, attributes), "an-id", person, entitled)
    assert wanted.names["userName"].first == ("soren.lecki", "soren.lecki2")
    assert wanted.values["nickName"] == "Søren"
    assert wanted.values['phoneNumbers[type eq "work"].value'] == "+31201234567"


def test_the_exclusion_that_is_shown_is_one() -> None:
    (exclusion,) = sample("exclusions")
    assert Exclusion.model_validate(exclusion).resolve == "later"


def test_the_cases_that_are_shown_hold_at_the_sample_campus(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "localstack" / "campus", tmp_path / "campus")
    for file in (tmp_path / "campus" / "cases").glob("*.yaml"):
        file.unlink()
    (tmp_path / "campus" / "cases" / "readme.yaml").write_text(sample_text("cases"), encoding="utf-8")
    program = Path(sys.executable).parent / "provision"
    checked = subprocess.run([program, "check", tmp_path / "campus", "--json"], capture_output=True, check=False)
    assert (json.loads(checked.stdout)["cases"], checked.returncode) == (2, 0)


def test_the_parts_of_a_service_that_are_shown_can_be_read() -> None:
    plain = {"id": "library", "protocol": "scim", "endpoint": "https://sp.example", "account": {"userName": "person.x"}}
    service = Service.model_validate({**plain, **sample("authentication"), **sample("maintenance")})
    assert service.authentication is not None
    assert (service.authentication.kind, service.authentication.certificate) == ("oauth2", "campus/engine")
    assert len(service.maintenance) == 2
    assert Service.model_validate({**plain, **sample("reconcile")}).reconcile is not None
    assert Service.model_validate({**plain, **sample("brake")}) == Service.model_validate(plain), "as they are anyway"
    queue = {**plain, "protocol": "queue", "endpoint": "arn:aws:sns:eu-west-1:111122223333:people.fifo"}
    thin = Service.model_validate({**queue, **sample("queue")})
    assert list(check_paths(thin)) == []
    assert Service.model_validate({**plain, "scim": {"preset": "slack"}, "requires": ["directory"]}).scim is not None
    assert Service.model_validate({**plain, "scim": {"bulk": {"operations": 50, "payload": 900000}}}).scim is not None


def test_the_source_that_is_shown_is_read_as_it_says() -> None:
    tenant = {
        "id": "campus", "person": {"login": "string"}, "affiliation": {"type": "string", "organization": "string"},
    }  # fmt: skip
    reader = compile_reading(Source.model_validate(sample("source")), Tenant.model_validate(tenant))
    assert reader is not None
    row = {"login": "ada", "unit": "arts", "hired": "2026-01-01", "status": "active", "changed": "2026-09-01T08:00:00Z"}
    assert reader.read(row, "17", 0) == {
        "key": "17",
        "version": 1788249600000000,
        "attributes": {"login": "ada"},
        "affiliations": [{"id": "job", "start": "2026-01-01", "type": "staff", "organization": "arts"}],
    }
    assert reader.read({**row, "status": "gone"}, "17", 0)["deleted"] is True


def in_bullet(start: str) -> Any:
    """The first YAML in the bullet that begins so."""
    bullet = README.split(f"\n- {start}", 1)[1].split("\n- ", 1)[0]
    code = next(found for found in re.findall(r"`([^`]*\{[^`]*\})`", start + bullet) if ":" in found)
    return yaml.safe_load(code)


@pytest.mark.parametrize("technology", ["ldap", "scim", "http"])
def test_the_options_of_a_technology_that_are_shown_can_be_read(technology: str) -> None:
    options = in_bullet(f"`poll.{technology}`")
    source = {"id": "idms", "record": {}, "poll": {"full": "0 3 * * *", technology: options}}
    assert Source.model_validate(source).poll is not None


def test_what_pushing_and_signing_sources_are_shown_with_can_be_read() -> None:
    signed = {**in_bullet("`format: scim-events`"), "format": "scim-events", "record": {}}
    for shown in (in_bullet("`push:"), in_bullet("An IDMS that speaks SPML 2.0"), signed):
        Source.model_validate({"id": "idms", "record": {}, **shown})


def test_the_federation_that_is_shown_is_one() -> None:
    """The source, service and matcher of the README take their places in the sample federation."""
    folder = load_bundle(ROOT / "localstack" / "federation")
    source = Source.model_validate(sample("federated-source"))
    (matcher,) = (Matcher.model_validate(each) for each in sample("matchers"))
    wiki = next(service for service in folder.services if service.id == "wiki")
    shared = Service.model_validate({**wiki.model_dump(mode="json"), **sample("federated-service")})
    others = [each for each in folder.sources if each.id != source.id]
    services = [each for each in folder.services if each.id != "wiki"]
    changed = {"sources": (source, *others), "services": (shared, *services), "matchers": (matcher,)}
    assert compile_bundle(folder.model_copy(update=changed)).trust is not None


def test_the_subscriber_that_is_shown_is_one() -> None:
    assert Subscriber.model_validate(sample("subscriber")).form == "full"


def test_an_event_of_another_engine_is_read_as_the_source_that_is_shown_says() -> None:
    person = {"login": "string"}
    tenant = Tenant.model_validate({"id": "tenant", "person": person, "affiliation": {"organization": "string"}})
    reader = compile_reading(Source.model_validate(sample("partner")), tenant)
    assert reader is not None
    event = {"identity": "i1", "service": "wiki", "revision": 7, "previous": 6, "phase": "active", "values":
             {"userName": "ada@partner.example"}}  # fmt: skip
    told = reader.read(event, None, 0)
    assert (told["key"], told["version"]) == ("i1", 7)
    assert told["attributes"] == {"login": "ada@partner.example"}
    assert told["affiliations"] == [{"id": "account", "organization": "partner"}]
    assert reader.read({"identity": "i1", "revision": 8, "phase": "absent"}, None, 0)["deleted"] is True
