"""A copy with some fields changed is what `dataclasses.replace` makes."""

from dataclasses import replace

import pytest

from provisioning.core.account import Account, Condition, Known
from provisioning.core.changed import changed
from provisioning.protocols.dialogue import Ending, Outcome


def test_a_changed_copy_is_what_replace_makes() -> None:
    account = Account("i1", "library", Known(remote_id="r"), turn=3)
    assert changed(account, turn=4, condition=Condition.FAILED) == replace(account, turn=4, condition=Condition.FAILED)
    assert changed(account) == account
    assert changed(account) is not account
    assert account.turn == 3, "what was copied stays"
    assert changed(Ending(Outcome.DONE, Known()), reason="x") == Ending(Outcome.DONE, Known(), "x")


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(KeyError):
        changed(Account("i1", "library"), phase="x")
