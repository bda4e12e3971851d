"""What the functions need that begin by the clock or go on by themselves, put together as `wiring` does the others."""

from functools import cache
from time import monotonic
from typing import TYPE_CHECKING

from provisioning.runtime.entry import clock
from provisioning.runtime.log import log
from provisioning.runtime.wiring import clients, courier, hearings, objects, policies, queues, rows, settings, table

if TYPE_CHECKING:
    from provisioning.ports import Policies, Populations
    from provisioning.stages.campaign import Campaign
    from provisioning.stages.extract import Extract
    from provisioning.stages.freshness import Freshness
    from provisioning.stages.reconcile import Reconcile
    from provisioning.stages.schedule import Schedule


@cache
def schedule_shell() -> "Schedule":
    """What schedule needs."""
    from provisioning.adapters.aws.indexes import Indexes
    from provisioning.stages.schedule import Schedule

    return Schedule(Indexes(rows()), queues(), log)


@cache
def freshness_shell() -> "Freshness | None":
    """What freshness needs; None where it may not begin a campaign, because nobody's silence has a limit."""
    from provisioning.adapters.aws.unheard import QueuedUnheard
    from provisioning.stages.freshness import Freshness

    given = settings()
    if not given.campaign_queue:
        return None
    both = (given.changes_queues, given.bulk_queues)
    waiting = {source: [some[source] for some in both if source in some] for source in given.changes_queues}
    return Freshness(policies(), policies(), hearings(), QueuedUnheard(clients(), waiting), queues(), log)


@cache
def population_ports() -> "tuple[Policies, Populations]":
    """What counting accounts needs."""
    from provisioning.adapters.aws.braking import StoredPopulations

    return policies(), StoredPopulations(rows())


@cache
def campaign_shell() -> "Campaign":
    """What campaign needs."""
    from provisioning.adapters.aws.indexes import Indexes
    from provisioning.stages.campaign import Campaign

    return Campaign(Indexes(rows()), queues(), queues(), log)


@cache
def extract_shell() -> "Extract":
    """What extract needs."""
    from provisioning.adapters.aws.extracts import StoredExtracts
    from provisioning.adapters.aws.files import StoredFiles
    from provisioning.adapters.aws.indexes import Indexes
    from provisioning.adapters.delivery.files import parquet_writer
    from provisioning.stages.extract import Extract

    given = settings()
    extracts = StoredExtracts(rows(), clients(), given.extract_queue)
    files = StoredFiles(clients(), given.bucket)
    return Extract(Indexes(rows()), extracts, extracts, files, policies(), parquet_writer, log)


@cache
def reconcile_shell() -> "Reconcile":
    """What reconcile needs: for the one service of this deployment."""
    from provisioning.adapters.aws.extracts import StoredExtracts
    from provisioning.adapters.aws.reconciles import StoredReconciles
    from provisioning.stages.reconcile import Reconcile

    given = settings()
    reconciles = StoredReconciles(rows(), clients(), objects(), given.reconcile_queue)
    return Reconcile(
        service=given.service,
        policies=policies(),
        accounts=table(),
        held=StoredExtracts(rows(), clients()),
        standings=reconciles,
        reconciles=reconciles,
        courier=courier(),
        bells=queues(),
        seconds=clock,
        clock=monotonic,
        log=log,
    )
