"""What was found out about an SP by asking it, and the settings that follow from it: for a person to review.

Nothing of a person is in any of it: findings count what was seen and never quote it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from provisioning.core.account import Json
from provisioning.core.model import Model


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
    value: Json
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
    written: Json
    found: Json
    because: str


@dataclass(frozen=True, slots=True)
class Review:
    """Proposals beside the settings. `fresh`: nobody wrote the setting, and what holds without it is otherwise."""

    fresh: tuple[Proposal, ...]
    differences: tuple[Difference, ...]


def review(proposals: tuple[Proposal, ...], service: Model, held: Mapping[str, Model]) -> Review:
    """Hold proposals against a service: what its operator wrote wins, and where it differs both are shown.

    `held`: the blocks of settings as they hold in the end, by their names, with defaults and whatever else is beneath
    what is written.
    """
    written = service.model_dump(mode="json", by_alias=True, exclude_unset=True)
    fresh: list[Proposal] = []
    differences: list[Difference] = []
    for proposal in proposals:
        block, _, name = proposal.setting.partition(".")
        block_written = written.get(block) or {}
        if name in block_written:
            if block_written[name] != proposal.value:
                of = block_written[name]
                differences.append(Difference(proposal.setting, of, proposal.value, proposal.because))
        elif block not in held or _plain(held[block], name) != proposal.value:
            fresh.append(proposal)
    return Review(tuple(fresh), tuple(differences))


def _plain(model: Model, name: str) -> Json:
    """A field's value in JSON's terms."""
    value = getattr(model, name)
    if isinstance(value, Model):
        return value.model_dump(mode="json")
    return list(value) if isinstance(value, tuple) else value
