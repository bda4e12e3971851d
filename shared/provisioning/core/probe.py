"""What was found out about an SP by asking it, and the settings that follow from it: for a person to review.

Nothing of a person is in any of it: findings count what was seen and never quote it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from provisioning.core.model import Model

Value = str | int | bool | None


class Verdict(StrEnum):
    """How what an SP says and what was seen of it go together."""

    HOLDS = "holds"  # it was seen to be as it is said, or as the standard has it
    CONTRADICTS = "contradicts"  # it was seen to be otherwise
    UNSEEN = "unseen"  # nothing that only reads can show it, or the SP did not let it be seen


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `says`: the SP's own word, or nothing; `seen`: what was observed."""

    about: str
    says: str
    seen: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Proposal:
    """A setting of the service's file that fits what was found. `setting`: its path there, such as `scim.filter`."""

    setting: str
    value: Value
    because: str


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a probe found out. `refusal`: why nothing could be found out at all; empty if something was."""

    findings: tuple[Finding, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that its operator wrote, which stays, and what the probe would have proposed instead."""

    setting: str
    written: Value
    found: Value
    because: str


@dataclass(frozen=True, slots=True)
class Review:
    """Proposals beside what is written. `fresh`: for settings that nobody wrote; `same`: written as found."""

    fresh: tuple[Proposal, ...]
    same: tuple[Proposal, ...]
    differences: tuple[Difference, ...]


def review(proposals: tuple[Proposal, ...], service: Model) -> Review:
    """Hold proposals against a service: what its operator wrote wins, and where it differs both are shown."""
    fresh: list[Proposal] = []
    same: list[Proposal] = []
    differences: list[Difference] = []
    settings = written(service)
    for proposal in proposals:
        if proposal.setting not in settings:
            fresh.append(proposal)
        elif settings[proposal.setting] == proposal.value:
            same.append(proposal)
        else:
            of = settings[proposal.setting]
            differences.append(Difference(proposal.setting, of, proposal.value, proposal.because))
    return Review(tuple(fresh), tuple(same), tuple(differences))


def written(model: Model, above: str = "") -> Mapping[str, Value]:
    """The plain settings that somebody wrote, by their paths; those left to their defaults are not among them."""
    found: dict[str, Value] = {}
    for name in sorted(model.model_fields_set):
        value = getattr(model, name)
        if isinstance(value, Model):
            found |= written(value, f"{above}{name}.")
        elif value is None or isinstance(value, str | int | bool):
            found[f"{above}{name}"] = value
    return found
