"""Probing an SPML provider written from the standard, on loopback, judged by the schemas."""

from typing import Any

from provisioning.adapters.delivery.driver import Courier
from provisioning.core.probe import Finding, Findings, Verdict
from provisioning.protocols.spml_probe import probe
from tests.delivery.spml_provider import Endpoint, Fault, instead, served, service
from tests.delivery.spml_server import Target

READING = {"listTargets", "search", "closeIterator"}


async def probed(courier: Courier, target: Target, *faults: Fault | None, **changes: Any) -> tuple[Findings, Endpoint]:
    async with served(target) as endpoint:
        endpoint.faults = list(faults)
        held = service(endpoint.url, **changes)
        findings = await courier.probe(held, probe(held))
    assert {*endpoint.names} <= READING
    return findings, endpoint


def by_subject(findings: Findings) -> dict[str, Finding]:
    assert findings.refusal == ""
    return {each.about: each for each in findings.findings}


def proposed(findings: Findings) -> dict[str, Any]:
    return {each.setting: each.value for each in findings.proposals}


async def test_targets_capabilities_and_searches_are_found(courier: Courier) -> None:
    target = Target()
    target.plant("person", uid="ann")
    findings, endpoint = await probed(courier, target)
    seen = by_subject(findings)
    assert {about for about, each in seen.items() if each.verdict is Verdict.CONTRADICTS} == set()
    assert seen["targets"].seen == "people"
    assert "suspend" in seen["capabilities of people"].says
    assert seen["search by uid"].seen == "one that matches nobody gave nobody"
    batch = {"operations": 10, "payload": 262_144}
    assert proposed(findings) == {"spml.target": "people", "spml.profile": "dsml", "spml.batch": batch}
    assert endpoint.names == ["listTargets", "search", "search"]


async def test_a_profile_that_is_not_the_targets_is_told(courier: Courier) -> None:
    findings, _ = await probed(courier, Target(profile="xsd"))
    assert proposed(findings)["spml.profile"] == "xsd"


async def test_what_the_settings_need_and_the_target_lacks_is_told(courier: Courier) -> None:
    findings, endpoint = await probed(courier, Target(capabilities=("async",)))
    seen = by_subject(findings)["capabilities of people"]
    assert seen.verdict is Verdict.CONTRADICTS
    assert [part.partition(":")[0] for part in seen.seen.split("; ")] == [
        "suspend is missing", "`active` and `suspended` may do it", "search is missing",
        "`identifier", "reference is missing", "`member_of` may do it",
    ]  # fmt: skip
    assert endpoint.names == ["listTargets"]


async def test_a_target_that_is_not_listed_is_told(courier: Courier) -> None:
    findings, _ = await probed(courier, Target(id="staff"))
    assert by_subject(findings)["spml.target"].seen == "the SP lists no target people"
    assert proposed(findings)["spml.target"] == "staff"


class Careless(Target):
    """A target that gives everyone, whatever is searched."""

    def do_search(self, request: Any) -> Any:
        return self._page(request, list(self.objects.values()))


async def test_a_search_that_is_ignored_is_told_and_closed(courier: Courier) -> None:
    target = Careless(page=2)
    for name in ("ann", "ben", "cat"):
        target.plant("person", uid=name)
    findings, endpoint = await probed(courier, target)
    assert by_subject(findings)["search by uid"].seen == "ignored: one that matches nobody gave 2 objects"
    assert by_subject(findings)["search by uid"].verdict is Verdict.CONTRADICTS
    assert endpoint.names == ["listTargets", "search", "closeIterator", "search", "closeIterator"]
    assert target.iterators == {}


async def test_a_refusal_or_garbage_finds_nothing(courier: Courier) -> None:
    for fault, refusal in (
        (instead(b"", 401), "listTargetsRequest answered 401"),
        (instead(b"<html>Welcome</html>"), "listTargetsRequest answered with not a SOAP 1.1 envelope"),
        (instead(b"", 302), "listTargetsRequest answered 302: redirect refused"),
    ):
        findings, endpoint = await probed(courier, Target(), fault)
        assert findings == Findings(refusal=refusal)
        assert len(endpoint.calls) == 1
