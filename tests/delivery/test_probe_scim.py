"""Probing an SCIM SP that is not ours: scim2-server on loopback, through the real courier, judged by RFC 7644."""

from provisioning.adapters.delivery.driver import Courier
from provisioning.command.probed import words
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.probe import Finding, Findings, Verdict
from provisioning.protocols.dialogue import Delivery
from provisioning.protocols.scim import deliver
from provisioning.protocols.scim_groups import make_group
from provisioning.protocols.scim_probe import probe
from tests.delivery.conftest import Provider
from tests.delivery.test_scim_server import ENTERPRISE, VALUES, service


def by_subject(findings: Findings) -> dict[str, Finding]:
    assert findings.refusal == ""
    named = {each.about: each for each in findings.findings}
    assert len(named) == len(findings.findings), "each thing is said once"
    return named


async def fill(courier: Courier, held: Service, people: int) -> None:
    """So many people, all in one group."""
    made = await courier.converse(held, make_group(held, "readers", False))
    groups = {"readers": str(made.known.remote_id)}
    for number in range(people):
        desired = Desired(Phase.ACTIVE, {**VALUES, "userName": f"ann{number}"}, ("readers",))
        delivery = Delivery(f"identity-{number}", desired, Known(), False, f"operation-{number}", 1, groups)
        await courier.converse(held, deliver(held, delivery))


async def test_an_honest_sp_is_found_to_be_so_and_only_asked(provider: Provider, courier: Courier) -> None:
    held = service(provider, create_groups=True)
    await fill(courier, held, 3)
    provider.grader.calls.clear()
    findings = await courier.probe(held, probe(held))
    seen = by_subject(findings)
    assert {about for about, each in seen.items() if each.verdict is Verdict.CONTRADICTS} == set()
    assert {about for about, each in seen.items() if each.verdict is Verdict.UNSEEN} == {"patch", "bulk", "sort"}
    assert seen["Users"].seen.startswith("3 in all")
    assert seen["filter on userName"].seen == "it finds who is there and nobody else; case makes no difference"
    assert seen["bulk"].says == "supported; maxOperations 1000, maxPayloadSize 1048576"
    assert seen["Schemas"].seen == "they have all that is mapped"
    assert {call.method for call in provider.grader.calls} == {"GET"}
    assert len(provider.grader.calls) <= 25
    assert words(held, findings)["settings"] == {
        "scim": {"bulk": {"operations": 1000, "payload": 1048576}, "schemas": [ENTERPRISE]}
    }


async def test_an_empty_sp_leaves_open_what_nobody_could_show(provider: Provider, courier: Courier) -> None:
    held = service(provider)
    seen = by_subject(await courier.probe(held, probe(held)))
    unseen = {about for about, each in seen.items() if each.verdict is Verdict.UNSEEN}
    assert unseen == {
        "patch", "bulk", "sort", "filter on externalId", "filter on userName", "paging by index", "etag",
        "filter on Groups' displayName", "members of groups",
    }  # fmt: skip


async def test_a_mapping_that_the_schemas_do_not_have_is_told(provider: Provider, courier: Courier) -> None:
    paths = ["userName", "shoeSize", "name.nick", "urn:example:own:User:badge"]
    held = service(provider).model_copy(update={"account": dict.fromkeys(paths, "x")})
    seen = by_subject(await courier.probe(held, probe(held)))["Schemas"]
    assert seen.verdict is Verdict.CONTRADICTS
    assert seen.seen == ", ".join(f"nothing of the name {path}" for path in paths[1:])


async def test_a_wrong_credential_is_refused(provider: Provider, courier: Courier) -> None:
    held = service(provider, secret=None)
    findings = await courier.probe(held, probe(held))
    assert findings.refusal == "the SP refuses the credential: GET /Users answered 401"
