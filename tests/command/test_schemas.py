"""The JSON Schemas say what the reader says, as far as a schema can."""

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from typer.testing import CliRunner

from localstack.emulator import ROOT
from provisioning.command import schemas
from provisioning.command.bundle import check_folder
from provisioning.command.main import application
from provisioning.command.yaml import read_yaml
from provisioning.core.cases import Case
from provisioning.core.catalog import Exclusion, Matcher, Model, Rule, Service, Source, Subscriber, Tenant
from provisioning.core.errors import InvalidError
from provisioning.core.period import parse_duration, parse_start

CAMPUS = ROOT / "localstack" / "campus"
PACKAGED = Path(schemas.__file__).parent
MODELS: dict[str, type[Model]] = {
    "tenant": Tenant, "source": Source, "service": Service, "subscriber": Subscriber,
    "rules": Rule, "exclusions": Exclusion, "cases": Case,
    "matchers": Matcher,
}  # fmt: skip
VALIDATORS = {kind: Draft202012Validator(schemas.schema(kind)) for kind in schemas.KINDS}
FOLDERS = {"sources": "source", "services": "service", "subscribers": "subscriber"}
FILES = sorted(path for path in CAMPUS.rglob("*.yaml") if schemas.FOLDER not in path.parts)


def kind_of(file: Path) -> str:
    return "tenant" if file.name == "tenant.yaml" else FOLDERS.get(file.parent.name, file.parent.name)


def by_schema(kind: str, value: Any) -> bool:
    return bool(VALIDATORS[kind].is_valid(value))


def by_model(kind: str, value: Any) -> bool:
    """As the reader reads, one entry or a list of them."""
    entries = [value] if kind in ("tenant", "source", "service", "subscriber") else value
    if not isinstance(entries, list):
        return False
    try:
        for entry in entries:
            MODELS[kind].model_validate_json(json.dumps(entry), strict=True, by_alias=True, by_name=False)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("kind", schemas.KINDS)
def test_the_packaged_schema_is_that_of_the_model(kind: str) -> None:
    text = (PACKAGED / f"{kind}.json").read_text(encoding="utf-8")
    assert json.loads(text) == schemas.schema(kind), "make schemas"


@pytest.mark.parametrize("kind", schemas.KINDS)
def test_a_schema_is_one_of_its_dialect_and_refuses_unknown_fields_everywhere(kind: str) -> None:
    made = schemas.schema(kind)
    Draft202012Validator.check_schema(made)
    assert made["$schema"] == schemas.DIALECT
    objects = [made, *made.get("$defs", {}).values()]
    assert all(item["additionalProperties"] is False for item in objects if item.get("type") == "object")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CAMPUS)))
def test_every_file_of_the_campus_is_valid_and_names_the_schema_that_it_follows(file: Path) -> None:
    assert list(VALIDATORS[kind_of(file)].iter_errors(read_yaml(file).value)) == []
    line = file.read_text(encoding="utf-8").splitlines()[0]
    _, _, named = line.partition("# yaml-language-server: $schema=")
    assert (file.parent / named).resolve() == PACKAGED / f"{kind_of(file)}.json"


def test_a_copy_of_the_campus_in_the_build_folder_finds_its_schemas() -> None:
    assert (CAMPUS / schemas.FOLDER).is_symlink()
    copied = ROOT / "build" / "mine" / schemas.FOLDER  # `cp -r` keeps the link as it is
    assert (copied.parent / (CAMPUS / schemas.FOLDER).readlink()).resolve() == PACKAGED


def test_the_command_writes_all_schemas_beside_a_bundle(tmp_path: Path) -> None:
    (tmp_path / schemas.FOLDER).symlink_to("../nowhere")
    result = CliRunner().invoke(application, ["schemas", str(tmp_path)])
    assert result.exit_code == 0, result.output
    written = {file.name: file.read_text(encoding="utf-8") for file in (tmp_path / schemas.FOLDER).iterdir()}
    assert written == {
        f"{kind}.json": (PACKAGED / f"{kind}.json").read_text(encoding="utf-8") for kind in schemas.KINDS
    }


