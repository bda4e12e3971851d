"""Several requests as one, and what of the answer belongs to which."""

from typing import Any

import pytest

from provisioning.core.errors import InvalidError
from provisioning.protocols.spml_batch import batch, read_batch
from provisioning.protocols.spml_message import Fault, Reply, http, named, read_reply
from provisioning.protocols.spml_requests import ObjectId, delete, list_targets, lookup
from provisioning.protocols.xml import Element
from tests.delivery.spml_server import Target
from tests.protocols.spml_talk import ok, response

TWO = [named(delete(ObjectId(text).element()), "operation") for text in ("1", "2")]
DONE, FAILED = response("delete"), response("delete", status="failure", error="noSuchIdentifier")


def reply(request: Element, *inner: str) -> Reply:
    return read(request, ok("batch", "".join(inner), space="batch").body)


def read(request: Element, content: bytes) -> Reply:
    found = read_reply(content, request)
    assert not isinstance(found, Fault)
    return found


def test_answers_belong_to_requests_by_their_place() -> None:
    target = Target()
    kept = target.plant("person", uid="ann")
    request = batch([named(delete(ObjectId(text).element()), "o") for text in ("nobody", kept.id)])
    content = http(named(request, "o")).content
    assert content is not None
    answers = read_batch(request, read(request, target.answer(content)))
    assert [each and (each.status, each.error) for each in answers] == [
        ("failure", "noSuchIdentifier"),
        ("success", ""),
    ]
    assert target.objects == {}


def test_what_was_not_reached_after_an_error_has_no_answer() -> None:
    request = batch(TWO, on_error="exit")
    answers = read_batch(request, reply(request, FAILED))
    assert [each and each.error for each in answers] == ["noSuchIdentifier", None]


@pytest.mark.parametrize(
    "inner", [[], [DONE], [DONE] * 3, [DONE, response("add")], [DONE, response("delete", requestID="other")]]
)
@pytest.mark.parametrize("on_error", ["exit", "resume"])
def test_answers_that_cannot_belong_are_refused(inner: list[str], on_error: Any) -> None:
    request = batch(TWO, on_error=on_error)
    with pytest.raises(InvalidError):
        read_batch(request, reply(request, *inner))


@pytest.mark.parametrize("requests", [[], [list_targets()], [batch([lookup(ObjectId("1").element())])]])
def test_what_cannot_be_in_a_batch_is_refused(requests: list[Element]) -> None:
    with pytest.raises(InvalidError):
        batch(requests)
