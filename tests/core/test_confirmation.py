"""What SPs say of operations: bounded, checked, and never quoted; and the tickets that wait for it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import Account, Condition, Intent
from provisioning.core.confirmation import (
    LARGEST,
    Confirmation,
    Status,
    Ticket,
    overtaken,
    patience,
    read_confirmation,
    read_ticket,
    write_ticket,
)
from provisioning.core.errors import InvalidError
from provisioning.core.queue_options import LONGEST_CONFIRM

SAID: dict[str, Any] = {"operation": "abc", "identity": "i1", "status": "done", "remote_id": "77"}
EVENT = {"specversion": "1.0", "id": "9", "source": "/badges", "type": "confirmed", "data": SAID}


@pytest.mark.parametrize("value", [SAID, EVENT, {**SAID, "more": [1, 2]}])
def test_a_confirmation_is_an_object_or_the_data_of_an_event(value: Any) -> None:
    assert read_confirmation(json.dumps(value)) == Confirmation(
        operation="abc", identity="i1", status=Status.DONE, remote_id="77"
    )


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "null", "7", "[]", '"done"', "{", json.dumps({**EVENT, "data": None}), '{"specversion": "1.0"}',
        json.dumps({**SAID, "status": "perhaps"}), json.dumps({**SAID, "operation": ""}),
        json.dumps({**SAID, "operation": "a b"}), json.dumps({**SAID, "operation": "a\n"}),
        json.dumps({**SAID, "identity": 7}), json.dumps({**SAID, "remote_id": "x" * 513}),
        json.dumps({**SAID, "remote_id": ""}), json.dumps({**SAID, "reason": "x" * 4097}),
        "[" * 100_000, '{"a":' * 5000, json.dumps({**SAID, "more": "x" * LARGEST}),
        '{"operation": "abc", "operation": "abd", "identity": "i1", "status": "done"}',
    ],
)  # fmt: skip
def test_what_is_no_confirmation_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        read_confirmation(text)
    assert len(str(caught.value)) < 400


def test_a_refusal_names_the_field_and_quotes_no_value() -> None:
    with pytest.raises(InvalidError, match="status") as caught:
        read_confirmation(json.dumps({**SAID, "status": "secret-status"}))
    assert "secret-status" not in str(caught.value)


@given(st.text())
def test_no_text_is_read_as_anything_but_a_confirmation_or_a_refusal(text: str) -> None:
    with pytest.raises(InvalidError):
        read_confirmation(text)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1), st.integers(0), st.integers(0))
def test_a_ticket_is_read_as_it_was_written(operation: str, turn: int, sends: int) -> None:
    assert read_ticket(write_ticket(Ticket(operation, turn, sends))) == Ticket(operation, turn, sends)


@pytest.mark.parametrize("text", [None, "", '["r1","op",true,"create"]', "sent", "sent 1 2", "7 8 9 x"])
def test_a_ticket_of_another_protocol_is_none_of_these(text: str | None) -> None:
    assert read_ticket(text) is None


@given(st.integers(60, LONGEST_CONFIRM), st.integers(0, 20))
def test_patience_grows_from_the_deadline_and_ends(deadline: int, sent: int) -> None:
    assert deadline <= patience(deadline, sent) <= patience(deadline, sent + 1) <= LONGEST_CONFIRM


def test_only_a_newer_wish_overtakes_what_waits_for_a_confirmation() -> None:
    intent = Intent("abc", 0, write_ticket(Ticket("abc", 3, 1)))
    waiting = Account("i1", "badges", condition=Condition.UNKNOWN, intent=intent)
    assert overtaken(waiting, 4)
    assert not overtaken(waiting, 3)
    assert not overtaken(Account("i1", "badges", condition=Condition.PENDING, intent=intent), 4)
    assert not overtaken(Account("i1", "badges", condition=Condition.UNKNOWN, intent=Intent("abc", 0)), 4)
    assert not overtaken(None, 4)
