"""Probing SPs that lie, misbehave or refuse, on loopback through the real courier: no answer is believed."""

import json
from typing import Any

import pytest
import yaml
from aiohttp import web

from provisioning.adapters.delivery.driver import Courier
from provisioning.command.probed import report
from provisioning.core.catalog import Scim
from provisioning.core.probe import Finding, Findings, Review, Verdict, review
from provisioning.core.scim_presets import options_of
from provisioning.protocols.scim_probe import probe
from provisioning.protocols.scim_resource import USER
from tests.delivery.liar import Liar, lying, says, service

HOLDS, CONTRADICTS, UNSEEN = Verdict.HOLDS, Verdict.CONTRADICTS, Verdict.UNSEEN
PAGING = {"pagination": {"index": True, "cursor": True}}


async def probed(courier: Courier, liar: Liar, **changes: Any) -> Findings:
    async with lying(liar):
        held = service(liar.url, **changes)
        findings = await courier.probe(held, probe(held))
    assert {request.method for request in liar.asked} <= {"GET"}
    return findings


async def found(courier: Courier, liar: Liar, about: str, **changes: Any) -> Finding:
    findings = await probed(courier, liar, **changes)
    assert findings.refusal == ""
    (finding,) = (each for each in findings.findings if each.about == about)
    return finding


@pytest.mark.parametrize(
    ("quirks", "about", "verdict", "seen"),
    [
        ({}, "filter on userName", HOLDS, "it finds who is there and nobody else; case makes no difference"),
        ({"filters": "ignored"}, "filter on userName", CONTRADICTS, "ignored: one that matches nobody gave the first"),
        ({"filters": "ignored"}, "filter on externalId", CONTRADICTS, "ignored: "),
        ({"filters": "refused"}, "filter on userName", CONTRADICTS, "refused: answered 400 invalidFilter"),
        ({"filters": "blind"}, "filter on userName", CONTRADICTS, "it finds nobody, also for a user whom the SP has"),
        ({"filters": "refused", "says": {"filter": {"supported": False}}}, "filter on userName", HOLDS, "refused: "),
        ({}, "filter on a value path", HOLDS, "one that matches nobody gave nobody"),
        ({"paths": "refused"}, "filter on a value path", CONTRADICTS, "answered 400 invalidFilter"),
        ({"paths": "ignored"}, "filter on a value path", CONTRADICTS, "ignored: one that matches nobody gave users"),
        ({"people": 0}, "filter on userName", UNSEEN, "one that matches nobody gave nobody; no user shows a value"),
        ({}, "paging by index", HOLDS, "startIndex past the end gave nobody"),
        ({"paging": "repeats"}, "paging by index", CONTRADICTS, "startIndex past the end gave the first page again"),
        ({"paging": "refused"}, "paging by index", CONTRADICTS, "startIndex past the end answered 400 invalidValue"),
        ({"paging": "first"}, "paging by index", CONTRADICTS, "startIndex=2 gave nobody"),
        ({"people": 0}, "paging by index", UNSEEN, "there are no users"),
        ({}, "paging by cursor", HOLDS, "an empty cursor answered 400 invalidCursor"),
        ({"says": PAGING}, "paging by cursor", CONTRADICTS, "an empty cursor answered 400 invalidCursor"),
        ({"cursors": "honest", "says": PAGING}, "paging by cursor", HOLDS, "the next page has other users"),
        ({"cursors": "stuck", "says": PAGING}, "paging by cursor", CONTRADICTS, "nextCursor gave the first page again"),
        ({"cursors": "unasked"}, "cursor unasked", HOLDS, "nextCursor is sent without being asked for"),
        ({"cursors": "honest", "people": 1}, "paging by cursor", UNSEEN, "there are too few users"),
        ({"people": 150, "most": 40}, "page size", HOLDS, "40 users where 100 were asked for and there are more"),
        ({"people": 9, "most": 4, "says": {"filter": {"supported": True, "maxResults": 8}}}, "page size", CONTRADICTS,
         "4 users where 8 were asked for and there are more"),
        ({"people": 4, "most": 1000, "instead": {}}, "page size", HOLDS, "4 of 100 users that were asked for"),
        ({"instead": {"/Users": says(200, {"resources": [{"id": "u1"}]})}}, "Users", CONTRADICTS,
         "an unknown number; no totalResults; `Resources` is spelled in another case"),
        ({"instead": {"/Users": says(200, {"totalResults": 3, "Resources": [{"id": "u1"}] * 3})}}, "Users", CONTRADICTS,
         "3 in all; 3 users where count=2; users without an id of their own"),
        ({}, "etag", HOLDS, "versions are given and honoured"),
        ({"versions": "none"}, "etag", CONTRADICTS, "no version is given"),
        ({"versions": "restless"}, "etag", CONTRADICTS, "the version changed and nothing else did"),
        ({"versions": "unread"}, "etag", CONTRADICTS, "versions are given; If-None-Match is ignored"),
        ({"strays": 400}, "a user that is not there", CONTRADICTS, "answered 400"),
        ({"strays": 200}, "a user that is not there", CONTRADICTS, "answered as if it were"),
        ({}, "members of groups", HOLDS, "shown in lists"),
        ({"members": "one"}, "members of groups", HOLDS, "shown only where one group is asked for"),
        ({"members": "hidden"}, "members of groups", UNSEEN, "none of 1 groups shows one"),
        ({"members": "strange"}, "members of groups", CONTRADICTS, "shown in lists, under an identifier that no user"),
        ({}, "Schemas", CONTRADICTS, "GET /Schemas answered 404"),
        ({"says": {"patch": {"supported": "True"}}}, "ServiceProviderConfig", CONTRADICTS, "no word, or no truth"),
        ({}, "patch", UNSEEN, "only a change can show it, and a probe changes nothing"),
        ({"instead": {"/Groups": says(404)}}, "Groups", HOLDS, "GET /Groups answered 404"),
    ],
)  # fmt: skip
async def test_what_is_seen_counts(
    courier: Courier, quirks: dict[str, Any], about: str, verdict: Verdict, seen: str
) -> None:
    finding = await found(courier, Liar(**quirks), about)
    assert finding.seen.startswith(seen)
    assert finding.verdict is verdict


