"""What a judge of SCIM clients sees only in the order of calls: versions that are heeded, lists that are read on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.delivery.grader import Call

CHANGES = ("PUT", "PATCH", "DELETE")


def versions(calls: list[Call]) -> list[str]:
    """A change of what was read is a change of the version that was read (RFC 7644 3.14), and a PUT has been read.

    Members of a group are the exception: adding and removing them by PATCH is right whatever others do. A version is
    of use in the dialogue that read it; where dialogues are not told apart, leaving it out cannot be judged.
    """
    faults: list[str] = []
    shown: dict[str, tuple[str, int]] = {}  # the version that the client has seen, by path, and in which dialogue
    for call in calls:
        name, sent = f"{call.method} {call.path}", call.headers.get("if-match")
        if call.method == "GET" and call.status == 200:
            shown |= {path: (version, call.dialogue) for path, version in _shown(call).items()}
        elif call.method in CHANGES:
            version, dialogue = shown.pop(call.path, ("", -1))
            fresh = dialogue == call.dialogue
            if not fresh and call.method == "PUT":
                faults.append(f"{name}: replaces what was not read")
            is_member = call.method == "PATCH" and "/Groups/" in call.path
            owed = fresh and version and call.dialogue and not is_member
            if (owed or sent is not None) and sent != version:
                faults.append(f"{name}: If-Match is {sent!r}, and {version!r} was read")
    return faults


def _shown(call: Call) -> dict[str, str]:
    body = call.answered
    if "id" in body:
        return {call.path: call.etag or _version(body)}
    entries = next((value for name, value in body.items() if name.casefold() == "resources"), None) or []
    return {f"{call.path.rstrip('/')}/{entry['id']}": _version(entry) for entry in entries}


def _version(resource: dict[str, Any]) -> str:
    version = (resource.get("meta") or {}).get("version")
    return version if isinstance(version, str) else ""


def hasty(calls: list[Call]) -> list[str]:
    """What the SP has asked to be sent later is not sent before (RFC 9110 10.2.3)."""
    faults: list[str] = []
    not_before: dict[tuple[Any, ...], float] = {}
    for call in calls:
        asked = (call.method, call.path, tuple(sorted(call.query.items())), call.body)
        if call.at < not_before.get(asked, call.at):
            faults.append(f"{call.method} {call.path}: sent again before it was time")
        not_before[asked] = call.at + call.retry_after
    return faults


def pages(calls: list[Call]) -> list[str]:
    """Lists are read on as RFC 7644 3.4.2.4 and RFC 9865 2 have it."""
    faults: list[str] = []
    last: dict[str, Call] = {}
    for call in calls:
        if call.method != "GET":
            continue
        faults += [f"GET {call.path}: {fault}" for fault in _page(call, last.get(call.path))]
        last[call.path] = call
    return faults


def _page(call: Call, before: Call | None) -> list[str]:
    query, faults = call.query, []
    for name, least in (("startIndex", 1), ("count", 1)):
        if name in query and not (query[name].isdigit() and int(query[name]) >= least):
            faults.append(f"{name} is {query[name]!r}")
    if "cursor" in query and "startIndex" in query:
        faults.append("a cursor and a startIndex")
    given = None if before is None else before.answered.get("nextCursor")
    if query.get("cursor"):
        if query["cursor"] != given:
            faults.append("a cursor that was not given by the page before")
        if before is not None and _others(query) != _others(before.query):
            faults.append("beside the cursor, parameters differ from those of the page before")
    if int(query.get("startIndex", "1") or 1) > 1 and before is not None:
        if before.query == query:
            faults.append("the same page once more")
        if given:
            faults.append("a startIndex where a cursor was given")
    return faults


def _others(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name != "cursor"}
