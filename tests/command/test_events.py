"""The events that are published: every type has a schema and an example, and what is sent is of its schema."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from typer.testing import CliRunner

from provisioning.command.main import application
from provisioning.command.schemas import events
from provisioning.core.account import Account, Condition, Intent, Known, Phase
from provisioning.core.errors import InvalidError
from provisioning.core.event import LARGEST, announced, cloud_event, values_of
from provisioning.core.event_types import KINDS
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import Entitlement, Standing
from provisioning.core.occurrence import Change, Occurrence, Type
from provisioning.core.record import Record
from provisioning.core.transition import occurrences

PACKAGED = Path(events.__file__).parent / events.FOLDER
VALIDATORS = {kind: Draft202012Validator(events.schema(kind), format_checker=FormatChecker()) for kind in Type}


@pytest.mark.parametrize("kind", list(Type))
def test_the_packaged_schema_is_that_of_the_table_of_types(kind: Type) -> None:
    packaged = json.loads((PACKAGED / f"{kind.value}.json").read_text(encoding="utf-8"))
    assert packaged == events.schema(kind), "make schemas"


def test_every_type_is_described_and_nothing_else_is_packaged() -> None:
    assert {*KINDS} == {*Type}
    assert {file.stem for file in PACKAGED.iterdir()} == {kind.value for kind in Type}


@pytest.mark.parametrize("kind", list(Type))
def test_the_example_is_of_the_schema_and_of_no_other_type_s(kind: Type) -> None:
    example = events.example(kind)
    VALIDATORS[kind].validate(example)
    assert [other for other in Type if VALIDATORS[other].is_valid(example)] == [kind]
    for field in example["data"]:
        shorter = {**example, "data": {name: value for name, value in example["data"].items() if name != field}}
        assert not VALIDATORS[kind].is_valid(shorter)


accounts = st.none() | st.builds(
    Account, st.just("p1"), st.just("library"),
    st.builds(Known, st.sampled_from(Phase), st.none() | st.just("r1"), st.just({"userName": "ada"})),
    st.sampled_from(Condition), st.none() | st.just(Intent("a", 1)),
)  # fmt: skip
identities = st.none() | st.builds(
    Identity, st.just("p1"),
    st.dictionaries(
        st.just("registry"), st.builds(Record, st.just("registry"), st.just("k"), st.just(1), st.booleans())
    ),
    entitlements=st.dictionaries(st.just("wiki"), st.builds(Entitlement, st.sampled_from(Standing))),
)  # fmt: skip


@given(st.tuples(accounts, accounts) | st.tuples(identities, identities), st.none() | st.integers(0, 5))
def test_whatever_is_written_the_event_of_it_is_of_its_schema(items: tuple[Any, Any], told: int | None) -> None:
    old, new = items
    service = "library" if isinstance(old or new, Account) else ""
    for each in occurrences(Change("1", 1_800_000_000, "p1", service, 6, 5 if old else 0, old, new), told):
        VALIDATORS[each.type].validate(cloud_event("campus", each))


def test_values_are_told_to_those_alone_who_may_have_them_and_only_of_the_paths_that_they_may_have() -> None:
    account = Account(
        "p1", "library", Known(Phase.ACTIVE, "r1", {"userName": "ada", "mail": "a@b.example"}, ("staff",))
    )
    change = Change("1", 1_800_000_000, "p1", "library", 1, 0, None, account)
    (created,) = occurrences(change, 0)
    assert "values" not in cloud_event("campus", created)["data"]
    allowed = values_of(account, frozenset({"userName", "photo"}))
    assert cloud_event("campus", created, allowed)["data"]["values"] == {"userName": "ada"}
    assert values_of(account, frozenset({"groups"})) == {"groups": ["staff"]}
    assert values_of(account, frozenset()) == {}
    removed = Occurrence(Type.ACCOUNT_REMOVED, "p1", "library", 2, 1, 1, 0)
    assert "values" not in cloud_event("campus", removed, allowed)["data"]


def test_values_that_no_message_can_hold_are_left_out() -> None:
    created = Occurrence(Type.ACCOUNT_CREATED, "p1", "library", 1, 0, 1, 1_800_000_000)
    large = announced("campus", created, {"photo": "x" * LARGEST})
    assert large.size < LARGEST
    assert "values" not in json.loads(large.body)["data"]
    assert json.loads(announced("campus", created, {"photo": "x"}).body)["data"]["values"] == {"photo": "x"}


def provision(*arguments: str) -> str:
    result = CliRunner().invoke(application, ["events", *arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_types_are_listed_and_one_is_shown_with_its_schema_or_an_example() -> None:
    assert [each["type"] for each in json.loads(provision("--json"))] == [kind.value for kind in Type]
    assert "account.parked" in provision()
    assert json.loads(provision("account.parked")) == events.schema(Type.ACCOUNT_PARKED)
    assert json.loads(provision("account.parked", "--example")) == events.example(Type.ACCOUNT_PARKED)
    with pytest.raises(InvalidError, match=r"no type of events 'account\.lost'"):
        provision("account.lost")
