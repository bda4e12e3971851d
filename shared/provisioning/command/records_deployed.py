"""What `provision records` asks of a deployed stack.

A record is taken in again by the same stage that rejected it, in this process: it is understood by the bundle in
force, or it stays where it is with the reason of today.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from provisioning.adapters.aws.folders import StoredFolders
from provisioning.adapters.aws.queues import Queues
from provisioning.adapters.aws.secrets import StoredSecrets
from provisioning.adapters.aws.stack import output
from provisioning.adapters.aws.tokens import StoredTokens
from provisioning.adapters.sources.jwks import CachedKeySets
from provisioning.adapters.sources.jwks_http import fetch_key_set, secret_key_set
from provisioning.adapters.sources.registry import open_source
from provisioning.command.deployed import Deployed, deployed
from provisioning.core.catalog import Source
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.notification import Listening, read_notification
from provisioning.core.period import show
from provisioning.core.policy import Policy
from provisioning.core.source import Item
from provisioning.ports import Rejected
from provisioning.runtime.entry import clock, microseconds
from provisioning.runtime.log import log_aside
from provisioning.runtime.wiring import new_identity
from provisioning.stages.decide import Decide
from provisioning.stages.message import Message
from provisioning.stages.notify import STREAM
from provisioning.stages.receive import Fetch, Receive, receive
from provisioning.stages.signed import Verifying, read_signed

MOST: Final = 1000  # of one source that are looked at
ALL: Final = "all"


def id_of(rejected: Rejected) -> str:
    """A short name for what was rejected: messages' own ids may be long, and hold anything."""
    return hashlib.sha256(f"{rejected.source}/{rejected.message}".encode()).hexdigest()[:10]


async def rejected(stack: str, source: str | None) -> list[dict[str, str]]:
    """What was rejected, newest first."""
    async with deployed(stack) as ports:
        return [_words(each) for each in await _rejected(ports, source)]


async def body_of(stack: str, source: str | None, id_: str) -> str:
    """The body as it came. Raises InvalidError if there is no such."""
    async with deployed(stack) as ports:
        (found,) = await _named(ports, source, [id_])
        return found.body


async def forget(stack: str, source: str | None, ids: Sequence[str]) -> list[dict[str, str]]:
    """Forget what was rejected."""
    async with deployed(stack) as ports:
        some = await _named(ports, source, ids)
        for each in some:
            await ports.rejections.forget(each.source, each.message)
        return [{**_words(each), "done": "forgotten"} for each in some]


async def retry(stack: str, source: str | None, ids: Sequence[str]) -> list[dict[str, str]]:
    """Take in again what was rejected; what is still not understood stays, with the reason of today."""
    async with deployed(stack) as ports:
        policy = await ports.policies.current()
        shell = receive_shell(ports, policy)
        return [await _retry(ports, policy, shell, each) for each in await _named(ports, source, ids)]


async def _retry(ports: Deployed, policy: Policy, shell: Receive, each: Rejected) -> dict[str, str]:
    if each.source == STREAM:  # an item or an event of ours: the item's next write tells of the state
        return {**_words(each), "done": "nobody can take this in: no source said it"}
    message = Message(each.message, each.body, each.source)
    try:
        listening = Listening(policy.source(each.source), policy.readers.get(each.source), policy.schema)
        if listening.source.signed is None:
            read_notification(listening, each.body, microseconds())
        else:
            await read_signed(shell.verifying, log_aside, listening, each.body, clock(), microseconds())
    except InvalidError as error:
        return {**_words(each), "done": f"still rejected: {error}"}
    except TransientError as error:
        return {**_words(each), "done": f"not now: {error}"}
    failed = await receive(_as_it_came(policy, shell, each), [message], clock())
    if failed:
        return {**_words(each), "done": "not now: try again"}
    await ports.rejections.forget(each.source, each.message)
    return {**_words(each), "done": "taken in"}


def _as_it_came(policy: Policy, shell: Receive, each: Rejected) -> Receive:
    """The stage as if it was still the time at which a message came: what was told since is newer than it.

    That counts where a source gives no versions. A thin one is asked now, and shows what is so now.
    """
    return shell if policy.source(each.source).thin else replace(shell, microseconds=lambda: each.at * 1_000_000)


def receive_shell(ports: Deployed, policy: Policy) -> Receive:
    """The stage `receive` in this process, over the deployed ports."""
    queues = {
        service: url for service in policy.services if (url := ports.outputs.get(output("deliver", service, "queue")))
    }
    bells = Queues(ports.clients, ports.outputs["IdentitiesQueue"], queues)
    decide = Decide(ports.table, ports.policies, new_identity, log_aside)
    sets = CachedKeySets(fetch_key_set, secret_key_set(StoredSecrets(ports.clients).read), lambda: microseconds() / 1e6)
    verifying = Verifying(sets, StoredTokens(ports.rows))
    return Receive(decide, ports.rejections, bells, microseconds, fetcher(ports), verifying)


def fetcher(ports: Deployed) -> Fetch:
    """Asks a source in this process: with the operator's rights, and the libraries that are here."""

    async def fetch(source: Source, keys: Sequence[str]) -> Sequence[Item]:
        if source.poll is None:
            raise InvalidError(f"source {source.id!r} cannot be asked", right="a source with `poll`")
        folders = StoredFolders(ports.clients, ports.outputs["Bucket"])
        async with open_source(source.poll, StoredSecrets(ports.clients).read, folders) as extraction:
            return await extraction.fetch(keys)

    return fetch


async def _rejected(ports: Deployed, source: str | None) -> list[Rejected]:
    policy = await ports.policies.current()
    known = (*policy.sources, STREAM)
    if source is not None and source not in known:
        raise InvalidError(f"there is no source {source!r}", right=f"one of {', '.join(known)}")
    names = known if source is None else (source,)
    return [each for name in names for each in await ports.rejections.rejections(name, MOST)]


async def _named(ports: Deployed, source: str | None, ids: Sequence[str]) -> list[Rejected]:
    found = {id_of(each): each for each in await _rejected(ports, source)}
    if ALL in ids:
        return list(found.values())
    for id_ in ids:
        if id_ not in found:
            raise InvalidError(f"nothing that was rejected is called {id_!r}", right="provision records --rejected")
    return [found[id_] for id_ in ids]


def _words(each: Rejected) -> dict[str, str]:
    return {
        "id": id_of(each), "source": each.source, "at": show(each.at), "message": each.message, "reason": each.reason,
    }  # fmt: skip
