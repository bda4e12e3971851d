"""The report of a run: whatever a test sent is judged, a fault fails that test, and everything is counted."""

from types import SimpleNamespace
from typing import Any

import pytest

from provisioning.protocols.dialogue import HttpRequest, HttpResponse
from tests.conftest import pytest_runtest_call
from tests.contracts.table import contract_table
from tests.delivery.judged import counted, recorded, report, rule_of, verdicts
from tests.delivery.spml_grader import Call as SpmlCall
from tests.delivery.spml_grader import wrong
from tests.delivery.test_grader import ILLEGAL, LEGAL, USER
from tests.delivery.watched import judge, noted


def test_a_test_whose_client_breaks_a_rule_fails_and_is_counted() -> None:
    item: Any = SimpleNamespace(user_properties=[])
    run = pytest_runtest_call(item)
    next(run)
    sp = judge(in_order=False)
    sp.calls.append(LEGAL[0])
    sp.calls.append(ILLEGAL[0])
    with pytest.raises(AssertionError, match="against the standard: GET /v2/Users: filter"):
        run.send(None)
    ((name, counts),) = item.user_properties
    assert (name, counts) == ("judged", [["SCIM", 2, ["filter and its escapes"]]])


def test_what_a_test_takes_out_of_the_list_is_judged_all_the_same_and_what_it_sent_itself_is_not() -> None:
    sp = judge(in_order=False)
    sp.calls.append(ILLEGAL[0])
    sp.calls.forget()
    sp.calls.append(ILLEGAL[1])
    sp.calls.clear()
    sp.calls.append(LEGAL[0])
    (verdict,) = verdicts()
    assert (verdict.requests, len(verdict.faults)) == (2, 1)
    assert verdicts() == [], "it is judged once"


def test_a_judge_that_falls_over_does_so_for_one_test_only() -> None:
    recorded("SPML", wrong).append(SpmlCall({}, b"no XML"))
    with pytest.raises(SyntaxError):
        verdicts()
    assert verdicts() == []


@pytest.mark.parametrize(("again", "faults"), [(29, ["POST /Users: sent again before it was time"]), (30, [])])
def test_what_the_sp_asked_to_be_sent_later_is_not_sent_before(again: int, faults: list[str]) -> None:
    sp = judge()
    headers = {"content-type": "application/scim+json", "accept": "application/scim+json"}
    request = HttpRequest("POST", "/Users", {}, headers, USER)
    noted(sp, request, HttpResponse(429, {"retry-after": "30"}), 0)
    noted(sp, request, HttpResponse(201), again)
    (verdict,) = verdicts()
    assert list(verdict.faults) == faults


def test_every_fault_is_against_some_rule() -> None:
    sp = judge(in_order=False)
    for call in ILLEGAL:
        sp.calls.append(call)
    (verdict,) = verdicts()
    assert len(verdict.faults) >= len(ILLEGAL)
    assert {rule_of("SCIM", fault) for fault in verdict.faults} >= {"content type", "filter and its escapes", "PATCH"}
    (first, second) = report([*counted([verdict]), ["SCIM", 5, []]])
    assert first == f"SCIM: {len(ILLEGAL) + 5} requests judged, {len(verdict.faults)} against the standard"
    assert "Retry-After 0" in second


def told(protocol: str, behaviour: str, outcome: Any, when: Any = "call", why: str = "") -> pytest.TestReport:
    name = f"tests/contracts/test_protocols.py::test_every_protocol_behaves[{protocol}-{behaviour}]"
    longrepr: Any = ("test_protocols.py", 1, f"Skipped: {why}") if why else None
    return pytest.TestReport(name, ("", 1, ""), {}, outcome, longrepr, when)


def test_the_contract_is_a_table_with_the_reasons_below_it() -> None:
    lines = contract_table([
        told("scim", "create", "passed", "setup"), told("scim", "create", "passed"), told("scim", "adopt", "failed"),
        told("queue", "create", "passed"), told("queue", "adopt", "skipped", "setup", "nothing comes back"),
    ])  # fmt: skip
    assert [line.split(maxsplit=1) for line in lines[1:]] == [
        ["create", "passed      passed"],
        ["adopt", "cannot (1)  FAILED"],
        ["(1)", "nothing comes back"],
    ]
    assert contract_table([]) == []
