"""Identity, account and group ↔ item: a packed body, and beside it only what conditions and indexes need."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.linking_items import pack_linking, unpack_linking
from provisioning.core.account import Account, Condition, Intent, Known, Phase
from provisioning.core.errors import PermanentError
from provisioning.core.gate import Gate
from provisioning.core.identity import Closed, Identity
from provisioning.core.lifecycle import Entitlement, Standing
from provisioning.core.period import Instant
from provisioning.core.record import Affiliation, Record
from provisioning.core.wire import pack, unpack
from provisioning.ports import Group, Name

Item = dict[str, Any]

LARGEST: Final = 400 * 1024  # bytes of one item, the service's bound
_BESIDE: Final = 4096  # bytes left for the key and what lies beside the body
# Fields are positions in a list, not names: an item is billed by the kilobyte. A new field goes to the end; a reader
# passes over the ones that a newer version of the engine added.


def identity_item(identity: Identity, write: bytes) -> Item:
    """The item of an identity. Raises PermanentError if it is larger than an item can be."""
    body = pack([
        [_from_record(record) for record in identity.records.values()],
        [[item.source, *_from_affiliation(item.affiliation)] for item in identity.closed],
        {service: _from_entitlement(entitlement) for service, entitlement in identity.entitlements.items()},
        *pack_linking(identity.linking),
    ])  # fmt: skip
    if len(body) > LARGEST - _BESIDE:
        raise PermanentError(f"identity {identity.id} needs {len(body)} bytes: {_largest(identity)} is too large")
    shard = keys.shard_of(identity.id)
    return {
        **keys.identity_key(identity.id).attributes(),
        **_versions(identity.revision, identity.sequence, write),
        **_due(identity.id, identity.due_at),
        keys.BODY: {"B": body},
        keys.SERVICE: {"S": keys.identities_partition(shard)},
        keys.STATE: {"S": identity.id},
    }


def read_identity(item: Mapping[str, Any]) -> Identity:
    """The identity of an item."""
    records, closed, entitlements, *later = unpack(item[keys.BODY]["B"])
    return Identity(
        id=keys.identity_of(item["pk"]["S"]),
        records={fields[0]: _to_record(fields) for fields in records},
        closed=tuple(Closed(source, _to_affiliation(fields)) for source, *fields in closed),
        entitlements={service: _to_entitlement(fields) for service, fields in entitlements.items()},
        sequence=int(item[keys.SEQUENCE]["N"]),
        revision=int(item[keys.REVISION]["N"]),
        due_at=_read_due(item),
        linking=unpack_linking(later),
    )


def account_item(account: Account, write: bytes) -> Item:
    """The item of an account. Raises PermanentError if it is larger than an item can be."""
    known, intent = account.known, account.intent
    body = pack([
        known.phase, known.remote_id, known.values, known.groups, account.condition,
        [intent.attempt, intent.deadline, *([intent.ticket] if intent.ticket else [])] if intent else None,
        account.turn, account.attempts, account.error, account.changed_at, known.filled,
        *_later([known.staged, account.joining, account.mark, account.permits, account.asked]),
    ])  # fmt: skip
    name = f"account {account.service} of identity {account.identity}"
    if len(body) > LARGEST - _BESIDE:
        sizes = {path: len(pack(value)) for path, value in known.values.items()} | {"error": len(account.error)}
        raise PermanentError(f"{name} needs {len(body)} bytes: {max(sizes, key=sizes.__getitem__)} is too large")
    shard = keys.shard_of(account.identity)
    return {
        **keys.account_key(account.identity, account.service).attributes(),
        **_versions(account.revision, account.sequence, write),
        **_due(account.identity, account.due_at),
        keys.BODY: {"B": body},
        keys.SERVICE: {"S": keys.accounts_partition(account.service, shard)},
        keys.STATE: {"S": keys.account_state(known.phase, account.condition)},
        **({keys.CHANGED_AT: {"N": str(account.changed_at)}} if known.staged else {}),
    }


def read_account(item: Mapping[str, Any]) -> Account:
    """The account of an item."""
    phase, remote_id, values, groups, condition, intent, turn, attempts, error, changed_at, *later = unpack(
        item[keys.BODY]["B"]
    )
    filled = later[0] if later else ()  # items of earlier versions, and those without what follows, end before it
    staged = len(later) > 1 and later[1]
    joining = later[2] if len(later) > 2 else ()
    mark = later[3] if len(later) > 3 else ""
    permits, asked = (later[4] if len(later) > 4 else ()), (later[5] if len(later) > 5 else "")
    return Account(
        identity=keys.identity_of(item["pk"]["S"]),
        service=item["sk"]["S"].removeprefix(keys.ACCOUNT_SORT),
        known=Known(Phase(phase), remote_id, values, tuple(groups), tuple(filled), staged),
        condition=Condition(condition),
        intent=Intent(*intent) if intent is not None else None,
        turn=turn,
        attempts=attempts,
        error=error,
        sequence=int(item[keys.SEQUENCE]["N"]),
        revision=int(item[keys.REVISION]["N"]),
        due_at=_read_due(item),
        joining=tuple(joining),
        changed_at=changed_at,
        mark=mark,
        permits=tuple(permits),
        asked=asked,
    )


def _later(fields: list[Any]) -> list[Any]:
    """Fields up to the last that says anything: most accounts have none of these."""
    while fields and not fields[-1]:
        fields.pop()
    return fields


def gate_body(gate: Gate) -> bytes:
    """The packed part of a gate: all but its budget, which goes on without it."""
    return pack([gate.rate, gate.throttled_at, gate.failures, gate.quarantine, gate.closed_until, gate.paused])


def read_gate(item: Mapping[str, Any]) -> Gate:
    """The gate of an item, which may hold a budget alone."""
    free = int(item[keys.NEXT_FREE]["N"]) if keys.NEXT_FREE in item else 0
    if keys.BODY not in item:
        return Gate(free)
    rate, throttled_at, failures, quarantine, closed_until, paused, *_ = unpack(item[keys.BODY]["B"])
    revision = int(item[keys.REVISION]["N"])
    return Gate(free, rate, throttled_at, failures, quarantine, closed_until, paused, revision)


def group_item(group: Group, write: bytes) -> Item:
    """The item of a group."""
    intent = [group.intent.attempt, group.intent.deadline] if group.intent is not None else None
    return {
        **keys.group_key(group.service, group.name).attributes(),
        **_versions(group.revision, 0, write),
        keys.BODY: {
            "B": pack(
                [
                    group.remote_id,
                    intent,
                    group.next_at,
                    group.rung_at,
                    group.slots,
                    group.attempts,
                ]
            )
        },
    }


def read_group(service: str, name: str, item: Mapping[str, Any]) -> Group:
    """The group of an item."""
    remote_id, intent, *later = unpack(item[keys.BODY]["B"])
    open_intent = Intent(*intent) if intent is not None else None
    next_at, rung_at, slots, attempts = later[:4] if later else (0, 0, 0, 0)  # earlier items end before it
    revision = int(item[keys.REVISION]["N"])
    return Group(service, name, remote_id, open_intent, next_at, rung_at, slots, attempts, revision)


def name_item(name: Name) -> Item:
    """The item of a reserved name."""
    key = keys.name_key(name.service, name.attribute, name.value)
    refused = {keys.REFUSED: {"BOOL": True}} if name.refused else {}
    return {**key.attributes(), keys.BODY: {"S": name.identity}, **refused}


def read_name(name: Name, item: Mapping[str, Any]) -> Name:
    """The reservation of this name as an item has it."""
    return replace(name, identity=item[keys.BODY]["S"], refused=keys.REFUSED in item)


def _versions(revision: int, sequence: int, write: bytes) -> Item:
    """What conditions compare. The revision is the next one: what was read is in the condition."""
    return {
        keys.REVISION: {"N": str(revision + 1)},
        keys.SEQUENCE: {"N": str(sequence)},
        keys.WRITE: {"B": write},
    }


def _due(identity: str, due_at: Instant | None) -> Item:
    if due_at is None:
        return {}
    return {keys.DUE_SHARD: {"S": str(keys.shard_of(identity))}, keys.DUE_AT: {"N": str(due_at)}}


def _read_due(item: Mapping[str, Any]) -> Instant | None:
    return int(item[keys.DUE_AT]["N"]) if keys.DUE_AT in item else None


def _from_record(record: Record) -> list[Any]:
    affiliations = [_from_affiliation(affiliation) for affiliation in record.affiliations]
    return [
        record.source, record.key, record.version, record.deleted, record.attributes, affiliations, record.notices,
        record.observed,
    ]  # fmt: skip


def _to_record(fields: list[Any]) -> Record:
    source, key, version, deleted, attributes, affiliations, notices, *later = fields
    found = tuple(_to_affiliation(affiliation) for affiliation in affiliations)
    observed = later[0] if later else 0  # items of before know no observations
    return Record(source, key, version, deleted, attributes, found, tuple(notices), observed)


def _from_affiliation(affiliation: Affiliation) -> list[Any]:
    return [affiliation.id, affiliation.start, affiliation.end, affiliation.facts]


def _to_affiliation(fields: list[Any]) -> Affiliation:
    return Affiliation(*fields[:4])


def _from_entitlement(entitlement: Entitlement) -> list[Any]:
    return [
        entitlement.standing, entitlement.authorizations, entitlement.until, entitlement.ended,
        entitlement.digest, entitlement.turn, entitlement.dispute,
        *_later([entitlement.learned, entitlement.notice]),
    ]  # fmt: skip


def _to_entitlement(fields: list[Any]) -> Entitlement:
    standing, authorizations, until, ended, digest, turn, *later = fields
    # Items of earlier versions end before these.
    dispute, learned, notice = [*later, *["", 0, 0][len(later) :]][:3]
    return Entitlement(
        Standing(standing), tuple(authorizations), until, ended, digest, turn, dispute, learned, notice
    )  # fmt: skip


def _largest(identity: Identity) -> str:
    """The part of an identity that takes the most bytes, for people."""
    sizes = {f"the record of {source}": len(pack(_from_record(record))) for source, record in identity.records.items()}
    sizes["closed affiliations"] = len(pack([_from_affiliation(item.affiliation) for item in identity.closed]))
    return max(sizes, key=sizes.__getitem__)
