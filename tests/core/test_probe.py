"""What was found beside what is written: the operator's word stays, and where it differs both are shown."""

from typing import Any

from provisioning.core.catalog import Service
from provisioning.core.probe import Difference, Proposal, Review, review
from provisioning.core.scim_presets import options_of


def service(**spml: Any) -> Service:
    fields = {"id": "library", "protocol": "spml", "endpoint": "https://sp", "match": "uid", "account": {"uid": "x"}}
    return Service.model_validate({**fields, "spml": {"entity": "person", **spml}})


TARGET = Proposal("spml.target", "people", "the only one")
PROFILE = Proposal("spml.profile", "xsd", "the target's")


def reviewed(held: Service, *proposals: Proposal) -> Review:
    assert held.spml is not None
    return review(proposals, held, {"spml": held.spml})


def test_what_nobody_wrote_is_proposed() -> None:
    assert reviewed(service(), TARGET, PROFILE) == Review((TARGET, PROFILE), ())


def test_what_holds_by_default_needs_no_setting() -> None:
    assert reviewed(service(), Proposal("spml.profile", "dsml", "the target's")) == Review((), ())


def test_what_is_written_stays_and_is_shown_beside_what_was_found() -> None:
    difference = Difference("spml.profile", "dsml", "xsd", "the target's")
    assert reviewed(service(target="people", profile="dsml"), TARGET, PROFILE) == Review((), (difference,))


def test_a_written_null_is_an_operators_word_too() -> None:
    (difference,) = reviewed(service(target=None), TARGET).differences
    assert (difference.written, difference.found) == (None, "people")


def test_what_a_preset_says_holds_but_is_not_written() -> None:
    fields = {"id": "sso", "protocol": "scim", "endpoint": "https://sp", "account": {"userName": "x"}}
    sso = Service.model_validate({**fields, "scim": {"preset": "aws-identity-center", "page": 50}})
    cursor, index = (Proposal("scim.paging", way, "it works") for way in ("cursor", "index"))
    page = Proposal("scim.page", 20, "no more came")
    held = {"scim": options_of(sso)}
    assert review((cursor, page), sso, held) == Review((), (Difference("scim.page", 50, 20, "no more came"),))
    assert review((index,), sso, held) == Review((index,), ())


def test_settings_of_several_parts_are_held_against_each_other_as_a_whole() -> None:
    fields = {"id": "sso", "protocol": "scim", "endpoint": "https://sp", "account": {"userName": "x"}}
    bulk = {"operations": 10, "payload": 2048}
    sso = Service.model_validate({**fields, "scim": {"bulk": bulk, "not_found": [404]}})
    same, other = Proposal("scim.bulk", {**bulk}, "said"), Proposal("scim.not_found", [400, 404], "seen")
    difference = Difference("scim.not_found", [404], [400, 404], "seen")
    assert review((same, other), sso, {"scim": options_of(sso)}) == Review((), (difference,))
