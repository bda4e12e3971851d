"""What no client should send: bombs, entities, other dialects, requests of any size; and what real clients do send."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.protocols.inbound.http import LARGEST_BODY
from provisioning.protocols.inbound.spml_iterator import read_iterator, read_query_value, write_iterator
from provisioning.protocols.inbound.spml_message import EnvelopeError, FailureError, read_message
from provisioning.protocols.xml import Element
from tests.delivery.spml_grader import invalid
from tests.delivery.spml_objects import CORE, SOAP, local
from tests.gateway.spml import SPACES, Said, add, change, envelope, equal, iterate, of, say, search, send
from tests.gateway.world import World

BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
LEAK = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
LOOKUP = f'<lookupRequest {SPACES}><psoID ID="a1"/></lookupRequest>'


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<", b"hello", b"{}", b"\xff\xfe<\x00a\x00/\x00>\x00", b'<?xml version="1.0" encoding="latin-1"?><a/>',
        f'<?xml version="1.0"?>{BOMB}<lookupRequest xmlns="{CORE}">&b;</lookupRequest>'.encode(),
        f'<?xml version="1.0"?>{LEAK}<lookupRequest xmlns="{CORE}">&x;</lookupRequest>'.encode(),
        f"{LEAK}<spmlsearch:searchRequest/>".encode(),
        b"<?php evil ?><a/>", b"<a>" * 2000 + b"</a>" * 2000,
        envelope("<d>" + "<e/>" * 21_000 + "</d>"),
        envelope(""), envelope(LOOKUP + LOOKUP), envelope("<lookupRequest/>"), b"<a/>",
        envelope(f'<lookupResponse xmlns="{CORE}" status="success"/>'),
        envelope('<lookupRequest xmlns="urn:siemens:names:prov:gw:SPML:2:0"/>'),
        envelope('<addRequest xmlns="urn:oasis:names:tc:SPML:1:0"/>'),
        f'<soap:Envelope xmlns:soap="{SOAP}"/>'.encode(),
        b"<never:declared/>", b"</usual><a/>", b"<spmlsearch:a></usual>",
        f'<spmlsearch:searchRequest/><lookupRequest xmlns="{CORE}"/>'.encode(),
    ],
)  # fmt: skip
async def test_what_is_no_request_is_a_fault_that_quotes_nothing_and_changes_nothing(world: World, body: bytes) -> None:
    root = await send(world, body, status=500)
    fault = root[0][0]
    assert (local(fault), [local(each) for each in fault]) == ("Fault", ["faultcode", "faultstring"])
    assert fault[0].text == "soap:Client"
    assert "root:" not in str(fault[1].text)
    assert world.pushed.resources == {}


async def test_another_soap_and_a_header_that_must_be_understood_are_refused_by_their_codes(world: World) -> None:
    newer = b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body/></e:Envelope>'
    assert (await send(world, newer, status=500))[0][0][0].text == "soap:VersionMismatch"
    for must, status in (("1", 500), ("0", 200)):
        header = f'<soap:Header><x:a xmlns:x="urn:x" soap:mustUnderstand="{must}"/></soap:Header><soap:Body>'
        root = await send(world, envelope(LOOKUP).replace(b"<soap:Body>", header.encode()), status=status)
        assert status == 200 or root[0][0][0].text == "soap:MustUnderstand"


async def test_more_than_the_bounds_is_refused_and_nothing_of_it_done(world: World) -> None:
    await say(world, add("a1", uid="ann"))
    many = [("add", f"n{number}", ["x"]) for number in range(501)]
    refused = [
        add("b1", uid="bob", note="x" * 140_000),
        add("b1", uid="bob", **{f"n{number}": "x" for number in range(501)}),
        add("b1", uid="bob", note=[str(number) for number in range(5001)]),
        add("b1", uid=["bob", "rob"]),
        add("b1", uid="x" * 1025),
        change("a1", *many),
        search("".join(equal("uid", "x") for _ in range(101))),
        search(equal("uid", "x" * 1025)),
    ]
    for request in refused:
        assert (await say(world, request)).error == "customError"
    assert [each.id for each in world.pushed.resources.values()] == ["a1"]
    body = envelope(add("b1", uid="bob", note="x" * LARGEST_BODY))
    answer = await world.ask("POST", "/spml", body, headers={"Content-Type": "text/xml"}, token="p" * 32)
    assert answer.status == 413


async def test_the_bare_request_is_answered_bare(world: World) -> None:
    root = await send(world, '<?xml version="1.0" encoding="UTF-8"?>' + add("a1", uid="ann"))
    assert (local(root), Said(root).status) == ("addResponse", "success")


@pytest.mark.parametrize(
    "content",
    [
        f'<lookupRequest requestID="0" xmlns="{CORE}"><psoID ID="a1"/></lookupRequest>',
        f'<spmlsuspend:activeRequest requestID="0" xmlns="{CORE}"><psoID ID="a1"/></spmlsuspend:activeRequest>',
        f'<activeRequest requestID="0" xmlns="{CORE}"><psoID ID="a1" targetID="people "/></activeRequest>',
        '<spmlsearch:searchRequest requestID="0"><query scope="spmlsearch:oneLevel"/></spmlsearch:searchRequest>',
        f'<searchRequest requestID="0" xmlns="{CORE}"><query scope="subLevel"><basePsoID targetID="people"/></query>%s'
        % "<includeDataForCapability>x</includeDataForCapability></searchRequest>",
        f'<up:updatesRequest requestID="0" updatedSince="20270110230000.000" xmlns:up="{CORE}:updates"/>',
        f'<addRequest requestID="0" targetId="people" xmlns="{CORE}"><data/></addRequest>',
    ],
)
async def test_what_real_clients_send_against_the_schemas_is_understood(world: World, content: str) -> None:
    await say(world, add("a1", uid="ann"))
    answer = (await send(world, envelope(content)))[0][0]
    assert (Said(answer).error, answer.get("requestID")) == ("success", "0")
    del answer.attrib["requestID"]  # the client's own, which is no xsd:ID
    assert invalid(answer) == []


async def test_a_credential_within_the_message_is_nobodys_and_is_nowhere_written(world: World) -> None:
    pair = '<n:operationalNameValuePair xmlns:n="urn:openspml" name="session" value="hunter22"/>'
    asked = of("lookup", "a1").replace("<psoID", f"{pair}<psoID")
    answer = await say(world, asked)
    assert answer.error == "noSuchIdentifier"
    body = envelope(asked)
    assert (await world.ask("POST", "/spml", body, token="w" * 32)).status == 401
    assert "hunter22" not in repr(world.logged) + repr(world.pushed)


async def test_what_xml_can_carry_is_shown_as_it_was_sent(world: World) -> None:
    await say(world, add("a&amp;1", uid="&lt;ann&gt;", note=["tab\there", "é😀\u2028", "&#13;\n  two  "]))
    shown = await say(world, of("lookup", "a&amp;1"))
    assert (shown.id, shown.values) == ("a&1", {"uid": ["<ann>"], "note": ["tab\there", "é😀\u2028", "\r\n  two  "]})
    assert world.told("people")[0]["fields"]["attributes"]["uid"] == ["<ann>"]


async def test_an_id_is_the_same_however_its_accents_are_written(world: World) -> None:
    await say(world, add("caf\u00e9", uid="ann"))
    assert (await say(world, of("lookup", "cafe\u0301"))).status == "success"
    assert (await say(world, add("cafe\u0301", uid="bob"))).error == "alreadyExists"


TOKENS = ["<", ">", f'<a xmlns="{CORE}">', "</a>", "<addRequest", f' xmlns="{CORE}"', "<psoID ID='x'/>", "&lt;",
          "&x;", "<!DOCTYPE a>", "<![CDATA[", "]]>", "<spmlsearch:a/>", "\x00", "<?xml version='1.0'?>"]  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["and", "or", "not", "eq", "sub", "has", "x"]),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)
CLAUSES = st.just(["and"]) | JSON
SEARCHES = st.tuples(st.tuples(CLAUSES, st.sampled_from(["pso", "subTree", 1]), st.none() | st.just("a1")),
                     st.sampled_from(["data", "x"]), st.integers(-1, 200), st.sampled_from(["", "a1", 1]))  # fmt: skip


@given(st.sampled_from(["search", "updates"]), SEARCHES | JSON)
@settings(max_examples=200, deadline=None)
def test_an_iterator_of_anything_goes_on_or_is_not_known(space: str, value: Any) -> None:
    async def run() -> None:
        id_ = write_iterator(space[0], value)
        answer = await say(World(), iterate(id_, space=space))
        assert answer.error in ("success", "noSuchIdentifier")

    asyncio.run(run())


def test_an_iterator_as_deep_as_it_is_long_is_not_known() -> None:
    deep: list[Any] = ["active"]
    for _ in range(900):
        deep = ["not", deep]
    for value in (deep, [deep, "subTree", None]):
        with pytest.raises(FailureError, match="no iterator"):
            read_iterator(Element("", "iterator", {"ID": write_iterator("s", value)}), "s", read_query_value)


@given(st.binary(max_size=60) | st.lists(st.sampled_from(TOKENS), max_size=10).map(lambda some: "".join(some).encode()))
@settings(max_examples=300)
def test_a_body_is_read_or_is_a_fault(body: bytes) -> None:
    try:
        assert read_message(body, 1000).request.name
    except EnvelopeError as error:
        assert error.code
