"""The report of a probe: YAML for review whose settings can stand in the service's file as they are."""

import io
from typing import Any

import yaml
from rich.console import Console

from provisioning.command.probe import as_written
from provisioning.command.probed import print_findings, report, words
from provisioning.core.catalog import Service, Spml
from provisioning.core.probe import Finding, Findings, Proposal, Verdict

FINDINGS = Findings(
    (
        Finding("targets", "", "people", Verdict.HOLDS),
        Finding("search by [bold]uid", "supported: yes", "ignored", Verdict.CONTRADICTS),
        Finding("schema", "", "none", Verdict.UNSEEN),
    ),
    (
        Proposal("spml.target", "people: 1", "the only one"),
        Proposal("spml.profile", "xsd", "the target's"),
        Proposal("spml.owner", "yes", "# nobody"),
    ),
)


def service(**spml: Any) -> Service:
    fields = {"id": "library", "protocol": "spml", "endpoint": "https://sp", "match": "uid", "account": {"uid": "x"}}
    return Service.model_validate({**fields, "spml": {"entity": "person", **spml}})


def test_the_settings_load_as_the_services_own_and_keep_what_is_written() -> None:
    held = service(profile="dsml", active={"status": "on"}, suspended={"status": "off"})
    told = yaml.safe_load(report(held, FINDINGS))
    assert Spml.model_validate(told["spml"]) == Spml.model_validate(
        {
            "entity": "person", "profile": "dsml", "active": {"status": "on"}, "suspended": {"status": "off"},
            "target": "people: 1", "owner": "yes",
        }
    )  # fmt: skip
    assert told["differences"] == [
        {"setting": "spml.profile", "written": "dsml", "found": "xsd", "because": "the target's"}
    ]


def test_each_setting_stands_under_its_reason() -> None:
    lines = report(service(profile="dsml"), FINDINGS).splitlines()
    at = lines.index("spml:")
    assert lines[at + 1 :] == [
        "  # written; found: xsd, because the target's",
        "  profile: dsml",
        "  entity: person",
        "  # the only one",
        "  target: 'people: 1'",
        "  # # nobody",
        "  owner: 'yes'",
    ]


def test_without_proposals_there_are_no_settings() -> None:
    told = yaml.safe_load(report(service(), Findings(FINDINGS.findings)))
    assert set(told) == {"service", "protocol", "findings", "differences"}
    assert words(service(), Findings(FINDINGS.findings))["settings"] == {}


def test_a_published_bundle_has_its_defaults_written_out_and_they_are_nobodys_word() -> None:
    published = Service.model_validate_json(service(target="people").model_dump_json(by_alias=True))
    held = as_written(published)
    assert held == published
    told = yaml.safe_load(report(held, FINDINGS))
    assert told["spml"] == {"entity": "person", "target": "people", "profile": "xsd", "owner": "yes"}
    assert [each["setting"] for each in told["differences"]] == ["spml.target"]


def test_what_a_published_service_of_scim_has_written_is_known() -> None:
    fields = {"id": "sso", "protocol": "scim", "endpoint": "https://sp", "account": {"userName": "x"}}
    held = Service.model_validate({**fields, "scim": {"preset": "slack", "etag": "shown"}})
    published = Service.model_validate_json(held.model_dump_json(by_alias=True))
    found = Findings((), (Proposal("scim.etag", "never", "none is given"), Proposal("scim.page", 9, "no more came")))
    told = words(as_written(published), found)
    assert told["settings"] == {"scim": {"preset": "slack", "etag": "shown", "page": 9}}
    assert [each["setting"] for each in told["differences"]] == ["scim.etag"]


def test_people_read_a_table_in_which_no_word_of_the_sp_is_markup() -> None:
    console = Console(file=io.StringIO(), width=120)
    print_findings(console, service(profile="dsml"), FINDINGS)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "! │ search by [bold]uid" in text
    assert "proposed: spml.target: 'people: 1' (the only one)" in text
    assert "written: spml.profile: dsml, which stays; found xsd (the target's)" in text
