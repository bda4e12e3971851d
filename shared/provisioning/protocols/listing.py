"""The shape of a dialogue that lists all accounts of an SP: one page at a time, from an opaque place."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import NamedTuple

from provisioning.core.catalog import Service
from provisioning.core.difference import Same, Shown
from provisioning.protocols.dialogue import Answer, Ending, Request


@dataclass(frozen=True, slots=True)
class Page:
    """Some accounts. `place`: where the next page begins; None: this is the last one.

    `total`: how many the SP says that it has. `problem`: why the pages may not have shown everybody who is there.
    """

    accounts: tuple[Shown, ...]
    place: str | None
    total: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Restart:
    """The place is of no use any more: the list must be read from its beginning."""

    reason: str


Listing = Generator[Request, Answer, Page | Restart | Ending]
"""One page; or an ending if the SP did not show it: transient, or permanent where asking again cannot help."""


class Lists(NamedTuple):
    """How a protocol lists accounts. `marks`: whether accounts bear the owner's mark, at this service.

    `canonical`: a remote id in the one form in which it is compared. `in_one_go`: another process must begin anew.
    """

    page: Callable[[Service, str | None], Listing]
    same: Callable[[Service], Same]
    marks: Callable[[Service], bool] = lambda _: True
    canonical: Callable[[str], str] = str
    in_one_go: bool = False