NO_PATCH = {"patch": {"supported": False}}
BULK = {"bulk": {"supported": True, "maxOperations": 99999, "maxPayloadSize": 65536}}
ODD_BULK = {"bulk": {"supported": True, "maxOperations": 5, "maxPayloadSize": 1023}}
EMAIL = {"name": "emails", "multiValued": False}
REQUIRED = [
    {"name": "userName", "required": True},
    {"name": "title", "required": True},
    {"name": "x y", "required": True},
]
OWN = {"name": "id", "required": True, "mutability": "readOnly"}
SCHEMAS = {"Resources": [{"id": USER, "attributes": [EMAIL, OWN, *REQUIRED]}]}
TYPES = {
    "Resources": [
        {"name": "User", "endpoint": "/Users", "schemaExtensions": [{"schema": "urn:a:b"}, {"schema": "c d"}]}
    ]
}


@pytest.mark.parametrize(
    ("quirks", "settings"),
    [
        ({}, {}),
        ({"filters": "ignored"}, {"filter": "none"}),
        ({"filters": "refused"}, {"filter": "none"}),
        ({"filters": "blind"}, {"filter": "none"}),
        ({"paths": "refused"}, {"filter": "eq"}),
        ({"paths": "ignored"}, {"filter": "eq"}),
        ({"paging": "repeats"}, {"paging": "none"}),
        ({"paging": "repeats", "cursors": "honest"}, {"paging": "cursor"}),
        ({"cursors": "honest"}, {}),
        ({"people": 9, "most": 4}, {"page": 4}),
        ({"says": {"filter": {"supported": True, "maxResults": 20}}}, {"page": 20}),
        ({"versions": "none"}, {"etag": "never"}),
        ({"versions": "restless"}, {"etag": "never"}),
        ({"versions": "unread"}, {}),
        ({"members": "strange"}, {"members_shown": False}),
        ({"members": "hidden"}, {}),
        ({"strays": 400}, {"not_found": [400, 404, 410]}),
        ({"strays": 200}, {}),
        ({"says": NO_PATCH}, {"patch": False}),
        ({"says": BULK}, {"bulk": {"operations": 10000, "payload": 65536}}),
        ({"says": ODD_BULK}, {}),
        ({"instead": {"/ResourceTypes": says(200, TYPES)}}, {"schemas": ["urn:a:b"]}),
        ({"instead": {"/Schemas": says(200, SCHEMAS)}}, {"required": ["userName", "title"], "single_valued": True}),
    ],
)
async def test_what_is_proposed_loads_as_settings(
    courier: Courier, quirks: dict[str, Any], settings: dict[str, Any]
) -> None:
    liar = Liar(**quirks)
    findings = await probed(courier, liar)
    held = service(liar.url)
    told = yaml.safe_load(report(held, findings)).get("scim", {})
    assert told == settings
    loaded = Scim.model_validate_json(json.dumps(told))
    assert loaded.model_dump(mode="json") == settings
    again = held.model_copy(update={"scim": loaded})
    assert review(findings.proposals, again, {"scim": options_of(again)}) == Review((), ())


