"""The judge of SPML clients knows what is wrong."""

import pytest

from provisioning.protocols import spml_requests as requests
from provisioning.protocols.spml_message import http, named
from provisioning.protocols.spml_names import CORE, DSML, SEARCH
from provisioning.protocols.xml import Element
from tests.delivery.spml_grader import Call, judge, wrong

PSO = requests.ObjectId("1").element()
VALUE = Element(DSML, "value", text="x")
ADD = named(requests.add(Element(CORE, "data", children=(Element(DSML, "attr", {"name": "a"}, (VALUE,)),)), "t"), "o")
BAD = {
    "no id": requests.delete(PSO),
    "an id that is none": Element(CORE, "deleteRequest", {"requestID": "0", "recursive": "false"}, (PSO,)),
    "no object": named(Element(CORE, "deleteRequest", {"recursive": "false"}), "o"),
    "another namespace": named(Element("urn:x", "deleteRequest", {"recursive": "false"}, (PSO,)), "o"),
    "an attribute of its own": named(Element(CORE, "lookupRequest", {"returnData": "data", "a": "b"}, (PSO,)), "o"),
    "another operation": named(Element(CORE, "renameRequest", {}, (PSO,)), "o"),
    "data of nothing": named(requests.add(Element(CORE, "data"), "t"), "o"),
    "an attribute without a name": named(
        requests.add(Element(CORE, "data", children=(Element(DSML, "attr", {}, (VALUE,)),)), "t"), "o"
    ),
    "a modification of nothing": named(requests.modify(PSO, []), "o"),
    "a base ahead of the clause": named(
        requests.search(Element(SEARCH, "query", {"scope": "pso"}, (Element(SEARCH, "basePsoID"),))),
        "o",
    ),
}


def call(request: Element, **headers: str) -> Call:
    made = http(request)
    assert made.content is not None
    return Call({**made.headers, **headers}, made.content)


@pytest.mark.parametrize("request_", BAD.values(), ids=BAD.keys())
def test_a_request_that_is_wrong_is_told(request_: Element) -> None:
    assert list(judge(call(request_))) != []


def test_the_form_of_a_call_is_judged() -> None:
    assert list(judge(call(ADD))) == []
    assert list(judge(call(ADD, **{"content-type": "application/soap+xml"}))) != []
    assert list(judge(call(ADD, accept="application/json"))) != []
    assert list(judge(Call({"content-type": "text/xml; charset=UTF-8"}, call(ADD).content))) != []
    assert list(judge(Call(call(ADD).headers, b"<a><b/><b/></a>"))) != []


def test_a_second_add_needs_a_look_or_a_refusal() -> None:
    first, look = call(ADD), call(named(requests.lookup(PSO), "o"))
    assert wrong([first, call(ADD)]) == ["addRequest repeated without a look"]
    assert wrong([first, look, call(ADD)]) == []
    refused = call(ADD)
    refused.status = 503
    assert wrong([refused, call(ADD)]) == []
