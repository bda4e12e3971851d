"""Whatever an SP answers to a probe: it ends within the driver's bound, only asks, and what it tells can be shown."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioning.adapters.delivery.driver import STEPS
from provisioning.core.catalog import Scim, Service
from provisioning.core.probe import Findings
from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse, Unanswered
from provisioning.protocols.ldap_message import LdapEntry, LdapResult, LdapSearch
from provisioning.protocols.probes import PROBES
from provisioning.protocols.probing import Probing
from provisioning.protocols.scim_resource import GROUP, USER
from provisioning.protocols.spml_ending import READING
from provisioning.protocols.spml_names import CORE
from provisioning.protocols.xml import read_xml
from tests.protocols.spml_talk import response, wrap
from tests.protocols.spml_talk import service as spml_service
from tests.protocols.test_spml_properties import responses

SERVICE: dict[str, Any] = {"id": "library", "endpoint": "https://sp.example.org", "groups": {"read": "readers"}}
SCIM = Service.model_validate({**SERVICE, "protocol": "scim", "account": {"userName": "x", "emails": "x"}})
LDAP = Service.model_validate(
    {**SERVICE, "protocol": "ldap", "account": {"uid": "x"}, "match": "uid", "ldap": {"base": "o=a", "groups": "o=b"}}
)
TEXTS = st.sampled_from(["u1", "Ann", "", "a/b", "..", "x" * 999, "\x1b[31m\n", "é", "True"])
LEAVES = st.none() | st.booleans() | st.integers(-2, 999) | TEXTS
NAMES = st.sampled_from(
    [
        "Resources", "resources", "totalResults", "nextCursor", "id", "userName", "externalId", "meta", "version",
        "members", "value", "type", "displayName", "supported", "filter", "etag", "bulk", "pagination", "cursor",
        "attributes", "name", "endpoint", "mutability", "required", "subAttributes", "authenticationSchemes",
        "maxResults", "scimType", "patch",
    ]
)  # fmt: skip
BODIES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5))
RESOURCES = st.fixed_dictionaries({"id": TEXTS}, optional={"userName": LEAVES, "members": BODIES, "meta": BODIES})
LISTS = st.fixed_dictionaries(
    {"Resources": st.lists(RESOURCES, max_size=4)}, optional={"totalResults": LEAVES, "nextCursor": TEXTS}
)
URNS = st.sampled_from(["urn:a:b", "urn:" + "x" * 300, "urn:a b", "no", USER, GROUP])
TRUE = st.sampled_from([True, True, False, "True"])
ATTRIBUTE = st.fixed_dictionaries({"name": TEXTS, "required": TRUE}, optional={"multiValued": LEAVES})
KIND = st.fixed_dictionaries(
    {"id": URNS | st.just(USER), "name": st.sampled_from(["User", "Group"])},
    optional={
        "attributes": st.lists(ATTRIBUTE, max_size=4), "endpoint": TEXTS,
        "schemaExtensions": st.lists(st.fixed_dictionaries({"schema": URNS}), max_size=3),
    },
)  # fmt: skip
KINDS = st.fixed_dictionaries({"Resources": st.lists(KIND, min_size=1, max_size=3)})
NUMBERS = st.sampled_from([10**9, 1024, 1023, 1, 10**30, 0, "9", None])
CLAIMS = st.fixed_dictionaries(
    {}, optional={
        "patch": st.fixed_dictionaries({"supported": LEAVES}),
        "bulk": st.fixed_dictionaries({"supported": TRUE, "maxOperations": NUMBERS, "maxPayloadSize": NUMBERS}),
        "filter": st.fixed_dictionaries({"supported": st.booleans(), "maxResults": NUMBERS}),
        "pagination": st.fixed_dictionaries({"cursor": LEAVES, "index": LEAVES, "maxPageSize": NUMBERS}),
    },
)  # fmt: skip
UNANSWERED = st.builds(Unanswered, TEXTS, st.booleans())
STATUSES = st.sampled_from([200, 200, 200, 200, 204, 301, 304, 400, 401, 404, 429, 500, 501])
ETAGS = st.sampled_from([{}, {"etag": 'W/"1"'}, {"etag": 'W/"2"'}])
HTTP = st.builds(
    HttpResponse,
    STATUSES,
    ETAGS,
    (LISTS | KINDS | BODIES).map(lambda body: json.dumps(body).encode()) | st.binary(max_size=9),
)
SPACES = st.sampled_from(["search", "suspend", "reference", "async", ""])
TARGET = st.builds(
    lambda identifier, spaces, profile: (
        f"<c:target{identifier}{profile}><c:schema><d:attributeDefinition name='uid'/></c:schema><c:capabilities>"
        + "".join(f'<c:capability namespaceURI="{CORE}:{space}"/>' for space in spaces)
        + "</c:capabilities></c:target>"
    ),
    st.sampled_from(["", " targetID='people'", f" targetID='{'x' * 999}'"]),
    st.lists(SPACES, max_size=4),
    st.sampled_from(["", " profile='xsd'", " profile='urn:x:DSML'"]),
)
TARGETS = st.lists(TARGET, max_size=3).map(lambda targets: wrap(response("listTargets", "".join(targets))))
SOAP = TARGETS | responses().map(wrap) | st.builds(HttpResponse, STATUSES, st.just({}), st.binary(max_size=9))
OCTETS = st.lists(st.binary(max_size=9) | st.sampled_from([b"3", b"o=a", b"groupOfNames"]), max_size=3).map(tuple)
DSE = st.sampled_from(["namingContexts", "supportedLDAPVersion", "supportedExtension", "objectClass"])
ENTRIES = st.lists(st.builds(LdapEntry, TEXTS, st.dictionaries(DSE, OCTETS, max_size=4)), max_size=3).map(tuple)
RESULTS = st.builds(LdapResult, st.sampled_from([0, 0, 0, 4, 32, 50, 51, 999]), TEXTS, ENTRIES)


def reads_only(request: object) -> bool:
    if isinstance(request, HttpRequest) and request.method == "POST":
        assert request.content is not None
        (body,) = read_xml(request.content, 1 << 20).children
        return body.children[0].name in READING
    if isinstance(request, HttpRequest):
        return request.method == "GET" and request.body is None and request.content is None
    return isinstance(request, LdapSearch)


def talk(probing: Probing, answer: Callable[[], Answer]) -> Findings:
    try:
        request = next(probing)
        for _ in range(STEPS):
            assert reads_only(request)
            request = probing.send(answer())
    except StopIteration as stopped:
        found: Findings = stopped.value
        return found
    raise AssertionError("it does not end")


def check(findings: Findings) -> None:
    texts = [findings.refusal]
    texts += [text for each in findings.findings for text in (each.about, each.says, each.seen)]
    texts += [str(part) for each in findings.proposals for part in (each.setting, each.value, each.because)]
    assert all(text.isprintable() for text in texts)
    assert max(map(len, texts)) <= 2000
    assert bool(findings.refusal) != bool(findings.findings)


def after(first: list[Answer], rest: Callable[[], Answer]) -> Callable[[], Answer]:
    """These answers first: after most others a probe ends at once."""
    early = iter(first)
    return lambda: next(early, None) or rest()


@given(st.data(), st.sampled_from([4, 2, 0]))
def test_a_probe_of_scim_ends_only_asks_and_proposes_what_can_be_set(data: st.DataObject, lucky: int) -> None:
    users = {"Resources": [{"id": "u1", "userName": "Ann"}, {"id": "u2"}], "totalResults": 2}
    bodies = [data.draw(CLAIMS), users, data.draw(KINDS), data.draw(KINDS)]
    usable: list[Answer] = [HttpResponse(200, {}, json.dumps(body).encode()) for body in bodies]
    findings = talk(PROBES["scim"](SCIM), after(usable[:lucky], lambda: data.draw(HTTP | UNANSWERED)))
    check(findings)
    settings = {each.setting.removeprefix("scim."): each.value for each in findings.proposals}
    assert len(settings) == len(findings.proposals)
    Scim.model_validate_json(json.dumps(settings))


@given(st.data(), TARGETS | SOAP)
def test_a_probe_of_spml_ends_and_only_asks(data: st.DataObject, first: Answer) -> None:
    check(talk(PROBES["spml"](spml_service()), after([first], lambda: data.draw(SOAP | UNANSWERED))))


@given(st.data())
def test_a_probe_of_ldap_ends_and_only_asks(data: st.DataObject) -> None:
    check(talk(PROBES["ldap"](LDAP), lambda: data.draw(RESULTS | UNANSWERED)))
