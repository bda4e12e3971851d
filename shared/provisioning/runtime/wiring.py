"""Everything put together, by explicit arguments. Adapters are imported where they are made: each pays for its own.

One of each for the process: clients and caches live from one invocation to the next.
"""

import uuid
from collections.abc import Sequence
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING

from provisioning.core.errors import InvalidError
from provisioning.runtime.entry import clock, microseconds
from provisioning.runtime.log import log
from provisioning.runtime.settings import Settings, read_settings
from provisioning.stages.decide import Decide

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from provisioning.adapters.aws.clients import Clients
    from provisioning.adapters.aws.hearings import StoredHearings
    from provisioning.adapters.aws.objects import Objects
    from provisioning.adapters.aws.policies import PublishedPolicies
    from provisioning.adapters.aws.queues import Queues
    from provisioning.adapters.aws.rows import Rows
    from provisioning.adapters.aws.table import Table
    from provisioning.adapters.delivery.driver import Courier
    from provisioning.adapters.delivery.ldap import LdapCaller
    from provisioning.core.catalog import Service, Source
    from provisioning.core.source import Item
    from provisioning.core.source_options import Poll as Options
    from provisioning.ports import Extraction, KeySets
    from provisioning.protocols.dialogue import Answer
    from provisioning.protocols.ldap_message import LdapRequest
    from provisioning.protocols.spml_password import Answered, Asked
    from provisioning.stages.deliver import Deliver
    from provisioning.stages.evaluate import Evaluate
    from provisioning.stages.feedback import Feedback
    from provisioning.stages.gateway import Gateway
    from provisioning.stages.gateway_passwords import Passwords
    from provisioning.stages.poll import Poll
    from provisioning.stages.receive import Receive


@cache
def settings() -> Settings:
    """The settings of this process."""
    return read_settings()


@cache
def clients() -> "Clients":
    """The SDK's clients."""
    from provisioning.adapters.aws.clients import Clients

    return Clients()


@cache
def rows() -> "Rows":
    """The table's requests."""
    from provisioning.adapters.aws.rows import Rows

    return Rows(clients(), settings().table)


@cache
def table() -> "Table":
    """Identities and accounts."""
    from provisioning.adapters.aws.table import Table

    return Table(rows())


@cache
def objects() -> "Objects":
    """The bucket."""
    from provisioning.adapters.aws.objects import Objects

    return Objects(clients(), settings().bucket)


@cache
def queues() -> "Queues":
    """Doorbells and campaigns."""
    from provisioning.adapters.aws.queues import Queues

    given = settings()
    return Queues(clients(), given.identities_queue, given.deliver_queues, given.campaign_queue)


@cache
def policies() -> "PublishedPolicies":
    """The bundle in force."""
    from provisioning.adapters.aws.policies import PublishedPolicies

    return PublishedPolicies(rows(), objects(), clock)  # by the wall: other clocks may stand while a function is frozen


@cache
def courier() -> "Courier":
    """The way to SPs."""
    from provisioning.adapters.aws.publisher import Deposits, Publisher
    from provisioning.adapters.aws.secrets import StoredSecrets
    from provisioning.adapters.delivery.bulk import Bulking
    from provisioning.adapters.delivery.driver import Courier as Driver
    from provisioning.adapters.delivery.http import HttpCaller
    from provisioning.adapters.delivery.secrets import Secrets
    from provisioning.adapters.delivery.sign import Signing

    secrets = Secrets(StoredSecrets(clients()).read)

    @cache
    def directories() -> "LdapCaller":
        # Its library takes a quarter of a second, which only they pay who deliver to one.
        from provisioning.adapters.delivery.ldap import LdapCaller

        return LdapCaller(secrets)

    async def ask(service: "Service", request: "LdapRequest", within: float) -> "Answer":
        return await directories()(service, request, within)

    bulking = Bulking(Signing(HttpCaller(secrets, clock), secrets, clock))
    return Driver(bulking, Publisher(clients()).publish, ask, bulking.take_part, Deposits(objects()).keep)


def new_identity() -> str:
    """A meaning-free identifier."""
    return str(uuid.uuid4())


@cache
def decide() -> Decide:
    """What receive and evaluate share."""
    return Decide(table(), policies(), new_identity, log)


