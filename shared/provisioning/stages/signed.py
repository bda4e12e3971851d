"""Signed tokens in `receive`: who may be believed, and what was taken already.

A token that another message has brought before is a replay, or a retransmission, and is dropped. That is remembered
before the token has its effect, with the message that brought it, and the memory excludes other messages only. So
whatever dies in between, nothing is lost: the message comes again, is the first again, and has its effect, which is
the same however often it happens, since versions decide. Were it remembered afterwards, two at the same time would
both pass, and one more request would have to look first.

`txn` names a change of which several tokens may tell, of several persons too, so nobody is dropped for it. It is the
trace of all of them; those about one person in a batch are one evaluation anyhow.
"""

from dataclasses import dataclass

from provisioning.core.errors import TransientError
from provisioning.core.notification import Listening, Notification
from provisioning.core.period import DAY, Instant
from provisioning.core.signed_event import Passed, read_event, read_unsigned, unwrap
from provisioning.core.source_signed import Signed
from provisioning.core.token import Token, check_algorithm, check_claims, check_signature, read_token
from provisioning.core.wire import digest_of
from provisioning.ports import KeySets, SeenTokens
from provisioning.stages.message import Log, Message


@dataclass(frozen=True, slots=True)
class Verifying:
    """What it takes to believe a token."""

    keys: KeySets
    seen: SeenTokens


async def verified(keys: KeySets, signed: Signed, text: str, most: int, now: Instant) -> Token:
    """A token of the issuer's, meant for us: what a gateway asks before it acknowledges (RFC 8935 2.2).

    Nothing is remembered and nothing is done. Raises TokenError, whose `code` is the answer's `err`, or
    TransientError where the issuer's keys cannot be had now.
    """
    token = read_token(text, most)
    check_algorithm(token, signed)
    check_claims(token, signed, now)  # before the keys: who is not even meant for us makes nobody ask for any
    check_signature(token, await keys.keys(signed, token.kid))
    return token


async def read_signed(
    shell: Verifying | None, log: Log, listening: Listening, message: Message, now: Instant, microseconds: int
) -> Notification | None:
    """What a message of a signed source tells; None if it tells nothing, or nothing new, which is logged.

    Raises InvalidError for what is not believed or not understood, TransientError for what may be later.
    """
    source, most = listening.source, listening.schema.limits.message
    found = unwrap(message.body, most)
    if not isinstance(found, str):
        return read_unsigned(listening, found)
    if shell is None or source.signed is None:
        raise TransientError(f"there is no way to verify tokens of {source.id!r} here")
    token = await verified(shell.keys, source.signed, found, most, now)
    told = read_event(listening, token, microseconds)
    if isinstance(told, Passed):
        log("token.passed", source=source.id, reason=told.reason, events=told.events, trace=told.trace)
        return None
    if told.unknown:
        log("token.unknown", source=source.id, events=told.unknown, trace=token.trace)
    until = now + source.signed.days * DAY + source.signed.tolerance
    if not await shell.seen.first(source.id, digest_of([source.signed.issuer, token.jti]), message.id, until):
        log("token.seen", source=source.id, message=message.id, trace=token.trace)
        return None
    return told.notification
