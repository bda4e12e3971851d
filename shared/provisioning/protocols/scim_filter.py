"""SCIM filters (RFC 7644 3.4.2.2): built with JSON's own escapes, never of raw values."""

import json

from provisioning.core.account import Json
from provisioning.protocols.scim_resource import Path


def literal(value: Json) -> str:
    """A value as a filter writes it: escaped only where it must be, because some SPs read no escaped letters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def equals(path: Path, value: Json, *, paths: bool = True) -> str:
    """The filter for resources that have a value at a path; of a list, for its first entry's value.

    Without `paths` an entry is asked for by its value alone: whoever asks compares what comes back.
    """
    name = f"{path.schema}:{path.attribute}" if path.schema else path.attribute
    if path.selector is not None:
        key, text = path.selector
        sub = path.sub or "value"
        if not paths:
            return f"{name}.{sub} eq {literal(value)}"
        return f"{name}[{key} eq {literal(text)} and {sub} eq {literal(value)}]"
    if isinstance(value, list | tuple):
        first = value[0]
        return f"{name}.value eq {literal(first.get('value') if isinstance(first, dict) else first)}"
    return f"{name}.{path.sub} eq {literal(value)}" if path.sub else f"{name} eq {literal(value)}"
