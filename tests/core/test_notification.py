import json
from zoneinfo import ZoneInfo

import pytest

from provisioning.core.catalog import Limits, Source
from provisioning.core.errors import InvalidError
from provisioning.core.notification import Listening, Notification, read_notification
from provisioning.core.record import Record, Schema

SCHEMA = Schema({"login": "string"}, {}, ZoneInfo("UTC"), Limits())
EVENT = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "somebody-else",
    "type": "person.changed",
    "data": {"key": "p1", "version": 1, "attributes": {"login": "ada"}},
}


def read(body: str) -> Notification:
    return read_notification(Listening(Source(id="registry"), None, SCHEMA), body, 0)


def test_a_cloudevent_is_read_and_its_claimed_source_means_nothing() -> None:
    notification = read(json.dumps(EVENT))
    assert isinstance(notification.told, Record)
    assert (notification.told.source, notification.told.key, notification.trace) == ("registry", "p1", "e-1")


def test_an_event_in_an_sns_envelope_is_the_same_event() -> None:
    envelope = json.dumps({"Type": "Notification", "TopicArn": "arn:x", "Message": json.dumps(EVENT)})
    assert read(envelope) == read(json.dumps(EVENT))


@pytest.mark.parametrize(
    ("body", "where", "line"),
    [
        ("", "message", 1),
        ("not json", "message", 1),
        ('{"specversion": "1.0",\n "id": }', "message", 2),
        ("[1]", "message", 0),
        ('{"id": "e"}', "specversion", 0),
        ('{"specversion": "1.0", "data": {}}', "id", 0),
        ('{"specversion": "1.0", "id": "e"}', "data", 0),
        ('{"specversion": "1.0", "id": "e", "data": {"key": "p1"}}', "data.version", 0),
        ('{"specversion": "1.0", "id": "e", "data": {"key": "p1", "version": NaN}}', "message", 0),
        ('{"a":' * 200 + "1" + "}" * 200, "message", 0),
        ('{"specversion": "1.0", "n": ' + "1" * 5000 + "}", "message", 0),
    ],
)
def test_what_cannot_be_understood_is_refused_at_its_place(body: str, where: str, line: int) -> None:
    with pytest.raises(InvalidError) as caught:
        read(body)
    assert (caught.value.where, caught.value.line) == (where, line)
    assert caught.value.right


def test_a_message_of_900_kilobytes_is_refused_by_its_size() -> None:
    with pytest.raises(InvalidError, match="at most 262144 bytes"):
        read(json.dumps({**EVENT, "padding": "x" * 900_000}))
