"""Claims, questions and what an identity knows of its linking ↔ items; and a transaction of them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from provisioning.adapters.aws import keys, linking_keys
from provisioning.adapters.aws.keys import Key
from provisioning.core.linking import UNLINKED, Answer, Claim, Claimant, Claimed, Evidence, Linking, Past, Question
from provisioning.core.together import LinkTo
from provisioning.core.wire import pack, unpack

Item = dict[str, Any]
Write = tuple[str, dict[str, Any]]
NEW: Final = "attribute_not_exists(pk)"


def pack_linking(linking: Linking) -> list[Any]:
    """What follows the other fields of an identity's body: nothing for who was never linked."""
    if linking == UNLINKED:
        return []
    fields = {"f": linking.forward, "c": linking.claims, "p": linking.past}
    return [{name: value for name, value in fields.items() if value}]


def unpack_linking(later: list[Any]) -> Linking:
    """What `pack_linking` made."""
    if not later:
        return UNLINKED
    found = later[0]
    return Linking(
        found.get("f", ""),
        {source: tuple(Claim(*claim) for claim in claims) for source, claims in found.get("c", {}).items()},
        tuple(Past(*past) for past in found.get("p", ())),
    )


def claim_write(claimed: Claimed, write: bytes) -> Write:
    """The write of a claim: loses to whoever wrote it since it was read."""
    key = linking_keys.claim_key(*claimed.claim)
    condition = _written(claimed.written)
    if not claimed.claimants and not claimed.crowded:
        return "Delete", {"Key": key.attributes(), **condition}
    body = pack([[list(each) for each in claimed.claimants], claimed.crowded])
    return "Put", {"Item": {**key.attributes(), keys.WRITE: {"B": write}, keys.BODY: {"B": body}}, **condition}


def read_claimed(claim: Claim, item: Mapping[str, Any] | None) -> Claimed:
    """Who makes a claim, by its item."""
    if item is None:
        return Claimed(claim)
    claimants, crowded, *_ = unpack(item[keys.BODY]["B"])
    found = tuple(Claimant(*each) for each in claimants)
    return Claimed(claim, found, crowded, bytes(item[keys.WRITE]["B"]).hex())


def question_write(question: Question, write: bytes) -> Write:
    """The write of a question: loses to whoever asked or answered it since it was read."""
    body = pack([
        question.source, question.key, question.identity, [list(each) for each in question.evidence],
        question.against, question.at,
    ])  # fmt: skip
    item = {
        **linking_keys.question_key(question.id).attributes(),
        keys.WRITE: {"B": write},
        keys.REVISION: {"N": str(question.revision + 1)},
        keys.BODY: {"B": body},
        keys.SERVICE: {"S": linking_keys.questions_partition(keys.shard_of(question.id))},
        keys.STATE: {"S": linking_keys.question_state(question.answer, question.at)},
    }
    return "Put", {"Item": item, **_revision(question.revision)}


def read_question(item: Mapping[str, Any]) -> Question:
    """The question of an item."""
    source, key, identity, evidence, against, at, *_ = unpack(item[keys.BODY]["B"])
    answer = Answer(item[keys.STATE]["S"].partition("#")[0])
    found = tuple(Evidence(*each) for each in evidence)
    id_, revision = linking_keys.question_of(item["pk"]["S"]), int(item[keys.REVISION]["N"])
    return Question(id_, source, key, identity, found, tuple(against), at, answer, revision)


def link_write(link: LinkTo) -> Write:
    """The write of a link, or of its end: loses to whoever linked the same key since it was read."""
    if not link.identity:
        return "Delete", {"Key": keys.link_key(link.source, link.key).attributes(), **_body(link.was)}
    item = {**keys.link_key(link.source, link.key).attributes(), keys.BODY: {"S": link.identity}}
    return "Put", {"Item": item, **_body(link.was)}


def claims_by_key(claims: Iterable[Claim]) -> Iterator[tuple[Key, Claim]]:
    """The keys under which claims lie."""
    for claim in dict.fromkeys(claims):
        yield linking_keys.claim_key(*claim), claim


def _body(was: str) -> dict[str, Any]:
    if not was:
        return {"ConditionExpression": NEW}
    return {"ConditionExpression": f"{keys.BODY} = :b", "ExpressionAttributeValues": {":b": {"S": was}}}


def _written(written: str) -> dict[str, Any]:
    if not written:
        return {"ConditionExpression": NEW}
    values = {":w": {"B": bytes.fromhex(written)}}
    return {"ConditionExpression": f"{keys.WRITE} = :w", "ExpressionAttributeValues": values}


def _revision(revision: int) -> dict[str, Any]:
    if not revision:
        return {"ConditionExpression": NEW}
    values = {":r": {"N": str(revision)}}
    return {"ConditionExpression": f"{keys.REVISION} = :r", "ExpressionAttributeValues": values}
