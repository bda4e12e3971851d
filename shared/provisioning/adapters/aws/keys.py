"""Every durable item: its key, and who writes it. The one module that spells keys.

| item | pk | sk | written by |
|---|---|---|---|
| identity | `I#<identity>` | `I` | receive, evaluate |
| account | `I#<identity>` | `A#<service>` | deliver |
| group | `S#<service>` | `R#<group>` | deliver |
| gate | `S#<service>` | `G` | deliver |
| brake | `B#<service>` | `B` | deliver |
| population | `B#<service>` | `P` | schedule |
| waiting for a group | `J#<service>#<group>` | `<identity>#<revision>` | deliver |
| link | `L#<source>#<key>` | `L` | receive, evaluate, with the identity |
| claim | `M#<matcher>#<value>` | `M` | receive, evaluate, with the identity |
| question | `K#<question>` | `K` | receive, evaluate, with the identity; the command that answers |
| reserved name | `N#<service>#<attribute>#<value>` | `N` | deliver |
| source | `F#<source>` | `F` | poll |
| when it was heard | `F#<source>` | `H` | receive, poll, schedule |
| bundle in force | `C` | `current` | the command that publishes; schedule, which sources are stale |
| rejected | `X#<source>` | the message's id | receive |
| token | `T#<source>#<token>` | `T` | receive |
| sweep | `W#<shard>` | `W` | schedule |
| extracts | `E#<service>` | `E` | extract |
| reconciled | `R#<service>` | `R` | reconcile |
| pushed resource | `P#<source>#<U or G>#<id>` | `A` | gateway |
| its membership | `P#<source>#<U or G>#<id>` | `G#<group>` | gateway, with the member |
| member | `P#<source>#G#<group>` | `M#<id>` | gateway |
| value of a pushed resource | `Q#<source>#<U or G>#<attribute>#<value>` | `Q`, or its id | gateway, with the resource |
| pushed and unsent | `O#<source>` | `<U or G>#<id>` | gateway, with what changed |
| that one was deleted | `D#<source>#<U or G>` | `D#<id>` | gateway, with the resource |
| what became of a request | `A#<source>` | `A#<request>` | gateway |
| history of a write | `H#<identity>` | `I#<revision>` or `A#<service>#<revision>` | notify |

In the bucket: `bundles/<hash>.json` by the command that publishes, `rejected/<source>/<digest>` by receive,
`extracts/<folder>/…` by extract, for services whose endpoint names no bucket, `polled/<source>/…` by poll,
`reconciled/<service>/…` by reconcile.
"""

import hashlib
import unicodedata
import zlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

_LONGEST: Final = 512  # bytes of foreign text in a key; a sort key may have 1024
SHARDS: Final = 8  # of both indexes, by identity; changing it means writing every item again


class Key(NamedTuple):
    """The primary key of an item."""

    pk: str
    sk: str

    def attributes(self) -> dict[str, Any]:
        """The key as the service wants it."""
        return {"pk": {"S": self.pk}, "sk": {"S": self.sk}}


# Attributes of items. Short, because an item is billed by the kilobyte with the names in it.
BODY: Final = "b"
REVISION: Final = "r"
SEQUENCE: Final = "q"
WRITE: Final = "w"  # drawn for each write: tells our own write, whose answer was lost, from another's
DUE_SHARD: Final = "d"
DUE_AT: Final = "t"
SERVICE: Final = "s"
STATE: Final = "c"
NEXT_FREE: Final = "f"
CURSOR: Final = "u"
HASH: Final = "h"
REFUSED: Final = "x"
STALE: Final = "z"  # of the bundle in force: packed, by source
CHANGED_AT: Final = "g"  # of staged accounts only, so that no other is in the index `changes`
MEMBERSHIPS: Final = "n"
EXPIRES: Final = "e"  # seconds since 1970; the table's time to live

REJECTED_DAYS: Final = 90  # what was rejected is personal data: an operator has this long to look at it

IDENTITY_SORT: Final = "I"
ACCOUNT_SORT: Final = "A#"

DUE_INDEX: Final = "due"
SERVICE_INDEX: Final = "by-service"
CHANGES_INDEX: Final = "changes"

CURRENT: Final = Key("C", "current")


def key_of(item: Mapping[str, Any]) -> Key:
    """The key of an item that was read."""
    return Key(item["pk"]["S"], item["sk"]["S"])


def identity_key(identity: str) -> Key:
    return Key(f"I#{identity}", IDENTITY_SORT)


def account_key(identity: str, service: str) -> Key:
    return Key(f"I#{identity}", f"{ACCOUNT_SORT}{service}")


def group_key(service: str, name: str) -> Key:
    return Key(f"S#{service}", f"R#{name}")


def waiting_partition(service: str, group: str) -> str:
    """All that wait for a group."""
    return f"J#{service}#{bounded(group)}"


def waiting_key(service: str, group: str, identity: str, revision: int) -> Key:
    return Key(waiting_partition(service, group), f"{identity}#{revision}")


def read_waiting(sort: str) -> tuple[str, int]:
    """The identity that waits, and in which revision of its account."""
    identity, _, revision = sort.rpartition("#")
    return identity, int(revision)


def gate_key(service: str) -> Key:
    return Key(f"S#{service}", "G")


def link_key(source: str, key: str) -> Key:
    return Key(f"L#{source}#{bounded(key)}", "L")