@cache
def receive_shell() -> "Receive":
    """What receive needs."""
    from provisioning.adapters.aws.rejections import KeptRejections
    from provisioning.adapters.aws.tokens import StoredTokens
    from provisioning.stages.receive import Receive
    from provisioning.stages.signed import Verifying

    verifying = Verifying(issuers(), StoredTokens(rows()))
    kept = KeptRejections(rows(), objects())
    return Receive(decide(), kept, queues(), microseconds, fetch, verifying, hearings())


async def fetch(source: "Source", keys: Sequence[str]) -> "Sequence[Item]":
    """Subjects of a thin source as they are now."""
    if source.poll is None:
        raise InvalidError(f"source {source.id!r} cannot be asked", right="a source with `poll`")
    async with opened(source.poll) as extraction:
        return await extraction.fetch(keys)


def opened(options: "Options") -> "AbstractAsyncContextManager[Extraction]":
    """A source that can be asked."""
    from provisioning.adapters.aws.folders import StoredFolders
    from provisioning.adapters.aws.secrets import StoredSecrets
    from provisioning.adapters.sources.registry import open_source

    folders = StoredFolders(clients(), settings().bucket) if options.files is not None else None
    return open_source(options, StoredSecrets(clients()).read, folders)


@cache
def poll_shell() -> "Poll":
    """What poll needs: for the one source of this deployment."""
    from provisioning.adapters.aws.polls import StoredPolls
    from provisioning.adapters.aws.recall import StoredRecall
    from provisioning.adapters.aws.rejections import KeptRejections
    from provisioning.stages.poll import Poll

    given = settings()
    polls = StoredPolls(rows(), clients(), given.bucket, given.poll_queue, given.changes_queue, given.bulk_queue)
    return Poll(
        source=given.source,
        policies=policies(),
        polls=polls,
        spool=polls,
        recall=StoredRecall(rows()),
        intake=polls,
        rejections=KeptRejections(rows(), objects()),
        open=opened,
        owner=new_identity,
        microseconds=microseconds,
        clock=monotonic,
        log=log,
        hearings=hearings(),
    )


@cache
def evaluate_shell() -> "Evaluate":
    """What evaluate needs."""
    from provisioning.stages.evaluate import Evaluate

    return Evaluate(decide(), queues())


@cache
def deliver_shell() -> "Deliver":
    """What deliver needs: for the one service of this deployment."""
    from provisioning.stages.deliver import Deliver

    return Deliver(settings().service, table(), policies(), courier(), queues(), {}, log)


@cache
def feedback_shell() -> "Feedback":
    """What feedback needs."""
    from provisioning.stages.feedback import Feedback

    return Feedback(table(), policies(), queues(), log)


@cache
def gateway_shell() -> "Gateway":
    """What gateway needs."""
    from provisioning.adapters.aws.changes import SourceQueues
    from provisioning.adapters.aws.pushed import PushedTable
    from provisioning.adapters.aws.secrets import StoredSecrets
    from provisioning.stages.gateway import Gateway
    from provisioning.stages.gateway_keys import Keyring

    keys, queues_ = Keyring(StoredSecrets(clients()).read, log), SourceQueues(clients(), settings().changes_queues)
    return Gateway(policies(), keys, PushedTable(rows()), queues_, new_identity, log, issuers(), passwords())


@cache
def passwords() -> "Passwords":
    """The way of passwords to SPs."""
    from provisioning.protocols.spml_password import ask
    from provisioning.stages.gateway_passwords import Passwords

    async def tell(service: "Service", remote_id: str, asked: "Asked") -> "Answered":
        operation = new_identity().replace("-", "")
        return await courier().drive(service, ask(service, remote_id, asked, operation))

    return Passwords(table(), table(), tell)


@cache
def issuers() -> "KeySets":
    """The keys by which tokens are verified."""
    from provisioning.adapters.aws.secrets import StoredSecrets
    from provisioning.adapters.sources.jwks import CachedKeySets
    from provisioning.adapters.sources.jwks_http import fetch_key_set, secret_key_set

    return CachedKeySets(fetch_key_set, secret_key_set(StoredSecrets(clients()).read), lambda: microseconds() / 1e6)


@cache
def hearings() -> "StoredHearings":
    """When sources were heard."""
    from provisioning.adapters.aws.hearings import StoredHearings

    return StoredHearings(rows())
