"""The names of SPML 2.0, its capabilities and the profiles' data, and the prefixes that we write for them."""

from collections.abc import Mapping
from typing import Final

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
CORE: Final = "urn:oasis:names:tc:SPML:2:0"
ASYNC: Final = f"{CORE}:async"
BATCH: Final = f"{CORE}:batch"
BULK: Final = f"{CORE}:bulk"
PASSWORD: Final = f"{CORE}:password"
REFERENCE: Final = f"{CORE}:reference"
SEARCH: Final = f"{CORE}:search"
SUSPEND: Final = f"{CORE}:suspend"
UPDATES: Final = f"{CORE}:updates"
DSML_PROFILES: Final = (f"{CORE}:DSML", f"{CORE}:dsml")  # both are seen
DSML: Final = "urn:oasis:names:tc:DSML:2:0:core"
XPATH: Final = "http://www.w3.org/TR/xpath20"
OTHER_DIALECT: Final = "urn:siemens:names:prov:gw:SPML:2:0"  # has the same words and means others by them

PREFIXES: Final[Mapping[str, str]] = {
    SOAP: "soap",
    CORE: "spml",
    ASYNC: "async",
    BATCH: "batch",
    BULK: "bulk",
    PASSWORD: "pass",
    REFERENCE: "reference",
    SEARCH: "search",
    SUSPEND: "suspend",
    UPDATES: "updates",
    DSML: "dsml",
}
# Which namespace the answer of a request is in; those that are not here are the core's.
CAPABILITIES: Final[Mapping[str, str]] = {
    "batchRequest": BATCH,
    "bulkDeleteRequest": BULK,
    "bulkModifyRequest": BULK,
    "closeIteratorRequest": SEARCH,
    "iterateRequest": SEARCH,
    "searchRequest": SEARCH,
    "activeRequest": SUSPEND,
    "resumeRequest": SUSPEND,
    "statusRequest": ASYNC,
    "suspendRequest": SUSPEND,
    **{f"{do}PasswordRequest": PASSWORD for do in ("set", "expire", "reset", "validate")},
}