def name_key(service: str, attribute: str, value: str) -> Key:
    """A reserved name. SPs do not tell two names apart that differ in case, nor in how an accent is encoded."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).casefold())
    path = attribute.casefold().replace("%", "%25").replace("#", "%23")  # so that it is seen where the value begins
    return Key(f"N#{service}#{bounded(path)}#{bounded(folded)}", "N")


def rejected_key(source: str, message: str) -> Key:
    return Key(f"X#{source}", bounded(message))


def token_key(source: str, token: str) -> Key:
    """A token that was taken. Each has a partition of its own, so that a burst is spread."""
    return Key(f"T#{source}#{bounded(token)}", "T")


def sweep_key(shard: int) -> Key:
    return Key(f"W#{shard}", "W")


def extracts_key(service: str) -> Key:
    return Key(f"E#{service}", "E")


def polled_key(source: str) -> Key:
    return Key(f"F#{source}", "F")


def heard_key(source: str) -> Key:
    return Key(f"F#{source}", "H")


def polled_object(name: str) -> str:
    """The object of a file of a source's run."""
    return f"polled/{name}"


def bundle_object(hash_: str) -> str:
    """The object of a published bundle."""
    return f"bundles/{hash_}.json"


def rejected_object(source: str, message: str) -> str:
    """The object of a rejected body. A message id may hold anything, so it is not part of the name."""
    return f"rejected/{source}/{hashlib.sha256(message.encode()).hexdigest()}"


def identity_of(pk: str) -> str:
    """The identity under whose key an item lies."""
    return pk.removeprefix("I#")


def shard_of(identity: str) -> int:
    """The shard of an identity: the same in every process and version."""
    return zlib.crc32(identity.encode()) % SHARDS


# Partitions and sorts of the index `by-service`: they change only when what they stand for changes.


def accounts_partition(service: str, shard: int) -> str:
    """Accounts of a service, sorted by condition and phase."""
    return f"{service}#{shard}"


def account_state(phase: str, condition: str) -> str:
    """The condition first, so that those of one condition are one range."""
    return f"{in_condition(condition)}{phase}"


def in_condition(condition: str) -> str:
    """How the state of every account in a condition begins."""
    return f"{condition}#"


def read_account_state(state: str) -> tuple[str, str]:
    """(phase, condition) of a sort."""
    condition, _, phase = state.partition("#")
    return phase, condition


def identities_partition(shard: int) -> str:
    """All identities, sorted by id: what a campaign walks. Written once, when the identity is new."""
    return f"#{shard}"


def rejected_partition(source: str, shard: int) -> str:
    """What was rejected from a source, sorted by time."""
    return f"X#{source}#{shard}"


def rejected_state(at: int) -> str:
    """An instant as text that sorts by time."""
    return f"{at:012d}"


# A walk goes shard by shard: segment s of n takes the shards s, s + n, s + 2n, ...


def write_position(shard: int, identity: str) -> str:
    """The position of a walk: after this identity of this shard."""
    return f"{shard}/{identity}"


def read_position(position: str | None, segment: int) -> tuple[int, str]:
    """Shard and identity after which a walk goes on; at first, the segment's first shard, from its beginning."""
    if position is None:
        return segment, ""
    shard, _, identity = position.partition("/")
    return int(shard), identity


def write_change_position(shard: int, last: tuple[int, str] | None) -> str | None:
    """The position of a walk through changes: in this shard, after a change, or at its beginning."""
    if shard >= SHARDS:
        return None
    return f"{shard}/{last[0]}/{last[1]}" if last is not None else f"{shard}"


def read_change_position(position: str | None) -> tuple[int, tuple[int, str] | None]:
    """The shard, and the change after which a walk goes on."""
    shard, _, last = (position or "0").partition("/")
    changed_at, _, identity = last.partition("/")
    return int(shard), (int(changed_at), identity) if last else None


def place_of(place: str) -> tuple[str, str]:
    """The bucket of an SP's files (empty: our own) and the folder in it."""
    url = urlsplit(place)
    folder = url.path.strip("/")
    return url.netloc, folder if url.netloc else f"extracts/{folder}"


def source_folder(place: str) -> tuple[str, str]:
    """The bucket of a source's files (empty: our own) and the beginning of their names in it."""
    url = urlsplit(place)
    folder = url.path.strip("/")
    return url.netloc, f"{folder}/" if url.netloc else f"sources/{folder}/"


def bounded(text: str) -> str:
    """Text as it is while it fits a key, else what stands for it: longer than any text that is left as it is."""
    encoded = text.encode()
    if len(encoded) <= _LONGEST:
        return text
    return f"{encoded[:_LONGEST].decode(errors='ignore')}#{hashlib.sha256(encoded).hexdigest()}"


def _index(name: str, partition: str, sort: str) -> Mapping[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }


# As CreateTable and AWS::DynamoDB::Table both spell it; the template and the contract suite use this one.
TABLE_DEFINITION: Final[Mapping[str, Any]] = {
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "N" if name in (DUE_AT, CHANGED_AT) else "S"}
        for name in ("pk", "sk", DUE_SHARD, DUE_AT, SERVICE, STATE, CHANGED_AT)
    ],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        _index(DUE_INDEX, DUE_SHARD, DUE_AT),
        _index(SERVICE_INDEX, SERVICE, STATE),
        _index(CHANGES_INDEX, SERVICE, CHANGED_AT),
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},  # CreateTable wants StreamEnabled beside it
}
