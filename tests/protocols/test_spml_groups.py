"""Memberships in SPML, as references and as values; and groups that are made."""

from typing import Any

import pytest

from provisioning.core.account import Known, Phase
from provisioning.protocols.dialogue import Answer, Outcome
from provisioning.protocols.spml import deliver
from provisioning.protocols.spml_groups import make_group
from tests.protocols.spml_talk import (
    VALUES,
    active,
    changes,
    element,
    failure,
    listed,
    named,
    ok,
    pending,
    pso,
    service,
    shape,
    told,
)
from tests.protocols.talk import LOST, delivery, talk

IDS = {"readers": "g1", "writers": "g2", "poets": "g3"}
ATTRIBUTE = {"member_of": "memberOf", "reference": None}
GONE = failure("modify", "noSuchIdentifier")


def known(*groups: str, phase: Phase = Phase.ACTIVE) -> Known:
    return Known(phase, "77", VALUES, groups)


def wanted(*groups: str, phase: Phase = Phase.ACTIVE, **changes_: Any) -> Any:
    return delivery(phase, VALUES, groups, **{"ids": IDS, **changes_})


def test_what_is_begun_is_one_request_after_the_account_is_made() -> None:
    requests, ending = talk(
        deliver(service(), wanted("readers", "writers")), ok("add", named("77")), ok("modify", named("77"))
    )
    assert changes(requests[1]) == [("add", "reference", ["g1"]), ("add", "reference", ["g2"])]
    assert ending.known == known("readers", "writers")


def test_what_is_ended_comes_first_and_is_one_request() -> None:
    held = known("poets", "readers", "writers")
    requests, ending = talk(deliver(service(), wanted("poets", known=held)), ok("modify"))
    assert changes(requests[0]) == [("delete", "reference", ["g1"]), ("delete", "reference", ["g2"])]
    assert ending.known == known("poets")
    suspended = ok("suspend", space="suspend")
    requests, ending = talk(
        deliver(service(), wanted("poets", phase=Phase.SUSPENDED, known=held)), ok("modify"), suspended
    )
    assert (shape(requests), ending.known) == (["modify", "suspend"], known(phase=Phase.SUSPENDED))


def test_memberships_as_values_change_one_by_one_and_leave_the_others() -> None:
    requests, ending = talk(
        deliver(service(ATTRIBUTE), wanted("readers", known=known("writers"))), ok("modify"), ok("modify")
    )
    assert [changes(each) for each in requests] == [
        [("delete", "memberOf", ["writers"])], [("add", "memberOf", ["readers"])],
    ]  # fmt: skip
    assert ending.known == known("readers")


@pytest.mark.parametrize(
    ("options", "shown"), [({}, {"references": ("g1",)}), (ATTRIBUTE, {"memberOf": ["readers", "of others"]})]
)
def test_after_a_look_only_what_is_not_shown_is_begun_again(options: Any, shown: Any) -> None:
    dialogue = deliver(service(options), wanted("readers", "writers", known=known("readers", "writers"), look=True))
    requests, ending = talk(dialogue, ok("lookup", pso(**shown)), active(), ok("modify"))
    assert [values for _, _, values in changes(requests[2])] == [["writers"] if options else ["g2"]]
    assert ending.known == known("readers", "writers")


def test_a_membership_whose_effect_is_not_known_counts_as_one() -> None:
    _, ending = talk(deliver(service(), wanted("readers", known=known())), LOST)
    assert (ending.outcome, ending.known) == (Outcome.UNKNOWN, known("readers"))


def test_a_membership_that_is_there_already_is_no_failure() -> None:
    exists = failure("modify", "alreadyExists")
    requests, ending = talk(
        deliver(service(), wanted("readers", "writers", known=known())), exists, exists, ok("modify")
    )
    assert (len(requests), ending.outcome, ending.known) == (3, Outcome.DONE, known("readers", "writers"))


def test_a_group_that_is_gone_is_named() -> None:
    group, gone = ok("lookup", pso("g1")), failure("lookup", "noSuchIdentifier")
    dialogue = deliver(service(), wanted("readers", "writers", known=known()))
    requests, ending = talk(dialogue, GONE, group, gone)
    assert shape(requests) == ["modify", "lookup", "lookup"]
    assert (ending.outcome, ending.missing_group, ending.known) == (Outcome.TRANSIENT, "writers", known())
    _, ending = talk(deliver(service(), wanted("readers", known=known())), GONE, group)
    assert (ending.missing_group, ending.known) == (None, Known())


