"""The SPML endpoint: what each operation does, what it is told onwards, and what each failure is called."""

from typing import Any

import pytest

from tests.delivery.spml_objects import CORE, local
from tests.gateway.spml import (
    SPACES,
    add,
    change,
    envelope,
    equal,
    of,
    say,
    search,
)
from tests.gateway.world import NOW, TOKEN, World

DSML_PROFILE = f"{CORE}:DSML"


async def test_one_target_is_listed_with_its_schema_and_what_really_works(world: World) -> None:
    answer = await say(world, f"<listTargetsRequest {SPACES}/>")
    (target,) = answer.element
    assert target.get("targetID") == "people"
    offered = [each.get("namespaceURI") for each in target.iter() if local(each) == "capability"]
    assert offered == [f"{CORE}:{name}" for name in ("async", "batch", "search", "suspend", "updates")]
    assert [each.get("entityName") for each in target.iter() if local(each) == "supportedSchemaEntity"] == ["person"]
    for profile in (DSML_PROFILE, DSML_PROFILE.lower()):
        assert (await say(world, f'<listTargetsRequest profile="{profile}" {SPACES}/>')).status == "success"
    assert (await say(world, f'<listTargetsRequest profile="urn:x:XSD" {SPACES}/>')).error == "unsupportedProfile"


async def test_what_is_added_is_in_the_queue_when_it_is_answered_and_holds_no_password(world: World) -> None:
    answer = await say(world, add("a1", 'requestID="r1"', uid="ann", mail=["a@x", "b@x"], userPassword="hunter22"))
    assert (answer.status, answer.element.get("requestID"), answer.id) == ("success", "r1", "a1")
    assert world.told("people") == [
        {
            "key": "a1",
            "version": NOW + 1,
            "fields": {
                "id": "a1", "userName": "ann", "active": True, "groups": [],
                "attributes": {"uid": ["ann"], "mail": ["a@x", "b@x"]},
            },
        }
    ]  # fmt: skip
    assert "hunter22" not in repr(world.pushed.resources) + repr(world.logged)


async def test_without_an_id_one_is_given_and_an_add_that_is_repeated_is_refused(world: World) -> None:
    made = await say(world, add(uid="ann"))
    assert (await say(world, of("lookup", made.id))).values == {"uid": ["ann"]}
    assert (await say(world, add(uid="ANN"))).error == "alreadyExists"
    assert (await say(world, add(made.id, uid="bob"))).error == "alreadyExists"
    assert len(world.told("people")) == 1


async def test_what_was_deleted_can_be_made_again_and_its_versions_go_on(world: World) -> None:
    await say(world, add("a1", uid="ann"))
    assert (await say(world, of("delete", "a1", 'recursive="true"'))).status == "success"
    for again in (
        of("delete", "a1"),
        of("lookup", "a1"),
        of("suspend:suspend", "a1"),
        change("a1", ("add", "x", ["y"])),
    ):
        assert (await say(world, again)).error == "noSuchIdentifier"
    assert (await say(world, add("a1", uid="ann"))).status == "success"
    assert [(item["version"] - NOW, item["fields"] is None) for item in world.told("people")] == [
        (1, False), (2, True), (3, False),
    ]  # fmt: skip


async def test_an_object_whose_predecessor_is_forgotten_is_newer_than_it_was(world: World) -> None:
    await say(world, add("a1", uid="ann"))
    await say(world, of("delete", "a1"))
    before = world.told("people")[-1]["version"]
    world.pushed.resources.clear()
    world.now += 91 * 86400
    await say(world, add("a1", uid="ann"))
    assert world.told("people")[-1]["version"] > before


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ([("add", "mail", ["c"])], {"mail": ["a", "b", "c"]}),
        ([("add", "MAIL", ["b", "c"])], {"mail": ["a", "b", "c"]}),
        ([("delete", "mail", ["a", "never there"])], {"mail": ["b"]}),
        ([("delete", "mail", [])], {}),
        ([("delete", "phone", [])], {"mail": ["a", "b"]}),
        ([("replace", "mail", ["z"])], {"mail": ["z"]}),
        ([("replace", "mail", [])], {}),
        ([("delete", "mail", []), ("add", "mail", ["n"])], {"mail": ["n"]}),
        ([("replace", "userPassword", ["hunter22"])], {"mail": ["a", "b"]}),
    ],
)
async def test_attributes_are_modified(world: World, changes: list[Any], after: dict[str, list[str]]) -> None:
    await say(world, add("a1", uid="ann", mail=["a", "b"]))
    answer = await say(world, change("a1", *changes))
    assert (answer.status, answer.values) == ("success", {"uid": ["ann"], **after})
    assert world.told("people")[-1]["fields"]["attributes"] == {"uid": ["ann"], **after}


