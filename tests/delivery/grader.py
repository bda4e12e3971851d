"""A judge of SCIM clients: every request that reaches the SP is held against RFC 7644 and RFC 7643."""

import json
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from tests.delivery.grader_sequences import hasty, pages, versions
from tests.delivery.judged import REFUSALS, Recorded, recorded

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
# RFC 7644 Figure 1, as far as a client of ours goes: attrPath eq JSON string, or a value path of two such.
STRING = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
ATTRIBUTE = r"(?:urn:[^\s\[\]\"]+:)?[A-Za-z$][\w$-]*(?:\.[A-Za-z$][\w$-]*)?"
COMPARISON = rf"{ATTRIBUTE} eq (?:{STRING}|true|false|-?\d+)"
FILTER = re.compile(rf"{COMPARISON}|{ATTRIBUTE}\[{COMPARISON} and {COMPARISON}\]")
PATCH_PATH = re.compile(rf"{ATTRIBUTE}|{ATTRIBUTE}\[{COMPARISON}\](?:\.[A-Za-z$][\w$-]*)?")


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    status: int
    answer: bytes = b""
    etag: str = ""
    dialogue: int = 0
    at: float = 0  # when it came, where the SP has a clock
    retry_after: int = 0  # seconds, as the SP answered

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def answered(self) -> dict[str, Any]:
        """The object that was answered, or nothing."""
        try:
            body = json.loads(self.answer)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}


@dataclass
class Grader:
    """WSGI middleware that records every call, to be judged when the test is over.

    `versions`: the client is to heed those that are shown. `removes_values`: an SP wants members removed by `value`.
    """

    application: Any
    versions: bool = True
    in_order: bool = True  # False: a test's calls have nothing to do with each other
    removes_values: bool = False
    dialogue: int = 0  # raised by a test as each begins, so that versions can be judged strictly: none is remembered
    calls: Recorded = field(init=False)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        headers = {
            key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
        }
        if environ.get("CONTENT_TYPE"):
            headers["content-type"] = environ["CONTENT_TYPE"]
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, strict_parsing=False))

        answered: list[Any] = []

        def record(status: str, fields: list[tuple[str, str]], *rest: Any) -> Any:
            answered[:] = [int(status[:3]), dict(fields).get("ETag", "")]
            return start_response(status, fields, *rest)

        chunks = list(self.application(environ, record))
        status, etag = answered
        method, path, answer = environ["REQUEST_METHOD"], environ["PATH_INFO"], b"".join(chunks)
        with self.lock:
            self.calls.append(Call(method, path, query, headers, body, status, answer, etag, self.dialogue))
        return chunks

    def __post_init__(self) -> None:
        self.calls = recorded("SCIM", self.wrong)

    def wrong(self, calls: list[Call]) -> list[str]:
        """Everything that a client may not do, of these calls."""
        found = [
            f"{call.method} {call.path}: {fault}"
            for call in calls
            for fault in judge(call, removes_values=self.removes_values)
        ]
        if not self.in_order:
            return found
        found += repetitions(calls) + hasty(calls) + pages(calls)
        return found + (versions(calls) if self.versions else [])


def judge(call: Call, *, removes_values: bool = False) -> list[str]:
    """What is wrong with one request (RFC 7644 3.1, 3.3, 3.4.2.2, 3.5.1, 3.5.2, 3.6, 3.8)."""
    if call.method == "GET":
        return judge_get(call)
    if call.method == "DELETE":
        return ["a DELETE with a body"] if call.body else []
    if call.path.endswith("/Bulk"):
        return judge_bulk(call)
    faults = []
    if call.headers.get("content-type") != "application/scim+json":
        faults.append(f"content type {call.headers.get('content-type')!r}")
    if "application/scim+json" not in call.headers.get("accept", ""):
        faults.append("does not accept application/scim+json")
    try:
        body = call.json
    except ValueError:
        return [*faults, "a body that is not JSON"]
    schemas = body.get("schemas")
    if not isinstance(schemas, list) or not schemas or len(schemas) != len(set(schemas)):
        return [*faults, f"schemas {schemas!r}"]
    if call.method == "PATCH":
        return faults + judge_patch(body, removes_values=removes_values)
    return faults + (judge_put(call, body) if call.method == "PUT" else judge_post(call, body))