def test_what_is_gone_is_ended() -> None:
    held = known("readers", "writers")
    requests, ending = talk(deliver(service(), wanted(known=held)), GONE, GONE, ok("modify"))
    assert [len(changes(each)) for each in requests] == [2, 1, 1]
    assert (ending.outcome, ending.known) == (Outcome.DONE, known())
    requests, ending = talk(deliver(service(), wanted(known=held, ids={})))
    assert (requests, ending.known) == ([], known())


def test_a_membership_that_cannot_be_ended_does_not_keep_an_account_from_being_suspended() -> None:
    refusal = failure("modify", "customError"), failure("modify", "invalidContainment")
    suspended = ok("suspend", space="suspend")
    dialogue = deliver(service(), wanted(phase=Phase.SUSPENDED, known=known("readers")))
    assert talk(dialogue, refusal[0])[1].outcome is Outcome.TRANSIENT
    dialogue = deliver(service(), wanted(phase=Phase.SUSPENDED, known=known("readers")))
    _, ending = talk(dialogue, refusal[1], suspended)
    assert (ending.outcome, ending.known) == (Outcome.PERMANENT, known("readers", phase=Phase.SUSPENDED))


def test_a_group_without_an_id_is_waited_for() -> None:
    _, ending = talk(
        deliver(service(), wanted("readers", known=known("readers"), ids={}, look=True)), ok("lookup", pso()), active()
    )
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, known())


FOUND = listed(pso("g9", None, cn="readers"), pso("g8", None, cn="other"))


def test_a_group_is_looked_up_and_made_only_with_leave() -> None:
    requests, ending = talk(make_group(service(), "readers", False), FOUND)
    assert (ending.outcome, ending.known.remote_id) == (Outcome.DONE, "g9")
    _, ending = talk(make_group(service(), "readers", False), listed())
    assert ending.outcome is Outcome.TRANSIENT
    requests, ending = talk(make_group(service(create_groups=True), "readers", False), listed(), ok("add", named("g1")))
    assert (told(requests[1]), ending.known.remote_id) == ({"objectclass": ["group"], "cn": ["readers"]}, "g1")


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([listed(), failure("add", "alreadyExists"), FOUND], Outcome.DONE),
        ([listed(), failure("add", "alreadyExists"), listed()], Outcome.PERMANENT),
        ([listed(), ok("add")], Outcome.UNKNOWN),
        ([listed(), pending("add")], Outcome.UNKNOWN),
        ([listed(), LOST], Outcome.UNKNOWN),
        ([listed(pso("1", cn="readers"), pso("2", cn="readers"))], Outcome.PERMANENT),
        ([failure("search", "unsupportedOperation", space="search")], Outcome.PERMANENT),
        ([failure("search", "customError", space="search")], Outcome.TRANSIENT),
    ],
)
def test_making_a_group_ends_by_what_the_sp_says(answers: list[Answer], outcome: Outcome) -> None:
    ending = talk(make_group(service(create_groups=True), "readers", False), *answers)[1]
    assert ending.outcome is outcome
    assert (ending.known.remote_id is not None) == (outcome is Outcome.DONE)


def test_a_group_that_is_a_value_is_its_name() -> None:
    requests, ending = talk(make_group(service(ATTRIBUTE), "readers", False))
    assert (requests, ending.outcome, ending.known.remote_id) == ([], Outcome.DONE, "readers")
    neither = service({"reference": None})
    assert talk(make_group(neither, "readers", False))[1].outcome is Outcome.PERMANENT
    assert talk(make_group(service(create_groups=True), "a\x00", False))[1].outcome is Outcome.PERMANENT


def test_groups_of_the_xsd_profile_are_selected_by_a_path() -> None:
    held = service({"profile": "xsd", "namespace": "urn:x", "group_entity": "Team"})
    requests, _ = talk(make_group(held, 'a"b', False), listed())
    assert element(requests[0])[0][0].get("path") == '/p:Team[p:cn="a""b"]'