# The reader and the schema agree --------------------------------------------------------------------------------------

RULE = {"id": "one", "service": "wiki", "who": "true", "because": "x"}
SERVICE = {"id": "sp", "protocol": "scim", "endpoint": "https://sp.example", "account": {"userName": "person.login"}}
CASE = {"id": "one", "expect": {"wiki": []}}
EXCLUSION = {"id": "one", "between": [{"service": "a1"}, {"service": "a2"}], "resolve": "later", "because": "x"}
SUBSCRIBER = {"id": "phone-book", "queue": "arn:aws:sqs:eu-west-1:111122223333:phone-book"}
MATCHER = {"id": "orcid", "attribute": "orcid", "between": ["registry", "hr"], "because": "x"}
TENANT = {"id": "te", "person": {"login": "string"}}
WEEKLY = {"days": ["sat", "sun"], "from": "22:00", "until": "02:00"}
DATED = {"since": "2026-12-24T00:00", "until": "2026-12-27T00:00"}

GOOD: list[tuple[str, Any]] = [
    ("rules", []),
    ("rules", [RULE, {**RULE, "lasting": {"lead": "P2W", "grace": "P1DT1H"}, "from": "2026-09-01", "until": None}]),
    ("rules", [{**RULE, "deny": True, "urgent": True}, {**RULE, "urgent": False}]),
    ("service", SERVICE),
    ("service", {**SERVICE, "account": {"userName": {"value": "person.login", "required": True}, "x": "1"}}),
    ("service", {**SERVICE, "account": {"userName": {"candidates": ["a", "b"], "value": None}}}),
    ("service", {**SERVICE, "account": {"userName": {"candidates": [], "value": "a"}}, "rate": 1, "timeout": 60}),
    ("service", {**SERVICE, "lifecycle": {"grace": "PT0S"}, "groups": {"any text": "group"}}),
    ("service", {**SERVICE, "maintenance": [WEEKLY, {**DATED, "days": [], "from": None}, {**WEEKLY, "since": None}]}),
    ("tenant", {**TENANT, "zone": "Europe/Amsterdam", "limits": {"values": 5}}),
    ("source", {"id": "registry", "format": "cloudevents"}),
    ("exclusions", [EXCLUSION]),
    ("subscriber", {"id": "phone-book"}),
    ("subscriber", {**SUBSCRIBER, "types": ["account.created"], "services": ["wiki"], "account": None}),
    ("subscriber", {"id": "phone-book", "form": "full", "attributes": ["groups"], "account": "111122223333"}),
    ("matchers", [MATCHER, {**MATCHER, "tier": 9, "normalize": ["trim", "lower"], "agree": ["birth"]}]),
    ("source", {"id": "registry", "reassigned": {"when": ["birth"]}}),
    (
        "cases",
        [CASE, {**CASE, "at": "2026-09-01T08:00:00Z", "expect": {"wiki": "absent"}}, {"id": "two", "only": True}],
    ),
    ("cases", [{**CASE, "expect": {"wiki": {"standing": "active", "authorizations": ["a"]}}}]),
    ("cases", [{**CASE, "expect": {"wiki": [{"from": "2026-09-01", "phase": "grace"}, {}]}}]),
]
BAD: list[tuple[str, Any]] = [
    ("rules", RULE),
    ("rules", None),
    ("rules", [{**RULE, "whom": "x"}]),
    ("rules", [{**RULE, "since": "2026-09-01"}]),  # the model's own name of `from`
    ("rules", [{key: RULE[key] for key in ("id", "service", "who")}]),
    ("rules", [{**RULE, "urgent": True}]),
    ("rules", [{**RULE, "urgent": True, "deny": False}]),
    ("rules", [{**RULE, "deny": "true"}]),
    ("rules", [{**RULE, "lasting": {"lead": 30}}]),
    ("rules", [{**RULE, "lasting": {"lead": "P1M"}}]),
    ("rules", [{**RULE, "lasting": {"lead": "P1DT"}}]),
    ("rules", [{**RULE, "lasting": {"lead": "PT"}}]),
    ("rules", [{**RULE, "lasting": {"lead": "P"}}]),
    ("rules", [{**RULE, "authorizations": "read"}]),
    ("rules", [{**RULE, "id": "One"}]),
    ("service", {**SERVICE, "account": {}}),
    ("service", {**SERVICE, "account": {"userName": ""}}),
    ("service", {**SERVICE, "account": {"userName": 3}}),
    ("service", {**SERVICE, "account": {"userName": {}}}),
    ("service", {**SERVICE, "account": {"userName": {"value": "a", "candidates": ["b"]}}}),
    ("service", {**SERVICE, "account": {"userName": {"value": None}}}),
    ("service", {**SERVICE, "timeout": "10"}),
    ("service", {**SERVICE, "timeout": 61}),
    ("service", {**SERVICE, "maintenance": [{**WEEKLY, "days": []}]}),
    ("service", {**SERVICE, "maintenance": [{**WEEKLY, "days": ["saturday"]}]}),
    ("service", {**SERVICE, "maintenance": [{**WEEKLY, **DATED}]}),
    ("service", {**SERVICE, "maintenance": [{**WEEKLY, "until": "2026-12-27T00:00"}]}),
    ("service", {**SERVICE, "maintenance": [{**DATED, "until": "02:00"}]}),
    ("service", {**SERVICE, "maintenance": [{**DATED, "until": "2026-12-27T00:00Z"}]}),
    ("service", {**SERVICE, "maintenance": [{**WEEKLY, "from": "24:00"}]}),
    ("service", {**SERVICE, "maintenance": [{"until": "02:00"}]}),
    ("service", {**SERVICE, "maintenance": [WEEKLY] * 21}),
    ("service", {**SERVICE, "rate": 0}),
    ("service", {**SERVICE, "protocol": "smtp"}),
    ("tenant", {**TENANT, "person": {"given name": "string"}}),
    ("source", {"id": "registry", "format": "csv"}),
    ("exclusions", [{**EXCLUSION, "between": [{"service": "a1"}]}]),
    ("subscriber", {**SUBSCRIBER, "types": ["account.lost"]}),
    ("subscriber", {**SUBSCRIBER, "form": "full"}),
    ("subscriber", {**SUBSCRIBER, "attributes": ["groups"]}),
    ("subscriber", {**SUBSCRIBER, "form": "thin", "attributes": ["groups"]}),
    ("subscriber", {**SUBSCRIBER, "account": "111122223333"}),
    ("subscriber", {**SUBSCRIBER, "queue": "https://sqs.example/1/q"}),
    ("matchers", [{**MATCHER, "between": ["hr"]}]),
    ("matchers", [{**MATCHER, "normalize": ["soundex"]}]),
    ("matchers", [{**MATCHER, "tier": 0}]),
    ("source", {"id": "registry", "reassigned": {"when": []}}),
    ("cases", [{**CASE, "expect": {}}]),
    ("cases", [{**CASE, "expect": {"wiki": "gone"}}]),
    ("cases", [{**CASE, "expect": {"wiki": [{"phase": "suspended"}]}}]),
    ("cases", [{**CASE, "expect": {"Wiki": []}}]),
    ("cases", [{**CASE, "person": {"given name": "x"}}]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), GOOD)
