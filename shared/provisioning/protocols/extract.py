"""The extract protocol: a delivery stages the account's row. The function `extract` makes files of rows later."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.core.extract_ldif import NAME
from provisioning.core.extract_rows import LDIF, layout_of
from provisioning.core.extract_rows import stage as stage

_PLACE: Final = "s3://<bucket>/<folder>, or s3:///<folder> in the deployment's own bucket"


def check(service: Service) -> Sequence[InvalidError]:
    """Columns that stand twice, a place that is none, what LDIF cannot say, and what deltas cannot."""
    found: list[InvalidError] = []
    layout = layout_of(service)
    where = f"services/{service.id}"
    url = urlsplit(service.endpoint)
    if url.scheme != "s3" or not url.path.strip("/") or url.query or url.fragment:
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
        if service.protocol != "extract":
            continue
        url = urlsplit(service.endpoint)
        place = f"{url.netloc}/{url.path.strip('/')}/"
        other = next((id_ for id_, taken in places.items() if taken.startswith(place) or place.startswith(taken)), "")
        if other:
            where = f"services/{service.id}.endpoint"
            found.append(InvalidError(f"the files of {other!r} lie there", where, right="a folder of its own"))
        places[service.id] = place
    return found


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
