"""The form of what handlers are given and answer: anything else would lose a batch, or repeat it for ever."""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from provisioning.core.errors import InvalidError, PermanentError, TransientError
from provisioning.runtime.entry import Handler, failures, queue_name, run, sqs_handler
from provisioning.runtime.log import log
from provisioning.runtime.settings import read_settings
from provisioning.stages.message import Failed, Message
from tests.functions.events import batch, record

NEEDED = {"PROVISIONING_TABLE": "table", "PROVISIONING_BUCKET": "bucket"}


class Stage:
    """Fails what it is told to, and remembers what it got."""

    def __init__(self, *failed: str, error: Exception | None = None) -> None:
        self.failed, self.error = frozenset(failed), error
        self.messages: list[Message] = []
        self.now = 0

    async def __call__(self, messages: Sequence[Message], now: int) -> Failed:
        self.messages += messages
        self.now = now
        if self.error is not None:
            raise self.error
        return self.failed


def invoke(handler: Handler, event: dict[str, Any]) -> dict[str, Any]:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(handler, event, None).result()


TWO = batch(record("one", "m1"), record("two", "m2", receives=3))


def test_a_batch_that_was_handled_names_no_failure() -> None:
    assert invoke(sqs_handler(Stage()), TWO) == {"batchItemFailures": []}


def test_exactly_the_messages_that_failed_come_again() -> None:
    assert invoke(sqs_handler(Stage("m2")), TWO) == {"batchItemFailures": [{"itemIdentifier": "m2"}]}


@pytest.mark.parametrize("error", [TransientError("away"), PermanentError("no"), InvalidError("bad")])
def test_a_stage_that_raises_has_decided_nothing_so_all_come_again(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = invoke(sqs_handler(Stage(error=error)), TWO)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]}
    line = json.loads(capsys.readouterr().out)
    assert line == {"word": "batch.failed", "kind": type(error).__name__, "reason": str(error), "messages": 2}


def test_a_defect_does_not_look_like_success_and_shows_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    answer = invoke(sqs_handler(Stage(error=KeyError("nobody expected this"))), TWO)
    assert [item["itemIdentifier"] for item in answer["batchItemFailures"]] == ["m1", "m2"]
    line = json.loads(capsys.readouterr().out)
    assert line["word"] == "batch.defect"
    assert "nobody expected this" in line["reason"]
    assert "test_entry.py" in line["reason"]


def test_the_queue_says_whose_word_a_message_is_whatever_the_message_says() -> None:
    stage = Stage()
    invoke(sqs_handler(stage, {"campus-changes-registry": "registry"}.__getitem__), TWO)
    assert [(message.id, message.body, message.origin) for message in stage.messages] == [
        ("m1", "one", "registry"), ("m2", "two", "registry"),
    ]  # fmt: skip


def test_a_message_that_was_handed_out_before_is_known_as_such() -> None:
    stage = Stage()
    invoke(sqs_handler(stage), TWO)
    assert [message.again for message in stage.messages] == [False, True]


def test_now_is_whole_seconds_of_this_age() -> None:
    stage = Stage()
    invoke(sqs_handler(stage), TWO)
    assert isinstance(stage.now, int)
    assert stage.now > 1_700_000_000


@pytest.mark.parametrize("event", [{}, {"Records": []}])
def test_an_event_without_records_is_a_batch_of_nothing(event: dict[str, Any]) -> None:
    assert invoke(sqs_handler(Stage()), event) == {"batchItemFailures": []}


def test_failures_are_a_list_of_item_identifiers_in_a_stable_order() -> None:
    assert failures(frozenset({"b", "a"})) == {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}


def test_a_queues_name_is_the_last_part_of_its_arn() -> None:
    assert queue_name("arn:aws:sqs:eu-west-1:123456789012:campus-changes-registry") == "campus-changes-registry"


def test_one_loop_serves_every_invocation() -> None:
    async def loop() -> int:
        return id(asyncio.get_running_loop())

    with ThreadPoolExecutor(1) as thread:
        assert len({thread.submit(lambda: run(loop())).result() for _ in range(3)}) == 1


def test_a_line_of_the_log_is_one_line_of_json_without_empty_fields(capsys: pytest.CaptureFixture[str]) -> None:
    log("said", service="wiki", reason="two\nlines", error="", rings=[], due=None, count=0, changed=False)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {
        "word": "said", "service": "wiki", "reason": "two\nlines", "count": 0, "changed": False,
    }  # fmt: skip


@pytest.mark.parametrize("name", NEEDED)
def test_a_variable_that_is_not_set_is_named(name: str) -> None:
    for given in ({key: value for key, value in NEEDED.items() if key != name}, {**NEEDED, name: ""}):
        with pytest.raises(InvalidError, match=f"^{name}: the variable is not set"):
            read_settings(given)


@pytest.mark.parametrize("name", ["PROVISIONING_DELIVER_QUEUES", "PROVISIONING_SOURCES"])
@pytest.mark.parametrize("value", ["{", "[]", "1", "wiki=url"])
def test_a_variable_that_is_not_an_object_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidError, match=f"^{name}: not "):
        read_settings({**NEEDED, name: value})


def test_settings_that_a_function_does_not_need_are_empty() -> None:
    settings = read_settings(NEEDED)
    assert (settings.table, settings.bucket) == ("table", "bucket")
    assert (settings.identities_queue, settings.deliver_queues, settings.sources, settings.service) == ("", {}, {}, "")