def test_what_the_reader_takes_the_schema_takes(kind: str, value: Any) -> None:
    assert by_model(kind, value)
    assert list(VALIDATORS[kind].iter_errors(value)) == []


@pytest.mark.parametrize(("kind", "value"), BAD)
def test_what_the_reader_refuses_the_schema_refuses(kind: str, value: Any) -> None:
    assert not by_model(kind, value)
    assert not by_schema(kind, value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("rules", [{**RULE, "from": "soon"}]),
        ("rules", [{**RULE, "until": "2026-09-01T08:00:00"}]),
        ("tenant", {**TENANT, "person": {"login": "text"}}),
        ("tenant", {**TENANT, "person": {"login": "list(list(string))"}}),
        ("cases", [{**CASE, "at": "20260901"}]),
    ],
)
def test_what_is_refused_only_when_the_bundle_is_compiled_the_schema_refuses_already(kind: str, value: Any) -> None:
    assert by_model(kind, value)
    assert not by_schema(kind, value)


@given(
    st.from_regex(r"[0-9PWDTHMS.-]{1,12}", fullmatch=True)
    | st.from_regex(r"P([0-9]{1,3}[WD])?(T[0-9]{1,6}[HMS])?", fullmatch=True)
)
def test_durations_are_read_as_the_schema_says(text: str) -> None:
    assert by_schema("rules", [{**RULE, "lasting": {"grace": text}}]) == is_read(text, parse_duration)