async def test_what_a_preset_or_an_operator_says_stays(courier: Courier) -> None:
    findings = await probed(courier, Liar(cursors="honest"), scim={"preset": "aws-identity-center", "filter": "none"})
    held = service("https://sp", scim={"preset": "aws-identity-center", "filter": "none"})
    seen = review(findings.proposals, held, {"scim": options_of(held)})
    assert [(each.setting, each.value) for each in seen.fresh] == [
        ("scim.etag", "shown"),
        ("scim.members_shown", True),
    ]
    assert [(each.setting, each.written, each.found) for each in seen.differences] == [("scim.filter", "none", "and")]


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (says(404), "answered 404"),
        (says(200, b"<html>Welcome"), "answered with something that is not a JSON object"),
        (says(200, [1]), "answered with something that is not a JSON object"),
        (says(302, Location="http://169.254.169.254/latest"), "answered 302: a redirect, and none is followed"),
        ("bomb", "not answered: the answer is longer than 65536 bytes"),
        ("slow", "not answered: no answer within 1 s"),
    ],
)
@pytest.mark.parametrize("path", ["/ServiceProviderConfig", "/Groups"])
async def test_without_one_answer_the_rest_is_still_found_out(
    courier: Courier, path: str, answer: web.Response | str, seen: str
) -> None:
    finding = await found(courier, Liar(instead={path: answer}), path.removeprefix("/"), groups={"read": "readers"})
    assert seen in finding.seen
    assert finding.verdict is (UNSEEN if isinstance(answer, str) else CONTRADICTS)


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (says(401), "the SP refuses the credential: GET /Users answered 401"),
        (says(403), "the SP refuses the credential: GET /Users answered 403"),
        (says(404), "GET /Users answered 404"),
        (says(307, Location="/v3/Users"), "GET /Users answered 307: a redirect, and none is followed"),
        (says(200, {"users": []}), "GET /Users answered with something that is not a list of resources"),
        (says(200, {"Resources": ["ann"]}), "GET /Users answered with something that is not a list of resources"),
        ("bomb", "GET /Users not answered: the answer is longer than 65536 bytes, or packed"),
        ("slow", "GET /Users not answered: no answer within 1 s"),
        (says(429, Retry_After="9"), "GET /Users answered 429"),
    ],
)
async def test_an_sp_that_shows_no_users_is_refused_and_asked_nothing_more(
    courier: Courier, answer: web.Response | str, refusal: str
) -> None:
    liar = Liar(instead={"/Users": answer})
    findings = await probed(courier, liar)
    assert findings == Findings(refusal=refusal)
    assert len(liar.asked) == 2


async def test_an_sp_that_asks_us_to_wait_is_asked_nothing_more(courier: Courier) -> None:
    liar = Liar(instead={"/Schemas": says(429)})
    findings = await probed(courier, liar)
    assert [request.path for request in liar.asked][-1] == "/v2/Schemas"
    assert findings.findings[-1].about == "the probe itself"
    assert "429" in findings.findings[-1].seen
    assert {each.about for each in findings.findings if each.verdict is CONTRADICTS} == {"ResourceTypes"}


async def test_a_private_address_is_not_asked(courier: Courier) -> None:
    liar = Liar()
    findings = await probed(courier, liar, private=False)
    assert "the endpoint is not https" in findings.refusal
    assert liar.asked == []


async def test_nothing_of_a_person_is_in_the_findings(courier: Courier) -> None:
    for liar in (Liar(), Liar(filters="ignored"), Liar(filters="blind"), Liar(members="strange")):
        told = repr(await probed(courier, liar))
        assert "Ann" not in told
        assert "ann" not in told