def judge_bulk(call: Call) -> list[str]:
    """RFC 7644 3.7: each operation is judged as the request that it stands for."""
    body = call.json
    faults = [] if body["schemas"] == [BULK_REQUEST] else [f"schemas {body['schemas']}"]
    ids = [operation.get("bulkId") for operation in body["Operations"]]
    if len(ids) != len(set(ids)) or not all(ids):
        faults.append(f"bulkIds {ids}")
    if len({(each["method"], each["path"]) for each in body["Operations"] if each["method"] != "POST"}) != sum(
        each["method"] != "POST" for each in body["Operations"]
    ):
        faults.append("two changes of one resource")
    for operation in body["Operations"]:
        if set(operation) - {"method", "bulkId", "path", "version", "data"} or not operation["path"].startswith("/"):
            faults.append(f"operation {sorted(operation)} of {operation['path']!r}")
        data = json.dumps(operation["data"]).encode() if "data" in operation else b""
        faults += judge(replace(call, method=operation["method"], path=operation["path"], body=data))
    return faults


def judge_get(call: Call) -> list[str]:
    faults = ["a GET with a body"] if call.body else []
    if "application/scim+json" not in call.headers.get("accept", ""):
        faults.append("does not accept application/scim+json")
    if "filter" in call.query and not FILTER.fullmatch(call.query["filter"]):
        faults.append(f"filter {call.query['filter']!r}")
    return faults


def judge_post(call: Call, body: dict[str, Any]) -> list[str]:
    kind = call.path.rstrip("/").rpartition("/")[2].removesuffix("s")
    return [*judge_schemas(kind, body), *(f"{name} is the SP's" for name in ("id", "meta") if name in body)]


def judge_put(call: Call, body: dict[str, Any]) -> list[str]:
    """The client's id, and nothing that only the SP can know."""
    collection, _, _ = call.path.partition("/Users/" if "/Users/" in call.path else "/Groups/")
    resource_id = call.path[len(collection) :].split("/", 2)[2]
    kind = "User" if "/Users/" in call.path else "Group"
    faults = judge_schemas(kind, body)
    if body.get("id", resource_id) != resource_id:
        faults.append("the id of another resource")
    return [*faults, *(f"{name} is the SP's" for name in ("meta", "groups") if name in body)]


def judge_schemas(kind: str, body: dict[str, Any]) -> list[str]:
    faults = [] if f"{CORE}{kind}" in body["schemas"] else [f"a {kind} without its schema"]
    extensions = {name for name in body if name.startswith("urn:")}
    if not extensions <= set(body["schemas"]) - {f"{CORE}{kind}"}:
        faults.append("schemas do not name the extensions that are used")
    return faults


def judge_patch(body: dict[str, Any], *, removes_values: bool) -> list[str]:
    faults = [] if body["schemas"] == [PATCH_OP] else [f"schemas {body['schemas']}"]
    if set(body) != {"schemas", "Operations"} or not isinstance(body["Operations"], list) or not body["Operations"]:
        return [*faults, "not a list of operations"]
    seen = set()
    for operation in body["Operations"]:
        kind, path = operation.get("op"), operation.get("path")
        faults += judge_operation(operation, removes_values=removes_values)
        if (kind, path) in seen:
            faults.append(f"{path!r} twice")
        seen.add((kind, path))
    return faults


def judge_operation(operation: dict[str, Any], *, removes_values: bool) -> list[str]:
    kind, path, faults = operation.get("op"), operation.get("path"), []
    if kind not in ("add", "remove", "replace"):
        faults.append(f"op {kind!r}")
    if "path" not in operation:  # 3.5.2.1, 3.5.2.3: the value then holds attributes; 3.5.2.2: a removal has a path
        if kind == "remove" or not isinstance(operation.get("value"), dict) or not operation["value"]:
            faults.append("neither a path nor attributes")
    elif not isinstance(path, str) or not PATCH_PATH.fullmatch(path):
        faults.append(f"path {path!r}")
    legacy = removes_values and path == "members" and bool(operation.get("value"))
    if (kind == "remove") == ("value" in operation) and not legacy:
        faults.append(f"{kind} {'with' if 'value' in operation else 'without'} a value")
    if operation.get("value", "") is None or operation.get("value", "") == []:
        faults.append("nothing as a value")
    return faults


def repetitions(calls: list[Call]) -> list[str]:
    """A create is not idempotent: after one that was not refused, the same needs a look-up before it is repeated.

    A 503 counts as a refusal, as the engine takes it: who is not available has done nothing.
    """
    faults, open_creates = [], set()
    for call in calls:
        if call.method == "POST":
            if call.body in open_creates:
                faults.append(f"POST {call.path} repeated without a look-up")
            if call.status not in REFUSALS:
                open_creates.add(call.body)
        elif call.method in ("GET", "DELETE"):
            open_creates.clear()
    return faults
