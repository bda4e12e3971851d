"""Both profiles are kept and told alike, and what is told is read by a mapping."""

from typing import Any

from provisioning.core.catalog import Source, Tenant
from provisioning.core.notification import Listening, read_notification
from provisioning.core.publication import compile_bundle
from provisioning.core.reading import compile_reading
from provisioning.core.record import Schema
from tests.core.test_reading import TENANT
from tests.gateway.spml import SPACES, add, of, say, search
from tests.gateway.world import NOW, World, sources
from tests.stages.tenant import bundle


def spml_world(**options: Any) -> World:
    return World(bundle=sources(spml=options))


async def test_what_is_told_is_read_by_the_mapping_of_its_source() -> None:
    mail = {"path": "attributes.mail", "kind": "list(string)"}
    record = {
        "fields": {"uid": {"path": "attributes.uid"}, "mail": mail, "active": "bool"},
        "attributes": {"name": "fields.uid", "mail": "fields.mail[0]"},
        "affiliations": [{"when": "fields.active", "id": "'staff'"}],
    }
    world = spml_world(single=["uid"])
    source = Source.model_validate({**sources()[3], "record": record})
    tenant = Tenant.model_validate({**TENANT, "person": {"name": "string", "mail": "string"}})
    schema = Schema(tenant.person, tenant.affiliation, compile_bundle(bundle()).zone, tenant.limits)
    listening = Listening(source, compile_reading(source, tenant), schema)
    await say(world, add("a1", uid="ann", mail=["a@x", "b@x"]))
    await say(world, of("suspend:suspend", "a1"))
    await say(world, of("delete", "a1"))
    told: list[Any] = [read_notification(listening, body, 99).told for body in world.queues["people"].bodies()]
    shown = [(each.key, each.version - NOW, each.deleted, len(each.affiliations)) for each in told]
    assert shown == [("a1", 1, False, 1), ("a1", 2, False, 0), ("a1", 3, True, 0)]
    assert dict(told[0].attributes) == {"name": "ann", "mail": "a@x"}


async def test_an_object_of_the_xsd_profile_is_kept_and_told_alike() -> None:
    world = spml_world(profile="xsd", namespace="urn:x:people", entity="person", single=["uid"])
    person = "<p:person xmlns:p='urn:x:people'><p:uid>ann</p:uid><p:mail>a</p:mail><p:mail>b</p:mail></p:person>"
    made = await say(world, f'<addRequest {SPACES}><psoID ID="a1"/><data>{person}</data></addRequest>')
    assert made.status == "success"
    assert world.told("people")[-1]["fields"]["attributes"] == {"uid": "ann", "mail": ["a", "b"]}
    for mode, path, data, after in (
        ("add", "/p:person", "<p:mail xmlns:p='urn:x:people'>c</p:mail>", ["a", "b", "c"]),
        ("delete", '/p:person/p:mail[.="b"]', "", ["a", "c"]),
        ("replace", "/p:person/p:mail", "<p:mail xmlns:p='urn:x:people'>z</p:mail>", ["z"]),
    ):
        component = f"<component path='{path}' namespaceURI='http://www.w3.org/TR/xpath20'/>"
        content = f"<data>{data}</data>" if data else ""
        asked = f'<modification modificationMode="{mode}">{component}{content}</modification>'
        answer = await say(world, f'<modifyRequest {SPACES}><psoID ID="a1"/>{asked}</modifyRequest>')
        assert answer.status == "success"
        assert world.told("people")[-1]["fields"]["attributes"]["mail"] == after
    select = "<select path='/p:person[p:uid=\"ann\"]' namespaceURI='http://www.w3.org/TR/xpath20'/>"
    assert (await say(world, search(select))).ids == ["a1"]
    assert (await say(world, f"<listTargetsRequest {SPACES}/>")).status == "success"
    iterated = await say(world, search(request='maxSelect="1"'))
    assert iterated.iterator is None
