"""A judge of SPML clients: what each request must be by the standard's schemas, and what may not be repeated.

The grammar here is written from the OASIS schemas, as far as our client goes. Where the schemas themselves are at
hand (they are not ours to ship), every message is also validated by them: `SPML_XSD` names their folder.
"""

import os
import re
import xml.etree.ElementTree as ET  # what it reads is our client's, within a test
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.delivery.judged import REFUSALS
from tests.delivery.spml_objects import CAPABILITIES, CORE, DSML, SOAP, local

SCHEMAS = Path(os.environ.get("SPML_XSD", Path(__file__).parents[3] / "shared/standards/data/spml-xsd-relaxed"))
ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
SPACES = {**CAPABILITIES, "core": CORE, "dsml": DSML}


class Rule(NamedTuple):
    """Where an element stands, its children's names in their order, its attributes (`?` for optional)."""

    space: str
    children: str
    attributes: str


PSO = "ID targetID?"
RETURN = "requestID executionMode? returnData"
ONE = "requestID executionMode?"
GRAMMAR = {
    "listTargetsRequest": Rule("core", "", ONE),
    "addRequest": Rule("core", "(psoID )?(containerID )?data ", f"{RETURN} targetID?"),
    "modifyRequest": Rule("core", "psoID (modification )+", RETURN),
    "deleteRequest": Rule("core", "psoID ", f"{ONE} recursive"),
    "lookupRequest": Rule("core", "psoID ", RETURN),
    "suspendRequest": Rule("suspend", "psoID ", ONE),
    "resumeRequest": Rule("suspend", "psoID ", ONE),
    "activeRequest": Rule("suspend", "psoID ", ONE),
    "setPasswordRequest": Rule("password", "psoID password (currentPassword )?", ONE),
    "expirePasswordRequest": Rule("password", "psoID ", f"{ONE} remainingLogins?"),
    "resetPasswordRequest": Rule("password", "psoID ", ONE),
    "validatePasswordRequest": Rule("password", "psoID password ", ONE),
    "searchRequest": Rule("search", "query ", f"{RETURN} maxSelect?"),
    "iterateRequest": Rule("search", "iterator ", ONE),
    "closeIteratorRequest": Rule("search", "iterator ", ONE),
    "statusRequest": Rule("async", "", f"{ONE} asyncRequestID returnResults"),
    "batchRequest": Rule("batch", "((add|modify|delete|suspend|resume)Request )+", f"{ONE} processing onError"),
}
PARTS = {
    "psoID": Rule("core suspend password", "", PSO),
    "password": Rule("password", "", ""),
    "currentPassword": Rule("password", "", ""),
    "containerID": Rule("core", "", PSO),
    "toPsoID": Rule("reference", "", PSO),
    "basePsoID": Rule("search", "", PSO),
    "modification": Rule("core", "(component )?(data )?(capabilityData )*", "modificationMode?"),
    "component": Rule("core", "(namespacePrefixMap )?", "path namespaceURI"),
    "namespacePrefixMap": Rule("core", "", "prefix namespace"),
    "capabilityData": Rule("core", "(reference )+", "mustUnderstand capabilityURI"),
    "reference": Rule("reference", "toPsoID ", "typeOfReference"),
    "query": Rule("search", "(filter |select )(basePsoID )?", "scope targetID?"),
    "select": Rule("core", "(namespacePrefixMap )?", "path namespaceURI"),
    "iterator": Rule("search", "", "ID"),
    "filter": Rule("dsml", "(and |equalityMatch )", ""),
    "and": Rule("dsml", "(equalityMatch )+", ""),
    "equalityMatch": Rule("dsml", "value ", "name"),
}


@dataclass
class Call:
    """One request, and what it was told, as far as it was told anything."""

    headers: dict[str, str]
    content: bytes
    status: int = 0
    answer: bytes = b""

    @property
    def request(self) -> ET.Element:
        found: ET.Element = ET.fromstring(self.content)[0][0]  # noqa: S314
        return found


def wrong(calls: Sequence[Call]) -> list[str]:
    """Everything that a client may not do, of these calls."""
    return [*(fault for call in calls for fault in judge(call)), *repetitions(calls)]