async def test_of_a_modification_all_is_done_or_nothing(world: World) -> None:
    await say(world, add("a1", uid="ann"))
    await say(world, add("b1", uid="bob"))
    world.told("people")
    refused = await say(world, change("a1", ("add", "mail", ["x"]), ("replace", "uid", ["BOB"])))
    assert refused.error == "alreadyExists"
    assert (
        await say(world, change("a1", ("add", "mail", ["x"]), ("increment", "n", ["1"])))
    ).error == "malformedRequest"
    assert (await say(world, of("lookup", "a1"))).values == {"uid": ["ann"]}
    assert world.told("people") == []


async def test_a_value_that_was_given_up_is_free(world: World) -> None:
    await say(world, add("a1", uid="ann"))
    assert (await say(world, change("a1", ("replace", "uid", ["eve"])))).status == "success"
    assert (await say(world, add("b1", uid="ann"))).status == "success"
    assert (await say(world, search(equal("uid", "EVE")))).ids == ["a1"]


async def test_objects_are_suspended_and_resumed_and_say_so(world: World) -> None:
    await say(world, add("a1", uid="ann"))
    for word, active in (("suspend", "false"), ("suspend", "false"), ("resume", "true")):
        assert (await say(world, of(f"suspend:{word}", "a1"))).status == "success"
        assert (await say(world, of("suspend:active", "a1"))).element.get("active") == active
    assert [item["fields"]["active"] for item in world.told("people")] == [True, False, True]


@pytest.mark.parametrize(
    ("date", "error"),
    [("2026-01-01T00:00:00Z", "success"), ("2026-01-01T00:00:00", "success"), ("2030-01-01T00:00:00Z", "customError"),
     ("tomorrow", "malformedRequest")],
)  # fmt: skip
async def test_a_date_that_has_come_means_now_and_one_to_come_is_refused(world: World, date: str, error: str) -> None:
    await say(world, add("a1", uid="ann"))
    answer = await say(world, of("suspend:suspend", "a1", f'effectiveDate="{date}"'))
    assert answer.error == error
    assert world.told("people")[-1]["fields"]["active"] is (error != "success")


@pytest.mark.parametrize(
    ("returned", "shown"), [("identifier", False), ("data", True), ("everything", True), ("", True)]
)
async def test_as_much_is_shown_as_was_asked_for(world: World, returned: str, shown: bool) -> None:
    asked = f'returnData="{returned}"' if returned else ""
    answers = [
        await say(world, add("a1", asked, uid="ann")),
        await say(world, of("lookup", "a1", asked)),
        await say(world, change("a1", ("add", "x", ["y"]), request=asked)),
        await say(world, search(request=asked)),
    ]
    for answer in answers:
        assert answer.ids == ["a1"]
        assert any(local(each) == "data" for each in answer.element.iter()) is shown


@pytest.mark.parametrize("name", ["setPassword", "expirePassword", "resetPassword", "validatePassword"])
async def test_passwords_are_refused_and_nowhere_written(world: World, name: str) -> None:
    await say(world, add("a1", uid="ann"))
    inner = '<password:psoID ID="a1"/><password:password>hunter22</password:password>'
    answer = await say(world, f"<password:{name}Request {SPACES}>{inner}</password:{name}Request>")
    assert answer.error == "unsupportedOperation"
    assert "hunter22" not in repr(world.pushed.resources) + repr(world.logged) + repr(world.told("people"))


