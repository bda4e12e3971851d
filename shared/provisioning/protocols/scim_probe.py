"""What an SCIM SP supports: what it says of itself, and what is seen when that is not believed (RFC 7644, RFC 9865)."""

from collections.abc import Generator
from typing import Final

from provisioning.core.catalog import Service
from provisioning.core.scim_presets import options_of
from provisioning.protocols.dialogue import Answer, Request
from provisioning.protocols.probing import Probing, refused
from provisioning.protocols.scim_probe_calls import REFUSED, Looking, Page, Seen, ask, look
from provisioning.protocols.scim_probe_discovery import config, mapped, resource_types
from provisioning.protocols.scim_probe_groups import groups
from provisioning.protocols.scim_probe_pages import pages
from provisioning.protocols.scim_probe_search import filters
from provisioning.protocols.scim_probe_users import missing, shape, versions

FEW: Final = 2  # users of the first page: enough to see whether `count` is honoured


def probe(service: Service) -> Probing:
    """Ask all that only reads. It ends without findings where the SP shows no list of its users at all."""
    looking = Looking(service, options_of(service))
    said = yield from ask(looking, "/ServiceProviderConfig")
    if looking.stopped:
        return refused(f"GET /ServiceProviderConfig {said.why}")
    users = yield from look(looking, "/Users", count=str(FEW))
    if isinstance(users, Seen):
        return refused(_why_not(users))
    config(looking, said)
    shape(looking, users, FEW)
    yield from _rest(looking, users)
    if looking.stopped:
        looking.notes.unseen("the probe itself", f"it ended early: {looking.stopped}")
    return looking.notes.found()


def _rest(looking: Looking, users: Page) -> Generator[Request, Answer, None]:
    yield from resource_types(looking)
    yield from mapped(looking)
    yield from filters(looking, users)
    yield from pages(looking, users)
    yield from versions(looking, users)
    yield from missing(looking)
    yield from groups(looking)


def _why_not(users: Seen) -> str:
    if users.status in REFUSED:
        return f"the SP refuses the credential: GET /Users {users.why}"
    return f"GET /Users {users.why}"
