"""The shape of a dialogue that only asks what an SP is like, and what each of them shares."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Final

from provisioning.core.account import Json
from provisioning.core.probe import Finding, Findings, Proposal, Verdict
from provisioning.protocols.dialogue import Answer, Request

Probing = Generator[Request, Answer, Findings]
"""Yields requests that change nothing, is sent the answer to each, returns what it found out."""

NOBODY: Final = "provisioning-probe-7f3c1e5a90d24b68"  # a value that nobody has
MOST_WORDS: Final = 120  # characters of an SP's own word, at most


@dataclass(slots=True)
class Notes:
    """What one probe writes down while it asks."""

    findings: list[Finding] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)

    def holds(self, about: str, seen: str, says: str = "") -> None:
        """It was seen to be as it is said."""
        self.findings.append(Finding(about, says, seen, Verdict.HOLDS))

    def contradicts(self, about: str, seen: str, says: str = "") -> None:
        """It was seen to be otherwise than it is said, or than the standard has it."""
        self.findings.append(Finding(about, says, seen, Verdict.CONTRADICTS))

    def unseen(self, about: str, why: str, says: str = "") -> None:
        """It could not be seen."""
        self.findings.append(Finding(about, says, why, Verdict.UNSEEN))

    def note(self, about: str, seen: str, says: str = "", *, agrees: bool) -> None:
        """It was seen, and does or does not agree with what is said."""
        (self.holds if agrees else self.contradicts)(about, seen, says)

    def propose(self, setting: str, value: Json, because: str) -> None:
        """A setting that fits what was found."""
        self.proposals.append(Proposal(setting, value, because))

    def found(self) -> Findings:
        """All of it."""
        return Findings(tuple(self.findings), tuple(self.proposals))


def refused(why: str) -> Findings:
    """Nothing could be found out."""
    return Findings(refusal=why)


def plain(text: str) -> str:
    """An SP's own word, fit to be shown: printable and short."""
    shown = "".join(character if character.isprintable() else " " for character in text[: MOST_WORDS + 1])
    return shown if len(shown) <= MOST_WORDS else f"{shown[: MOST_WORDS - 1]}…"


def listed(words: Iterator[str] | list[str], most: int = 12) -> str:
    """Words in a row, so many at most; `none` for none."""
    some = [plain(word) for word in words]
    more = [f"and {len(some) - most} more"] if len(some) > most else []
    return ", ".join([*some[:most], *more]) or "none"
