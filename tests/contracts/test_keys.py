"""Keys: what two processes of two versions must agree on."""

from collections import Counter

from provisioning.adapters.aws import keys, pushed_keys
from tests.contracts.samples import new_id


def test_the_shard_of_an_identity_never_changes() -> None:
    """Stored items carry it: another arithmetic would lose them from both indexes."""
    shards = {f"00000000-0000-4000-8000-00000000000{number}": shard for number, shard in enumerate(SHARDS)}
    assert {identity: keys.shard_of(identity) for identity in shards} == shards


SHARDS = (7, 1, 3, 5)  # of the identities that end in 0, 1, 2, 3


def test_identities_are_spread_over_all_shards() -> None:
    spread = Counter(keys.shard_of(new_id()) for _ in range(4000))
    assert sorted(spread) == list(range(keys.SHARDS))
    assert max(spread.values()) < 2 * min(spread.values())


def test_no_two_items_share_a_key() -> None:
    long = "x" * 3000
    made = [
        keys.identity_key("a"),
        keys.account_key("a", "library"),
        keys.account_key("a", "wiki"),
        keys.group_key("library", "G"),
        keys.group_key("library", "a"),
        keys.gate_key("library"),
        keys.link_key("registry", "a"),
        keys.link_key("alumni", "a"),
        keys.link_key("registry", long),
        keys.link_key("registry", long[:-1]),
        keys.link_key("registry", keys.link_key("registry", long).pk.removeprefix("L#registry#")),
        pushed_keys.pushed_key("registry", "User", "a"),
        pushed_keys.pushed_key("registry", "Group", "a"),
        pushed_keys.pushed_key("alumni", "User", "a"),
        pushed_keys.pushed_key("registry", "User", long),
        pushed_keys.membership_key("registry", "User", "a", "b"),
        pushed_keys.membership_key("registry", "Group", "a", "b"),
        pushed_keys.member_key("registry", "a", "b"),
        pushed_keys.claim_key("registry", "User", "userName", "a", None),
        pushed_keys.claim_key("registry", "Group", "displayName", "a", "a"),
        pushed_keys.claim_key("registry", "Group", "externalId", "a", None),
        pushed_keys.claim_key("registry", "User", "userName", long, None),
        pushed_keys.unsent_key("registry", "User", "a"),
        pushed_keys.unsent_key("registry", "Group", "a"),
        keys.rejected_key("registry", "a"),
        keys.rejected_key("registry", long),
        keys.name_key("library", "userName", "a"),
        keys.name_key("wiki", "userName", "a"),
        keys.name_key("library", "nickName", "a"),
        keys.name_key("library", "nickName", "b#a"),
        keys.name_key("library", "nickName", "#b#a"),
        keys.name_key("library", "nickName#b", "a"),
        keys.name_key("library", "nickName%23b", "a"),
        keys.name_key("library", long, long),
        keys.sweep_key(0),
        keys.sweep_key(1),
        keys.CURRENT,
    ]
    assert len(set(made)) == len(made)
    assert all(len(key.pk.encode()) <= 2048 and len(key.sk.encode()) <= 1024 for key in made)


def test_instants_as_text_sort_by_time() -> None:
    instants = [0, 9, 10, 1_800_000_000, 253_402_300_800]
    assert sorted(map(keys.rejected_state, reversed(instants))) == list(map(keys.rejected_state, instants))


def test_a_walks_position_names_where_to_go_on() -> None:
    assert keys.read_position(keys.write_position(5, "a/b"), segment=1) == (5, "a/b")
    assert keys.read_position(None, segment=3) == (3, "")


def test_names_that_an_sp_would_not_tell_apart_are_one_name() -> None:
    one = keys.name_key("library", "userName", "Åse.Straße")
    for other in ("åse.strasse", "A\u030ase.straße", "ÅSE.STRASSE"):
        assert keys.name_key("library", "username", other) == one
    assert keys.name_key("library", "userName", "Ase.Strasse") != one
