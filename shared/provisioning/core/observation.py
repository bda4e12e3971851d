"""What poll and gateway say to receive: what a source showed of a subject, in a CloudEvent.

`observed`: microseconds since 1970 at which asking began. What was asked for later shows a later state, or the same;
so where a source gives no versions, the observation that began last decides. No fields: there is no such subject.

Gateway keeps what was pushed to it, and gives each state of a subject a `version` in place of `observed`.
"""

import json
from collections.abc import Mapping
from typing import Final

from provisioning.core.account import Json
from provisioning.core.keylist import json_of
from provisioning.core.wire import canonical

OBSERVED: Final = "provisioning.observed"
PUSHED: Final = "provisioning.pushed"
_TEMPLATE: Final = '{"specversion":"1.0","type":"%s","id":%s,"data":{"key":%s,"observed":%d,"fields":%s}}'


def observation(source: str, key: str, observed: int, fields: Mapping[str, Json] | None) -> str:
    """The event of one subject."""
    return observation_of(source, key, observed, json_of(fields) if fields is not None else "null")


def observation_of(source: str, key: str, observed: int, fields: str) -> str:
    """The same, where the fields are JSON already. The id is a trace for logs: what decides is key and observed."""
    return _TEMPLATE % (OBSERVED, json.dumps(f"{source}.{observed:x}"), json.dumps(key), observed, fields)


def push(key: str, version: int, fields: Mapping[str, Json] | None) -> str:
    """The event of a subject that was pushed: its fields as they are now, or none if it was deleted."""
    data = {"key": key, "version": version, "fields": fields}
    event = {"specversion": "1.0", "type": PUSHED, "id": f"{key}.{version}", "data": data}
    return canonical(event).decode()
