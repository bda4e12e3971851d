"""Signed tokens in `receive`: who may be believed, and what was taken already.

A token that was taken is remembered by its `jti`, and dropped when it comes again, as a replay or a retransmission.
It is remembered last: when what it told, and the bells that follow from it, are durable. So whatever dies before,
nothing is lost: the message comes again, even as another one, from the dead letters, and has its effect, which is
the same however often it happens, since versions decide. Two that come at the same time may both have it, for the
same reason. Were it remembered first, a token whose handler died would be a replay of itself. What was rejected is
not remembered: it may be taken in later. Looking and remembering are one request each for a batch.

`txn` names a change of which several tokens may tell, of several persons too, so nobody is dropped for it. It is the
trace of all of them; those about one person in a batch are one evaluation anyhow.
"""

from collections.abc import Set
from dataclasses import dataclass

from provisioning.core.errors import TransientError
from provisioning.core.notification import Listening, Notification
from provisioning.core.period import DAY, Instant
from provisioning.core.signed_event import Passed, read_event, read_unsigned, unwrap
from provisioning.core.source_signed import Signed
from provisioning.core.token import Taken, Token, check_algorithm, check_claims, check_signature, read_token
from provisioning.core.wire import digest_of
from provisioning.ports import KeySets, SeenTokens
from provisioning.stages.message import Log


@dataclass(frozen=True, slots=True)
class Verifying:
    """What it takes to believe a token."""

    keys: KeySets
    seen: SeenTokens


@dataclass(frozen=True, slots=True)
class Believed:
    """What is told, and the token that told it; None: it came without one, from our own poll."""

    notification: Notification
    taken: Taken | None


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
    shell: Verifying | None, log: Log, listening: Listening, body: str, now: Instant, microseconds: int
) -> Believed | None:
    """What a message of a signed source tells; None if it tells nothing of a person, which is logged.

    Raises InvalidError for what is not believed or not understood, TransientError for what may be later.
    """
    source, most = listening.source, listening.schema.limits.message
    found = unwrap(body, most)
    if not isinstance(found, str):
        return Believed(read_unsigned(listening, found), None)
    if shell is None or source.signed is None:
        raise TransientError(f"there is no way to verify tokens of {source.id!r} here")
    token = await verified(shell.keys, source.signed, found, most, now)
    told = read_event(listening, token, microseconds)
    if isinstance(told, Passed):
        log("token.passed", source=source.id, reason=told.reason, events=told.events, trace=told.trace)
        return None
    if told.unknown:
        log("token.unknown", source=source.id, events=told.unknown, trace=token.trace)
    until = now + source.signed.days * DAY + source.signed.tolerance  # the longest that anybody will believe it
    return Believed(told.notification, Taken(source.id, digest_of([source.signed.issuer, token.jti]), until))


async def seen(shell: Verifying | None, tokens: list[Taken]) -> Set[tuple[str, str]]:
    """(source, token) of those that were taken before. Raises TransientError."""
    return await shell.seen.seen(tokens) if shell is not None and tokens else frozenset()


async def remember(shell: Verifying | None, tokens: list[Taken]) -> None:
    """Remember tokens whose effects are durable. Raises TransientError: their messages come again then."""
    if shell is not None and tokens:
        await shell.seen.remember(tokens)
