"""Pushed resources ↔ items, and the pieces of the transactions that write them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from provisioning.adapters.aws import keys, pushed_keys
from provisioning.adapters.aws.items import Item
from provisioning.core.period import DAY
from provisioning.core.pushed import MOST_GROUPS, Answer, Claim, Gone, Kind, Resource, Unsent
from provisioning.core.wire import pack, unpack

Write = tuple[str, dict[str, Any]]  # the service's word for it, and its fields
ABSENT: Final = "attribute_not_exists(pk)"
PRESENT: Final = "attribute_exists(pk)"
_LIVE: Final = f"attribute_exists({keys.STATE})"  # deleted ones are in no index


def resource_item(resource: Resource, write: bytes) -> Item:
    """The item of a resource as its next version."""
    item = {
        **pushed_keys.pushed_key(resource.source, resource.kind, resource.id).attributes(),
        keys.REVISION: {"N": str(resource.version + 1)},
        keys.MEMBERSHIPS: {"N": str(resource.memberships)},
        keys.WRITE: {"B": write},
        keys.BODY: {"B": pack([resource.id, resource.created, resource.modified, dict(resource.content)])},
    }
    if resource.deleted:
        return {**item, keys.EXPIRES: {"N": str(resource.modified + pushed_keys.TOMBSTONE_DAYS * DAY)}}
    partition = pushed_keys.pushed_partition(resource.source, resource.kind, keys.shard_of(resource.id))
    return {**item, keys.SERVICE: {"S": partition}, keys.STATE: {"S": resource.id}}


def read_resource(source: str, kind: Kind, item: Mapping[str, Any]) -> Resource:
    """The resource of an item."""
    id_, created, modified, content, *_ = unpack(item[keys.BODY]["B"])
    version, memberships = int(item[keys.REVISION]["N"]), int(item[keys.MEMBERSHIPS]["N"])
    deleted = keys.STATE not in item
    return Resource(source, kind, id_, content, created, modified, version, memberships, deleted)


def put_resource(resource: Resource, was: Resource | None, write: bytes) -> Write:
    """Put the next version, unless another one is stored than was read."""
    if was is None:
        return "Put", {"Item": resource_item(resource, write), "ConditionExpression": ABSENT}
    return "Put", {
        "Item": resource_item(resource, write),
        "ConditionExpression": f"{keys.REVISION} = :r",
        "ExpressionAttributeValues": {":r": {"N": str(was.version)}},
    }


def claim(resource: Resource, each: Claim) -> Write:
    """Take a value; one that only one can have, unless another has it."""
    item = {**_claim_key(resource, each).attributes(), keys.BODY: {"S": resource.id}}
    return "Put", {"Item": item, **({"ConditionExpression": ABSENT} if each.unique else {})}


def unclaim(resource: Resource, each: Claim) -> Write:
    """Give a value back: it is this resource's as long as its version is the one that was read."""
    return "Delete", {"Key": _claim_key(resource, each).attributes()}


def unsent_item(source: str, kind: Kind, id_: str, write: bytes) -> Write:
    """Say that a resource is unsent, in another word than any before."""
    return "Put", {"Item": {**pushed_keys.unsent_key(source, kind, id_).attributes(), keys.WRITE: {"B": write}}}


def read_unsent(item: Mapping[str, Any]) -> Unsent:
    """What is unsent, of an item."""
    kind, _, id_ = item["sk"]["S"].partition("#")
    return Unsent("User" if kind == "U" else "Group", id_, bytes(item[keys.WRITE]["B"]).hex())


def gone_item(resource: Resource) -> Write:
    """Say that a resource was deleted, for as long as that is remembered."""
    key = pushed_keys.gone_key(resource.source, resource.kind, resource.id)
    expires = resource.modified + pushed_keys.TOMBSTONE_DAYS * DAY
    return "Put", {"Item": {**key.attributes(), keys.BODY: _number(resource.modified), keys.EXPIRES: _number(expires)}}


def read_gone(item: Mapping[str, Any]) -> Gone:
    """What was deleted, of an item."""
    return Gone(item["sk"]["S"].partition("#")[2], int(item[keys.BODY]["N"]))


def answer_item(source: str, answer: Answer) -> Item:
    """The item of an answer."""
    key = pushed_keys.answer_key(source, answer.request)
    return {**key.attributes(), keys.BODY: {"B": pack(answer.text)}, keys.EXPIRES: _number(answer.until)}


def read_answer(item: Mapping[str, Any]) -> Answer:
    """The answer of an item."""
    request = item["sk"]["S"].partition("#")[2]
    return Answer(request, str(unpack(item[keys.BODY]["B"])), int(item[keys.EXPIRES]["N"]))


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def bump(source: str, kind: Kind, id_: str, groups: int) -> Write:
    """A version more, and so many groups, of a resource that is there and not deleted."""
    fits = f" AND {keys.MEMBERSHIPS} < :most" if groups > 0 else ""
    most = {":most": {"N": str(MOST_GROUPS)}} if fits else {}
    return "Update", {
        "Key": pushed_keys.pushed_key(source, kind, id_).attributes(),
        "UpdateExpression": f"ADD {keys.REVISION} :one, {keys.MEMBERSHIPS} :n",
        "ConditionExpression": _LIVE + fits,
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":n": {"N": str(groups)}, **most},
    }


def joined(source: str, group: str, kind: Kind | None, member: str, write: bytes) -> Sequence[Write]:
    """Everything that one new member means. `kind` None: nobody has that id."""
    item = pushed_keys.member_key(source, group, member).attributes()
    first: Write = "Put", {"Item": item, "ConditionExpression": ABSENT}
    if kind is None:
        return [first]
    held = pushed_keys.membership_key(source, kind, member, group).attributes()
    return [first, ("Put", {"Item": held}), bump(source, kind, member, 1), *_told(source, kind, member, write)]


def left(source: str, group: str, kind: Kind | None, member: str, write: bytes) -> Sequence[Write]:
    """Everything that it means that a member is none any more."""
    key = pushed_keys.member_key(source, group, member).attributes()
    first: Write = "Delete", {"Key": key, "ConditionExpression": PRESENT}
    if kind is None:
        return [first]
    held = pushed_keys.membership_key(source, kind, member, group).attributes()
    return [first, ("Delete", {"Key": held}), bump(source, kind, member, -1), *_told(source, kind, member, write)]


def _told(source: str, kind: Kind, member: str, write: bytes) -> Sequence[Write]:
    """Users are told onwards with their groups; a group that is in a group is not."""
    return [unsent_item(source, kind, member, write)] if kind == "User" else []


def _claim_key(resource: Resource, each: Claim) -> keys.Key:
    owner = None if each.unique else resource.id
    return pushed_keys.claim_key(resource.source, resource.kind, each.attribute, each.value, owner)