async def test_what_is_not_offered_is_refused_by_its_own_answer(world: World) -> None:
    query = "<search:query/>"
    for name in ("bulkModify", "bulkDelete"):
        answer = await say(world, f"<bulk:{name}Request {SPACES}>{query}</bulk:{name}Request>")
        assert (local(answer.element), answer.error) == (f"{name}Response", "unsupportedOperation")
    await say(world, add("a1", uid="ann"))
    reference = '<reference:reference typeOfReference="memberOf"><reference:toPsoID ID="g"/></reference:reference>'
    for must, error in (("true", "unsupportedOperation"), ("false", "success")):
        data = f'<capabilityData mustUnderstand="{must}" capabilityURI="{CORE}:reference">{reference}</capabilityData>'
        asked = f'<modifyRequest {SPACES}><psoID ID="a1"/><modification>{data}</modification></modifyRequest>'
        assert (await say(world, asked)).error == error
    assert (await say(world, add("g1", objectclass="group", cn="staff"))).error == "customError"


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ('<addRequest %s targetID="other"><data/></addRequest>', "noSuchIdentifier"),
        ("<addRequest %s/>", "malformedRequest"),
        ("<modifyRequest %s><psoID ID='a1'/></modifyRequest>", "malformedRequest"),
        ("<deleteRequest %s/>", "malformedRequest"),
        ("<deleteRequest %s><psoID ID=''/></deleteRequest>", "invalidIdentifier"),
        ("<deleteRequest %s recursive='perhaps'><psoID ID='a1'/></deleteRequest>", "malformedRequest"),
        (f"<lookupRequest %s><psoID ID='{'x' * 513}'/></lookupRequest>", "invalidIdentifier"),
        ("<lookupRequest %s><psoID ID='a1' targetID='other'/></lookupRequest>", "noSuchIdentifier"),
        ("<lookupRequest %s returnData='all'><psoID ID='a1'/></lookupRequest>", "malformedRequest"),
        ("<lookupRequest %s executionMode='later'><psoID ID='a1'/></lookupRequest>", "malformedRequest"),
        ("<lookupRequest %s executionMode='asynchronous'><psoID ID='a1'/></lookupRequest>", "unsupportedExecutionMode"),
        ("<modifyRequest %s><psoID ID='a1'/><modification><component path='/a'/></modification></modifyRequest>",
         "unsupportedSelectionType"),
        ("<search:searchRequest %s maxSelect='none'/>", "malformedRequest"),
        ("<search:searchRequest %s><search:query targetID='other'/></search:searchRequest>", "noSuchIdentifier"),
        ("<search:searchRequest %s><search:query scope='all'/></search:searchRequest>", "malformedRequest"),
        ("<search:searchRequest %s><search:query><reference:hasReference/></search:query></search:searchRequest>",
         "unsupportedOperation"),
        ("<search:searchRequest %s><search:query><dsml:extensibleMatch/></search:query></search:searchRequest>",
         "unsupportedSelectionType"),
        ("<search:iterateRequest %s><search:iterator ID='s1-AAAA'/></search:iterateRequest>", "noSuchIdentifier"),
        ("<search:closeIteratorRequest %s><search:iterator ID='x'/></search:closeIteratorRequest>", "noSuchIdentifier"),
        ("<updates:updatesRequest %s token='t9'/>", "malformedRequest"),
        ("<updates:updatesRequest %s updatedSince='yesterday'/>", "malformedRequest"),
        ("<async:statusRequest %s asyncRequestID='never'/>", "noSuchRequest"),
        ("<async:cancelRequest %s asyncRequestID='never'/>", "noSuchRequest"),
        ("<batch:batchRequest %s/>", "malformedRequest"),
        ("<batch:batchRequest %s processing='random'><listTargetsRequest/></batch:batchRequest>", "malformedRequest"),
        ("<batch:batchRequest %s><batch:batchRequest/></batch:batchRequest>", "malformedRequest"),
    ],
)  # fmt: skip
async def test_a_failure_has_the_code_of_the_standard_and_a_word_of_what_is_right(
    world: World, request_: str, error: str
) -> None:
    answer = await say(world, request_.replace("%s", f'requestID="r1" {SPACES}'))
    assert (answer.error, answer.element.get("requestID")) == (error, "r1")
    (message,) = [each.text for each in answer.element if local(each) == "errorMessage"]
    assert message


async def test_a_source_reaches_only_its_own_and_only_by_its_endpoint(world: World) -> None:
    await say(world, add("a1", uid="ann"))
    await send_refused(world, 403, TOKEN)
    await send_refused(world, 401, "w" * 32)
    assert (await world.ask("GET", "/scim/v2/Users", token="p" * 32)).status == 403
    for method, path, status in (("GET", "/spml", 405), ("POST", "/spml/more", 404)):
        assert (await world.ask(method, path, token="p" * 32)).status == status
    answer = await world.ask("POST", "/spml", b"{}", headers={"Content-Type": "application/json"}, token="p" * 32)
    assert answer.status == 415


async def send_refused(world: World, status: int, token: str) -> None:
    body = envelope(of("lookup", "a1"))
    answer = await world.ask("POST", "/spml", body, headers={"Content-Type": "text/xml"}, token=token)
    assert answer.status == status
