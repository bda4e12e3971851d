"""campaign: after a policy change, ring every identity, a segment of the table at a time."""

import json
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.bell import Bell, Cause
from provisioning.core.errors import InvalidError
from provisioning.core.period import Instant
from provisioning.ports import Bells, Campaigns, Walk
from provisioning.stages.message import Log, Message

PAGE: Final = 500  # identities of one message; then it continues itself
SEGMENTS: Final = 4
# Seconds until a second pass: by then every warm function has seen the new bundle, and every identity that one of
# them created by the old one has appeared in the index that is walked.
VERIFYING: Final = 180


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a campaign: where in which segment it stands, for which bundle."""

    sequence: int
    segment: int
    segments: int = SEGMENTS
    start: str | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    """What campaign needs."""

    walk: Walk
    bells: Bells
    campaigns: Campaigns
    log: Log


def write_step(step: Step) -> str:
    """The message body of a step."""
    return json.dumps(
        {"sequence": step.sequence, "segment": step.segment, "segments": step.segments, "start": step.start}
    )


def read_step(body: str) -> Step:
    """The step of a message body. Raises InvalidError."""
    try:
        fields = json.loads(body)
        return Step(int(fields["sequence"]), int(fields["segment"]), int(fields["segments"]), fields.get("start"))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidError(f"not a campaign's step: {error}", right="sequence, segment, segments, start") from error


def steps(sequence: int) -> list[Step]:
    """The messages that begin a campaign."""
    return [Step(sequence, segment) for segment in range(SEGMENTS)]


async def campaign(shell: Campaign, message: Message, now: Instant) -> None:
    """Ring one page of a segment, then send the step that follows."""
    step = read_step(message.body)
    trace = f"campaign-{step.sequence}"
    identities, position = await shell.walk.walk(step.segment, step.segments, step.start, PAGE)
    if identities:
        await shell.bells.ring(
            [Bell(identity, Cause.POLICY, trace, sequence=step.sequence) for identity in identities], now
        )
    if position is not None:
        await shell.campaigns.continue_campaign(write_step(replace(step, start=position)))
    shell.log("campaign.step", segment=step.segment, rung=len(identities), done=position is None, trace=trace)