def judge(call: Call) -> Iterator[str]:
    """What is wrong with one request."""
    if call.headers.get("content-type", "").replace(" ", "").lower() != "text/xml;charset=utf-8":
        yield f"content type {call.headers.get('content-type')!r}"
    if "soapaction" not in call.headers:
        yield "no SOAPAction (SOAP 1.1, 6.1.1)"
    if "accept" in call.headers and "text/xml" not in call.headers["accept"]:
        yield "does not accept text/xml"
    root = ET.fromstring(call.content)  # noqa: S314
    if [root.tag, *(child.tag for child in root)] != [f"{{{SOAP}}}Envelope", f"{{{SOAP}}}Body"] or len(root[0]) != 1:
        yield "not one request in a SOAP 1.1 body"
        return
    request = root[0][0]
    name = local(request)
    if name not in GRAMMAR:
        yield f"a {name}"
        return
    if not ID.fullmatch(request.get("requestID", "")):
        yield f"requestID {request.get('requestID')!r} is no xsd:ID"
    yield from check(request, GRAMMAR[name])
    yield from parts(request)
    yield from (f"{name}: {error.reason}" for error in invalid(request))


def parts(element: ET.Element) -> Iterator[str]:
    """What is wrong below an element; the profile's data is looked at for its form only."""
    for child in element:
        name = local(child)
        if name == "data":
            yield from data(child)
        elif name in GRAMMAR:  # of a batch
            yield from check(child, GRAMMAR[name])
            yield from parts(child)
        elif name in PARTS:
            yield from check(child, PARTS[name])
            yield from parts(child)


def check(element: ET.Element, rule: Rule) -> Iterator[str]:
    name, space = local(element), element.tag[1:].rpartition("}")[0]
    if space not in [SPACES[each] for each in rule.space.split()]:
        yield f"{name} in the namespace {space!r}"
    children = "".join(f"{local(child)} " for child in element)
    if rule.children and not re.fullmatch(rule.children, children):
        yield f"{name} of {children or 'nothing'}"
    allowed = rule.attributes.split()
    wanted = {each for each in allowed if not each.endswith("?")}
    if not wanted <= set(element.attrib) <= {each.removesuffix("?") for each in allowed}:
        yield f"{name} with {sorted(element.attrib)}"


def data(element: ET.Element) -> Iterator[str]:
    if not len(element):
        yield "data of nothing"
    for child in element:
        if child.tag in (f"{{{DSML}}}attr", f"{{{DSML}}}modification"):
            operation = child.get("operation")
            if not child.get("name") or (operation is None) == child.tag.endswith("modification"):
                yield f"a {local(child)} with {sorted(child.attrib)}"
            if not len(child) and operation != "delete":
                yield f"{child.get('name')} with no value"
            if any(value.tag != f"{{{DSML}}}value" for value in child):
                yield f"{child.get('name')} with something that is no value"
        elif child.tag.startswith(f"{{{DSML}}}"):
            yield f"a {local(child)} as data"


def repetitions(calls: Sequence[Call]) -> list[str]:
    """Making an object is not idempotent: it may be asked for again only when a look came between.

    Or when the provider said that it had not done it, or that it does not have the object any more.
    """
    found, open_adds = [], set()
    for call in calls:
        for request, answer in asked(call):
            name, content = local(request), ET.tostring(request)
            if name == "addRequest":
                if content in open_adds:
                    found.append("addRequest repeated without a look")
                if call.status not in REFUSALS and b'status="failure"' not in answer:
                    open_adds.add(content)
            elif (
                name in ("searchRequest", "lookupRequest", "statusRequest", "deleteRequest")
                or b"noSuchIdentifier" in answer
            ):
                open_adds.clear()
    return found


def asked(call: Call) -> list[tuple[ET.Element, bytes]]:
    """The requests of a call, each with what it was told: of a batch by its place, if as many answers came."""
    if local(call.request) != "batchRequest":
        return [(call.request, call.answer)]
    requests, told = list(call.request), [call.answer] * len(call.request)
    try:
        responses = [ET.tostring(each) for each in ET.fromstring(call.answer)[0][0]]  # noqa: S314
    except (ET.ParseError, IndexError):
        responses = []
    return list(zip(requests, responses if len(responses) == len(requests) else told, strict=True))


@cache
def schema() -> Any:
    """The relaxed schemas of OASIS, compiled, or None where they or the library are not at hand."""
    try:
        from xmlschema import XMLSchema11
    except ImportError:
        return None
    place = SCHEMAS / "spml2_all.xsd"
    return XMLSchema11(str(place)) if place.exists() else None


def invalid(element: ET.Element) -> list[Any]:
    """What the schemas refuse."""
    return list(schema().iter_errors(element)) if schema() is not None else []
