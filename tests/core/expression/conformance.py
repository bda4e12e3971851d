"""The public conformance cases of CEL, as JSON, read into this package's terms."""

import base64
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from provisioning.core.errors import InvalidError
from provisioning.core.expression import (
    Environment,
    EvaluationError,
    ExpressionError,
    Type,
    compile_expression,
    list_of,
    map_of,
    parse_type,
)

FOLDER: Final = Path(__file__).parents[4] / "shared" / "standards" / "data" / "cel-conformance"
_DYN: Final = parse_type("dyn")
_PRIMITIVES: Final = {"INT64": "int", "UINT64": "uint"}
_WELL_KNOWN: Final = {"google.protobuf.Timestamp": "timestamp", "google.protobuf.Duration": "duration"}
_MESSAGES: Final = ("TestAllTypes", "proto2", "proto3", "google.protobuf.")
# Data that contradicts itself: the same text as a string literal is expected without the backslash, as bytes with
# it. Google's implementation answers as this one does (test_oracle).
DISPUTED: Final = frozenset({"b''' ? \" ' ` '''", 'b""" ? " \' ` """'})


@dataclass(frozen=True)
class Verdict:
    """`pass`, `checked` (the error that was expected is found before anything runs), `outside`, or `wrong`."""

    outcome: str
    reason: str = ""


def cases() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """File and case, in order."""
    for path in sorted(FOLDER.glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            yield path.stem, case


def verdict(case: Mapping[str, Any]) -> Verdict:
    """What this package makes of a case."""
    expected_error = "eval_error" in case
    if case["expr"] in DISPUTED:
        return Verdict("outside", "the expected value is wrong")
    try:
        variables = {name: _value(entry["value"]) for name, entry in case.get("bindings", {}).items()}
        variables = {name: value for name, value in variables.items() if name not in ("true", "false", "null")}
        environment = Environment(dict.fromkeys(variables, _DYN) | _declared(case))
    except NotImplementedError as error:
        return Verdict("outside", str(error))
    except InvalidError:
        return Verdict("outside", "variables with dots, and containers")
    try:
        expression = compile_expression(case["expr"], environment)
    except ExpressionError as error:
        return Verdict("outside", _reason(case, error)) if not expected_error else Verdict("checked", str(error))
    try:
        result = expression.evaluate(**variables)
    except EvaluationError as error:
        return Verdict("pass") if expected_error else Verdict("outside", f"refused when it runs: {error}")
    if expected_error:
        return Verdict("wrong", f"{case['expr']} gives {result!r}, not an error")
    wanted = case.get("value", {"bool_value": True})
    if _agrees(result, expression.type, wanted):
        return Verdict("pass")
    return Verdict("wrong", f"{case['expr']} gives {result!r} of {expression.type}, not {wanted}")


def _reason(case: Mapping[str, Any], error: ExpressionError) -> str:
    text = case["expr"] + json.dumps(case.get("type_env", ""))
    if any(word in text for word in _MESSAGES):
        return "protocol buffer messages"
    if "optional" in text or "optional" in str(error):
        return "optional values"
    if case.get("disable_check"):
        return "only without the type checker"
    return f"refused: {error.problem}"


def _declared(case: Mapping[str, Any]) -> dict[str, Type]:
    return {entry["name"]: _type(entry["ident"]["type"]) for entry in case.get("type_env", ()) if "ident" in entry}


def _type(written: Any) -> Type:
    if "primitive" in written:
        name = written["primitive"]
        return parse_type(_PRIMITIVES.get(name, name.lower()))
    if "list_type" in written:
        return list_of(_type(written["list_type"]["elem_type"]))
    if "map_type" in written:
        return map_of(_type(written["map_type"]["key_type"]), _type(written["map_type"]["value_type"]))
    if written.get("message_type") in _WELL_KNOWN:
        return parse_type(_WELL_KNOWN[written["message_type"]])
    if "message_type" in written:
        raise NotImplementedError("protocol buffer messages")
    return _DYN


def _value(written: Mapping[str, Any]) -> Any:
    ((kind, value),) = written.items()
    match kind:
        case "int64_value" | "uint64_value":
            return int(value)
        case "double_value":
            return float(value)
        case "bytes_value":
            return base64.b64decode(value)
        case "list_value":
            return [_value(item) for item in value.get("values", ())]
        case "map_value":
            return {_value(entry["key"]): _value(entry["value"]) for entry in value.get("entries", ())}
        case "object_value":
            if not value["@type"].endswith(("protobuf.Timestamp", "protobuf.Duration")):
                raise NotImplementedError("protocol buffer messages")
            return value["value"]
    return value


def _agrees(result: Any, kind: Type, wanted: Mapping[str, Any]) -> bool:
    ((name, _),) = wanted.items()
    if name == "object_value":
        return bool(result == _value(wanted))
    names = {"int64_value": "int", "uint64_value": "uint", "double_value": "double", "type_value": "type"}
    if kind.name not in ("dyn", names.get(name, kind.name)):
        return False
    return _same(result, _value(wanted))


def _same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    return bool(one == other)
