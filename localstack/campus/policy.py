"""The YAML files as the oracle reads them, with Google's CEL behind every expression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from cel_expr_python import cel  # type: ignore[import-untyped]  # ships no marker

from localstack.campus.days import Span, day_end, day_start, span

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `who` is compiled; `since` and `until` are its own period."""

    id: str
    service: str
    who: Any
    per_affiliation: bool
    authorizations: frozenset[str]
    deny: bool
    lead: Span
    grace: Span
    since: datetime | None
    until: datetime | None

    def holds(self, person: Facts, affiliation: Facts) -> bool | None:
        """Whether it holds for these facts; None if it cannot be evaluated."""
        value = _evaluate(self.who, {"person": dict(person), "affiliation": dict(affiliation)})
        return value if isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What follows a right: `grace` if its end was not announced, then `retention`."""

    grace: Span
    retention: Span


@dataclass(frozen=True, slots=True)
class Service:
    """One service, with a compiled expression for each attribute of its accounts."""

    id: str
    protocol: str
    match: str
    account: Mapping[str, Any]
    groups: Mapping[str, str]
    lifecycle: Lifecycle

    def values(self, person: Facts, authorizations: Sequence[str], phase: str) -> Facts | None:
        """The values of an account; what cannot be computed is left out, and without the match there is none."""
        data = {"person": dict(person), "authorizations": list(authorizations), "phase": phase, "identity": ""}
        computed = {path: _evaluate(expression, data) for path, expression in self.account.items()}
        values = {path: value for path, value in computed.items() if value is not None}
        return values if self.match in values else None


@dataclass(frozen=True, slots=True)
class Policy:
    """All of it."""

    zone: ZoneInfo
    affiliation: frozenset[str]
    services: Mapping[str, Service]
    rules: tuple[Rule, ...]

    def starting(self, rule: str, at: datetime) -> "Policy":
        """The same policy with another beginning of one rule."""
        changed = (replace(item, since=at) if item.id == rule else item for item in self.rules)
        return replace(self, rules=tuple(changed))


def read_policy(folder: Path) -> Policy:
    """Read a bundle's folder."""
    tenant = _read(folder / "tenant.yaml")
    zone = ZoneInfo(tenant["zone"])
    who = cel.NewEnv(variables={"person": _map(), "affiliation": _map()})
    account = cel.NewEnv(
        variables={
            "person": _map(),
            "authorizations": cel.Type.List(cel.Type.STRING),
            "phase": cel.Type.STRING,
            "identity": cel.Type.STRING,
        }
    )
    services = [_service(_read(file), account) for file in sorted(folder.glob("services/*.yaml"))]
    rules = [_rule(fields, who, zone) for file in sorted(folder.glob("rules/*.yaml")) for fields in _read(file)]
    return Policy(zone, frozenset(tenant["affiliation"]), {item.id: item for item in services}, tuple(rules))


def _read(file: Path) -> Any:
    # Everything as text: what a value means is for this module to say.
    return yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506  makes only text


def _map() -> Any:
    return cel.Type.Map(cel.Type.STRING, cel.Type.DYN)


def _rule(fields: Mapping[str, Any], environment: Any, zone: ZoneInfo) -> Rule:
    lasting = fields.get("lasting", {})
    return Rule(
        id=fields["id"],
        service=fields["service"],
        who=environment.compile(fields["who"]),
        per_affiliation="affiliation." in fields["who"],
        authorizations=frozenset(fields.get("authorizations", ())),
        deny=fields.get("deny") == "true",
        lead=span(lasting.get("lead", "")),
        grace=span(lasting.get("grace", "")),
        since=day_start(fields["from"], zone) if "from" in fields else None,
        until=day_end(fields["until"], zone) if "until" in fields else None,
    )


def _service(fields: Mapping[str, Any], environment: Any) -> Service:
    lifecycle = fields.get("lifecycle", {})
    account = {
        path: environment.compile(value if isinstance(value, str) else value["value"])
        for path, value in fields["account"].items()
    }
    return Service(
        id=fields["id"],
        protocol=fields["protocol"],
        match=fields.get("match", "userName"),
        account=account,
        groups=fields.get("groups", {}),
        lifecycle=Lifecycle(span(lifecycle.get("grace", "")), span(lifecycle.get("retention", ""))),
    )


def _evaluate(expression: Any, data: dict[str, Any]) -> Any:
    """The value of an expression; None if it has none: an attribute that is not there makes an error."""
    value = expression.eval(data=data)
    return None if value.type() == cel.Type.ERROR else value.plain_value()
