"""Items: whatever value a source can state comes back as it was; what an item holds beside its body is little."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.items import account_item, identity_item, read_account, read_identity
from provisioning.core.account import Account, Condition, Intent, Json, Known, Phase
from provisioning.core.identity import Closed, Identity
from provisioning.core.lifecycle import Entitlement, Standing
from provisioning.core.record import Affiliation, Record
from provisioning.core.wire import pack, unpack
from tests.contracts.samples import plain

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
whole = st.integers(-(2**63), 2**63 - 1)
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | whole | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
facts = st.dictionaries(text, values, max_size=3)
affiliations = st.builds(Affiliation, text, whole, whole, facts)
records = st.builds(
    Record, text, text, whole, st.booleans(), facts,
    st.lists(affiliations, max_size=2).map(tuple), st.lists(text, max_size=2).map(tuple),
)  # fmt: skip
instants = st.none() | whole
identities = st.builds(
    Identity,
    st.uuids().map(str),
    st.lists(records, max_size=3, unique_by=lambda record: record.source).map(
        lambda found: {record.source: record for record in found}
    ),
    st.lists(st.builds(Closed, text, affiliations), max_size=2).map(tuple),
    st.dictionaries(
        text,
        st.builds(
            Entitlement, st.sampled_from(Standing), st.lists(text).map(tuple), instants, instants, text, whole
        ),
        max_size=2,
    ),
    whole, whole, instants,
)  # fmt: skip
accounts = st.builds(
    Account,
    st.uuids().map(str),
    text,
    st.builds(
        Known, st.sampled_from(Phase), st.none() | text, facts, *(st.lists(text, max_size=3).map(tuple) for _ in "gf"),
        st.booleans(),
    ),
    st.sampled_from(Condition),
    st.none() | st.builds(Intent, text, whole, st.none() | text.filter(bool)),
    whole, whole, text, whole, whole, instants, st.lists(text, max_size=3).map(tuple), whole,
)  # fmt: skip


@settings(deadline=None)
@given(identities)
def test_an_identity_comes_back_from_its_item(identity: Identity) -> None:
    assert read_identity(identity_item(identity, b"w")) == replace(identity, revision=identity.revision + 1)


@settings(deadline=None)
@given(accounts)
def test_an_account_comes_back_from_its_item(account: Account) -> None:
    assert read_account(account_item(account, b"w")) == replace(account, revision=account.revision + 1)


@settings(deadline=None)
@given(identities)
def test_an_item_of_a_newer_engine_with_more_fields_can_be_read(identity: Identity) -> None:
    item = identity_item(identity, b"w")
    fields = unpack(item[keys.BODY]["B"])
    fields.append({"new": 1})
    for record in fields[0]:
        record.append("new")
    for entitlement in fields[2].values():
        entitlement.append("new")
    assert read_identity({**item, keys.BODY: {"B": pack(fields)}}).records == identity.records


def test_a_typical_identity_is_one_kilobyte() -> None:
    attributes = {
        "name": {"given": "Ada", "family": "King"}, "mail": "ada@campus.example", "login": "ada",
        "departments": ["mathematics", "computing"], "phone": "+44 1632 960983",
    }  # fmt: skip
    facts = {"type": "student", "organization": "arts.history", "level": "master"}
    held = tuple(Affiliation(f"a{number}", 1_700_000_000, 1_800_000_000, facts) for number in range(3))
    identity = plain(
        records={"registry": Record("registry", "00012345", 17, False, attributes, held)},
        entitlements={
            service: Entitlement(Standing.ACTIVE, ("borrow", "reserve"), 1_800_000_000, None, "Zm9vYmFyYmF6cXV4", 3)
            for service in ("library", "wiki", "badges", "gym")
        },
        due_at=1_800_000_000,
    )
    item = identity_item(identity, bytes(8))
    size = sum(len(name) + len(next(iter(value.values()))) for name, value in item.items())
    assert size <= 1024


def test_an_account_of_an_earlier_version_has_filled_nothing() -> None:
    item = account_item(Account("i1", "library", Known(Phase.ACTIVE, "r", filled=("title",))), b"w")
    earlier = {**item, keys.BODY: {"B": pack(unpack(item[keys.BODY]["B"])[:-1])}}
    assert read_account(earlier).known == Known(Phase.ACTIVE, "r")
