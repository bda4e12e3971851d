"""The extract protocol: a delivery stages the account's row. The function `extract` makes files of rows later."""

import re
from collections.abc import Sequence
from typing import Final

from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.core.extract_ldif import NAME
from provisioning.core.extract_rows import LDIF, layout_of
from provisioning.core.extract_rows import stage as stage

# The folder stands in the function's rights too, where other characters have a meaning.
_ENDPOINT: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?/([A-Za-z0-9._=/-]+)")
_PLACE: Final = "s3://<bucket>/<folder>, or s3:///<folder> in the deployment's own bucket: letters, digits and ._=/-"


def check(service: Service) -> Sequence[InvalidError]:
    """Columns that stand twice, a place that is none, what LDIF cannot say, and what deltas cannot."""
    found: list[InvalidError] = []
    layout = layout_of(service)
    where = f"services/{service.id}"
    if not _place(service):
        found.append(InvalidError(f"{service.endpoint!r} is no place for files", f"{where}.endpoint", right=_PLACE))
    twice = sorted({name for name in layout.columns if layout.columns.count(name) > 1})
    found += [
        InvalidError(f"two columns are called {name!r}", f"{where}.extract", right="another name") for name in twice
    ]
    if layout.format == LDIF:
        found += _check_ldif(service, where)
    return [*found, *_check_key(service, where)]


def _check_key(service: Service, where: str) -> Sequence[InvalidError]:
    """A key that may change, in deltas that name a row by nothing else: the SP would keep the old row for ever."""
    layout, mapped = layout_of(service), service.account.get(service.match)
    fixed = mapped is None or mapped.candidates or mapped.strength == "create"
    if fixed or not layout.operation or (layout.format != LDIF and layout.identity):
        return []
    right = f"strength: create, or candidates{'' if layout.format == LDIF else ', or the column of the identity'}"
    return [InvalidError("a row cannot be renamed by a delta", f"{where}.account.{service.match}", right=right)]


def check_places(services: Sequence[Service]) -> Sequence[InvalidError]:
    """Services whose files would lie among another's: one manifest would replace the other."""
    places: dict[str, str] = {}
    found: list[InvalidError] = []
    for service in services:
        place = _place(service) if service.protocol == "extract" else ""
        if not place:
            continue
        other = next((id_ for id_, taken in places.items() if taken.startswith(place) or place.startswith(taken)), "")
        if other:
            where = f"services/{service.id}.endpoint"
            found.append(InvalidError(f"the files of {other!r} lie there", where, right="a folder of its own"))
        places[service.id] = place
    return found


def _place(service: Service) -> str:
    """The bucket and the folder, with a slash at the end; nothing if the endpoint names none."""
    found = _ENDPOINT.fullmatch(service.endpoint)
    folder = found[2].strip("/") if found is not None else ""
    return f"{found[1] or ''}/{folder}/" if found is not None and folder else ""


def _check_ldif(service: Service, where: str) -> Sequence[InvalidError]:
    layout, found = layout_of(service), []
    if not layout.base:
        found.append(InvalidError("LDIF needs a base", f"{where}.extract.base", right="such as ou=people,dc=x,dc=edu"))
    for name in (*layout.paths, *filter(None, (layout.identity, layout.phase, layout.groups))):
        if NAME.fullmatch(name) is None:
            right = "letters, digits and dashes, after a letter"
            found.append(
                InvalidError(f"{name!r} is not the name of an attribute", f"{where}.account.{name}", right=right)
            )
    return found
