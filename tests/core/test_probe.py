"""What was found beside what is written: the operator's word stays, and where it differs both are shown."""

from typing import Any

from provisioning.core.catalog import Service
from provisioning.core.probe import Difference, Proposal, Review, review, written


def service(**spml: Any) -> Service:
    fields = {"id": "library", "protocol": "spml", "endpoint": "https://sp", "match": "uid", "account": {"uid": "x"}}
    return Service.model_validate({**fields, "spml": {"entity": "person", **spml}})


TARGET = Proposal("spml.target", "people", "the only one")
PROFILE = Proposal("spml.profile", "xsd", "the target's")


def test_what_nobody_wrote_is_fresh_also_where_it_is_the_default() -> None:
    default = Proposal("spml.profile", "dsml", "the target's")
    assert review((TARGET, default), service()) == Review((TARGET, default), (), ())


def test_what_is_written_stays_and_is_shown_beside_what_was_found() -> None:
    held = service(target="people", profile="dsml")
    difference = Difference("spml.profile", "dsml", "xsd", "the target's")
    assert review((TARGET, PROFILE), held) == Review((), (TARGET,), (difference,))


def test_a_written_null_is_an_operators_word_too() -> None:
    (difference,) = review((TARGET,), service(target=None)).differences
    assert (difference.written, difference.found) == (None, "people")


def test_only_plain_settings_that_were_written_are_named() -> None:
    assert written(service(active={"status": "on"}, suspended={"status": "off"})) == {
        "id": "library", "protocol": "spml", "endpoint": "https://sp", "match": "uid", "spml.entity": "person"
    }  # fmt: skip
