"""Where a value stands in JSON: `name.family`, `emails[type eq "work"].value`, `urn:…:User:department`."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from provisioning.core.account import Json
from provisioning.core.errors import InvalidError

_LONGEST: Final = 300
# A member: a URI up to its last colon belongs to the name; then, maybe, the choice of a list's entry.
_STEP: Final = re.compile(
    r'(?P<name>"[^"]{1,200}"|urn:[^\[\]". ]+(?:\.[0-9][^\[\]". ]*)*|[^\[\]".\s]+)'
    r'(?:\[(?P<key>[A-Za-z_$][\w$-]*) eq "(?P<text>[^"\\]*)"\])?(?:\.|$)'
)
_RIGHT: Final = 'members apart by dots, such as name.family or emails[type eq "work"].value; names with dots in quotes'


@lru_cache(maxsize=4096)
def compile_path(text: str) -> Callable[[Json], Json]:
    """A function that takes what stands at a path; None if nothing does. Raises InvalidError for what is no path."""
    steps: list[tuple[str, str | None, str]] = []
    place = 0
    while place < len(text):
        step = _STEP.match(text, place)
        if step is None:
            raise InvalidError("not a path", where=text[:_LONGEST], right=_RIGHT)
        steps.append((step["name"].strip('"'), step["key"], step["text"] or ""))
        place = step.end()
    if not steps or len(text) > _LONGEST or text.endswith("."):
        raise InvalidError("not a path", where=text[:_LONGEST], right=_RIGHT)
    if len(steps) == 1 and steps[0][1] is None:
        name = steps[0][0]
        return lambda document: document.get(name) if isinstance(document, Mapping) else None

    def take(document: Json) -> Json:
        for name, key, wanted in steps:
            document = document.get(name) if isinstance(document, Mapping) else None
            if key is not None:
                entries = document if isinstance(document, list) else []
                document = next(
                    (each for each in entries if isinstance(each, Mapping) and each.get(key) == wanted), None
                )
            if document is None:
                return None
        return document

    return take
