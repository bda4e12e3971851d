"""Protocols in which one request can carry several: SCIM's bulk and SPML's batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from provisioning.core.catalog import Service
from provisioning.core.model import Bulk
from provisioning.core.scim_presets import options_of
from provisioning.protocols import scim_bulk, spml_batch
from provisioning.protocols.dialogue import Answer, HttpRequest


class Bulked(NamedTuple):
    """How requests become one, and its answer theirs again.

    `fits`: whether a request can be one of several; `is_beside`: whether this one can be in the company of another.
    `size`: bytes that it adds as the n-th; `overhead`: bytes beside them. `answers`: the answer to each as if it had
    been sent alone; None: the SP took none of them, and each is to be sent alone.
    """

    fits: Callable[[HttpRequest], bool]
    is_beside: Callable[[HttpRequest, HttpRequest], bool]
    size: Callable[[int, HttpRequest], int]
    overhead: int
    bulk: Callable[[Sequence[HttpRequest]], HttpRequest]
    answers: Callable[[Sequence[HttpRequest], Answer], Sequence[Answer] | None]


BULKED: Final[Mapping[str, Bulked]] = {
    "scim": Bulked(
        scim_bulk.fits, scim_bulk.is_beside, scim_bulk.size, scim_bulk.OVERHEAD, scim_bulk.bulk, scim_bulk.answers
    ),
    "spml": Bulked(
        spml_batch.fits, spml_batch.is_beside, spml_batch.size, spml_batch.OVERHEAD, spml_batch.bulk, spml_batch.answers
    ),
}


def bulked(service: Service) -> tuple[Bulk, Bulked] | None:
    """How much a service takes at once, and how; None: every request goes alone."""
    if service.protocol == "scim":
        limits = options_of(service).bulk
    else:
        limits = service.spml.batch if service.protocol == "spml" and service.spml is not None else None
    return None if limits is None else (limits, BULKED[service.protocol])
