"""Answers that are none: what is believed of them, and how each code and fault of the standards ends."""

import pytest

from provisioning.core.account import Known, Phase
from provisioning.protocols.dialogue import Answer, HttpResponse, Outcome
from provisioning.protocols.spml import deliver
from provisioning.protocols.spml_ending import ERRORS
from tests.protocols.spml_talk import CORE, VALUES, failure, named, ok, response, service, wrap
from tests.protocols.talk import delivery, talk

P, T, U = Outcome.PERMANENT, Outcome.TRANSIENT, Outcome.UNKNOWN
KNOWN = Known(Phase.ACTIVE, "77", VALUES)
CREATE, LOOK = delivery(values=VALUES), delivery(values=VALUES, known=KNOWN, look=True)
SIEMENS = "urn:siemens:names:prov:gw:SPML:2:0"
ADDED = response("add", named("1"))
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    f"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>&b;{ADDED}</s:Body></s:Envelope>"
)
GARBAGE = {
    "nothing": b"",
    "a page": b"<html><body>Welcome</body></html>",
    "json": b'{"status": "success"}',
    "a page that is no XML": b"<html><br>Welcome",
    "a bomb of entities": BOMB.encode(),
    "a document type": b"<!DOCTYPE a>" + wrap(ADDED).body,
    "an external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + wrap("&x;").body,
    "another charset": b'<?xml version="1.0" encoding="ISO-8859-1"?>' + wrap(ADDED).body,
    "UTF-16": wrap(ADDED).body.decode().encode("utf-16"),
    "truncated": wrap(ADDED).body[:-20],
    "too deep": b"<a>" * 100 + b"</a>" * 100,
    "no envelope": ADDED.encode(),
    "two answers": wrap(ADDED + ADDED).body,
    "an empty body": wrap("").body,
    "SOAP 1.2": wrap(ADDED).body.replace(b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope"),
    "an answer of another operation": wrap(response("modify", named("1"))).body,
    "a request": wrap(f'<addRequest xmlns="{CORE}"/>').body,
    "another dialect": wrap(ADDED.replace(f'"{CORE}"', f'"{SIEMENS}"')).body,
    "no namespace": wrap('<addResponse status="success"/>').body,
    "another capability": wrap(response("add", named("1"), space="search")).body,
    "another request's answer": wrap(response("add", named("1"), requestID="other")).body,
    "no status": wrap(ADDED.replace('status="success"', "")).body,
    "a status of its own": wrap(ADDED.replace("success", "done")).body,
    "a success with an error": wrap(response("add", named("1"), error="customError")).body,
}  # fmt: skip


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_success_that_is_none_leaves_a_change_in_doubt_and_a_look_undone(body: bytes) -> None:
    _, ending = talk(deliver(service(), CREATE), HttpResponse(200, {}, body))
    assert (ending.outcome, ending.known) == (Outcome.UNKNOWN, Known(values=VALUES))
    looked = body.replace(b"addResp", b"lookupResp")
    _, ending = talk(deliver(service(), LOOK), HttpResponse(200, {}, looked))
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, KNOWN)


def test_another_dialect_is_refused_by_its_name() -> None:
    _, ending = talk(deliver(service(), CREATE), HttpResponse(200, {}, GARBAGE["another dialect"]))
    assert SIEMENS in ending.reason


def test_an_entity_is_neither_resolved_nor_quoted() -> None:
    for body in (GARBAGE["an external entity"], BOMB.encode()):
        _, ending = talk(deliver(service(), CREATE), HttpResponse(200, {}, body))
        assert "root:" not in ending.reason
        assert "aaaa" not in ending.reason


def test_the_id_that_was_sent_may_come_back() -> None:
    dialogue = deliver(service(), CREATE)
    request = next(dialogue)
    sent = request.content.split(b'requestID="')[1].split(b'"')[0].decode()  # type: ignore[union-attr]
    with pytest.raises(StopIteration) as stopped:
        dialogue.send(ok("add", named("1"), requestID=sent))
    assert stopped.value.value.outcome is Outcome.DONE


TABLE = {
    "alreadyExists": None,  # looked up
    "noSuchIdentifier": P,  # of an add: its container
    "noSuchRequest": U,
    "customError": T,
    "": T,
    "aCodeOfItsOwn": T,
    **dict.fromkeys(
        (
            "malformedRequest", "unsupportedOperation", "unsupportedIdentifierType", "unsupportedExecutionMode",
            "invalidContainment", "unsupportedSelectionType", "resultSetToLarge", "resultSetTooLarge",
            "unsupportedProfile", "invalidIdentifier", "containerNotEmpty",
        ),
        P,
    ),
}  # fmt: skip


def test_the_table_has_every_code_of_the_standard() -> None:
    assert {*ERRORS} == {*TABLE} - {"", "aCodeOfItsOwn"}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(("error", "outcome"), [(error, outcome) for error, outcome in TABLE.items() if outcome])
def test_every_failure_ends_by_its_code_whatever_the_status(error: str, outcome: Outcome, status: int) -> None:
    answer = failure("add", error, "ann@a.edu is not to be had")
    _, ending = talk(deliver(service(), CREATE), HttpResponse(status, {}, answer.body))
    assert ending.outcome is outcome
    assert ending.known == (Known(values=VALUES) if outcome is U else Known())
    assert error in ending.reason
    assert "is not to be had" in ending.reason
    assert "ann@a.edu" not in ending.reason


def fault(code: str, text: str = "", status: int = 500) -> HttpResponse:
    return wrap(f"<s:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring></s:Fault>", status)


@pytest.mark.parametrize(
    ("answer", "changing", "looking"),
    [
        (fault("s:Client", "no such envelope"), P, P),
        (fault("s:Client", status=200), P, P),
        (fault("s:VersionMismatch"), P, P),
        (fault("s:Client.Authentication"), T, T),
        (fault("wsse:FailedAuthentication", status=200), T, T),
        (fault("s:Server", "NullPointerException"), U, T),
        (fault(""), U, T),
        (wrap(ADDED, 500), U, T),
        (HttpResponse(500, {}, b"<html>"), U, T),
        (HttpResponse(502, {}, b""), U, T),
        (HttpResponse(503, {"retry-after": "7"}, b""), T, T),
        (HttpResponse(401, {}, b""), T, T),
        (HttpResponse(404, {}, b""), T, T),
        (HttpResponse(400, {}, b""), P, P),
        (HttpResponse(302, {"location": "http://169.254.169.254/"}, b""), P, P),
        (HttpResponse(501, {}, b""), P, P),
    ],
)
def test_faults_and_statuses_end_by_what_may_have_been_done(
    answer: Answer, changing: Outcome, looking: Outcome
) -> None:
    assert talk(deliver(service(), CREATE), answer)[1].outcome is changing
    assert talk(deliver(service(), LOOK), answer)[1].outcome is looking
