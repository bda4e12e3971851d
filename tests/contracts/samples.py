"""Values for the contract suites, from the smallest to the strangest that a source can state."""

import base64
import hashlib
from collections.abc import Mapping
from itertools import count
from uuid import UUID

from provisioning.core.account import Account, Condition, Json, Known, Phase
from provisioning.core.identity import Closed, Identity
from provisioning.core.lifecycle import Entitlement, Standing
from provisioning.core.period import BEGINNING, FOREVER
from provisioning.core.record import Affiliation, Record

NOW = 1_800_000_000
_numbers = count(1)

STRANGE: Mapping[str, Json] = {
    "empty": "",
    "none": None,
    "text": "Ζωή “O’Neil” 李小龍 👩‍🎓 \u0000\n\t\\",
    "yes": True,
    "large": 2**63 - 1,
    "small": -(2**63),
    "third": 1 / 3,
    "whole": 1.0,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "list": ["", [], {}, None, 0, 0.0, False],
    "deep": [[[[[[[[{"a": [{"b": {"c": [1, "", {"d": {}}]}}]}]]]]]]]],
    "": "a name that is empty",
}


def new_id() -> str:
    """An identifier that looks like an identity's and differs from all others of this run."""
    return str(UUID(bytes=hashlib.sha256(str(next(_numbers)).encode()).digest()[:16]))


def incompressible(length: int) -> str:
    """Text that packing cannot make smaller than three quarters."""
    blocks = (hashlib.sha256(str(number).encode()).digest() for number in range(length // 40 + 1))
    return base64.b64encode(b"".join(blocks)).decode()[:length]


def plain(identity: str = "", **changes: Json) -> Identity:
    """An identity with one small record."""
    record = Record("registry", "p1", 3, attributes={"name": "Ada"})
    fields: dict[str, Json] = {"records": {"registry": record}, "sequence": 1, **changes}
    return Identity(identity or new_id(), **fields)


def strange() -> Identity:
    """An identity with one of everything."""
    affiliation = Affiliation("a#1/ü", BEGINNING, FOREVER, STRANGE)
    records = {
        "registry": Record("registry", "p#1/ö", 2**63 - 1, False, STRANGE, (affiliation,), ("odd", "")),
        "alumni": Record("alumni", "", 0, True),
    }
    entitlements = {
        "library": Entitlement(Standing.GRACE, ("borrow", "ü"), NOW, NOW + 5, "digest", 7),
        "wiki": Entitlement(),
    }
    closed = (Closed("registry", affiliation), Closed("alumni", Affiliation("b", 0, 1)))
    return Identity(new_id(), records, closed, entitlements, sequence=4, due_at=NOW)


def account(identity: str, service: str = "library", **changes: Json) -> Account:
    """A settled account."""
    fields: dict[str, Json] = {
        "known": Known(Phase.ACTIVE, "r-1", {"userName": "ada"}),
        "condition": Condition.SETTLED,
        "sequence": 1,
        **changes,
    }
    return Account(identity, service, **fields)
