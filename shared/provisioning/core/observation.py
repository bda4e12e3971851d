"""What poll says to receive: what a source showed of a subject, in a CloudEvent.

`observed`: microseconds since 1970 at which asking began. What was asked for later shows a later state, or the same;
so where a source gives no versions, the observation that began last decides. No fields: there is no such subject.
"""

import json
from collections.abc import Mapping
from typing import Final

from provisioning.core.account import Json
from provisioning.core.keylist import json_of

OBSERVED: Final = "provisioning.observed"
_TEMPLATE: Final = '{"specversion":"1.0","type":"%s","id":%s,"data":{"key":%s,"observed":%d,"fields":%s}}'


def observation(source: str, key: str, observed: int, fields: Mapping[str, Json] | None) -> str:
    """The event of one subject."""
    return observation_of(source, key, observed, json_of(fields) if fields is not None else "null")


def observation_of(source: str, key: str, observed: int, fields: str) -> str:
    """The same, where the fields are JSON already. The id is a trace for logs: what decides is key and observed."""
    return _TEMPLATE % (OBSERVED, json.dumps(f"{source}.{observed:x}"), json.dumps(key), observed, fields)
