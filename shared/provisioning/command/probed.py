"""What a probe found out, as a table for people, JSON for machines, and YAML for review."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.core.probe import Findings, Review, Verdict, review
from provisioning.protocols.probes import held

_MARKS = {Verdict.HOLDS: "", Verdict.CONTRADICTS: "!", Verdict.UNSEEN: "?"}


def words(service: Service, findings: Findings) -> dict[str, Any]:
    """All of it in JSON's terms. `settings`: the service's block for its protocol, what is written and what is new."""
    reviewed = review(findings.proposals, service, held(service))
    return {
        "service": service.id,
        "protocol": service.protocol,
        "findings": [{**asdict(each), "verdict": each.verdict.value} for each in findings.findings],
        "differences": [asdict(each) for each in reviewed.differences],
        "settings": _settings(service, reviewed),
        "reasons": {each.setting: each.because for each in reviewed.fresh},
    }


def _settings(service: Service, reviewed: Review) -> dict[str, dict[str, Any]]:
    """The blocks of the service's file in which something is new or differs: all that is written there stays."""
    written = service.model_dump(mode="json", by_alias=True, exclude_unset=True)
    made: dict[str, dict[str, Any]] = {}
    for setting in [each.setting for each in reviewed.fresh] + [each.setting for each in reviewed.differences]:
        block = setting.partition(".")[0]
        made[block] = dict(written.get(block) or {})
    for proposal in reviewed.fresh:
        block, _, name = proposal.setting.partition(".")
        made[block][name] = proposal.value
    return made


def report(service: Service, findings: Findings) -> str:
    """The findings as YAML for review; at its end the settings as the service's file has them, each with its reason."""
    told = words(service, findings)
    facts = {key: told[key] for key in ("service", "protocol", "findings", "differences")}
    lines = [
        f"# What the SP of {service.id} says of itself, and what was seen of it. Nothing of this is in force.",
        yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=120),
        f"# For services/{service.id}.yaml, in place of what stands there by the same name. What is written stays.",
        *_blocks(told),
    ]
    return "\n".join([*lines, ""])


def write(file: Path, text: str, bundle: Path | None) -> None:
    """Write the report. Raises InvalidError if the file cannot be written, or would become a part of the bundle."""
    if bundle is not None and file.resolve().is_relative_to(bundle.resolve()):
        raise InvalidError("it is in the bundle, and a report is no part of one", str(file), right="a file elsewhere")
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidError(f"cannot be written: {error.strerror}", str(file), right="another file as --out") from error


def print_findings(console: Console, service: Service, findings: Findings) -> None:
    """A table of what was found, what differs from what is written, and the settings that nobody wrote yet."""
    table = Table("", "about", "the SP says", "seen")
    for each in findings.findings:
        table.add_row(_MARKS[each.verdict], *map(Text, (each.about, each.says, each.seen)))
    console.print(table)
    console.print("! contradicts what is said, or the standard   ? could not be seen", highlight=False)
    reviewed = review(findings.proposals, service, held(service))
    for proposal in reviewed.fresh:
        told = f"proposed: {proposal.setting}: {_scalar(proposal.value)} ({proposal.because})"
        console.print(told, markup=False, highlight=False, soft_wrap=True)
    for other in reviewed.differences:
        found = f"found {_scalar(other.found)} ({other.because})"
        told = f"written: {other.setting}: {_scalar(other.written)}, which stays; {found}"
        console.print(told, markup=False, highlight=False, soft_wrap=True)


def _blocks(told: Mapping[str, Any]) -> Iterator[str]:
    differences = {each["setting"]: each for each in told["differences"]}
    for block, settings in told["settings"].items():
        yield f"{block}:"
        for name, value in settings.items():
            path = f"{block}.{name}"
            if path in differences:
                other = differences[path]
                yield f"  # written; found: {_scalar(other['found'])}, because {other['because']}"
            elif path in told["reasons"]:
                yield f"  # {told['reasons'][path]}"
            yield f"  {name}: {_scalar(value)}"


def _scalar(value: object) -> str:
    """A value on one line as YAML writes it."""
    text = yaml.safe_dump(value, allow_unicode=True, width=10_000, default_flow_style=True)
    return str(text).removesuffix("...\n").strip()
