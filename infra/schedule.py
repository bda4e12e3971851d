"""schedule: the function that the clock starts, and what it needs where some sources' silence has a limit."""

from collections.abc import Mapping, Sequence
from typing import Final

from infra import functions, names, roles
from infra.functions import Function
from infra.resources import Stack, Value, ref
from provisioning.adapters.aws import keys
from provisioning.core.catalog import Bundle, Source
from provisioning.core.freshness import CLOCK

_IDENTITIES: Final = "IdentitiesQueue"
_BRAKES: Final = "B#*"  # how many accounts there are
_CAMPAIGN: Final = "CampaignQueue"


def add_sweep(stack: Stack, bundle: Bundle, changes: Mapping[str, str], bulk: Mapping[str, str], timeout: int) -> None:
    """Add the function that the clock starts every minute. `changes`, `bulk`: queues by source; `timeout`: seconds."""
    tenant, limited = bundle.tenant.id, [source for source in bundle.sources if source.freshness is not None]
    function = Function(
        tenant,
        "schedule",
        timeout,
        environment={
            "PROVISIONING_IDENTITIES_QUEUE": ref(_IDENTITIES),
            **(_watching(limited, changes, bulk) if limited else {}),
        },
        rights=(
            roles.sends(_IDENTITIES, *((_CAMPAIGN,) if limited else ())),
            roles.reads_index(keys.DUE_INDEX),
            roles.reads_index(keys.SERVICE_INDEX),
            *(_watches(limited, changes, bulk) if limited else (roles.reads("W#*"), roles.writes("W#*", _BRAKES))),
            *roles.reads_bundle(),
        ),
    )
    logical = functions.add_function(stack, function)
    functions.every_minute(stack, logical, "Clock", names.function(tenant, "clock"))


def _watching(limited: Sequence[Source], *queues: Mapping[str, str]) -> dict[str, Value]:
    """What schedule is told where it looks which sources are silent."""
    changes, bulk = ({each.id: some[each.id] for each in limited if each.id in some} for some in queues)
    return {
        "PROVISIONING_CAMPAIGN_QUEUE": ref(_CAMPAIGN),
        "PROVISIONING_CHANGES_QUEUES": functions.urls(changes),
        "PROVISIONING_BULK_QUEUES": functions.urls(bulk),
    }


def _watches(limited: Sequence[Source], *queues: Mapping[str, str]) -> list[Value]:
    """What it may do for that: see when they were heard and what waits, and mark them."""
    heard = (*roles.watched(limited), keys.heard_key(CLOCK).pk)
    return [
        roles.counts(*(some[each.id] for some in queues for each in limited if each.id in some)),
        roles.reads("W#*", *heard),
        roles.writes("W#*", _BRAKES, *heard, keys.CURRENT.pk),
    ]
