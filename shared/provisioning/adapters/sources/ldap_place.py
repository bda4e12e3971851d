"""The place between two looks for changes, as text that is of use in another process."""

import json
from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.source_ldap import LdapSource
from provisioning.core.wire import digest_of

_LONGEST: Final = 300_000  # characters


@dataclass(frozen=True, slots=True)
class Place:
    """How far we have come. It holds for one question: another base, filter or attribute is another question.

    `way`: sync or time; `at`: a cookie, or an instant. `groups`: the state of the groups; `sketch`: their memberships.
    `page`: how many pages of one refresh were shown: in the same process the next one is shown, in another the refresh
    begins again.
    """

    of: str
    way: str
    at: str
    groups: str = ""
    sketch: str = ""
    page: int = 0

    def write(self) -> str:
        """As text."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__})


def read_position(position: str, options: LdapSource) -> Place | None:
    """The place, if it was written for this question."""
    if len(position) > _LONGEST:
        return None
    try:
        held: Any = json.loads(position)
        place = Place(**held)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (place.of, place.way, place.at, place.groups, place.sketch)
    if not all(isinstance(text, str) for text in texts) or not isinstance(place.page, int):
        return None
    return place if place.of == question_of(options) and place.way in ("sync", "time") else None


def question_of(options: LdapSource) -> str:
    """A digest of what is asked. Where the directory is, and how we are known there, does not matter."""
    told = options.model_dump(mode="json", exclude={"urls", "secret", "bind", "start_tls", "private", "overlap"})
    return digest_of(told)