@given(
    st.from_regex(r"20[0-9]{2}-0[1-9]-[012][1-8]([T ][0-9:.+Z-]{0,14})?", fullmatch=True)
    | st.from_regex(
        r"20[0-9]{2}-W?[0-9]{2}-?[0-9]{1,2}(T0[0-9]:[0-5][0-9](:[0-5][0-9])?(Z|[+-]0[0-9]:00))?", fullmatch=True
    )
)
def test_a_date_that_is_read_is_one_for_the_schema(text: str) -> None:
    read = is_read(text, lambda date: parse_start(date, ZoneInfo("UTC")))
    # A schema knows how a date is written, and not that there is no 30 February and no 25 o'clock.
    assert not read or by_schema("rules", [{**RULE, "from": text}])


def is_read(text: str, read: Callable[[str], object]) -> bool:
    try:
        read(text)
    except InvalidError:
        return False
    return True


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from paths(item, (*path, key))


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 70), st.sampled_from([0.5, 1e9]),
    st.sampled_from(["", "x", "read", "Active", "active", "P1D", "a b", "x" * 5000, "always", "later"]),
    st.sampled_from([[], ["x"], [""], {}, {"x": "y"}, {"value": "x"}, {"standing": "active"}, [{}], [None]]),
)  # fmt: skip
TEXTS_TO_THE_MODEL = ("from", "until", "at")  # read when the bundle is compiled, and told apart by the schema already


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, Any]:
    """A good document with one or two values replaced, removed or added."""
    kind, value = copy.deepcopy(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 2))):
        path, junk = draw(st.sampled_from(list(paths(value)))), copy.deepcopy(draw(JUNK))
        kinds_of_attributes = kind == "tenant" and path[:1] in (("person",), ("affiliation",))
        assume(
            not (isinstance(junk, str | dict) and (kinds_of_attributes or (path and path[-1] in TEXTS_TO_THE_MODEL)))
        )
        if not path:
            value = draw(st.sampled_from([value, junk]))
            continue
        parent = value
        for key in path[:-1]:
            parent = parent[key]
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "replace":
            parent[path[-1]] = junk
        elif change == "remove":
            del parent[path[-1]]
        elif isinstance(parent, dict):
            parent[
                draw(st.sampled_from(["x", "id", "authorizations", "deny", "urgent", "since", "candidates", "only"]))
            ] = junk
        else:
            parent.append(junk)
    return kind, value


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(changed())
def test_of_documents_changed_at_random_the_schema_and_the_reader_take_the_same(document: tuple[str, Any]) -> None:
    assert by_schema(*document) == by_model(*document)


def test_the_reader_of_files_refuses_what_the_schema_refuses(tmp_path: Path) -> None:
    shutil.copytree(CAMPUS, tmp_path / "campus")
    file = tmp_path / "campus" / "rules" / "zz.yaml"
    for kind, value in BAD:
        if kind == "rules":
            file.write_text(json.dumps(value), encoding="utf-8")  # JSON is YAML
            with pytest.raises(InvalidError):
                check_folder(tmp_path / "campus")
